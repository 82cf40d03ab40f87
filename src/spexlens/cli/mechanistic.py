"""`spexlens mechanistic`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.cli.candidates import chosen
from spexlens.cli.inputs import prompts_of
from spexlens.cli.options.budget import Spending, Zoom
from spexlens.cli.options.components import ComponentAblation
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.grouping import grouped
from spexlens.cli.options.model import Loading, Watched, path_of
from spexlens.cli.options.output import Outputs
from spexlens.cli.options.screening import Choice
from spexlens.cli.options.text import TextSource
from spexlens.cli.screen import run
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.lenses.components.lens import MechanisticLens


@grouped()
def mechanistic(
    source: TextSource,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help=(
                "JSONL of prompts whose mean is the value: prompt, and target, foil,"
                " counterfactual if used."
            )
        ),
    ] = None,
    *,
    watched: Watched,
    ablated: ComponentAblation,
    choice: Choice,
    zoom: Zoom = False,
    spending: Spending,
    outputs: Outputs,
    loading: Loading,
    evidence: Evidence,
) -> None:
    """Explain which heads, MLPs, neurons or layers of a model act together in its
    answer.
    """
    outputs.check()
    if prompts is None:
        inputs = {"inputs": source.read()}
    elif source.named:
        raise InvalidInput("give one text or --prompts, not both")
    else:
        inputs = _prompts(prompts, watched, ablated)
    lens = _lens(inputs, watched, ablated, loading)
    game = chosen(lens, choice, zoom=zoom, ledger=outputs.ledger)
    run(game, spending, outputs, evidence=evidence, zoomed=zoom)


def _prompts(
    file: Path, watched: Watched, ablated: ComponentAblation
) -> dict[str, Any]:
    """What a file of prompts gives a lens.

    Raises:
        InvalidInput: it gives what an option gives too.
    """
    prompts = prompts_of(file)
    options = {
        "target": watched.value()["target"],
        "foil": watched.foil,
        "counterfactual": ablated.counterfactual,
    }
    for name, value in options.items():
        if name in prompts and value is not None:
            raise InvalidInput(
                f"--{name} has no effect: every prompt of {file} has a {name} of"
                " its own"
            )
    return prompts


def _lens(
    inputs: dict[str, Any],
    watched: Watched,
    ablated: ComponentAblation,
    loading: Loading,
) -> Game:
    """The lens of one text, or of prompts, whose own target and foil go before."""
    # what prompts give stands last: it replaces options, which are None there
    options = {**watched.value(), **ablated.of_lens(), **loading.of_lens()}
    return MechanisticLens(path_of(watched.model), **(options | inputs))
