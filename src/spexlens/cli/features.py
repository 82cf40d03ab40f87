"""`spexlens features` and `spexlens demo`."""

from typing import Annotated

import typer

from spexlens.cli.candidates import chosen
from spexlens.cli.evidence import Asked, evidenced
from spexlens.cli.inputs import model_of, target_of, text_of
from spexlens.cli.options import (
    AsJson,
    BatchSize,
    Book,
    Budget,
    Candidates,
    Chat,
    Device,
    File,
    Foil,
    Kind,
    Method,
    Model,
    Neutral,
    Objective,
    Out,
    Replacement,
    Revision,
    Screening,
    Seed,
    Target,
    Template,
    Trust,
    Unit,
    Verbose,
    Windows,
    Words,
    Zoom,
)
from spexlens.cli.outputs import check_out
from spexlens.cli.screen import run
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.bundled import SENTIMENT

DEMO_TEXT = (
    "The plot is thin and the jokes are old, but her acting never fails to impress."
)


def demo(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Another sentence about a film.")
    ] = DEMO_TEXT,
    budget: Budget = 300,
    seed: Seed = 0,
    verbose: Verbose = False,
) -> None:
    """Explain one sentence on the bundled sentiment model: no network, some seconds."""
    check_out(None)
    lens = FeatureLens(SENTIMENT, text, target="POSITIVE")
    run(lens, budget, seed=seed, verbose=verbose)


@evidenced
def features(
    text: Words = None,
    file: File = None,
    model: Model = "sentiment",
    target: Target = None,
    foil: Foil = None,
    unit: Unit = "word",
    objective: Objective = None,
    replacement: Replacement = None,
    neutral: Neutral = "...",
    template: Template = "{text}",
    chat: Chat = False,
    windows: Windows = False,
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
    """Explain which parts of a text act together in a model's answer."""
    check_out(out)
    lens = FeatureLens(
        model_of(model),
        text_of(text, file),
        unit=unit,
        target=target_of(target),
        foil=foil,
        objective=objective,
        replacement=replacement,
        neutral=neutral,
        template=template,
        chat=chat,
        windows=windows,
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
