"""Names: what candidates are called, so that no two are called alike.

Of candidates with one label, such as a word that a text has twice, each is named with
its number: `owl¹` and `owl²`, in their order. All others are named by their label.
Where that would make two names alike, because a label ends in such a number itself, the
number is written `owl#1`, as it may be typed anyway.
"""

from collections import Counter
from collections.abc import Sequence

_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_RAISED = tuple("⁰¹²³⁴⁵⁶⁷⁸⁹")


def unique_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The name of each candidate: labels that look alike, white space aside, are
    numbered from 1.
    """
    seen = [_looks(label) for label in labels]
    times = Counter(seen)
    repeated = [look for look, count in times.items() if count > 1]
    taken = set(times)
    marks: dict[str, str] = {}
    for look in repeated:
        marks[look] = _mark(look, times[look], taken)
        taken.update(
            numbered(look, number, marks[look]) for number in range(1, times[look] + 1)
        )
    so_far: Counter[str] = Counter()
    names = []
    for label, look in zip(labels, seen, strict=True):
        so_far[look] += 1
        names.append(
            numbered(label.rstrip(), so_far[look], marks[look])
            if look in marks
            else label
        )
    return tuple(names)


def numbered(label: str, number: int, mark: str = "") -> str:
    """A label with a number: raised, or behind a mark such as `#`."""
    return f"{label}{mark}{number}" if mark else label + str(number).translate(_DIGITS)


def positions_named(
    name: str,
    labels: Sequence[str],
    names: Sequence[str] | None = None,
    *,
    caseless: bool = False,
) -> list[int]:
    """The positions that a name means: a numbered one, also typed as `owl#1`, one; a
    bare label all of it.

    Args:
        name: a name or a label; white space is one space.
        labels: of all candidates.
        names: of all candidates; by default `unique_names`.
        caseless: whether capitals make no difference.

    Returns:
        Ascending; empty if there is no such candidate.
    """

    def told(text: str) -> str:
        return _looks(text).casefold() if caseless else _looks(text)

    wanted = told(name)
    names = unique_names(labels) if names is None else names
    named = [place for place, each in enumerate(names) if told(each) == wanted]
    bare = [place for place, label in enumerate(labels) if told(label) == wanted]
    if named or bare:
        return sorted({*named, *bare})
    word, mark, number = wanted.rpartition("#")
    if not mark or not (number.isascii() and number.isdigit()):
        return []
    raised = {
        told(numbered(label, int(number[:9]), ""))
        for label in labels
        if told(label) == word
    }
    return [place for place, each in enumerate(names) if told(each) in raised]


def _looks(label: str) -> str:
    return " ".join(label.split())


def _mark(look: str, count: int, taken: set[str]) -> str:
    """What stands between a label and its number: nothing for a raised one."""
    mark = "#" if look.endswith(_RAISED) else ""
    while any(numbered(look, number, mark) in taken for number in range(1, count + 1)):
        mark += "#"
    return mark
