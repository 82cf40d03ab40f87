"""A run that may kill itself while it fine-tunes: python finetuned_child.py LEDGER
TRACE STEP.

At optimiser step STEP of this process it sends itself SIGKILL; -1 for never. TRACE gets
a line for each training that is begun, and one for each that is finished: the seed and
the examples. A process that lives to the end prints one JSON object: the spectrum, bit
for bit, and what it paid for.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens import DataLens, FineTuning, explain
from spexlens.learners.finetuning import _FineTuner
from spexlens.learners.learner import Fitted
from spexlens.models.bundled import SENTIMENT

TEXTS = [
    "a great film",
    "a terrible film",
    "the film is good",
    "the jokes are old",
    "the plot is thin",
]
LABELS = ["POSITIVE", "NEGATIVE", "POSITIVE", "NEGATIVE", "NEGATIVE"]
BUDGET = 48


def main(ledger: str, trace: str, fatal: int) -> None:
    """Explain; or die on the way."""
    torch.set_num_threads(1)
    steps, train, fit = 0, torch.optim.AdamW.step, _FineTuner.fit

    def step(self: torch.optim.AdamW, *arguments: Any) -> Any:
        nonlocal steps
        if steps == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
        return train(self, *arguments)

    def traced(
        self: _FineTuner, kept: NDArray[np.bool_], seeds: NDArray[np.int64]
    ) -> Fitted:
        said = f"{seeds.tolist()} {kept.astype(int).tolist()}"
        with Path(trace).open("a") as file:
            file.write(f"begun {said}\n")
        found = fit(self, kept, seeds)
        with Path(trace).open("a") as file:
            file.write(f"finished {said}\n")
        return found

    torch.optim.AdamW.step = step  # type: ignore[method-assign]
    _FineTuner.fit = traced  # type: ignore[method-assign]
    learner = FineTuning(
        SENTIMENT, train="head", epochs=1, rows=2, learning_rate=0.01, device="cpu"
    )
    lens = DataLens(learner, (TEXTS, LABELS), ("the film is not bad", "POSITIVE"))
    explanation = explain(lens, BUDGET, ledger=ledger)
    report = {
        "values": explanation.spectrum.values.tobytes().hex(),
        "noise": explanation.noise.deviation if explanation.noise else None,
        "caveats": explanation.details.get("caveats"),
        "paid": explanation.calls,
        "reused": explanation.account.reused,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
