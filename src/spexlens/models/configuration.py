"""Configuration: a model's sizes, looked at before anything of these sizes is made."""

from collections.abc import Iterator
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from spexlens.errors import ModelError

_MOST = {"layer": 10_000, "label": 1_000_000, "head": 1_000_000, "expert": 1_000_000}
"""Of each thing that there is a number of, more than any model has.

By a part of the setting's name.
"""

_SIZES = (
    "size",
    "dim",
    "position",
    "width",
    "d_model",
    "d_ff",
    "n_embd",
    "n_ctx",
    "n_inner",
    "hidden",
)
_LARGEST = 50_000_000  # of a vocabulary, a window or a width
_DEEPEST = 8  # settings in settings


def configuration_of(name: str, hub: dict[str, Any]) -> PretrainedConfig:
    """What `AutoConfig` reads, of a model whose sizes are none that no model has.

    A damaged file could else ask for more memory than there is.

    Args:
        name: hub id or local directory.
        hub: `revision` and `trust_remote_code`.

    Raises:
        ModelError: one line that names the setting that is larger.
        Exception: whatever transformers raises of a file that it cannot read.
    """
    settings, _ = PretrainedConfig.get_config_dict(name, **hub)
    for setting, number in _numbers("", settings):
        most = _most(setting.rpartition(".")[2].lower())
        if most is not None and number > most:
            raise ModelError(
                f"config.json of {name!r} is damaged at {setting}: no model has"
                f" {_written(number)}"
            )
    config: PretrainedConfig = AutoConfig.from_pretrained(name, **hub)
    return config


def _numbers(place: str, settings: Any) -> Iterator[tuple[str, int | float]]:
    """All numbers in the settings, with their names: (name, number).

    Those of settings in settings have names such as "text_config.hidden_size".
    """
    if not isinstance(settings, dict):
        return
    for name, value in settings.items():
        called = f"{place}.{name}" if place else str(name)
        if isinstance(value, dict) and place.count(".") < _DEEPEST:
            yield from _numbers(called, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield called, value


def _most(setting: str) -> int | None:
    """The most that a setting may be; None of one that is no size."""
    for part, most in _MOST.items():
        # `label_id` is a token, and may be as large as the vocabulary.
        if part in setting and "id" not in setting.split("_"):
            return most
    if any(part in setting for part in _SIZES):
        return _LARGEST
    return None


def _written(number: float) -> str:
    """Short, however long it is."""
    if abs(number) < 1e15:
        return str(number)
    # A float holds no more.
    if number >= 1e300:
        return "so many"
    return f"{float(number):.0e}"
