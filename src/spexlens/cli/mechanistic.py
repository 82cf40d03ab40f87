"""`spexlens mechanistic`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.cli.candidates import chosen
from spexlens.cli.evidence import Asked, evidenced
from spexlens.cli.inputs import (
    layers_of,
    lines_of,
    model_of,
    prompts_of,
    target_of,
    text_of,
)
from spexlens.cli.options import (
    AsJson,
    BatchSize,
    Book,
    Budget,
    Candidates,
    Device,
    File,
    Foil,
    Kind,
    Method,
    Model,
    Objective,
    Out,
    Revision,
    Screening,
    Seed,
    Target,
    Trust,
    Verbose,
    Words,
    Zoom,
)
from spexlens.cli.outputs import check_out
from spexlens.cli.screen import run
from spexlens.errors import InvalidInput
from spexlens.lenses.components.ablation import ABLATIONS
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.components.names import COMPONENTS

Prompts = Annotated[
    Path | None,
    typer.Option(
        help=(
            "JSONL of prompts whose mean is the value: prompt, and target, foil,"
            " counterfactual if used."
        )
    ),
]
Components = Annotated[
    list[str],
    typer.Option(
        help=(
            f"{', '.join(COMPONENTS)}, or names such as L3.H7 or L5.MLP[12]; may be"
            " repeated."
        )
    ),
]
Layers = Annotated[
    str | None, typer.Option(help="Of those kinds only these layers, such as 0-3,5.")
]
Ablation = Annotated[
    str | None,
    typer.Option(
        help=(
            f"{', '.join(ABLATIONS)}. Default: resample with a counterfactual, mean"
            " with a reference, else zero."
        )
    ),
]
Reference = Annotated[
    Path | None, typer.Option(help="File of prompts, one a line, whose mean stands in.")
]
Counterfactual = Annotated[
    str | None,
    typer.Option(help="A prompt of as many tokens, for resample and restore."),
]
Rescale = Annotated[
    bool,
    typer.Option(
        "--rescale",
        help="With zero: multiply a layer's kept heads by |heads| / |kept|.",
    ),
]


@evidenced
def mechanistic(
    text: Words = None,
    file: File = None,
    prompts: Prompts = None,
    model: Model = "sentiment",
    target: Target = None,
    foil: Foil = None,
    objective: Objective = None,
    components: Components = ["heads"],  # noqa: B006
    layers: Layers = None,
    ablation: Ablation = None,
    reference: Reference = None,
    counterfactual: Counterfactual = None,
    rescale: Rescale = False,
    candidates: Candidates = None,
    screening: Screening = None,
    zoom: Zoom = False,
    budget: Budget = 300,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    out: Out = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    kind: Kind = None,
    revision: Revision = None,
    device: Device = None,
    batch_size: BatchSize = None,
    trust_remote_code: Trust = False,
    *,
    evidence: Asked,
) -> None:
    """Explain which heads, MLPs, neurons or layers of a model act together in its
    answer.
    """
    check_out(out)
    asked: dict[str, Any] = {
        "target": target_of(target),
        "foil": foil,
        "counterfactual": counterfactual,
    }
    if prompts is None:
        asked["inputs"] = text_of(text, file)
    elif text is not None or file is not None:
        raise InvalidInput("give one text or --prompts, not both")
    else:
        own = prompts_of(prompts)
        for name in ("target", "foil", "counterfactual"):
            if name in own and asked[name] is not None:
                raise InvalidInput(
                    f"--{name} has no effect: every prompt of {prompts} has a {name} of"
                    " its own"
                )
        asked |= own
    lens = MechanisticLens(
        model_of(model),
        **asked,
        objective=objective,
        components=[name.strip() for each in components for name in each.split(",")],
        layers=None if layers is None else layers_of(layers),
        ablation=ablation,
        reference=None if reference is None else lines_of(reference),
        rescale=rescale,
        kind=kind,
        revision=revision,
        device=device,
        batch_size=batch_size,
        trust_remote_code=trust_remote_code,
    )
    game = chosen(lens, candidates, screening, zoom=zoom, ledger=ledger)
    run(
        game,
        budget,
        method=method,
        seed=seed,
        ledger=ledger,
        out=out,
        as_json=as_json,
        verbose=verbose,
        zoomed=zoom,
        evidence=evidence,
    )
