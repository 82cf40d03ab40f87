"""aggregate: which interactions recur over many explanations, and how strong and steady
they are.
"""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb, fsum, prod, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput, MissingExtra
from spexlens.games.candidate import Candidate
from spexlens.games.names import numbered
from spexlens.lenses.text.units import UNITS
from spexlens.results.result import Explanation
from spexlens.spectrum.spectrum import Spectrum

if TYPE_CHECKING:
    import pandas

_OF_A_TEXT = {*UNITS, "span"}

Word = tuple[str, str]
"""A candidate's (kind, label), the same in all explanations."""

Member = tuple[str, str, int]
"""A candidate's kind, label and number among the candidates of one explanation with
these, from 1.
"""


@dataclass(frozen=True)
class Recurrence:
    """One interaction over many explanations.

    Means and deviations are over the explanations in which it is possible; one that
    does not have it counts as an effect of zero, so that what is strong once and absent
    elsewhere is not taken for strong. Standardised effects are in standard deviations
    of the explanation's own answers over masks, sqrt(Σ F(S)²) over the S that are not
    empty, so that inputs of different salience compare.

    Attributes:
        labels: the members' names, sorted; parts of a text are case-folded, white space
            is one space. A word that an input repeats is numbered, `owl¹` and `owl²`:
            the first of one input is the same as the first of another, and as the only
            one of a third.
        kinds: the members' kinds.
        possible: explanations in which all members are candidates.
        occurrences: sets of candidates with these labels, whatever their numbers, over
            all explanations; above `possible` where a text repeats a word. Each is a
            row of its own: none are summed.
        found: explanations in which it is not zero and has at least the least share.
        positive: of those, how often the effect is above zero.
        negative: of those, how often it is below zero.
        effect: mean effect, in the explanations' unit.
        deviation: standard deviation of the effect (n - 1 below); None where it is
            possible only once.
        standardised: mean standardised effect.
        standardised_deviation: standard deviation of the standardised effect, or None.
        share: mean share of the variance, F(S)² / Σ F².
        rank: mean rank by |effect| among those of its order, where it is found; 1 is
            the strongest.
        best_rank: the lowest of those ranks.
        target: the label that the effect is on, of a classifier: all numbers are of the
            explanations of that label. None where the targets are no labels, and what
            is found is taken together over them.
    """

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    possible: int
    occurrences: int
    found: int
    positive: int
    negative: int
    effect: float
    deviation: float | None
    standardised: float
    standardised_deviation: float | None
    share: float
    rank: float
    best_rank: int
    target: str | None = None

    @property
    def order(self) -> int:
        """How many candidates act together."""
        return len(self.labels)


@dataclass(frozen=True)
class Aggregate:
    """What recurs over many explanations.

    Attributes:
        rows: found most often first, then by |mean standardised effect|, then by
            labels.
        explanations: how many there were.
        unit: what effects are measured in, the same in all.
        targets: what was watched, each once, sorted.
        r2: each explanation's faithfulness, R² on masks that its fit did not see.
        index: of which interaction index the effects are.
        order: the largest order asked for; None for all.
        least: in how many explanations a row was found at least.
        least_share: with what share of the variance an interaction counts as found.
    """

    rows: tuple[Recurrence, ...]
    explanations: int
    unit: str
    targets: tuple[str, ...]
    r2: tuple[float, ...]
    index: str
    order: int | None
    least: int
    least_share: float

    def to_frame(self) -> "pandas.DataFrame":
        """The rows as a pandas table: labels joined by ×, order, and the attributes of
        `Recurrence`.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("pandas", "pandas") from error
        rows = [
            {
                **asdict(row),
                "labels": " × ".join(row.labels),
                "kinds": " × ".join(row.kinds),
            }
            for row in self.rows
        ]
        frame = pandas.DataFrame(rows, columns=list(Recurrence.__dataclass_fields__))
        frame.insert(1, "order", [row.order for row in self.rows])
        return frame

    def save(self, path: str | Path) -> None:
        """Write one JSON file, whole or not at all.

        Raises:
            ResultError: the file cannot be written.
        """
        from spexlens.formats.recurrence import write

        write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Aggregate":
        """Read what `save` wrote.

        Raises:
            ResultError: the file is missing, damaged, or from a newer version.
        """
        from spexlens.formats.recurrence import read

        return read(Path(path))

    def to_json(self) -> str:
        """The text that `save` writes."""
        from spexlens.formats.recurrence import dump

        return dump(self)

    def __repr__(self) -> str:
        from spexlens.report.terminal.recurrence import plain

        return plain(self)


def aggregate(
    explanations: Iterable[Explanation],
    *,
    index: str = "bii",
    order: int | None = 2,
    least: int = 2,
    least_share: float = 0.005,
    output: int | str = 0,
) -> Aggregate:
    """Count which interactions recur over explanations, with their mean effects and
    spreads.

    An interaction is told by its members' kinds and labels, without regard to their
    order. Words and other parts of a text are the same whatever their case; components,
    examples and candidates of a user's own are the same by their names. Of a word that
    an input repeats each occurrence is another member: the first recurs with the first
    of other inputs, the second with the second.

    Effects on different labels of a classifier are never added up: what speaks for one
    speaks against another. Each label has rows of its own. Where targets are no labels,
    such as the completions that a language model is asked for, a row is over all
    explanations.

    Args:
        explanations: of one unit; they are looked at one after the other, and not kept.
        index: see `Explanation.interactions`.
        order: the largest order; None for all.
        least: list what is found in at least so many explanations.
        least_share: F(S)² / Σ F² from which an interaction counts as found: half a
            percent by default.
        output: of vector-valued games, which output, by position or name.

    Raises:
        InvalidInput: no explanation, explanations of different units, or without such
            an output; an unknown index, an order below one; a `least` below one or a
            share outside 0 to 1.
    """
    if isinstance(explanations, Explanation):
        raise InvalidInput(
            "aggregate takes several explanations: a list, or what explain_all gives"
        )
    if least < 1 or not 0 <= least_share <= 1:
        raise InvalidInput(
            f"least is at least 1 and least_share from 0 to 1; got {least} and"
            f" {least_share}"
        )
    counts: dict[str | None, _Count] = {}
    units = list[str]()
    targets = set[str]()
    r2 = list[float]()
    for number, explanation in enumerate(explanations, start=1):
        units.append(explanation.unit)
        if units[-1] != units[0]:
            raise InvalidInput(
                f"explanation 1 is in {units[0]}, explanation {number} in {units[-1]}: "
                "aggregate those of one unit"
            )
        try:
            position = explanation.position(output)
        except InvalidInput as error:
            raise InvalidInput(f"explanation {number}: {error}") from error
        named = _target(explanation, position)
        label = (
            named[0]
            if named and explanation.facts.get("kind") == "classifier"
            else None
        )
        counts.setdefault(label, _Count(least_share, label)).add(
            explanation, index, order, position
        )
        targets.update(named)
        r2.append(explanation.faithfulness.r2[position])
    if not units:
        raise InvalidInput("no explanation was given: there is nothing to aggregate")
    found = [row for count in counts.values() for row in count.rows(least)]
    rows = tuple(sorted(found, key=_most_found_first))
    return Aggregate(
        rows,
        len(units),
        units[0],
        tuple(sorted(targets)),
        tuple(r2),
        index,
        order,
        least,
        least_share,
    )


class _Count:
    """The interactions of explanations of one target, in columns: an entry an
    interaction and explanation.
    """

    def __init__(self, least_share: float, target: str | None) -> None:
        self._least_share = least_share
        self._target = target
        self._explanations = 0
        self._members: dict[Member, int] = {}
        # how many candidates by explanation
        self._held: dict[Word, dict[int, int]] = {}
        self._sets: dict[tuple[int, ...], int] = {}
        self._which = array("q")
        self._rank = array("q")
        self._effect = array("d")
        self._standardised = array("d")
        self._share = array("d")

    def add(
        self, explanation: Explanation, index: str, order: int | None, output: int
    ) -> None:
        explanation = explanation.in_scale("raw")
        numbers = self._numbers(explanation.candidates)
        found = {
            tuple(sorted(numbers[member] for member in each.members)): (
                each.effect,
                each.share,
            )
            for each in explanation.interactions(index, order, output=output)
        }
        spectrum = Spectrum(explanation.spectrum.sets, explanation.column(output))
        deviation = max(sqrt(spectrum.energy.sum()), np.finfo(np.float64).tiny)
        ranks = _ranks({key: abs(effect) for key, (effect, _) in found.items()})
        for key, (effect, share) in found.items():
            self._which.append(self._sets.setdefault(key, len(self._sets)))
            self._rank.append(ranks[key])
            self._effect.append(effect)
            self._standardised.append(effect / deviation)
            self._share.append(share)
        self._explanations += 1

    def rows(self, least: int) -> list[Recurrence]:
        """What was found in at least so many explanations."""
        which = np.array(self._which, np.int64)
        effect = np.array(self._effect)
        heard = (np.array(self._share) >= self._least_share) & (effect != 0)
        often = np.bincount(which[heard], minlength=len(self._sets)) >= least
        by_set = np.argsort(which, kind="stable")
        by_set = by_set[often[which[by_set]]]
        first = np.flatnonzero(np.diff(which[by_set])) + 1
        keys = list(self._sets)
        members = list(self._members)
        names = self._names(members)
        return [
            self._row(
                [members[number] for number in keys[which[entries[0]]]],
                names,
                entries,
                heard[entries],
            )
            for entries in np.split(by_set, first)
            if len(entries)
        ]

    def _row(
        self,
        members: Sequence[Member],
        names: Mapping[Member, str],
        entries: NDArray[np.int64],
        heard: NDArray[np.bool_],
    ) -> Recurrence:
        members = sorted(
            members, key=lambda member: (_natural(member[1]), member[0], member[2])
        )
        possible, occurrences = self._possible(members)
        effects = [self._effect[entry] for entry in entries]
        effect, deviation = _spread(effects, possible)
        standardised, standardised_deviation = _spread(
            [self._standardised[e] for e in entries], possible
        )
        loud = entries[heard]
        ranks = [self._rank[entry] for entry in loud]
        return Recurrence(
            labels=tuple(names[member] for member in members),
            kinds=tuple(kind for kind, _, _ in members),
            possible=possible,
            occurrences=occurrences,
            found=len(loud),
            positive=sum(self._effect[entry] > 0 for entry in loud),
            negative=sum(self._effect[entry] < 0 for entry in loud),
            effect=effect,
            deviation=deviation,
            standardised=standardised,
            standardised_deviation=standardised_deviation,
            share=fsum(self._share[entry] for entry in entries) / possible,
            rank=sum(ranks) / len(ranks),
            best_rank=min(ranks),
            target=self._target,
        )

    def _numbers(self, candidates: Iterable[Candidate]) -> list[int]:
        """Each candidate's member by number; how many there are of its word in this
        explanation is kept.
        """
        numbers = []
        for candidate in candidates:
            word = _word(candidate)
            held = self._held.setdefault(word, {})
            held[self._explanations] = held.get(self._explanations, 0) + 1
            member = (*word, held[self._explanations])
            numbers.append(self._members.setdefault(member, len(self._members)))
        return numbers

    def _names(self, members: Iterable[Member]) -> dict[Member, str]:
        """What each member is called: with its number where an explanation has several,
        no two alike.
        """
        kinds = Counter(label for _, label in self._held)
        called = {
            (kind, label): f"{label} ({kind})" if kinds[label] > 1 else label
            for kind, label in self._held
        }
        repeated = {word for word, held in self._held.items() if max(held.values()) > 1}
        taken = set(called.values())
        names: dict[Member, str] = {}
        for kind, label, number in members:
            word = called[kind, label]
            if (kind, label) not in repeated:
                names[kind, label, number] = word
                continue
            raised = numbered(word, number)
            names[kind, label, number] = (
                numbered(word, number, "#") if raised in taken else raised
            )
        return names

    def _possible(self, members: Sequence[Member]) -> tuple[int, int]:
        """In how many explanations these can act together, and how many sets of their
        words there are.
        """
        needed: dict[Word, tuple[int, int]] = {}  # the highest number, and how many
        for kind, label, number in members:
            highest, times = needed.get((kind, label), (0, 0))
            needed[kind, label] = (max(highest, number), times + 1)
        held = [
            (self._held[word], highest, times)
            for word, (highest, times) in needed.items()
        ]
        rarest = min((each for each, _, _ in held), key=len)
        possible = sum(
            all(each.get(at, 0) >= highest for each, highest, _ in held)
            for at in rarest
        )
        sets = sum(
            prod(comb(each.get(at, 0), times) for each, _, times in held)
            for at in rarest
        )
        return possible, sets


def _word(candidate: Candidate) -> Word:
    label = candidate.label
    if candidate.kind in _OF_A_TEXT:
        label = " ".join(label.casefold().split()) or label
    return candidate.kind, label


def _target(explanation: Explanation, output: int) -> list[str]:
    """What was watched, if anything has a name."""
    target = (
        explanation.outputs[output]
        if explanation.outputs
        else explanation.facts.get("target")
    )
    return [] if target is None else [str(target)]


def _ranks(sizes: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], int]:
    """The rank of each by size, among those of its order; equal ones share the first of
    their ranks.
    """
    largest: dict[int, list[float]] = {}
    for key, size in sizes.items():
        largest.setdefault(len(key), []).append(-size)
    for ordered in largest.values():
        ordered.sort()
    return {
        key: 1 + bisect_left(largest[len(key)], -size) for key, size in sizes.items()
    }


def _spread(values: Sequence[float], count: int) -> tuple[float, float | None]:
    """Mean and standard deviation of so many values, of which those that are not given
    are zero.
    """
    mean = fsum(values) / count
    if count < 2:
        return mean, None
    squares = fsum(
        [*((value - mean) ** 2 for value in values), (count - len(values)) * mean**2]
    )
    return mean, sqrt(squares / (count - 1))


def _most_found_first(row: Recurrence) -> tuple[object, ...]:
    labels = [_natural(label) for label in row.labels]
    return -row.found, -abs(row.standardised), labels, row.kinds, row.target or ""


def _natural(label: str) -> list[tuple[str, int, str]]:
    """A sort key in which L2 comes before L10; of numbers of any length."""
    parts = re.split(r"([0-9]+)", label)
    numbers = [number.lstrip("0") for number in (*parts[1::2], "")]
    return [
        (text, len(number), number)
        for text, number in zip(parts[::2], numbers, strict=True)
    ]
