"""Unused: an option that would have no effect is refused, in a line that says what it
goes with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from spexlens.cli.data import FINE_TUNING
from spexlens.cli.usage import option_of
from spexlens.errors import InvalidInput
from spexlens.models.bundled import BUNDLED

Given = Mapping[str, Any]
"""What a command was given, defaults included, by the names of its parameters."""


@dataclass(frozen=True)
class Need:
    """Options that have an effect only beside others.

    Attributes:
        names: of the parameters.
        met: whether what is given lets them have an effect.
        said: what they go with, behind the option's name.
    """

    names: tuple[str, ...]
    met: Callable[[Given], bool]
    said: str


def _on_hub(given: Given) -> bool:
    return given["model"] not in BUNDLED and not Path(given["model"]).is_dir()


def _neutral(given: Given) -> bool:
    return given["replacement"] == "neutral" or "neutral" in (
        given.get("against") or ()
    )


def _counted(candidates: str | None) -> bool:
    """Whether candidates are a number of them, so that there is something to choose."""
    return candidates in (None, "auto") or (
        candidates.isascii() and candidates.isdigit()
    )


def _listed(given: Given) -> bool:
    """Whether show lists something, instead of a page."""
    return _tabled(given) or _found(given) or given["follow_up"]


def _tabled(given: Given) -> bool:
    return given["index"] is not None or given["across"]


def _found(given: Given) -> bool:
    return any(
        given[name] is not None for name in ("best_subset", "sufficient", "necessary")
    )


def _of_text(given: Given) -> bool:
    return given["candidates"] is None


def _guards(given: Given) -> bool:
    named = {
        part.strip() for each in given["fail_on"] or () for part in each.split(",")
    }
    return "checks" not in named or given.get("checks") != 0


_NEUTRAL = Need(
    ("neutral",), _neutral, "goes with --replacement neutral, or --against neutral"
)
_REVISION = Need(
    ("revision",), _on_hub, "is of a model on the hub; this --model is on this machine"
)
_SCREENING = Need(
    ("screening",),
    lambda given: _counted(given["candidates"]),
    "chooses a number of candidates: give --candidates a number, or leave it out",
)
_LEVELS = Need(
    ("until_stable",),
    lambda given: not given["zoom"],
    "goes without --zoom, whose levels share out the budget",
)
_PAGE = Need(
    ("verbose",),
    lambda given: not given["as_json"],
    "is of the page, which --json is instead of",
)
_CHECKS = Need(
    ("fail_on",),
    _guards,
    "checks goes without --checks 0, which leaves nothing to fail",
)
_OF_TEXT = (
    *(
        "file",
        "model",
        "target",
        "foil",
        "unit",
        "objective",
        "replacement",
        "neutral",
        "template",
        "chat",
    ),
    *(
        "windows",
        "asked",
        "screening",
        "ledger",
        "revision",
        "device",
        "batch_size",
        "trust_remote_code",
    ),
)

_MAY_BE_EMPTY = ("text", "neutral", "foil", "counterfactual")

NEEDS: dict[str, tuple[Need, ...]] = {
    "features": (_NEUTRAL, _REVISION, _SCREENING, _LEVELS, _CHECKS, _PAGE),
    "mechanistic": (_REVISION, _SCREENING, _LEVELS, _CHECKS, _PAGE),
    "data": (
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
            lambda given: given["learner"] == FINE_TUNING,
            f"goes with --learner {FINE_TUNING}",
        ),
        _REVISION,
        Need(
            ("encoder",),
            lambda given: given["learner"] != FINE_TUNING,
            f"makes features: --learner {FINE_TUNING} reads texts, and has no use for"
            " --encoder",
        ),
        Need(
            ("others",),
            lambda given: given["candidates"] != "all" or given["groups"] is not None,
            "goes with --candidates of a number or a list: of all there are no others",
        ),
        _SCREENING,
        _LEVELS,
        Need(
            ("held_out",),
            lambda given: not given["zoom"],
            "goes without --zoom, whose last level decides it",
        ),
        _CHECKS,
        _PAGE,
    ),
    "mixed": (_LEVELS, _CHECKS, _PAGE),
    "batch": (
        Need(
            ("unit", "replacement", "neutral", "template", "chat", "windows"),
            lambda given: given["lens"] != "mechanistic",
            "goes with --lens features",
        ),
        Need(
            ("components", "layers", "ablation", "reference", "rescale"),
            lambda given: given["lens"] != "features",
            "goes with --lens mechanistic",
        ),
        _NEUTRAL,
        _REVISION,
        _SCREENING,
        Need(("scale",), lambda given: False, "is of one explanation: give it to show"),
        _CHECKS,
    ),
    "plan": (
        Need(_OF_TEXT, _of_text, "is of a text: leave out -n, or leave this out"),
        _NEUTRAL,
        _REVISION,
        Need(
            ("screening",),
            lambda given: _counted(given["asked"]),
            "chooses a number of candidates: give --candidates a number, or leave"
            " it out",
        ),
    ),
    "show": (
        Need(
            ("verbose",),
            lambda given: not (given["as_json"] or _listed(given)),
            "is of the page, which is not shown: leave out --json, and what is listed",
        ),
        Need(("order",), _tabled, "is that of an index: give --index too"),
        Need(
            ("time_limit",),
            _found,
            "is that of a search: give --best-subset, --sufficient or --necessary too",
        ),
        Need(
            ("top",),
            lambda given: _tabled(given) or not (_listed(given) or given["as_json"]),
            "is the rows of a table: give --index too",
        ),
        Need(
            ("output",),
            lambda given: _listed(given) or not given["as_json"],
            "chooses what is listed; without --index or another listing --json is the"
            " whole file",
        ),
        Need(
            ("expectations",),
            lambda given: bool(given["fail_on"]) or not _listed(given),
            "is compared on the page, which is not shown: give --fail-on too, or leave"
            " out what is listed",
        ),
        Need(
            ("scale",),
            lambda given: _tabled(given) or not _listed(given),
            "is of effects: give --index too; sets and follow-ups have none",
        ),
    ),
}
"""Of each command, which options have no effect without others. All others always have
one, or are refused by the library where they have none: `tests/test_unused.py` goes
through every option of every command."""


def refuse_unused(context: typer.Context) -> None:
    """InvalidInput for an option on the command line that would have no effect."""
    given = context.params
    written = {param.name: option_of(param) for param in context.command.params}
    for name, value in given.items():
        if value == "" and name not in _MAY_BE_EMPTY:
            raise InvalidInput(
                f"{written[name]} is empty: say what is meant, or leave it out"
            )
    for need in NEEDS.get(context.info_name or "", ()):
        for name in need.names:
            source = context.get_parameter_source(name)
            if (
                source is not None
                and source.name == "COMMANDLINE"
                and not need.met(given)
            ):
                raise InvalidInput(f"{written[name]} {need.said}")
