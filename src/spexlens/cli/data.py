"""`spexlens data`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.cli.candidates import candidates_of, chosen
from spexlens.cli.evidence import Asked, evidenced
from spexlens.cli.inputs import model_of
from spexlens.cli.options import (
    AsJson,
    Book,
    Budget,
    Device,
    Method,
    Model,
    Out,
    Revision,
    Seed,
    Trust,
    Verbose,
    Zoom,
)
from spexlens.cli.outputs import check_out
from spexlens.cli.screen import run
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.learners.finetuning import FineTuning
from spexlens.lenses.examples.choosing import AUTO, SCREENINGS
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.lens import LEARNERS, DataLens

FINE_TUNING = "fine-tuning"
NO_COLUMN = "-"

Table = Annotated[
    Path,
    typer.Argument(metavar="TRAIN", help="CSV with a header, or JSONL: the examples."),
]
Test = Annotated[
    Path,
    typer.Option(
        help="CSV or JSONL: the test points; without labels, those predicted."
    ),
]
TestRow = Annotated[
    list[int] | None, typer.Option(help="Only this row of it, from 0; may be repeated.")
]
Each = Annotated[
    bool, typer.Option("--each", help="A page a test point, not the mean over them.")
]
TextColumn = Annotated[str, typer.Option(help="The column of texts.")]
LabelColumn = Annotated[
    str,
    typer.Option(
        help=(
            f"The column of labels; {NO_COLUMN} for texts that a causal model"
            " continues."
        )
    ),
]
LearnerName = Annotated[
    str,
    typer.Option(
        help=f"{', '.join(LEARNERS)}, {FINE_TUNING}, or a class of scikit-learn."
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        help="Features: tf-idf, or an encoder's hub id or directory. Default: tf-idf."
    ),
]
Train = Annotated[
    str,
    typer.Option(help=f"With {FINE_TUNING}: head, all, or the number of last layers."),
]
Epochs = Annotated[
    int, typer.Option(help=f"With {FINE_TUNING}: passes over the examples.")
]
Rate = Annotated[
    float | None, typer.Option(help=f"With {FINE_TUNING}: the learning rate.")
]
Groups = Annotated[
    str | None,
    typer.Option(
        help="What comes and goes together: label, near-duplicates, or a column."
    ),
]
Candidates = Annotated[
    str,
    typer.Option(
        help=(
            "auto (at most 40), all, how many, or which: rows such as 0,3,5-9, or"
            " groups."
        )
    ),
]
Others = Annotated[
    str, typer.Option(help="Examples that are no candidates are always: in, or out.")
]
Screening = Annotated[
    str | None,
    typer.Option(
        help=f"What a number of candidates is chosen by: {', '.join(SCREENINGS)}."
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        help="What to watch: log-odds, margin, loss, probability, accuracy, ..."
    ),
]
Repeats = Annotated[int, typer.Option(help="Trainings a mask, under as many seeds.")]
HeldOut = Annotated[
    int | None,
    typer.Option(help="Masks kept to judge the explanation. Default: a fifth."),
]


@evidenced
def data(
    table: Table,
    test: Test,
    test_row: TestRow = None,
    each: Each = False,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    learner: LearnerName = "logistic",
    encoder: Encoder = None,
    model: Model = "sentiment",
    train: Train = "head",
    epochs: Epochs = 3,
    learning_rate: Rate = None,
    groups: Groups = None,
    candidates: Candidates = "auto",
    others: Others = "in",
    screening: Screening = None,
    objective: Objective = None,
    repeats: Repeats = 1,
    held_out: HeldOut = None,
    zoom: Zoom = False,
    budget: Budget = 300,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    out: Out = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    revision: Revision = None,
    device: Device = None,
    trust_remote_code: Trust = False,
    *,
    evidence: Asked,
) -> None:
    """Explain which training examples, or groups of them, act together in what a model
    learns.
    """
    check_out(out)
    label = None if label_column == NO_COLUMN else label_column
    examples = Examples.read(table, text=text_column, label=label)
    points = Examples.read(test, text=text_column, label=label, labelled=False)
    if test_row:
        points = points.take(test_row)
    how: Any
    if learner == FINE_TUNING:
        how = FineTuning(
            model_of(model),
            train=int(train)
            if train.isascii() and train.isdigit() and len(train) < 10
            else train,  # type: ignore[arg-type]
            epochs=epochs,
            learning_rate=learning_rate,
            revision=revision,
            device=device,
            trust_remote_code=trust_remote_code,
        )
    else:
        how = learner_of(learner)
        encoder = encoder or "tf-idf"
    within = others == "in"  # then they are ablated, to see what they do
    asked = AUTO if candidates == "auto" else candidates_of(candidates)
    lens = DataLens(
        how,
        examples,
        points,
        groups=groups,
        candidates="all" if within else asked,  # type: ignore[arg-type]
        others=others,
        screening=None if within else screening,
        objective=objective,
        mean=not each,
        repeats=repeats,
        seed=seed,
        encoder=encoder,
        cache=None if ledger is None else ledger.parent,
    )
    game: Game = lens
    if within and not (zoom and candidates == "auto" and screening is None):
        game = chosen(
            lens,
            str(AUTO) if candidates == "auto" else candidates,
            screening,
            ledger=ledger,
        )
    run(
        game,
        budget,
        method=method,
        seed=seed,
        ledger=ledger,
        out=out,
        as_json=as_json,
        verbose=verbose,
        held_out=held_out,
        zoomed=zoom,
        evidence=evidence,
    )


def learner_of(name: str) -> Any:
    """A learner by name, or a class of scikit-learn with its default settings."""
    if name in LEARNERS:
        return name
    from sklearn.utils import all_estimators

    known = dict(all_estimators(type_filter=["classifier", "regressor"]))
    if name not in known:
        names = ", ".join([*LEARNERS, FINE_TUNING])
        raise InvalidInput(
            f"unknown learner {name!r}; choose one of {names}, or a class of"
            " scikit-learn"
        )
    try:
        return known[name]()
    except TypeError as error:
        raise InvalidInput(
            f"{name} needs settings, which only Python can give: {error}"
        ) from error
