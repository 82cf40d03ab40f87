"""Spelling: what Python's arguments are called at the command line, and in the file of
a mixed game.
"""

from typing import Any

import typer

from spexlens.arguments import Speller
from spexlens.cli.usage import option_of

_OPTIONS = {
    "inputs": "text",
    "mean": "each",
    "by": "screening",
    "until": "until_stable",
    "keep": "best_subset",
}
"""Arguments that an option of another name gives."""

_SETTINGS = {
    "features": ("unit", "replacement", "neutral", "template"),
    "mechanistic": (
        "components",
        "layers",
        "ablation",
        "reference",
        "counterfactual",
        "rescale",
    ),
    "data": (
        "encoder",
        "groups",
        "repeats",
        "epochs",
        "learning_rate",
        "learner",
        "label",
        "text_column",
        "label_column",
    ),
}
"""Those of each section of the file of a mixed game."""

_TOP = (
    "target",
    "foil",
    "objective",
    "budget",
    "trainings",
    "method",
    "seed",
    "text",
    "model",
)


def options_of(context: typer.Context) -> Speller:
    """How arguments are written on this command's line, or in the file that it reads."""
    known = {
        param.name: option_of(param) for param in context.command.params if param.name
    }
    if "asked" in known:  # plan's, whose candidates are a number
        known["candidates"] = known["asked"]
    sections = _sections() if context.info_name == "mixed" else {}

    def spell(name: str, value: Any) -> str | None:
        option = known.get(_OPTIONS.get(name, name))
        if option is not None:
            switch = value is None or value is True or name == "until"
            return option if switch else f"{option} {value}"
        if name not in sections:
            return None
        setting = name if value is None else f"{name} = {value!r}"
        return f"{setting}{sections[name]}"

    return spell


def _sections() -> dict[str, str]:
    """The settings of a mixed game's file, and in which of its sections they are."""
    found = dict.fromkeys(_TOP, "")
    for section, names in _SETTINGS.items():
        found |= dict.fromkeys(names, f" in [{section}]")
    return found | {"train": " (tune) in [data]"}
