"""Pooling: how a sentence encoder is to be read, as the files beside it say."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar, cast, get_args

import torch
from transformers.utils.hub import cached_file

from spexlens.arguments import readable
from spexlens.errors import ModelError
from spexlens.files.json_text import path_of, read_json
from spexlens.files.text_file import bytes_of
from spexlens.models.quiet import one_line, quiet

Pooling = Literal[
    "mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"
]
"""How the embeddings of tokens become one, by the names of sentence-transformers."""

_OLD_MODES: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_WINDOW_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in (
        "bert",
        "roberta",
        "distilbert",
        "camembert",
        "albert",
        "xlm-roberta",
        "xlnet",
    )
)
_LONGEST = 16 << 20  # bytes of a file of settings
_SHOWN = 60  # characters of what a file says
_INERT = ("Transformer", "Pooling", "Normalize", "Dropout")


Value = TypeVar("Value", str, bool, int)


@dataclass(frozen=True)
class Sentence:
    """How an encoder is to be read.

    Attributes:
        pooling: of its tokens' embeddings.
        said: whether a file beside it says so; else it is the mean because most are.
        normalised: whether embeddings are scaled to length one.
        window: the most tokens it is to read, or None where no file says.
        lower: whether it is given texts in lower case.
        prompt: what stands before each text.
    """

    pooling: Pooling = "mean"
    said: bool = False
    normalised: bool = False
    window: int | None = None
    lower: bool = False
    prompt: str = ""


PLAIN = Sentence()
"""Of a model beside which no file says anything."""


def sentence_of(name: str, revision: str | None = None) -> Sentence:
    """What the files of sentence-transformers beside a model say; of every version of
    that library.

    Args:
        name: hub id or directory; "" for a model that was made in memory.
        revision: of the hub.

    Raises:
        ModelError: it embeds in a way that is not known, or a file is damaged.
    """
    modules = _list_of_objects(
        _settings(name, "modules.json", revision), "modules.json", name
    )
    for module in modules:
        for part in ("type", "path"):
            _typed(module, part, str, "modules.json", name)
    kinds = [(module.get("type") or "").rpartition(".")[2] for module in modules]
    paths = {
        kind: module.get("path") or ""
        for kind, module in zip(kinds, modules, strict=True)
    }
    strange = [kind for kind in kinds if kind not in _INERT]
    pooling_file = f"{_within(paths.get('Pooling', '1_Pooling'), name)}/config.json"
    pooling = _object(_settings(name, pooling_file, revision), pooling_file, name)
    modes = _modes(pooling, pooling_file, name)
    if strange or len(modes) > 1 or not set(modes) <= set(get_args(Pooling)):
        how = ", ".join([*modes, *strange])
        raise ModelError(
            f"{name!r} embeds with {how}; known is one pooling of"
            f" {', '.join(get_args(Pooling))}, and nothing behind it but scaling to"
            " length one"
        )
    prompt = _prompt(name, revision)
    if prompt and pooling is not None and pooling.get("include_prompt") is False:
        raise ModelError(
            f"{name!r} leaves its prompt {prompt!r} out of the pooling, which is not"
            " known here"
        )
    window, lower = _window(name, revision, _within(paths.get("Transformer", ""), name))
    return Sentence(
        pooling=cast(Pooling, modes[0]) if modes else "mean",
        said=bool(modes),
        normalised="Normalize" in kinds,
        window=window,
        lower=lower,
        prompt=prompt,
    )


def pooling_of(name: str, revision: str | None = None) -> Literal["mean", "cls"]:
    """How a sentence encoder pools its tokens, for code that knows the two common ways;
    see `sentence_of`.

    Raises:
        ModelError: it pools in another way, or as `sentence_of`.
    """
    pooling = sentence_of(name, revision).pooling
    if pooling not in ("mean", "cls"):
        raise ModelError(
            f"{name!r} pools by {pooling}, neither by the mean nor by its first token"
        )
    return pooling


def pooled(
    hidden: torch.Tensor, attention: torch.Tensor, pooling: Pooling
) -> torch.Tensor:
    """One embedding a row, of the tokens that are attended to: (m, L, d) and (m, L) ->
    (m, d).

    As sentence-transformers' `Pooling`; of rows that are padded on the right.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weight = attention.to(hidden.dtype)[..., None]
    if pooling == "lasttoken":
        last = attention.shape[1] - 1 - attention.flip(1).argmax(dim=1)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]
    if pooling == "max":
        return hidden.masked_fill(weight == 0, -torch.inf).max(dim=1).values
    if pooling == "weightedmean":
        weight = (
            weight * torch.arange(1, weight.shape[1] + 1, device=hidden.device)[:, None]
        )
    total = (hidden * weight).sum(dim=1)
    count = weight.sum(dim=1)
    return total / (count.sqrt() if pooling == "mean_sqrt_len_tokens" else count)


def _modes(pooling: dict[str, Any] | None, file: str, name: str) -> list[str]:
    """The ways of pooling that a configuration names."""
    if pooling is None:
        return []
    given = pooling.get("pooling_mode")
    if given is not None:
        modes = given if isinstance(given, list) else [given]
        if len(modes) > len(get_args(Pooling)) or not all(
            isinstance(each, str) for each in modes
        ):
            raise ModelError(
                f"{file} of {name!r} is damaged at pooling_mode: it is to be a word, or"
                " several"
            )
        return modes
    flags = [key for key in pooling if key.startswith("pooling_mode_")]
    for key in flags:
        _typed(pooling, key, bool, file, name)
    asked = [key for key in flags if pooling[key]]
    return [_OLD_MODES.get(key, key) for key in asked]


def _prompt(name: str, revision: str | None) -> str:
    """What is put before every text that nobody gave another prompt for."""
    file = "config_sentence_transformers.json"
    said = _object(_settings(name, file, revision), file, name) or {}
    default = _typed(said, "default_prompt_name", str, file, name)
    prompts = _object(said.get("prompts"), f"prompts in {file}", name) or {}
    if default is None:
        return ""
    return readable(
        _typed(prompts, default, str, file, name) or "", "the prompt beside the encoder"
    )


def _window(name: str, revision: str | None, folder: str) -> tuple[int | None, bool]:
    """The most tokens, and whether texts are made lower case."""
    within = f"{folder}/" if folder else ""
    for file in _WINDOW_FILES:
        said = _object(_settings(name, within + file, revision), within + file, name)
        if said is not None:
            longest = _typed(said, "max_seq_length", int, file, name)
            lower = _typed(said, "do_lower_case", bool, file, name)
            return (
                longest if longest is not None and longest > 0 else None
            ), lower is True
    return None, False


def _typed(
    settings: dict[str, Any], key: str, kind: type[Value], file: str, name: str
) -> Value | None:
    """A setting, None where it is not there.

    Raises:
        ModelError: it is something else than it should be.
    """
    value = settings.get(key)
    if value is None or (
        isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    ):
        return value
    what = {str: "a text", bool: "true or false", int: "a whole number"}[kind]
    raise ModelError(
        f"{file} of {name!r} is damaged at {path_of(key)}: it is to be {what}"
    )


def _within(folder: str, name: str) -> str:
    """A folder that a file names, which is to be one beside it.

    Raises:
        ModelError: it is elsewhere.
    """
    parts = PurePosixPath(folder).parts
    odd = "\0" in folder or folder != folder.encode("utf-8", "ignore").decode()
    if PurePosixPath(folder).is_absolute() or ".." in parts or odd:
        raise ModelError(
            f"modules.json of {name!r} is damaged: the path {folder[:_SHOWN]!r} leads"
            " elsewhere"
        )
    return folder


def _object(content: Any, file: str, name: str) -> dict[str, Any] | None:
    if content is None or isinstance(content, dict):
        return content
    raise ModelError(f"{file} of {name!r} is damaged: it holds no object")


def _list_of_objects(content: Any, file: str, name: str) -> list[dict[str, Any]]:
    rows = [] if content is None else content
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise ModelError(f"{file} of {name!r} is damaged: it holds no list of objects")


def _settings(name: str, file: str, revision: str | None) -> Any:
    """A JSON file that lies beside a model, or None."""
    if not name:
        return None  # a model made in memory comes from nowhere
    path: str | None = None
    if Path(name).is_dir():
        here = Path(name) / file
        path = str(here) if here.name in _names_in(here.parent) else None
    else:
        with quiet():
            path = cached_file(
                name,
                file,
                revision=revision,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
                _raise_exceptions_for_gated_repo=False,
            )
    if path is None:
        return None
    try:
        content = bytes_of(Path(path), _LONGEST)
        if content is None:
            raise ModelError(
                f"{file} of {name!r} is larger than {_LONGEST >> 20} MB: it is no"
                " settings file"
            )
        return read_json(content.decode("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{file} of {name!r} is damaged: {one_line(error)}") from error


def _names_in(folder: Path) -> set[str]:
    """The names of what is in a folder; none where there is no such folder."""
    try:
        return {entry.name for entry in folder.iterdir()}
    except OSError:
        return set()
