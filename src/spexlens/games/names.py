"""Names: what candidates are called, so that no two are called alike.

Of candidates with one label, such as a word that a text has twice, each is named with
its number: `owl¹` and `owl²`, in their order. All others are named by their label.
Where that would make two names alike, because a label ends in such a number itself, the
number is written `owl#1`, as it may be typed anyway.
"""

from collections import Counter
from collections.abc import Sequence

from spexlens.printable import one_line

_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIGITS_READ = 9  # of a number that is typed: no game has a milliard candidates
_RAISED = tuple("⁰¹²³⁴⁵⁶⁷⁸⁹")


def unique_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The name of each candidate: labels that look alike, white space aside, are
    numbered from 1.
    """
    looks = [one_line(label) for label in labels]
    times = Counter(looks)
    taken = set(times)

    marks: dict[str, str] = {}
    for look, count in times.items():
        if count > 1:
            mark = _mark(look, count, taken)
            marks[look] = mark
            taken.update(_all_numbered(look, count, mark))

    so_far: Counter[str] = Counter()
    names = []
    for label, look in zip(labels, looks, strict=True):
        if look not in marks:
            names.append(label)
            continue
        so_far[look] += 1
        names.append(numbered(label.rstrip(), so_far[look], marks[look]))
    return tuple(names)


def numbered(label: str, number: int, mark: str = "") -> str:
    """A label with a number: raised, or behind a mark such as `#`."""
    digits = str(number)
    if mark:
        return f"{label}{mark}{digits}"
    return label + digits.translate(_DIGITS)


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

    def look(text: str) -> str:
        line = one_line(text)
        return line.casefold() if caseless else line

    wanted = look(name)
    names = unique_names(labels) if names is None else names

    known_looks = [look(known) for known in names]
    label_looks = [look(label) for label in labels]
    numbered_so = [place for place, text in enumerate(known_looks) if text == wanted]
    labelled_so = [place for place, text in enumerate(label_looks) if text == wanted]

    if numbered_so or labelled_so:
        return sorted({*numbered_so, *labelled_so})

    word, mark, digits = wanted.rpartition("#")
    if not mark or not (digits.isascii() and digits.isdigit()):
        return []

    number = int(digits[:_DIGITS_READ])
    # labels that look alike may differ in white space, and so may their names
    alike = [labels[place] for place, text in enumerate(label_looks) if text == word]
    raised = {look(numbered(label, number)) for label in alike}

    return [place for place, text in enumerate(known_looks) if text in raised]


def _all_numbered(look: str, count: int, mark: str) -> list[str]:
    """A look with each of its numbers, from 1."""
    return [numbered(look, number, mark) for number in range(1, count + 1)]


def _mark(look: str, count: int, taken: set[str]) -> str:
    """What stands between a label and its number: nothing for a raised one."""
    mark = "#" if look.endswith(_RAISED) else ""
    while not taken.isdisjoint(_all_numbered(look, count, mark)):
        mark += "#"
    return mark
