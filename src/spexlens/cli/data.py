"""`spexlens data`."""

from dataclasses import replace
from typing import Annotated, Any

from spexlens.cli.candidates import Candidates, candidates_of, screened
from spexlens.cli.options.budget import Spending, Zoom
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.examples import (
    NO_COLUMN,
    ExampleChoice,
    ExampleFiles,
    ExampleGame,
    HeldOut,
)
from spexlens.cli.options.grouping import Only, grouped
from spexlens.cli.options.learning import ModelLearning
from spexlens.cli.options.model import Loading
from spexlens.cli.options.output import Outputs
from spexlens.cli.screen import run
from spexlens.games.game import Game
from spexlens.lenses.examples.choosing import AUTO
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.lens import DataLens

_DIGITS = 9  # of a number of layers

_PLACES = {
    "text_column": "each",
    "label_column": "text_column",
    "model": "encoder",
    "objective": "screening",
    "repeats": "objective",
}
"""Options that `--help` lists elsewhere than with their group: as a run goes on."""


@grouped(behind=_PLACES)
def data(
    files: ExampleFiles,
    learning: ModelLearning,
    settings: ExampleGame,
    choice: ExampleChoice,
    judgement: HeldOut,
    zoom: Zoom = False,
    *,
    spending: Spending,
    outputs: Outputs,
    loading: Annotated[Loading, Only("revision", "device", "trust_remote_code")],
    evidence: Evidence,
) -> None:
    """Explain which training examples, or groups of them, act together in what a model
    learns.
    """
    outputs.check()
    examples, points = _read(files)
    learning = replace(learning, train=_tuned(learning.train))
    learner = learning.made(learning.model, loading)
    candidates = AUTO if choice.is_auto else candidates_of(choice.candidates)
    lens = DataLens(
        learner,
        examples,
        points,
        **_of_lens(choice, candidates),
        **settings.of_lens(),
        mean=not files.each,
        seed=spending.seed,
        encoder=learning.features,
        # encoded texts are kept beside the evaluations that they are for
        cache=None if outputs.ledger is None else outputs.ledger.parent,
    )
    game: Game = lens
    if choice.keeps_others and not (zoom and choice.is_empty):
        game = screened(lens, candidates, by=choice.screening, ledger=outputs.ledger)
    run(
        game,
        spending,
        outputs,
        evidence=evidence,
        zoomed=zoom,
        held_out=judgement.held_out,
    )


def _read(files: ExampleFiles) -> tuple[Examples, Examples]:
    """The training examples and the test points."""
    label = None if files.label_column == NO_COLUMN else files.label_column
    text = files.text_column
    examples = Examples.read(files.table, text=text, label=label)
    points = Examples.read(files.test, text=text, label=label, labelled=False)
    if files.test_row:
        points = points.take(files.test_row)
    return examples, points


def _tuned(train: int | str) -> int | str:
    """What of a model is tuned: the number of its last layers, or a word."""
    if isinstance(train, int):
        return train
    is_number = train.isascii() and train.isdigit() and len(train) <= _DIGITS
    return int(train) if is_number else train


def _of_lens(choice: ExampleChoice, candidates: Candidates) -> dict[str, Any]:
    """What the lens takes that says which examples are candidates."""
    if choice.keeps_others:
        # the others are ablated too, to see what they do: the lens has all examples
        return {"candidates": "all", "others": choice.others}
    return {
        "candidates": candidates,
        "others": choice.others,
        "screening": choice.screening,
    }
