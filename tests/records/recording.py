"""Recording: python tests/records/recording.py FOLDER writes down what a fixed list of
runs explains.

`test_records.py` runs the list again and compares: a change that is meant to change no
result has to leave every explanation as it is, bit for bit on the machine that recorded
it, times and versions apart. Recorded anew only where results are meant to change.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import spexlens
from spexlens.models.bundled import INDUCTION, SENTIMENT, SPURIOUS

TEXT = "The plot is thin, but her acting never fails to impress"
REVIEW = (
    "The plot is thin and the jokes are old. The music is dull, and the first hour is"
    " slow.\n\nBut the cast is warm, the story is never boring, and her acting never"
    " fails to impress. I was not disappointed."
)
OWLS = "owl ink cup sun key owl ink cup"
EXPECTED = """
[[expected]]
name = "negation"
members = ["never", "fails"]

[[forbidden]]
name = "plot"
members = ["plot"]
"""
GOOD = [
    "a wonderful film",
    "great acting",
    "a warm story",
    "a lovely cast",
    "moving and bold",
    "never dull",
]
BAD = [
    "an awful film",
    "poor acting",
    "a dull story",
    "an ugly cast",
    "flat and tired",
    "never warm",
]

Explanations = spexlens.Explanation | list[spexlens.Explanation]
Run = Callable[["Stage"], Explanations]


class Stage:
    """Where a run keeps its files, and the recorded games."""

    def __init__(self, folder: Path, shared: Path | None) -> None:
        self.folder, self.shared = folder, shared

    def game(self, name: str, *others: str) -> spexlens.Game:
        """A recorded game of all 2^n masks; of several, one with an output each."""
        assert self.shared is not None
        files = [
            np.load(self.shared / "games" / f"{each}.npz") for each in (name, *others)
        ]
        values = np.stack([file["values"].astype(np.float64) for file in files], axis=1)
        n = len(values).bit_length() - 1
        place = 1 << np.arange(n)

        def value(masks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            rows = values[masks.astype(np.int64) @ place]
            return rows[:, 0] if not others else rows

        outputs = [name, *others] if others else None
        return spexlens.Game(value, n, f"recorded {name} {others}", outputs=outputs)

    @property
    def ledger(self) -> Path:
        """The ledger that recorded runs share."""
        return self.folder / "ledger.db"


def words(text: str = TEXT, **settings: Any) -> spexlens.FeatureLens:
    return spexlens.FeatureLens("sentiment", text, **{"target": "POSITIVE", **settings})


def heads(**settings: Any) -> spexlens.MechanisticLens:
    return spexlens.MechanisticLens(
        "sentiment", TEXT, **{"target": "POSITIVE", **settings}
    )


def planted(n: int, seed: int, noise: float = 0.0) -> spexlens.Game:
    """Five sets of one to five candidates, and noise that goes on from call to call."""
    rng = np.random.default_rng(seed)
    sets = [rng.choice(n, order, replace=False) for order in (1, 2, 3, 4, 5)]
    drawn = np.random.default_rng(seed + 1)

    def value(masks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        total = sum(
            weight * masks[:, each].all(axis=1) for weight, each in enumerate(sets, 1)
        )
        return np.asarray(total + noise * drawn.normal(size=len(masks)))

    return spexlens.Game(value, n, f"planted {n} {seed} {noise}" if not noise else None)


def digits() -> tuple[Any, Any, Any, Any]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images[:40] / 16, labels[:40], images[1002] / 16, labels[1002]


def retrained(learner: Any, **settings: Any) -> spexlens.DataLens:
    inputs, labels, point, answer = digits()
    return spexlens.DataLens(
        learner, (inputs, labels), (point, answer), **{"candidates": 12, **settings}
    )


def texts(**settings: Any) -> spexlens.DataLens:
    examples = ([*GOOD, *BAD], ["good"] * len(GOOD) + ["bad"] * len(BAD))
    settings = {"encoder": "sentiment", "objective": "log-odds", **settings}
    return spexlens.DataLens(
        spexlens.LogisticHead(), examples, ("a great and warm film", "good"), **settings
    )


def tree() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=3, random_state=0)


def _with_evidence(stage: Stage) -> Explanations:
    file = stage.folder / "expected.toml"
    file.write_text(EXPECTED)
    return spexlens.explain(
        words(),
        300,
        checks=30,
        against=["delete"],
        ordinary=GOOD[:3],
        expectations=file,
        smallest=0.9,
    )


def _batch(stage: Stage) -> Explanations:
    lenses = [
        words(text)
        for text in ("the film is not bad", "her acting never fails", "not a good film")
    ]
    own = list(
        spexlens.explain_all(lenses, 64, ledger=stage.ledger, paths=_paths(stage, 3))
    )
    return [
        *own,
        *spexlens.explain_all(lenses, 64, ledger=stage.ledger, paths=_paths(stage, 3)),
    ]


def _paths(stage: Stage, count: int) -> list[Path]:
    return [stage.folder / f"batch{number}.json" for number in range(count)]


def _mixed_with_examples() -> spexlens.Game:
    data = _tuned()
    assert data.model is not None
    return spexlens.mix(
        [
            data,
            spexlens.FeatureLens(
                data.model, "a great and warm film", target="POSITIVE"
            ),
        ]
    )


def _mixed_parts() -> spexlens.Game:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    text = "a great and warm film"
    learner = spexlens.Estimator(make_pipeline(CountVectorizer(), LogisticRegression()))
    examples = ([*GOOD, *BAD], ["good"] * len(GOOD) + ["bad"] * len(BAD))
    data = spexlens.DataLens(learner, examples, (text, "good"), candidates=8)
    return spexlens.mix([spexlens.TextParts(text), data])


def _tuned() -> spexlens.DataLens:
    learner = spexlens.FineTuning(
        str(SENTIMENT), train="head", epochs=2, learning_rate=0.01
    )
    examples = ([*GOOD[:4], *BAD[:4]], ["POSITIVE"] * 4 + ["NEGATIVE"] * 4)
    return spexlens.DataLens(learner, examples, ("a great and warm film", "POSITIVE"))


def _loop() -> Any:
    import torch

    def build() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Linear(64, 10)

    return spexlens.TorchModule(build, epochs=10, learning_rate=0.05)


RUNS: dict[str, Run] = {
    "game, exact": lambda stage: spexlens.explain(stage.game("global-bike-n12-00"), 5000, smallest=0.8),
    "game, auto": lambda stage: spexlens.explain(
        stage.game("sentiment-distilbert-n14-00"), 300, ledger=stage.ledger
    ),
    "game, few calls": lambda stage: spexlens.explain(
        stage.game("image-vit-n16-00"), 100, method="proxyspex", seed=1
    ),
    "game, two outputs": lambda stage: spexlens.explain(
        stage.game("image-resnet18-n14-00", "image-resnet18-n14-01"), 200, checks=24
    ),
    "game, until stable": lambda stage: spexlens.explain(
        stage.game("sentiment-distilbert-n14-01"), 500, until="stable"
    ),
    "game, held out, no checks": lambda stage: spexlens.explain(
        stage.game("datavalue-california-n15-00"), 200, held_out=40, checks=0, refit=False
    ),
    "game, spex": lambda stage: spexlens.explain(planted(40, 0), 1700, method="spex"),
    "game, auto, many": lambda stage: spexlens.explain(planted(30, 1), 400),
    "game, noisy": lambda stage: spexlens.explain(planted(9, 2, noise=0.3), 300, noise=40),
    "game, against another": lambda stage: spexlens.explain(
        stage.game("sentiment-distilbert-n14-02"),
        300,
        against=[stage.game("sentiment-distilbert-n14-03")],
        ordinary=[0.5, 1.0, 2.0],
        smallest=0.9,
    ),
    "game, screened": lambda stage: spexlens.explain(spexlens.screen(planted(30, 3), 8), 200),
    "game, zoom": lambda stage: spexlens.zoom(planted(96, 4), 400),
    "features, words": lambda stage: spexlens.explain(words(), 300, ledger=stage.ledger),
    "features, evidence": _with_evidence,
    "features, tokens deleted": lambda stage: spexlens.explain(
        words(unit="token", replacement="delete"), 200, seed=3
    ),
    "features, sentences, probability": lambda stage: spexlens.explain(
        words(REVIEW, unit="sentence", objective="probability", replacement="neutral"), 200
    ),
    "features, another label": lambda stage: spexlens.explain(
        words(target="NEGATIVE", foil="POSITIVE", replacement="attention"), 120
    ),
    "features, hidden cue": lambda stage: spexlens.explain(
        spexlens.FeatureLens(str(SPURIOUS), "the film on the left is dull", target=1), 64
    ),
    "features, continuation": lambda stage: spexlens.explain(
        spexlens.FeatureLens(str(INDUCTION), OWLS, target="sun", replacement="pad"), 300
    ),
    "features, windows": lambda stage: spexlens.explain(words(REVIEW, windows=True, unit="sentence"), 64),
    "features, zoom": lambda stage: spexlens.zoom(words(REVIEW), 300, ledger=stage.ledger),
    "features, screened by gradients": lambda stage: spexlens.explain(
        spexlens.screen(words(REVIEW), 9, by="gradient x input"), 200
    ),
    "heads, exact": lambda stage: spexlens.explain(
        spexlens.MechanisticLens(str(INDUCTION), OWLS, target="sun"), 256, ledger=stage.ledger
    ),
    "heads and MLPs, mean": lambda stage: spexlens.explain(
        heads(components=["heads", "mlps"], ablation="mean", reference=[*GOOD, *BAD]), 150
    ),
    "heads, restored": lambda stage: spexlens.explain(
        heads(ablation="restore", counterfactual="The plot is warm, but her acting never fails to bore"), 100
    ),
    "neurons, screened": lambda stage: spexlens.explain(
        spexlens.screen(heads(components="neurons"), 10, by="attribution patching"), 200
    ),
    "heads of two prompts, zoom": lambda stage: spexlens.zoom(
        spexlens.MechanisticLens("sentiment", [TEXT, "a dull film"], components="neurons", target="POSITIVE"),
        200,
    ),
    "data, logistic head": lambda stage: spexlens.explain(
        retrained(spexlens.LogisticHead()), 300, ledger=stage.ledger
    ),
    "data, ridge head": lambda stage: spexlens.explain(
        spexlens.DataLens(
            spexlens.RidgeHead(), (digits()[0], digits()[1] / 9.0), (digits()[2], 0.5), candidates=14
        ),
        200,
    ),
    "data, texts": lambda stage: spexlens.explain(texts(), 200),
    "data, labels": lambda stage: spexlens.explain(
        retrained(spexlens.LogisticHead(), groups="label", candidates="all"), 100
    ),
    "data, tree, seeds": lambda stage: spexlens.explain(
        retrained(spexlens.Estimator(tree(), jobs=1), objective="accuracy", repeats=2), 200
    ),
    "data, module": lambda stage: spexlens.explain(retrained(_loop(), candidates=8), 100),
    "data, fine-tuned": lambda stage: spexlens.explain(_tuned(), 60),
    "mixed, words and heads": lambda stage: spexlens.explain(
        spexlens.mix([words("never fails to impress"), spexlens.MechanisticLens(
            "sentiment", "never fails to impress", target="POSITIVE", components="heads"
        )]),
        300,
        ledger=stage.ledger,
    ),
    "mixed, examples and words": lambda stage: spexlens.explain(_mixed_with_examples(), 300, trainings=40),
    "mixed, parts of a text": lambda stage: spexlens.explain(_mixed_parts(), 300, trainings=40),
    "batch": _batch,
}  # fmt: skip

_PLANTED = {
    "game, spex",
    "game, auto, many",
    "game, noisy",
    "game, screened",
    "game, zoom",
}
SHARED = {name for name in RUNS if name.startswith("game")} - _PLANTED
"""Runs that need the recorded games."""

IN_LEDGER = (
    "game, auto",
    "features, words",
    "features, zoom",
    "heads, exact",
    "data, logistic head",
    "mixed, words and heads",
)
"""Runs whose answers the recorded ledger holds."""


def content(explanation: spexlens.Explanation) -> dict[str, Any]:
    """What an explanation's file says, times and versions apart, and its page."""
    said: dict[str, Any] = json.loads(explanation.to_json())
    said["account"] |= {"seconds": 0.0, "versions": {}}
    said["page"] = re.sub(
        r"\d+\.\d s\b", "0.0 s", explanation.page(verbose=True, width=100)
    )
    return said


def exact(contents: list[dict[str, Any]]) -> str:
    """A sha256 that any bit moves."""
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def brief(said: dict[str, Any]) -> dict[str, Any]:
    """The part that is recorded in full: on another machine it may differ in the last
    digits.
    """
    rows = said["interactions"][:3]
    return {
        "n": len(said["candidates"]),
        "method": said["account"]["method"],
        "design": said["account"]["design"],
        "calls": said["account"]["calls"],
        "reused": said["account"]["reused"],
        "trainings": said["account"]["trainings"],
        "r2": said["faithfulness"]["r2"],
        "whole": said["whole"],
        "strongest": [[row["members"], row["effect"], row["verdict"]] for row in rows],
        "facts": sorted(said["facts"]),
        "parts": sorted(name for name, part in said.items() if part),
    }


def machine() -> str:
    """What decides the last bits of a float."""
    return hashlib.sha256(
        f"{_processor()} {np.__version__} {platform.machine()}".encode()
    ).hexdigest()[:16]


def _processor() -> str:
    """The processor's model, where the system says it."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    return next(
        line for line in info.read_text().splitlines() if line.startswith("model name")
    )


def explained(name: str, stage: Stage) -> list[dict[str, Any]]:
    """What a run explains."""
    found = RUNS[name](stage)
    return [content(each) for each in (found if isinstance(found, list) else [found])]


def record(stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every run, by name: its sha256, and its brief."""
    for name in RUNS:
        found = explained(name, stage)
        yield name, {"exact": exact(found), "brief": [brief(each) for each in found]}


def main() -> None:
    folder, shared = Path(sys.argv[1]), Path(os.environ["SPEXLENS_SHARED"])
    with tempfile.TemporaryDirectory() as made:
        runs = dict(record(Stage(Path(made), shared)))
    text = json.dumps(
        {"machine": machine(), "runs": runs}, indent=1, ensure_ascii=False
    )
    (folder / "records.json").write_text(text + "\n")
    with tempfile.TemporaryDirectory() as made:
        stage = Stage(Path(made), shared)
        for name in IN_LEDGER:
            RUNS[name](stage)
        shutil.copy(stage.ledger, folder / "ledger.sqlite")
    evidence = RUNS["features, evidence"](Stage(Path(tempfile.mkdtemp()), shared))
    assert isinstance(evidence, spexlens.Explanation)
    evidence.save(folder / "explanation.json")


if __name__ == "__main__":
    main()
