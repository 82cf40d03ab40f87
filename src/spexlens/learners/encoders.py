"""Encoders: features of texts, made once and frozen."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import FileError, InvalidInput, MissingExtra
from spexlens.files.whole_file import written_whole
from spexlens.models.rows import TOGETHER, Together

if TYPE_CHECKING:
    from spexlens.models.model import HuggingFaceModel

_WORDS = 20_000
_ROWS = 64  # texts a forward pass
_FORMAT = "features 2"  # of what is kept; another number where other features are made


@dataclass(frozen=True)
class Features:
    """What an encoder made of the training texts and of the test texts.

    Attributes:
        train, tests: (N, d) and (t, d) float64.
        facts: what a result should say of them.
        encode: makes the same of other texts, (t,) -> (t, d).
        model: the encoder, unless it is tf-idf.
    """

    train: NDArray[np.float64]
    tests: NDArray[np.float64]
    facts: dict[str, Any]
    encode: Callable[[NDArray[Any]], NDArray[np.float64]]
    model: "HuggingFaceModel | None" = None


def encoded(
    train: NDArray[Any], tests: NDArray[Any], encoder: str, cache: Path | None
) -> Features:
    """Features of texts.

    Args:
        train, tests: texts.
        encoder: "tf-idf" (of words and pairs of words, on the training texts, the
            20,000 most frequent), or the hub id or directory of an encoder, whose
            pooled embeddings are scaled to length one if it says so. A text longer than
            its window is read up to there, and the facts say how many are.
        cache: a folder where an encoder's features are kept as safetensors, named by a
            hash of the model and the texts; None keeps them in memory.

    Raises:
        ModelError, MissingExtra: the encoder cannot be loaded.
        FileError: the folder cannot be written, or holds a damaged file.
    """
    if encoder == "tf-idf":
        return _tf_idf(train, tests)
    try:
        import safetensors.numpy  # noqa: F401
    except ImportError as error:
        raise MissingExtra("safetensors", "hf") from error

    from spexlens.models.huggingface import load

    model = load(encoder, kind="encoder")
    texts = [*train.tolist(), *tests.tolist()]
    embeddings = embedded(model, texts) if cache is None else _kept(model, texts, cache)

    facts = {
        "encoder": encoder,
        "truncated": embeddings.longer,
        "encoded": len(texts),
        "encoded_rows": embeddings.together,
    }

    def encode(others: NDArray[Any]) -> NDArray[np.float64]:
        return embedded(model, others.tolist()).features

    features = embeddings.features
    return Features(
        features[: len(train)], features[len(train) :], facts, encode, model
    )


def _kept(model: "HuggingFaceModel", texts: list[str], cache: Path) -> "Embedded":
    """The embeddings of texts from a folder, where they are written if it lacks them."""
    path = cache / f"features-{_name(model, texts)}.safetensors"
    embeddings = _read(path, len(texts))
    if embeddings is None:
        embeddings = embedded(model, texts)
        _write(path, embeddings)
    return embeddings


def _tf_idf(train: NDArray[Any], tests: NDArray[Any]) -> Features:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), max_features=_WORDS)
    try:
        vectorizer.fit(train)
    except ValueError as error:
        raise InvalidInput(
            f"tf-idf finds no word in the training texts: {error}"
        ) from error

    def encode(texts: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(vectorizer.transform(texts).toarray(), dtype=np.float64)

    facts = {"encoder": "tf-idf", "truncated": 0}
    return Features(encode(train), encode(tests), facts, encode)


@dataclass(frozen=True)
class Embedded:
    """Embeddings of texts.

    Attributes:
        features: (N, d) float64.
        longer: how many texts were longer than the window, and read up to there.
        together: which texts shared a forward pass; see `models.rows`.
    """

    features: NDArray[np.float64]
    longer: int
    together: Together


def embedded(model: "HuggingFaceModel", texts: list[str]) -> Embedded:
    """The embeddings of texts, each as if it were read alone."""
    import torch

    from spexlens.models.objectives.similarity import embed
    from spexlens.models.rows import answered, probes, together_as
    from spexlens.models.tokens import as_far_as_it_goes, batch_of

    rows = []
    cut = 0
    for text in texts:
        row, longer = as_far_as_it_goes(model, text)
        rows.append(row)
        cut += longer

    lengths = np.array([len(row.ids) for row in rows], np.int64)

    def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        with torch.inference_mode():
            batch = batch_of(model, [rows[row] for row in chosen.tolist()])
            embeddings = embed(model, batch, model.sentence.pooling)
            return np.asarray(embeddings.cpu().numpy(), np.float64)

    # a few are enough to see whether texts that share a pass change one another
    few = probes(lengths)

    def ask_few(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        return ask(few[chosen])

    with model.explained():
        together, _ = together_as(ask_few, lengths[few], model.rounding)
        features = answered(ask, lengths, together, lambda *_: _ROWS)
    return Embedded(scaled(model, features), cut, together)


def scaled(
    model: "HuggingFaceModel", features: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Embeddings (N, d), to length one where the encoder says so."""
    if not model.sentence.normalised:
        return features
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12))


def _name(model: "HuggingFaceModel", texts: list[str]) -> str:
    """Of everything that decides the features."""
    from spexlens.models.fingerprint import fingerprint_of

    content = json.dumps([_FORMAT, fingerprint_of(model), texts])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _read(path: Path, rows: int) -> Embedded | None:
    """What was kept, or None where nothing was."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from spexlens.models.quiet import one_line

    if not path.exists():
        return None
    try:
        content = load_file(path)
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise FileError(
            f"{path} is no file of features; delete it: {one_line(error)}"
        ) from error

    def damaged(name: str, why: str) -> FileError:
        return FileError(f"{path} is damaged at {name}; delete it: {why}")

    features = content.get("features")
    longer = content.get("longer")
    together = content.get("together")
    if features is None or features.dtype.kind != "f" or features.ndim != 2:
        raise damaged("features", f"they are to be {rows} rows of numbers")
    if len(features) != rows:
        raise damaged("features", f"they are to be {rows} rows of numbers")

    if not np.isfinite(features).all():
        raise damaged("features", "one is no finite number")

    if not _is_number(longer) or not 0 <= int(longer[0]) <= rows:
        raise damaged("longer", f"it is to be a count of up to {rows}")

    if not _is_number(together) or not 0 <= int(together[0]) < len(TOGETHER):
        raise damaged("together", f"it is to be one of {len(TOGETHER)}")

    way = TOGETHER[int(together[0])]
    return Embedded(features.astype(np.float64), int(longer[0]), way)


def _is_number(array: NDArray[Any] | None) -> TypeGuard[NDArray[np.int64]]:
    return array is not None and array.shape == (1,) and array.dtype.kind in "iu"


def _write(path: Path, embeddings: Embedded) -> None:
    """Whole or not at all."""
    from safetensors.numpy import save_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "features": embeddings.features,
            "longer": np.array([embeddings.longer]),
            "together": np.array([TOGETHER.index(embeddings.together)]),
        }
        with written_whole(path) as part:
            save_file(content, part)
    except OSError as error:
        raise FileError(f"cannot keep features in {path.parent}: {error}") from error
