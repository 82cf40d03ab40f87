"""Learning: who learns from the training examples, and how."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer
from pydantic import Field

from spexlens.cli.options.grouping import CommandLine
from spexlens.cli.options.model import Loading, ModelName, path_of
from spexlens.cli.unused import Given, Need
from spexlens.errors import InvalidInput
from spexlens.files.schema import Positive
from spexlens.learners.finetuning import FineTuning
from spexlens.lenses.examples.task import LEARNERS

FINE_TUNING = "fine-tuning"


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

    @property
    def features(self) -> str | None:
        """What texts are encoded by; None where they are read as they are."""
        if self.tunes:
            return self.encoder
        return self.encoder or "tf-idf"

    def made(self, name: str | None, loading: Loading) -> Any:
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


def learner_of(name: str) -> Any:
    """A learner by name, or a class of scikit-learn with its default settings."""
    if name in LEARNERS:
        return name
    # importing all of scikit-learn takes seconds
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
