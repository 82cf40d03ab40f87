"""Levels: the same candidates at coarser and finer resolution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spexlens.games.candidate import Candidate

_FANOUT = 8


@dataclass(frozen=True)
class Level:
    """Groups of a game's candidates.

    Attributes:
        name: what the groups are, such as "sentence".
        groups: positions, ascending, of the members of each; every candidate is in one.
        candidates: what the groups are called.
    """

    name: str
    groups: tuple[tuple[int, ...], ...]
    candidates: tuple[Candidate, ...]

    def __len__(self) -> int:
        return len(self.groups)


def finest(candidates: Sequence[Candidate]) -> Level:
    """Each candidate on its own."""
    kinds = {candidate.kind for candidate in candidates}
    name = kinds.pop() if len(kinds) == 1 else "candidate"
    return Level(
        name,
        tuple((position,) for position in range(len(candidates))),
        tuple(candidates),
    )


def gathered(
    name: str, keys: Sequence[object], called: Callable[[tuple[int, ...]], Candidate]
) -> Level:
    """The level whose groups share a key, in order of appearance.

    Args:
        name: of the level.
        keys: one a candidate.
        called: positions -> the group's candidate.
    """
    groups: dict[object, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    members = tuple(tuple(group) for group in groups.values())
    return Level(name, members, tuple(map(called, members)))


def regrouped(level: Level, places: Sequence[int]) -> Level:
    """A level's groups, made of other candidates: `places` says in which group each of
    those is.
    """
    return gathered(
        level.name, places, lambda group: level.candidates[places[group[0]]]
    )


def blocks(candidates: Sequence[Candidate]) -> list[Level]:
    """Runs of neighbours, eight of which make one of the level above, down to the
    candidates.
    """
    levels = [finest(candidates)]
    size = _FANOUT
    while size * 2 < len(candidates):
        keys = [position // size for position in range(len(candidates))]
        levels.insert(
            0,
            gathered(f"block of {size}", keys, lambda group: block(candidates, group)),
        )
        size *= _FANOUT
    return levels


def block(candidates: Sequence[Candidate], group: Sequence[int]) -> Candidate:
    """A group called by its first and last member; of one member, that."""
    first = candidates[group[0]]
    last = candidates[group[-1]]
    if len(group) == 1:
        return first
    span = (
        None
        if first.span is None or last.span is None
        else (first.span[0], last.span[1])
    )
    return Candidate(f"{first.label} … {last.label}", "block", span)


def whole(candidates: Sequence[Candidate]) -> Level:
    """All candidates in one group."""
    return Level(
        "all",
        (tuple(range(len(candidates))),),
        (block(candidates, range(len(candidates))),),
    )


def filled(levels: Sequence[Level], fanout: int) -> list[Level]:
    """With runs of neighbours between two levels of which one's groups have more than
    `fanout` parts.
    """
    made = [levels[0]]
    for level in levels[1:]:
        while max(map(len, parts := _parts(made[-1], level))) > fanout:
            made.append(_runs(parts, level, fanout))
        made.append(level)
    return nested(made)


def _parts(coarse: Level, fine: Level) -> list[list[int]]:
    """Which of the fine groups are in each coarse one."""
    owner = {
        position: number
        for number, group in enumerate(coarse.groups)
        for position in group
    }
    parts: list[list[int]] = [[] for _ in coarse.groups]
    for number, group in enumerate(fine.groups):
        parts[owner[group[0]]].append(number)
    return parts


def _runs(parts: Sequence[Sequence[int]], level: Level, most: int) -> Level:
    """Each part's groups in runs of neighbours, at most so many a part."""
    size = -(-max(map(len, parts)) // most)
    runs = [
        part[first : first + size]
        for part in parts
        for first in range(0, len(part), size)
    ]
    groups = tuple(
        tuple(sorted(i for number in run for i in level.groups[number])) for run in runs
    )
    return Level(
        f"{size} {level.name}s",
        groups,
        tuple(block(level.candidates, run) for run in runs),
    )


def nested(levels: Sequence[Level]) -> list[Level]:
    """The levels without those that are no finer than the one before.

    The last is always there.
    """
    kept = [levels[-1]]
    for level in reversed(levels[:-1]):
        if len(level) < len(kept[0]):
            kept.insert(0, level)
    assert all(len(coarse) < len(fine) for coarse, fine in pairwise(kept))
    return kept
