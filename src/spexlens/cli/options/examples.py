"""Examples: the training data that are ablated, who learns from them, and what is watched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from pydantic import Field

from spexlens.cli.options.grouping import CommandLine
from spexlens.cli.options.model import Loading, ModelName, path_of
from spexlens.cli.options.screening import SCREENED
from spexlens.cli.unused import Given, Need
from spexlens.errors import InvalidInput
from spexlens.files.schema import Positive
from spexlens.learners.finetuning import FineTuning
from spexlens.lenses.examples.choosing import SCREENINGS
from spexlens.lenses.examples.lens import LEARNERS

FINE_TUNING = "fine-tuning"
NO_COLUMN = "-"


@dataclass(frozen=True, kw_only=True)
class ExampleTable:
    """The training examples. A file calls the table `train`."""

    table: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN", help="CSV with a header, or JSONL: the examples."
        ),
        Field(alias="train"),
    ]
    text_column: Annotated[str, typer.Option(help="The column of texts.")] = "text"
    label_column: Annotated[
        str,
        typer.Option(
            help=(
                f"The column of labels; {NO_COLUMN} for texts that a causal model"
                " continues."
            )
        ),
    ] = "label"


@dataclass(frozen=True, kw_only=True)
class ExampleFiles(ExampleTable):
    """The training examples and the test points."""

    test: Annotated[
        Path,
        typer.Option(
            help="CSV or JSONL: the test points; without labels, those predicted."
        ),
    ]
    test_row: Annotated[
        list[int] | None,
        typer.Option(help="Only this row of it, from 0; may be repeated."),
    ] = None
    each: Annotated[
        bool,
        typer.Option("--each", help="A page a test point, not the mean over them."),
    ] = False


def _is_tuned(given: Given) -> bool:
    return bool(given["learner"] == FINE_TUNING)


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Who learns from the examples. A file calls what is tuned `tune`."""

    learner: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(LEARNERS)}, {FINE_TUNING}, or a class of scikit-learn."
        ),
    ] = "logistic"
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Features: tf-idf, or an encoder's hub id or directory. Default: tf-idf."
        ),
    ] = None
    train: Annotated[
        int | str,
        typer.Option(
            help=f"With {FINE_TUNING}: head, all, or the number of last layers."
        ),
        Field(alias="tune"),
        CommandLine(str, "head"),
    ] = "head"
    epochs: Annotated[
        Positive, typer.Option(help=f"With {FINE_TUNING}: passes over the examples.")
    ] = 3
    learning_rate: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        typer.Option(help=f"With {FINE_TUNING}: the learning rate."),
        CommandLine(float | None),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            (
                "model",
                "train",
                "epochs",
                "learning_rate",
                "revision",
                "device",
                "trust_remote_code",
            ),
            _is_tuned,
            f"goes with --learner {FINE_TUNING}",
            beside=("learner",),
        ),
        Need(
            ("encoder",),
            lambda given: not _is_tuned(given),
            f"makes features: --learner {FINE_TUNING} reads texts, and has no use for"
            " --encoder",
            beside=("learner",),
        ),
    )

    @property
    def tunes(self) -> bool:
        """Whether a model is fine-tuned, which reads texts."""
        return self.learner == FINE_TUNING

    def with_model(self, name: str | None, loading: Loading) -> Any:
        """The learner: a name, a model of scikit-learn, or the fine-tuning of a model.

        Args:
            name: of the model that is fine-tuned.
            loading: how that is loaded.

        Raises:
            InvalidInput: there is no such learner.
        """
        if not self.tunes:
            return learner_of(self.learner)
        return FineTuning(
            path_of(name),
            train=self.train,  # type: ignore[arg-type]
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            **loading.weights(),
        )


@dataclass(frozen=True, kw_only=True)
class ModelLearning(Learning):
    """Who learns from the examples, and the model that is fine-tuned."""

    model: ModelName = None


@dataclass(frozen=True, kw_only=True)
class ExampleGame:
    """What comes and goes together, and what of the trained model is watched."""

    groups: Annotated[
        str | None,
        typer.Option(
            help="What comes and goes together: label, near-duplicates, or a column."
        ),
    ] = None
    objective: Annotated[
        str | None,
        typer.Option(
            help="What to watch: log-odds, margin, loss, probability, accuracy, ..."
        ),
    ] = None
    repeats: Annotated[
        Positive, typer.Option(help="Trainings a mask, under as many seeds.")
    ] = 1

    def of_lens(self) -> dict[str, Any]:
        """What a lens of training examples takes."""
        return {
            "groups": self.groups,
            "objective": self.objective,
            "repeats": self.repeats,
        }


@dataclass(frozen=True, kw_only=True)
class ExampleChoice:
    """Which examples are candidates, and what becomes of the others."""

    candidates: Annotated[
        str,
        typer.Option(
            help=(
                "auto (at most 40), all, how many, or which: rows such as 0,3,5-9, or"
                " groups."
            )
        ),
    ] = "auto"
    others: Annotated[
        str,
        typer.Option(help="Examples that are no candidates are always: in, or out."),
    ] = "in"
    screening: Annotated[
        str | None,
        typer.Option(
            help=f"What a number of candidates is chosen by: {', '.join(SCREENINGS)}."
        ),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("others",),
            lambda given: given["candidates"] != "all" or given["groups"] is not None,
            "goes with --candidates of a number or a list: of all there are no others",
            beside=("candidates", "groups"),
        ),
        SCREENED,
    )

    @property
    def is_auto(self) -> bool:
        """Whether it is left open which are candidates."""
        return self.candidates == "auto"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said of candidates at all."""
        return self.is_auto and self.screening is None

    @property
    def keeps_others(self) -> bool:
        """Whether examples that are no candidates are always trained on."""
        return self.others == "in"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What is kept from the fit."""

    held_out: Annotated[
        int | None,
        typer.Option(help="Masks kept to judge the explanation. Default: a fifth."),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("held_out",),
            lambda given: not given["zoom"],
            "goes without --zoom, whose last level decides it",
            beside=("zoom",),
        ),
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
