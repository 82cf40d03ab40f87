"""`spexlens mixed`."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from spexlens.cli.candidates import candidates_in
from spexlens.cli.models import model_of
from spexlens.cli.options.budget import Spending, Zoom
from spexlens.cli.options.components import ComponentAblation
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.examples import (
    ExampleGame,
    ExampleTable,
)
from spexlens.cli.options.grouping import Only, grouped
from spexlens.cli.options.learning import FINE_TUNING, Learning
from spexlens.cli.options.model import Loading, Watched, path_of
from spexlens.cli.options.output import Kept, Outputs
from spexlens.cli.options.screening import Choice
from spexlens.cli.options.text import NEUTRAL, TextAblation
from spexlens.cli.outputs import refuse_overlaps, resolved
from spexlens.cli.screen import run
from spexlens.errors import InvalidInput
from spexlens.files.schema import Count
from spexlens.files.toml_file import read
from spexlens.games.game import Game
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.lens import mix
from spexlens.lenses.screening.screen import screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts

LEDGER = "spexlens.ledger"
"""The key, in a command's context, of a ledger that its line does not name."""


class _Section(BaseModel, frozen=True, extra="forbid"):
    """What of a file is checked: groups of options, which its classes inherit."""


class _Features(_Section, TextAblation, Choice, frozen=True):
    """[features]."""


class _Mechanistic(_Section, ComponentAblation, Choice, frozen=True):
    """[mechanistic]."""


class _Data(_Section, ExampleGame, Learning, ExampleTable, Choice, frozen=True):
    """[data], where the text is the test point, and has this label."""

    label: str | int | float | None = None


class _Config(_Section, Kept, Spending, Watched, frozen=True):
    """The file."""

    text: str
    target: str | None = None
    trainings: Count | None = None
    features: _Features | None = None
    mechanistic: _Mechanistic | None = None
    data: _Data | None = None


@dataclass(frozen=True)
class _Reading:
    """A file as it is read.

    Attributes:
        path: of the file.
        config: what it holds.
        loading: how its models are loaded.
    """

    path: Path
    config: _Config
    loading: Loading

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return self.path.parent


@grouped()
def mixed(
    context: typer.Context,
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="TOML: what is mixed, and how.")
    ],
    zoom: Zoom = False,
    *,
    outputs: Outputs,
    loading: Annotated[Loading, Only("device", "trust_remote_code")],
    evidence: Evidence,
) -> None:
    """Explain how parts of a text, of a model and of its training data act together, in
    one game.

    The file has a text, a model, a target, a budget, and two or three sections:
    [features], [mechanistic] and [data], with what the commands of those names take.
    Paths are relative to the file; its out and ledger stay in its folder, and --out and
    --ledger are instead of them.
    """
    content = read(config, _Config, {"candidates": "a number, 'all' or a list"})
    # what the command line says goes before what the file says
    outputs = replace(
        outputs,
        out=outputs.out or _within(config, "out", content.out),
        ledger=outputs.ledger or _within(config, "ledger", content.ledger),
    )
    context.meta[LEDGER] = outputs.ledger  # for what Ctrl-C says
    _refuse_unused(config, content)
    written = {"out": outputs.out, "ledger": outputs.ledger}
    refuse_overlaps({**context.params, **written, **_read_by(config, content)})
    outputs.check()
    games = [
        _screened(lens, choice, outputs.ledger, zoom=zoom)
        for lens, choice in _lenses(_Reading(config, content, loading))
    ]
    run(
        mix(games),
        content,
        outputs,
        evidence=evidence,
        zoomed=zoom,
        trainings=content.trainings,
    )


def places() -> dict[str, str]:
    """The settings of the file, and in which of its sections errors say they are.

    What is of a text or of its model is at the top of the file, whatever sections have
    a setting of that name too.
    """
    sections = {
        "features": (TextAblation,),
        "mechanistic": (ComponentAblation,),
        "data": (ExampleGame, Learning, ExampleTable),
    }
    names = {"label": " in [data]"}
    for section, groups in sections.items():
        for group in groups:
            names |= {field.name: f" in [{section}]" for field in fields(group)}
    top = [field.name for group in (Watched, Spending) for field in fields(group)]
    names |= dict.fromkeys([*top, "text", "trainings"], "")
    return names | {"train": " (tune) in [data]"}


def _within(config: Path, name: str, path: Path | None) -> Path | None:
    """A path that is written to, as a file says it: in the file's own folder.

    Raises:
        InvalidInput: it leads out of that, which a file that comes from elsewhere is
            not to do unseen.
    """
    if path is None:
        return None
    place = config.parent / path
    inside = resolved(place).is_relative_to(resolved(config.parent))
    if path.is_absolute() or ".." in path.parts or not inside:
        raise InvalidInput(
            f"{config}, {name}: {path} is not in the file's own folder; if it is meant,"
            f" give --{name} {path}"
        )
    return place


def _read_by(path: Path, config: _Config) -> dict[str, Any]:
    """The files and models that a file says are read.

    They have the names of the options that say them elsewhere.
    """
    folder = path.parent
    names: dict[str, Any] = {"model": config.model}
    if config.data is not None:
        names["table"] = folder / config.data.table
        names["encoder"] = config.data.encoder
    if config.mechanistic is not None and config.mechanistic.reference is not None:
        names["reference"] = folder / config.mechanistic.reference
    return names


def _refuse_unused(path: Path, config: _Config) -> None:
    """InvalidInput for a setting that would have no effect."""
    data = config.data
    if data is None:
        return
    if not data.tunes:
        settings = {
            "train": "tune",
            "epochs": "epochs",
            "learning_rate": "learning_rate",
        }
        for name, setting in settings.items():
            if name in data.model_fields_set:
                raise InvalidInput(
                    f"{path}, data.{setting}: goes with learner = {FINE_TUNING!r}"
                )
    if data.tunes and data.encoder is not None:
        raise InvalidInput(
            f"{path}, data.encoder: learner {FINE_TUNING!r} reads texts, it has no"
            " use for it"
        )
    if config.model is not None and data.encoder is not None:
        raise InvalidInput(
            f"{path}, model: data.encoder is the model that is read; leave one of"
            " them out"
        )


def _lenses(reading: _Reading) -> list[tuple[Game, Choice]]:
    """The lenses of the sections that are there, and the candidates of each."""
    config = reading.config
    lenses: list[tuple[Game, Choice]] = []
    if config.data is None:
        model: dict[str, Any] | None = _model(reading)
        value = config.value()
    else:
        if any(part is not None for part in config.value().values()):
            raise InvalidInput(
                "with [data] the test point is watched: give label and objective there"
            )
        data = _data(reading, config.data)
        lenses.append((data, config.data))
        model = _trained(data, reading)
        value = _predicted(data, config.data)
    # in the order of the lenses, whatever that of the sections in the file
    if config.features is not None:
        text = _features(config.text, config.features, model, value)
        lenses.append((text, config.features))
    if config.mechanistic is not None:
        # a learner of texts has no components: they are of the model that is named
        ablation = config.mechanistic.of_lens(reading.folder)
        components = MechanisticLens(
            inputs=config.text, **ablation, **(model or _model(reading)), **value
        )
        lenses.append((components, config.mechanistic))
    if len(lenses) < 2:
        raise InvalidInput(
            "a mixed game has two sections or three: [features], [mechanistic], [data]"
        )
    return lenses


def _model(reading: _Reading) -> dict[str, Any]:
    """The model that the file names, as lenses take it."""
    return {"model": path_of(reading.config.model), **reading.loading.weights()}


def _trained(data: DataLens, reading: _Reading) -> dict[str, Any] | None:
    """The model that the other lenses are of: the one that is trained, or the encoder.

    None where the learner reads texts itself.
    """
    if data.model is not None:
        return {"model": data.model}
    encoder = None if data.features is None else data.features.model
    if encoder is None:
        return None
    return {"model": encoder.name, "kind": "encoder", **reading.loading.weights()}


def _predicted(data: DataLens, section: _Data) -> dict[str, Any]:
    """What the other lenses watch: of a causal model, the label of the test point."""
    if data.model is None or data.model.kind == "classifier":
        return {}
    return {"target": section.label}


def _features(
    text: str,
    section: _Features,
    model: dict[str, Any] | None,
    value: dict[str, Any],
) -> FeatureLens | TextParts:
    """The lens of the text, or its parts where no model but the learner reads it."""
    if model is None:
        if section.replacement is not None or section.template != "{text}":
            raise InvalidInput(
                "[features]: a text that a learner reads as text has neutral, no"
                " replacement"
            )
        return TextParts(text, unit=section.unit, neutral=section.neutral or "")
    if section.neutral is not None and section.replacement != "neutral":
        raise InvalidInput("[features]: neutral goes with replacement = 'neutral'")
    # a file may leave it open, which tells the two readers of a text apart
    ablation = {**section.of_lens(), "neutral": section.neutral or NEUTRAL}
    return FeatureLens(text=text, **ablation, **model, **value)


def _data(reading: _Reading, section: _Data) -> DataLens:
    """The lens of the training examples, with the text as the test point."""
    config = reading.config
    examples = Examples.read(
        reading.folder / section.table,
        text=section.text_column,
        label=section.label_column,
    )
    learner = section.made(config.model, reading.loading)
    encoder = section.encoder
    if not section.tunes:
        encoder = encoder or config.model or "tf-idf"
    labels = None if section.label is None else [section.label]
    return DataLens(
        learner,
        examples,
        ([config.text], labels),
        **section.of_lens(),
        seed=config.seed,
        encoder=None if encoder is None else model_of(encoder),
    )


def _screened(game: Game, choice: Choice, ledger: Path | None, *, zoom: bool) -> Game:
    """A game with the candidates asked for; all for a zoom unless it is said which."""
    counted = isinstance(choice.candidates, int) or choice.screening is not None
    if isinstance(game, TextParts) and counted:
        raise InvalidInput(
            "[features]: words that a learner reads as text have no attribution: name"
            " them, or all"
        )
    whole = isinstance(game, TextParts) or (zoom and choice.screening is None)
    if choice.candidates is None and whole:
        return game
    return screen(game, candidates_in(choice), by=choice.screening, ledger=ledger)
