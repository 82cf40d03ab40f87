"""Recurring: which interactions are in many explanations, one added after the other."""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import comb, fsum, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from spexlens.games.candidate import Candidate
from spexlens.games.names import numbered
from spexlens.lenses.text.units import UNITS
from spexlens.results.recurrence import Recurrence
from spexlens.results.result import Result
from spexlens.spectrum.spectrum import Spectrum

_OF_A_TEXT = {*UNITS, "span"}

Word = tuple[str, str]
"""A candidate's (kind, label), the same in all explanations."""

Member = tuple[str, str, int]
"""A candidate's kind, label and number among the candidates of one explanation with
these, from 1.
"""


class Recurring:
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

        # an entry an interaction and explanation, in columns: a thousand explanations
        # have millions, which as objects would fill the memory
        self._which = array("q")
        self._rank = array("q")
        self._effect = array("d")
        self._standardised = array("d")
        self._share = array("d")

    def add(
        self, explanation: Result, index: str, order: int | None, output: int
    ) -> None:
        """Count the interactions of an index in one more explanation.

        Args:
            explanation: of the same unit as those before.
            index, order, output: see `Result.interactions`.
        """
        # whatever scale each was saved in, means are of one
        explanation = explanation.in_scale("raw")
        numbers = self._numbers(explanation.candidates)

        interactions = {}
        for interaction in explanation.interactions(index, order, output=output):
            key = tuple(sorted(numbers[member] for member in interaction.members))
            interactions[key] = interaction
        spectrum = Spectrum(explanation.spectrum.sets, explanation.column(output))

        # of what does not vary, the smallest number to divide by
        least = np.finfo(np.float64).tiny
        deviation = max(sqrt(spectrum.energy.sum()), least)

        sizes = {key: abs(one.effect) for key, one in interactions.items()}
        ranks = _ranks(sizes)

        for key, interaction in interactions.items():
            self._which.append(self._sets.setdefault(key, len(self._sets)))
            self._rank.append(ranks[key])
            self._effect.append(interaction.effect)
            self._standardised.append(interaction.effect / deviation)
            self._share.append(interaction.share)

        self._explanations += 1

    def rows(self, least: int) -> list[Recurrence]:
        """What was found in at least so many explanations."""
        which = np.array(self._which, np.int64)
        effect = np.array(self._effect)

        share = np.array(self._share)
        heard = (share >= self._least_share) & (effect != 0)
        often = np.bincount(which[heard], minlength=len(self._sets)) >= least

        # the entries of one set side by side, in the order of the explanations
        by_set = np.argsort(which, kind="stable")
        by_set = by_set[often[which[by_set]]]
        first = np.flatnonzero(np.diff(which[by_set])) + 1

        sets = list(self._sets)
        members = list(self._members)
        names = self._names(members)

        rows = []
        for entries in np.split(by_set, first):
            if len(entries):
                numbers = sets[which[entries[0]]]
                of_set = [members[number] for number in numbers]
                rows.append(self._row(of_set, names, entries, heard[entries]))
        return rows

    def _row(
        self,
        members: Sequence[Member],
        names: Mapping[Member, str],
        entries: NDArray[np.int64],
        heard: NDArray[np.bool_],
    ) -> Recurrence:
        members = sorted(members, key=_by_label)

        possible, occurrences = self._possible(members)
        effects = [self._effect[entry] for entry in entries]
        effect, deviation = _spread(effects, possible)

        in_sd = [self._standardised[entry] for entry in entries]
        standardised, standardised_deviation = _spread(in_sd, possible)

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
            number = held.get(self._explanations, 0) + 1
            held[self._explanations] = number
            # the second `owl` of one text is the same member as that of another
            member = (*word, number)
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
        for member in members:
            kind, label, number = member
            name = called[kind, label]
            if (kind, label) in repeated:
                raised = numbered(name, number)
                # `owl²` may be a word of its own
                name = numbered(name, number, "#") if raised in taken else raised
            names[member] = name
        return names

    def _possible(self, members: Sequence[Member]) -> tuple[int, int]:
        """In how many explanations these can act together, and how many sets of their
        words there are.
        """
        needed: dict[Word, tuple[int, int]] = {}  # the highest number, and how many
        for kind, label, number in members:
            highest, times = needed.get((kind, label), (0, 0))
            needed[kind, label] = (max(highest, number), times + 1)

        counts = [
            (self._held[word], highest, times)
            for word, (highest, times) in needed.items()
        ]

        # only where the rarest word is can all of them be
        rarest = min((held for held, _, _ in counts), key=len)
        possible = 0
        sets = 0
        for explanation in rarest:
            there = [
                (held.get(explanation, 0), highest, times)
                for held, highest, times in counts
            ]

            # `owl³` is there only where a text has three owls
            possible += all(count >= highest for count, highest, _ in there)
            sets += prod(comb(count, times) for count, _, times in there)
        return possible, sets


def _by_label(member: Member) -> tuple[object, ...]:
    """A sort key: its label, its kind, its number."""
    kind, label, number = member
    return natural(label), kind, number


def _word(candidate: Candidate) -> Word:
    label = candidate.label
    if candidate.kind in _OF_A_TEXT:
        label = " ".join(label.casefold().split()) or label
    return candidate.kind, label


def _ranks(sizes: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], int]:
    """The rank of each by size, among those of its order; equal ones share the first of
    their ranks.
    """
    # negative, so that ascending lists begin with the largest
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

    squares = [(value - mean) ** 2 for value in values]
    # each that is not given is off the mean by the mean itself
    zeros = (count - len(values)) * mean**2
    return mean, sqrt(fsum([*squares, zeros]) / (count - 1))


def natural(label: str) -> list[tuple[str, int, str]]:
    """A sort key in which L2 comes before L10; of numbers of any length."""
    # texts and numbers in turn, the numbers at odd places
    parts = re.split(r"([0-9]+)", label)
    # without zeros in front, the longer number is the larger
    numbers = [number.lstrip("0") for number in (*parts[1::2], "")]

    return [
        (text, len(number), number)
        for text, number in zip(parts[::2], numbers, strict=True)
    ]
