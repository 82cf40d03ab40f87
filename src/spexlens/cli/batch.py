"""`spexlens batch`."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.arguments import unknown, whole_number
from spexlens.cli.candidates import candidates_in
from spexlens.cli.options.batch import FEATURES, LENSES, BatchInputs, BatchOutputs
from spexlens.cli.options.budget import Spending
from spexlens.cli.options.components import ComponentAblation
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.grouping import Without, grouped
from spexlens.cli.options.model import Loading, Watched, path_of
from spexlens.cli.options.screening import Choice
from spexlens.cli.options.text import TextReading
from spexlens.cli.outputs import files_in, refuse_closed, refuse_overlaps
from spexlens.cli.rows import SUMMARY, Row, rows_of
from spexlens.cli.screen import progress_bar
from spexlens.cli.tally import Tally
from spexlens.errors import InvalidInput
from spexlens.explanation import Explanation
from spexlens.games.game import Game
from spexlens.lenses.components.ablation import ABLATIONS
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.screening.screen import screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.replacement import REPLACEMENTS
from spexlens.lenses.text.units import UNITS
from spexlens.solvers.choice import METHODS
from spexlens.spectrum.indices import INDICES
from spexlens.verbs.aggregate import Aggregate, aggregate
from spexlens.verbs.batch import explain_all


@grouped(behind={"objective": "unit", "as_json": "least"})
def batch(
    context: typer.Context,
    inputs: BatchInputs,
    watched: Watched,
    reading: TextReading,
    ablated: Annotated[ComponentAblation, Without("counterfactual")],
    choice: Choice,
    spending: Spending,
    outputs: Annotated[BatchOutputs, Without("verbose")],
    loading: Loading,
    evidence: Evidence,
) -> None:
    """Explain many inputs, a budget each, and count which interactions recur."""
    _refuse_unknown(
        {
            "lens": (inputs.lens, LENSES),
            "method": (spending.method, METHODS),
            "unit": (reading.unit, UNITS),
            "replacement": (reading.replacement, REPLACEMENTS),
            "ablation": (ablated.ablation, ABLATIONS),
            "index": (outputs.index, INDICES),
        }
    )
    whole_number(spending.seed, "a seed")
    rows = rows_of(inputs.prompts, inputs.lens, watched.foil)
    own = _own(rows, watched, inputs.prompts)
    files = _files(context, outputs, rows)
    game_of = _games(inputs, watched, reading, ablated, loading)
    candidates = candidates_in(choice)

    def screened(row: Row) -> Game:
        # made when its turn comes, so that one game is in memory at a time
        game = game_of(row)
        return screen(game, candidates, by=choice.screening, ledger=outputs.ledger)

    tally = Tally(rows, evidence, own)
    with progress_bar() as progress:
        explanations = explain_all(
            [partial(screened, row) for row in rows],
            ledger=outputs.ledger,
            progress=progress,
            paths=files,
            failed=tally.fail,
            **evidence.request(spending),
        )
        recurrence = _aggregate(tally.counted(explanations), outputs)
    if outputs.out is not None and recurrence is not None:
        recurrence.save(outputs.out / f"{SUMMARY}.json")
    tally.close()
    tally.show(recurrence, as_json=outputs.as_json)
    if tally.failures:
        raise typer.Exit(2)
    evidence.exit(tally.failed, tally.unmatched())


def _refuse_unknown(
    options: Mapping[str, tuple[str | None, Collection[str]]],
) -> None:
    """InvalidInput for a name that is none of those known, by the names of options."""
    for name, (value, known) in options.items():
        if value is not None and value not in known:
            raise InvalidInput(unknown(name, value, known))


def _own(rows: list[Row], watched: Watched, file: Path) -> dict[str, int]:
    """Of a target and a foil that options give, how many inputs have one of their own.

    Raises:
        InvalidInput: all have, so that the option has no effect.
    """
    counts: dict[str, int] = {}
    for name, value in (("target", watched.target), ("foil", watched.foil)):
        if not value:
            continue
        count = sum(name in row.own for row in rows)
        if count == len(rows):
            raise InvalidInput(
                f"--{name} has no effect: every line of {file} has a {name} of its own"
            )
        if count:
            counts[name] = count
    return counts


def _files(
    context: typer.Context, outputs: BatchOutputs, rows: list[Row]
) -> list[Path] | None:
    """Where each explanation is saved; None where none is, but all is printed.

    Raises:
        InvalidInput: something cannot be written, or would be written over.
    """
    if outputs.out is None:
        refuse_closed()
        return None
    files = files_in(outputs.out, [row.name for row in rows], SUMMARY)
    refuse_overlaps(context.params, [*files, outputs.out / f"{SUMMARY}.json"])
    return files


def _games(
    inputs: BatchInputs,
    watched: Watched,
    reading: TextReading,
    ablated: ComponentAblation,
    loading: Loading,
) -> Callable[[Row], Game]:
    """What makes the lens of an input, of a model that is loaded once for all."""
    is_of_text = inputs.lens == FEATURES
    lens: Callable[..., Game] = FeatureLens if is_of_text else MechanisticLens
    settings: dict[str, Any] = {
        **watched.value(),
        **(reading.of_lens() if is_of_text else ablated.of_lens()),
        "batch_size": loading.batch_size,
        "revision": loading.revision,
    }
    # whoever has no torch is told so, once everything else is right
    from spexlens.models.huggingface import load

    model = load(path_of(watched.model), kind=loading.kind, **loading.weights())

    def game_of(row: Row) -> Game:
        return lens(model, row.text, **(settings | row.own))

    return game_of


def _aggregate(
    explanations: Iterator[Explanation], outputs: BatchOutputs
) -> Aggregate | None:
    """What recurs in explanations; None where not one input could be explained."""
    # an aggregate of nothing is refused, so that the first is looked at
    first = next(explanations, None)
    if first is None:
        return None
    return aggregate(
        chain([first], explanations),
        index=outputs.index,
        order=outputs.order,
        least=outputs.least,
    )
