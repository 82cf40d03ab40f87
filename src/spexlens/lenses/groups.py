"""Groups: training examples that come and go together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.examples import Examples, is_missing

NEAR_DUPLICATES = "near-duplicates"
_ALIKE = 0.9  # cosine similarity


def groups_of(
    examples: Examples, groups: str | Sequence[Any] | NDArray[Any]
) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the groups, in order of appearance, and which one each example is in.

    Args:
        examples: the training examples.
        groups: "label", "near-duplicates" (clusters of texts or features whose cosine similarity reaches
            .9, from neighbour to neighbour), the name of a column, or one value an example; None, "" and
            -1 are no group.

    Returns:
        The names, and (N,) int64, -1 where an example is in none.

    Raises:
        InvalidInput: there is no such column, or not one value an example.
    """
    if isinstance(groups, str) and groups == NEAR_DUPLICATES:
        return _near_duplicates(examples)
    values = list(_column(examples, groups))
    if len(values) != len(examples):
        raise InvalidInput(f"groups has {len(values)} values; there are {len(examples)} examples")
    alone = [is_missing(value) or value == -1 for value in values]
    names = list(dict.fromkeys(value for value, out in zip(values, alone, strict=True) if not out))
    if not names:
        raise InvalidInput("no example is in any group")
    places = {name: place for place, name in enumerate(names)}
    owner = [-1 if out else places[value] for value, out in zip(values, alone, strict=True)]
    prefix = f"{groups} " if isinstance(groups, str) else "group " if not isinstance(names[0], str) else ""
    return [f"{prefix}{name}" for name in names], np.array(owner, dtype=np.int64)


def _column(examples: Examples, groups: str | Sequence[Any] | NDArray[Any]) -> Sequence[Any]:
    if not isinstance(groups, str):
        return np.asarray(groups).tolist() if isinstance(groups, np.ndarray) else groups
    if groups in examples.columns:
        return examples.columns[groups]
    if groups == "label" and examples.labels is not None:
        return list(examples.labels.tolist())
    known = ", ".join(["label", NEAR_DUPLICATES, *examples.columns])
    raise InvalidInput(f"no groups {groups!r}: give one value an example, or one of {known}")


def _near_duplicates(examples: Examples) -> tuple[list[str], NDArray[np.int64]]:
    """Connected components of what is alike, each a group, also of one."""
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import radius_neighbors_graph

    if examples.textual:
        features = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit_transform(examples.inputs)
    else:
        features = examples.inputs.reshape(len(examples), -1)
    near = radius_neighbors_graph(features, 1.0 - _ALIKE, metric="cosine", include_self=True)
    _, owner = connected_components(near, directed=False)
    firsts = [int(np.flatnonzero(owner == group)[0]) for group in range(int(owner.max()) + 1)]
    sizes = np.bincount(owner)
    names = [
        f"#{first}" + (f" and {size - 1} like it" if size > 1 else "")
        for first, size in zip(firsts, sizes, strict=True)
    ]
    return names, owner.astype(np.int64)


def clusters_of(features: NDArray[np.float64], labels: NDArray[Any] | None) -> list[tuple[Any, int]]:
    """Which cluster of like examples each is in, about √n in all, none of two labels: (n, d) -> n keys.

    Ward's hierarchical clustering.
    """
    from sklearn.cluster import AgglomerativeClustering

    keys: list[tuple[Any, int]] = [("", 0)] * len(features)
    classes = np.zeros(len(features)) if labels is None else labels
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        count = max(1, round(len(members) / np.sqrt(len(features))))
        found = np.zeros(len(members), np.int64)
        if count > 1:
            found = AgglomerativeClustering(n_clusters=count).fit_predict(features[members])
        for member, cluster in zip(members.tolist(), found.tolist(), strict=True):
            keys[member] = (label, cluster)
    return keys
