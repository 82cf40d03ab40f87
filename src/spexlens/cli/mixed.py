"""`spexlens mixed`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field

from spexlens.cli.candidates import candidates_of
from spexlens.cli.data import FINE_TUNING, learner_of
from spexlens.cli.evidence import Asked, evidenced
from spexlens.cli.inputs import layers_of, lines_of, model_of
from spexlens.cli.options import AsJson, Book, Device, Out, Trust, Verbose, Zoom
from spexlens.cli.outputs import check_out, refuse_overlaps, resolved
from spexlens.cli.screen import run
from spexlens.errors import InvalidInput
from spexlens.files.schema import Count, Positive
from spexlens.files.toml_file import read
from spexlens.games.game import Game
from spexlens.learners.finetuning import FineTuning
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.lens import mix
from spexlens.lenses.screening.screen import CHOSEN, screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts

LEDGER = "spexlens.ledger"
"""The key, in a command's context, of a ledger that its line does not name."""

Chosen = int | str | list[str | int]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")

    candidates: Chosen | None = None
    screening: str | None = None


class _Features(_Section):
    unit: str = "word"
    replacement: str | None = None
    neutral: str | None = None
    template: str = "{text}"


class _Mechanistic(_Section):
    components: list[str] | str = "heads"
    layers: str | None = None
    ablation: str | None = None
    reference: Path | None = None
    counterfactual: str | None = None
    rescale: bool = False


class _Data(_Section):
    train: Path
    label: str | int | float | None = None
    text_column: str = "text"
    label_column: str = "label"
    learner: str = "logistic"
    encoder: str | None = None
    tune: int | str = "head"
    epochs: Positive = 3
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    objective: str | None = None
    groups: str | None = None
    repeats: Positive = 1


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    model: str | None = None
    target: str | None = None
    foil: str | None = None
    objective: str | None = None
    budget: Count = 300
    trainings: Count | None = None
    method: str = "auto"
    seed: Count = 0
    ledger: Path | None = None
    out: Path | None = None
    features: _Features | None = None
    mechanistic: _Mechanistic | None = None
    data: _Data | None = None


@evidenced
def mixed(
    context: typer.Context,
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="TOML: what is mixed, and how.")
    ],
    zoom: Zoom = False,
    ledger: Book = None,
    out: Out = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    device: Device = None,
    trust_remote_code: Trust = False,
    *,
    evidence: Asked,
) -> None:
    """Explain how parts of a text, of a model and of its training data act together, in
    one game.

    The file has a text, a model, a target, a budget, and two or three sections:
    [features], [mechanistic] and [data], with what the commands of those names take.
    Paths are relative to the file; its out and ledger stay in its folder, and --out and
    --ledger are instead of them.
    """
    given = read(config, _Config, {"candidates": "a number, 'all' or a list"})
    beside = config.parent
    out = out or _within(config, "out", given.out)
    ledger = ledger or _within(config, "ledger", given.ledger)
    context.meta[LEDGER] = ledger
    _refuse_unused(config, given)
    refuse_overlaps(
        {**context.params, "out": out, "ledger": ledger, **_read_by(given, beside)}
    )
    check_out(out)
    hub: dict[str, Any] = {"device": device, "trust_remote_code": trust_remote_code}
    lenses = _lenses(given, beside, hub)
    asked: list[tuple[Game, _Section]] = list(lenses)
    games = [_screened(lens, section, ledger, zoom=zoom) for lens, section in asked]
    run(
        mix(games),
        given.budget,
        method=given.method,
        seed=given.seed,
        ledger=ledger,
        out=out,
        as_json=as_json,
        verbose=verbose,
        trainings=given.trainings,
        zoomed=zoom,
        evidence=evidence,
    )


def _within(config: Path, name: str, path: Path | None) -> Path | None:
    """A path that is written to, as a file says it: in the file's own folder.

    Raises:
        InvalidInput: it leads out of that, which a file that comes from elsewhere is
            not to do unseen.
    """
    if path is None:
        return None
    found = config.parent / path
    inside = resolved(found).is_relative_to(resolved(config.parent))
    if path.is_absolute() or ".." in path.parts or not inside:
        raise InvalidInput(
            f"{config}, {name}: {path} is not in the file's own folder; if it is meant,"
            f" give --{name} {path}"
        )
    return found


def _read_by(given: _Config, beside: Path) -> dict[str, Any]:
    """The files and models that a file says are read, by the names of the options that
    say them elsewhere.
    """
    reference = None if given.mechanistic is None else given.mechanistic.reference
    return {
        "table": None if given.data is None else beside / given.data.train,
        "reference": None if reference is None else beside / reference,
        "model": given.model,
        "encoder": None if given.data is None else given.data.encoder,
    }


def _refuse_unused(config: Path, given: _Config) -> None:
    """InvalidInput for a setting that would have no effect."""
    data = given.data
    if data is None:
        return
    tuned = data.learner == FINE_TUNING
    for name in () if tuned else ("tune", "epochs", "learning_rate"):
        if name in data.model_fields_set:
            raise InvalidInput(
                f"{config}, data.{name}: goes with learner = {FINE_TUNING!r}"
            )
    if tuned and data.encoder is not None:
        raise InvalidInput(
            f"{config}, data.encoder: learner {FINE_TUNING!r} reads texts, it has no"
            " use for it"
        )
    if given.model is not None and data.encoder is not None:
        raise InvalidInput(
            f"{config}, model: data.encoder is the model that is read; leave one of"
            " them out"
        )


def _lenses(
    given: _Config, beside: Path, hub: dict[str, Any]
) -> list[tuple[Game, _Section]]:
    """The lenses of the sections that are there."""
    lenses: list[tuple[Game, _Section]] = []
    model: dict[str, Any] | None = {
        "model": model_of(given.model or "sentiment"),
        **hub,
    }
    watched: dict[str, Any] = {
        "target": given.target,
        "foil": given.foil,
        "objective": given.objective,
    }
    if given.data is not None:
        if any(each is not None for each in watched.values()):
            raise InvalidInput(
                "with [data] the test point is watched: give label and objective there"
            )
        data = _data(given, given.data, beside, hub)
        lenses.append((data, given.data))
        model, watched = _asked(data, given.data, hub)
    if given.features is not None:
        lenses.append(
            (_features(given.text, given.features, model, watched), given.features)
        )
    if given.mechanistic is not None:
        how = (
            model or {"model": model_of(given.model or "sentiment"), **hub}
        ) | watched
        lenses.append(
            (
                _mechanistic(given.text, given.mechanistic, beside, how),
                given.mechanistic,
            )
        )
    if len(lenses) < 2:
        raise InvalidInput(
            "a mixed game has two sections or three: [features], [mechanistic], [data]"
        )
    return lenses


def _asked(
    data: DataLens, section: _Data, hub: dict[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The model that the other lenses are of, None where the learner reads texts; and
    what they watch.
    """
    if data.model is not None:
        return {"model": data.model}, (
            {} if data.model.kind == "classifier" else {"target": section.label}
        )
    encoder = None if data.features is None else data.features.model
    return (
        None if encoder is None else {"model": encoder.name, "kind": "encoder", **hub}
    ), {}


def _features(
    text: str, section: _Features, model: dict[str, Any] | None, watched: dict[str, Any]
) -> FeatureLens | TextParts:
    if model is None:
        if section.replacement is not None or section.template != "{text}":
            raise InvalidInput(
                "[features]: a text that a learner reads as text has neutral, no"
                " replacement"
            )
        return TextParts(text, unit=section.unit, neutral=section.neutral or "")
    if section.neutral is not None and section.replacement != "neutral":
        raise InvalidInput("[features]: neutral goes with replacement = 'neutral'")
    return FeatureLens(
        text=text,
        unit=section.unit,
        replacement=section.replacement,
        template=section.template,
        neutral=section.neutral or "...",
        **model,
        **watched,
    )


def _mechanistic(
    text: str, section: _Mechanistic, beside: Path, how: dict[str, Any]
) -> MechanisticLens:
    named = (
        [section.components]
        if isinstance(section.components, str)
        else section.components
    )
    return MechanisticLens(
        inputs=text,
        components=[name.strip() for each in named for name in each.split(",")],
        layers=None if section.layers is None else layers_of(section.layers),
        ablation=section.ablation,
        reference=(
            None if section.reference is None else lines_of(beside / section.reference)
        ),
        counterfactual=section.counterfactual,
        rescale=section.rescale,
        **how,
    )


def _data(
    given: _Config, section: _Data, beside: Path, hub: dict[str, Any]
) -> DataLens:
    examples = Examples.read(
        beside / section.train, text=section.text_column, label=section.label_column
    )
    learner: Any
    encoder = section.encoder
    if section.learner == FINE_TUNING:
        learner = FineTuning(
            model_of(given.model or "sentiment"),
            train=section.tune,  # type: ignore[arg-type]
            epochs=section.epochs,
            learning_rate=section.learning_rate,
            **hub,
        )
    else:
        learner = learner_of(section.learner)
        encoder = encoder or given.model or "tf-idf"
    return DataLens(
        learner,
        examples,
        ([given.text], None if section.label is None else [section.label]),
        groups=section.groups,
        objective=section.objective,
        repeats=section.repeats,
        seed=given.seed,
        encoder=None if encoder is None else model_of(encoder),
    )


def _screened(
    lens: Game, section: _Section, ledger: Path | None, *, zoom: bool
) -> Game:
    """A lens with the candidates that its section asks for; all for a zoom unless it is
    said which.
    """
    asked = section.candidates
    if isinstance(lens, TextParts) and (
        isinstance(asked, int) or section.screening is not None
    ):
        raise InvalidInput(
            "[features]: words that a learner reads as text have no attribution: name"
            " them, or all"
        )
    if asked is None and (
        isinstance(lens, TextParts) or (zoom and section.screening is None)
    ):
        return lens
    asked = (
        CHOSEN
        if asked is None
        else candidates_of(asked)
        if isinstance(asked, str)
        else asked
    )
    return screen(lens, asked, by=section.screening, ledger=ledger)
