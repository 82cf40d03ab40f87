"""Encoders: features of texts, made once and frozen."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import FileError, InvalidInput, MissingExtra

if TYPE_CHECKING:
    from spexlens.models.huggingface import HuggingFaceModel

_WORDS = 20_000
_ROWS = 64


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


def encoded(train: NDArray[Any], tests: NDArray[Any], encoder: str, cache: Path | None) -> Features:
    """Features of texts.

    Args:
        train, tests: texts.
        encoder: "tf-idf" (of words and pairs of words, on the training texts, the 20,000 most frequent), or
            the hub id or directory of an encoder, whose pooled embeddings are scaled to length one if it
            says so. A text longer than its window is read up to there, and the facts say how many are.
        cache: a folder where an encoder's features are kept as safetensors, named by a hash of the model
            and the texts; None keeps them in memory.

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
    facts = {"encoder": encoder, "truncated": 0, "encoded": len(texts)}
    path = None if cache is None else cache / f"features-{_name(model.fingerprint, texts)}.safetensors"
    found = None if path is None else _read(path, len(texts))
    if found is None:
        found = _embedded(model, texts)
        if path is not None:
            _write(path, *found)
    features, longer = found
    return Features(
        features[: len(train)],
        features[len(train) :],
        facts | {"truncated": longer},
        lambda others: _embedded(model, others.tolist())[0],
        model,
    )


def _tf_idf(train: NDArray[Any], tests: NDArray[Any]) -> Features:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), max_features=_WORDS).fit(train)
    except ValueError as error:
        raise InvalidInput(f"tf-idf finds no word in the training texts: {error}") from error

    def encode(texts: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(vectorizer.transform(texts).toarray(), dtype=np.float64)

    return Features(encode(train), encode(tests), {"encoder": "tf-idf", "truncated": 0}, encode)


def _embedded(model: Any, texts: list[str]) -> tuple[NDArray[np.float64], int]:
    """(N, d) float64, the embeddings, and how many texts were longer than the window."""
    import torch

    from spexlens.models.huggingface import pooling_of
    from spexlens.models.objectives import embed

    pooling, window = pooling_of(model.name), model.window
    rows = [model.tokenizer(text, truncation=False, verbose=False)["input_ids"] for text in texts]
    longer = sum(len(row) > window for row in rows) if window else 0
    order = np.argsort([-min(len(row), window or len(row)) for row in rows], kind="stable")
    parts = []
    with torch.inference_mode(), model.explained():
        for first in range(0, len(order), _ROWS):
            chosen = [texts[row] for row in order[first : first + _ROWS]]
            batch = model.tokenizer(
                chosen, truncation=window is not None, max_length=window, padding=True, return_tensors="pt"
            )
            inputs = {name: batch[name].to(model.device) for name in ("input_ids", "attention_mask")}
            parts.append(embed(model, inputs, pooling).cpu().numpy())
    features = np.empty((len(texts), parts[0].shape[1]))
    features[order] = np.concatenate(parts)
    return scaled(model, features), longer


def scaled(model: "HuggingFaceModel", features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Embeddings (N, d), to length one where the encoder says so."""
    from spexlens.models.huggingface import normalises

    if not normalises(model.name, model.revision):
        return features
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))


def _name(model: str, texts: list[str]) -> str:
    said = json.dumps(["features 1", model, texts]).encode()
    return hashlib.sha256(said).hexdigest()[:32]


def _read(path: Path, rows: int) -> tuple[NDArray[np.float64], int] | None:
    """What was kept, or None where nothing was."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.exists():
        return None
    try:
        kept = load_file(path)
        features, longer = kept["features"], int(kept["longer"][0])
    except (SafetensorError, KeyError, OSError) as error:
        raise FileError(f"{path} is no file of features; delete it: {error}") from error
    if features.ndim != 2 or len(features) != rows or not np.isfinite(features).all():
        raise FileError(f"{path} is damaged; delete it")
    return features.astype(np.float64), longer


def _write(path: Path, features: NDArray[np.float64], longer: int) -> None:
    """Whole or not at all."""
    from safetensors.numpy import save_file

    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"features": features, "longer": np.array([longer])}, beside)
        beside.replace(path)
    except OSError as error:
        raise FileError(f"cannot keep features in {path.parent}: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
