"""Sentence encoders: how one is to be read, as the files beside it say."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar, cast, get_args

from transformers.utils.hub import cached_file

from spexlens.arguments import readable
from spexlens.errors import InvalidInput, ModelError
from spexlens.files.json_text import path_of, read_json
from spexlens.files.text_file import bytes_of
from spexlens.models.pooling import Pooling
from spexlens.models.quiet import one_line, quiet

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
# Modules that are known here; dropout does nothing outside of training.
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

    def prompted(self, text: str) -> str:
        """A text behind the encoder's own prompt, in lower case if it reads that.

        Raises:
            InvalidInput: a letter whose lower case is longer, so that places in the
                text would not fit.
        """
        whole = self.prompt + text
        if not self.lower:
            return whole
        lowered = whole.lower()
        if len(lowered) != len(whole):
            raise InvalidInput(
                "the model reads lower case, and a letter of the text has none of one"
                " character"
            )
        return lowered


PLAIN = Sentence()
"""Of a model beside which no file says anything."""


def sentence_of(name: str, revision: str | None = None) -> Sentence:
    """What the files of sentence-transformers beside a model say.

    Those of every version of that library are read.

    Args:
        name: hub id or directory; "" for a model that was made in memory.
        revision: of the hub.

    Raises:
        ModelError: it embeds in a way that is not known, or a file is damaged.
    """
    modules = _modules(name, revision)
    kinds = [kind for kind, _ in modules]
    paths = dict(modules)
    pooling_file = f"{_within(paths.get('Pooling', '1_Pooling'), name)}/config.json"
    pooling = _object(_settings(name, pooling_file, revision), pooling_file, name)
    modes = _modes(pooling, pooling_file, name)
    strange = [kind for kind in kinds if kind not in _INERT]
    if strange or len(modes) > 1 or not set(modes) <= set(get_args(Pooling)):
        how = ", ".join([*modes, *strange])
        raise ModelError(
            f"{name!r} embeds with {how}; known is one pooling of"
            f" {', '.join(get_args(Pooling))}, and nothing behind it but scaling to"
            " length one"
        )
    prompt = _prompt(name, revision)
    # A pooling that includes the prompt is the default, and what is computed here.
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


def _modules(name: str, revision: str | None) -> list[tuple[str, str]]:
    """The kind of each of an encoder's modules, and the folder of its settings."""
    file = "modules.json"
    modules = []
    for module in _list_of_objects(_settings(name, file, revision), file, name):
        kind = _typed(module, "type", str, file, name) or ""
        folder = _typed(module, "path", str, file, name) or ""
        modules.append((kind.rpartition(".")[2], folder))
    return modules


def pooling_of(name: str, revision: str | None = None) -> Literal["mean", "cls"]:
    """How a sentence encoder pools its tokens, where it is one of the two common ways.

    See `sentence_of` for the others.

    Raises:
        ModelError: it pools in another way, or as `sentence_of`.
    """
    pooling = sentence_of(name, revision).pooling
    if pooling not in ("mean", "cls"):
        raise ModelError(
            f"{name!r} pools by {pooling}, neither by the mean nor by its first token"
        )
    return pooling


def _modes(pooling: dict[str, Any] | None, file: str, name: str) -> list[str]:
    """The ways of pooling that a configuration names."""
    if pooling is None:
        return []
    named = pooling.get("pooling_mode")
    if named is None:
        return _old_modes(pooling, file, name)
    modes = named if isinstance(named, list) else [named]
    words = all(isinstance(mode, str) for mode in modes)
    if not words or len(modes) > len(get_args(Pooling)):
        raise ModelError(
            f"{file} of {name!r} is damaged at pooling_mode: it is to be a word, or"
            " several"
        )
    return modes


def _old_modes(pooling: dict[str, Any], file: str, name: str) -> list[str]:
    """The same, of versions that have a flag for each."""
    flags = [key for key in pooling if key.startswith("pooling_mode_")]
    for flag in flags:
        _typed(pooling, flag, bool, file, name)
    return [_OLD_MODES.get(flag, flag) for flag in flags if pooling[flag]]


def _prompt(name: str, revision: str | None) -> str:
    """What is put before every text that nobody gave another prompt for."""
    file = "config_sentence_transformers.json"
    settings = _object(_settings(name, file, revision), file, name) or {}
    default = _typed(settings, "default_prompt_name", str, file, name)
    prompts = _object(settings.get("prompts"), f"prompts in {file}", name) or {}
    if default is None:
        return ""
    prompt = _typed(prompts, default, str, file, name) or ""
    return readable(prompt, "the prompt beside the encoder")


def _window(name: str, revision: str | None, folder: str) -> tuple[int | None, bool]:
    """The most tokens, and whether texts are made lower case."""
    within = f"{folder}/" if folder else ""
    for file in _WINDOW_FILES:
        path = within + file
        settings = _object(_settings(name, path, revision), path, name)
        if settings is None:
            continue
        longest = _typed(settings, "max_seq_length", int, file, name)
        lower = _typed(settings, "do_lower_case", bool, file, name) is True
        if longest is not None and longest <= 0:  # written where there is none
            longest = None
        return longest, lower
    return None, False


def _typed(
    settings: dict[str, Any], key: str, kind: type[Value], file: str, name: str
) -> Value | None:
    """A setting, None where it is not there.

    Raises:
        ModelError: it is something else than it should be.
    """
    value = settings.get(key)
    # True is an int to Python, but no number to whoever writes a file.
    same_kind = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    if value is None or same_kind:
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
    path = PurePosixPath(folder)
    odd = "\0" in folder or folder != folder.encode("utf-8", "ignore").decode()
    if path.is_absolute() or ".." in path.parts or odd:
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
    path = _path_of(name, file, revision)
    if path is None:
        return None
    try:
        content = bytes_of(path, _LONGEST)
        if content is None:
            raise ModelError(
                f"{file} of {name!r} is larger than {_LONGEST >> 20} MB: it is no"
                " settings file"
            )
        return read_json(content.decode("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{file} of {name!r} is damaged: {one_line(error)}") from error


def _path_of(name: str, file: str, revision: str | None) -> Path | None:
    """Where a file that lies beside a model is on this machine, or None."""
    if not name:
        return None  # a model made in memory comes from nowhere
    if Path(name).is_dir():
        path = Path(name) / file
        return path if path.name in _names_in(path.parent) else None
    with quiet():
        cached = cached_file(
            name,
            file,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
        )
    return None if cached is None else Path(cached)


def _names_in(folder: Path) -> set[str]:
    """The names of what is in a folder; none where there is no such folder."""
    try:
        return {entry.name for entry in folder.iterdir()}
    except OSError:
        return set()
