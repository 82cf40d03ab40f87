"""Model: which one, how it is loaded, and what of it is watched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import typer

from spexlens.cli.models import model_of
from spexlens.cli.options.grouping import CommandLine
from spexlens.cli.unused import Given, Need
from spexlens.models.bundled import BUNDLED

_DEFAULT = "sentiment"  # it comes with the package: no network, some seconds

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help=(
            "Hub id or local directory of a model; sentiment and induction come with"
            " the package."
        ),
    ),
    CommandLine(str, _DEFAULT),
]
Objective = Annotated[
    str | None, typer.Option(help="What to watch: logit, log-odds, probability, ...")
]


def path_of(name: str | None) -> str:
    """The hub id or directory of a model; that of sentiment if it has no name."""
    return model_of(name or _DEFAULT)


def _one_or_several(targets: list[str]) -> str | list[str] | None:
    """Targets; one alone makes no vector of outputs, and none leaves it to the lens."""
    if not targets:
        return None
    return targets[0] if len(targets) == 1 else targets


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A model, and what of its answer is the value.

    Attributes:
        model: as it is named; None, in a file, for the bundled one of sentiment.
    """

    model: ModelName = None
    target: Annotated[
        str | list[str] | None,
        typer.Option(
            help=(
                "Label (may be repeated), completion, or query. Default: the predicted"
                " label."
            )
        ),
        CommandLine(list[str] | None),
    ] = None
    foil: Annotated[
        str | None,
        typer.Option(help="Label or one-token completion to compare the target with."),
    ] = None
    objective: Objective = None

    def value(self) -> dict[str, Any]:
        """What a lens takes that says what the value is."""
        target = self.target
        if isinstance(target, list):
            target = _one_or_several(target)
        return {
            "target": target,
            "foil": self.foil,
            "objective": self.objective,
        }


def _is_on_hub(given: Given) -> bool:
    return given["model"] not in BUNDLED and not Path(given["model"]).is_dir()


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How a model is loaded, and run."""

    kind: Annotated[
        Literal["classifier", "causal", "encoder"] | None,
        typer.Option(
            help="What to read the model as. Default: what its class says it is."
        ),
    ] = None
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub.")
    ] = None
    device: Annotated[
        str | None, typer.Option(help="A torch device. Default: cuda if there is one.")
    ] = None
    batch_size: Annotated[int | None, typer.Option(help="Rows a forward pass.")] = None
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run code that comes with the model."),
    ] = False

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("revision",),
            _is_on_hub,
            "is of a model on the hub; this --model is on this machine",
            beside=("model",),
        ),
    )

    def weights(self) -> dict[str, Any]:
        """What whatever loads a model takes."""
        return {
            "revision": self.revision,
            "device": self.device,
            "trust_remote_code": self.trust_remote_code,
        }

    def of_lens(self) -> dict[str, Any]:
        """What a lens takes that loads a model and runs it."""
        return {"kind": self.kind, "batch_size": self.batch_size, **self.weights()}
