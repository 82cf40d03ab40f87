"""Groups: training examples that come and go together."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import in_python, named, shown
from spexlens.errors import InvalidInput
from spexlens.files import text_file
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.rows import is_missing

NEAR_DUPLICATES = "near-duplicates"
_ALIKE = 0.9  # cosine similarity
_NOISE = ("-1", "-1.0")
_EXACT = 2**53  # from here on floats are whole for want of digits


def groups_of(
    examples: Examples, groups: str | Sequence[Any] | NDArray[Any]
) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the groups, in order of appearance, and which one each example is
    in.

    Args:
        examples: the training examples.
        groups: "label", "near-duplicates" (clusters of texts or features whose cosine
            similarity reaches .9, from neighbour to neighbour), the name of a column,
            or one value an example. What is missing and -1, as a number or as the word
            of a table, are no group: so clusterings write noise.

    Returns:
        The names, and (N,) int64, -1 where an example is in none.

    Raises:
        InvalidInput: there is no such column, not one value an example, or a name that
            is not valid Unicode.
    """
    if isinstance(groups, str) and groups == NEAR_DUPLICATES:
        return _near_duplicates(examples)
    values = list(_column(examples, groups))
    if len(values) != len(examples):
        raise InvalidInput(
            f"{named('groups')} has {len(values)} values; there are {len(examples)}"
            " examples"
        )
    members = {
        row: value for row, value in enumerate(values) if not _is_no_group(value)
    }
    if not members:
        raise InvalidInput("no example is in any group")
    names = _names(members)
    worded = isinstance(next(iter(members.values())), str)
    prefix = "" if worded else "group "
    if isinstance(groups, str):
        prefix = f"{groups} "
    places = {name: place for place, name in enumerate(dict.fromkeys(names.values()))}
    owner = [places[names[row]] if row in names else -1 for row in range(len(values))]
    return [f"{prefix}{name}" for name in places], np.array(owner, dtype=np.int64)


def _is_no_group(value: Any) -> bool:
    if is_missing(value):
        return True
    return value.strip() in _NOISE if isinstance(value, str) else bool(value == -1)


def _names(members: dict[int, Any]) -> dict[int, str]:
    """The name of each row's group: one for equal numbers, such as 2 and 2.0, and one
    for equal words.
    """
    names = {}
    numbers = all(
        isinstance(value, Real) and not isinstance(value, bool)
        for value in members.values()
    )
    for row, value in members.items():
        whole = numbers and value == value // 1 and abs(value) < _EXACT
        names[row] = str(int(value) if whole else value)
        half = text_file.half_character(names[row])
        if half is not None:
            raise InvalidInput(
                f"row {row}: the group's name is not valid Unicode: {half}"
            )
    return names


def _column(
    examples: Examples, groups: str | Sequence[Any] | NDArray[Any]
) -> Sequence[Any]:
    if not isinstance(groups, str):
        return np.asarray(groups).tolist() if isinstance(groups, np.ndarray) else groups
    if groups in examples.columns:
        return examples.columns[groups]
    if groups == "label" and examples.labels is not None:
        return list(examples.labels.tolist())
    known = ", ".join(["label", NEAR_DUPLICATES, *examples.columns])
    raise InvalidInput(
        f"no groups {shown(groups)}: give {in_python('one value an example, or ')}one"
        f" of {known}"
    )


def _near_duplicates(examples: Examples) -> tuple[list[str], NDArray[np.int64]]:
    """Connected components of what is alike, each a group, also of one."""
    from scipy.sparse.csgraph import connected_components
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import radius_neighbors_graph

    if examples.textual:
        features = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5)
        ).fit_transform(examples.inputs)
    else:
        features = examples.inputs.reshape(len(examples), -1)
    near = radius_neighbors_graph(
        features, 1.0 - _ALIKE, metric="cosine", include_self=True
    )
    _, owner = connected_components(near, directed=False)
    firsts = [
        int(np.flatnonzero(owner == group)[0]) for group in range(int(owner.max()) + 1)
    ]
    sizes = np.bincount(owner)
    names = [
        f"#{first}" + (f" and {size - 1} like it" if size > 1 else "")
        for first, size in zip(firsts, sizes, strict=True)
    ]
    return names, owner.astype(np.int64)


def clusters_of(
    features: NDArray[np.float64], labels: NDArray[Any] | None
) -> list[tuple[Any, int]]:
    """Which cluster of like examples each is in, about √n in all, none of two labels:
    (n, d) -> n keys.

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
            found = AgglomerativeClustering(n_clusters=count).fit_predict(
                features[members]
            )
        for member, cluster in zip(members.tolist(), found.tolist(), strict=True):
            keys[member] = (label, cluster)
    return keys
