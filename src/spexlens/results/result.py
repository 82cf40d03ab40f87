"""Result: ranked interactions, and what can be asked of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import whole_number
from spexlens.errors import InvalidInput, MissingExtra
from spexlens.evidence.comparison import compare
from spexlens.evidence.smallest import Kind, Smallest, predicted
from spexlens.games.expectations import Expectations
from spexlens.keywords import keywords
from spexlens.results.interaction import Interaction, Subset
from spexlens.results.measured import Measured
from spexlens.results.members import members_of
from spexlens.results.naming import Naming
from spexlens.results.row import COLUMNS, rows_of
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.best import optimum

if TYPE_CHECKING:
    import pandas


class Result(Measured):
    """What acts together, how strongly, how far to trust it and what it cost.

    It is a list of what `interactions()` gives, singles and pairs by their Banzhaf
    interaction index of the first output, the largest |effect| first:
    `len(explanation)`, `for interaction in explanation`, `explanation[0]`,
    `explanation[:5]`. By names, in any order, `explanation["never", "fails"]` is the
    interaction of these candidates, of any order, its effect zero where there is none;
    by positions `explanation[(0, 3)]`. `("never", "fails") in explanation` is whether
    its effect is other than zero. An explanation is always true, also where nothing was
    found.

    What it is made from, such as `candidates`, `spectrum` and `account`, is in
    `Measured`.
    """

    @keywords()
    def interactions(
        self,
        index: str = "bii",
        order: int | None = 2,
        *,
        output: int | str = 0,
        across: bool | None = None,
    ) -> list[Interaction]:
        """Every non-zero interaction of at most `order` candidates, the largest
        |effect| first.

        Effects, intervals and checks are in the explanation's scale.

        Args:
            index: see `spectrum.indices`. The default, the Banzhaf interaction index,
                is the mean over all masks of the others: of a single candidate, how
                much keeping it changes the answer; of a pair, how much keeping both
                adds beyond their separate effects.
            order: the largest order; None for all in the spectrum.
            output: of a vector-valued game, which output, by position or name.
            across: True for those alone whose members are of different kinds, False for
                all others.
        """
        scalar = self._scalar(output)
        every = self._naming(scalar, output).interactions(scalar, index, order)

        if across is not None:
            every = [
                interaction for interaction in every if interaction.across == across
            ]
        return sorted(every, key=_largest_effect_first)

    def higher(
        self, count: int, *, output: int | str = 0
    ) -> tuple[list[Interaction], int]:
        """The `count` sets of three or more with the largest share, as `bii`, and how
        many there are.

        Ranked by share, since an index of high order magnifies what little a large set
        carries.
        """
        scalar = self._scalar(output)
        count = whole_number(count, "how many sets there are to be")

        large = np.flatnonzero((scalar.sets.orders > 2) & (scalar.values != 0))
        # stable: of equal shares the first set of the spectrum comes first, always
        order = np.argsort(-scalar.energy[large], kind="stable")
        top = large[order[:count]]

        chosen = Spectrum(scalar.sets.take(top), scalar.values[top])
        if not len(top):
            return [], len(large)
        largest = self._naming(scalar, output).interactions(chosen, "bii", None)
        return sorted(largest, key=_largest_share_first), len(large)

    def importance(self, *, output: int | str | None = None) -> NDArray[np.float64]:
        """(n,) float64: each candidate's part in the variance over masks, its
        interactions included.

        Σ F(S)² over the sets S that it is in, over that of all but the empty set:
        Sobol's total index, for uniform masks. Of several outputs the largest, unless
        one is named.

        Raises:
            InvalidInput: there is no such output.
        """
        outputs = range(len(self.faithfulness.r2)) if output is None else [output]
        members = self.spectrum.sets.indicators.astype(np.float64)

        varying = self.spectrum.sets.orders > 0
        least = np.finfo(np.float64).tiny
        parts = np.zeros((len(outputs), len(self.candidates)))
        for row, name in enumerate(outputs):
            energy = self.column(name) ** 2 * varying

            # where nothing varies, the smallest number: parts are zero, not NaN
            total = max(float(energy.sum()), least)
            parts[row] = energy @ members / total

        return np.asarray(parts.max(axis=0))

    def best_subset(
        self,
        keep: int,
        *,
        output: int | str = 0,
        largest: bool = True,
        time_limit: float = 10.0,
    ) -> Subset:
        """The `keep` candidates that hold the answer highest when all others are
        ablated.

        Args:
            keep: how many are kept.
            output: of a vector-valued game, which output, by position or name.
            largest: highest; else lowest.
            time_limit: seconds after which the best subset so far is given, with the
                gap that is left.

        Raises:
            InvalidInput: no such output, or what `spectrum.subsets.best` refuses.
        """
        scalar = self._scalar(output)
        best = optimum(scalar, keep, largest=largest, time_limit=time_limit)

        labels = tuple(self.names[member] for member in best.members)
        return Subset(best.members, best.value, best.bound, best.seconds, labels)

    def to_frame(
        self, index: str = "bii", order: int | None = 2, *, output: int | str = 0
    ) -> "pandas.DataFrame":
        """`interactions` as a pandas table.

        Its columns: members, labels, order, effect, share, low, high; measured and
        verdict, of the check; survival, the effect under another way to ablate over
        this one; audible, above the noise; stays, best_rank and worst_rank, of the
        stability. attrs["scale"] is the scale.
        """
        try:
            import pandas  # an extra, and slow to import
        except ImportError as error:
            raise MissingExtra("pandas", "pandas") from error

        stabilities = self.stability[self.position(output)] if self.stability else ()
        interactions = self.interactions(index, order, output=output)

        rows = [row.in_table() for row in rows_of(interactions, stabilities)]
        frame = pandas.DataFrame(rows, columns=list(COLUMNS))
        frame.attrs["scale"] = self.scale
        return frame

    def compared_with(self, expectations: Expectations) -> Self:
        """The same explanation with what was expected of it, and what was found."""
        comparisons = [
            compare(
                expectations,
                self.candidates,
                self.names,
                self.spectrum,
                self.checks,
                output,
            )
            for output in range(len(self.faithfulness.r2))
        ]
        return replace(self, expectations=tuple(comparisons))

    def sufficient(
        self, share: float = 0.9, *, output: int | str = 0, time_limit: float = 10.0
    ) -> Smallest:
        """The smallest set that, kept alone, is predicted to hold this share of f(all)
        - f(none).

        Where the model was asked for this share, by `explain(smallest=)`, it is the set
        that it confirmed.

        Raises:
            InvalidInput: f(all) or f(none) was not measured, the share is not in (0,
                1], or no set is predicted to.
        """
        return self._smallest("sufficient", share, output, time_limit)

    def necessary(
        self, share: float = 0.9, *, output: int | str = 0, time_limit: float = 10.0
    ) -> Smallest:
        """The smallest set that, ablated alone, is predicted to take this share of
        f(all) - f(none) away.

        Raises:
            InvalidInput: as `sufficient`.
        """
        return self._smallest("necessary", share, output, time_limit)

    def _naming(self, scalar: Spectrum, output: int | str) -> Naming:
        """What is known of the interactions of one output."""
        position = self.position(output)
        uncertainty = None
        if self.uncertainty is not None:
            uncertainty = self.uncertainty[position]

        return Naming(
            names=self.names,
            kinds=tuple(candidate.kind for candidate in self.candidates),
            whole=scalar,
            position=position,
            size=self.size(output),
            uncertainty=uncertainty,
            checks={} if self.checks is None else self.checks.of(position),
            artefacts=self.artefacts,
            noise=self.noise,
        )

    def _smallest(
        self, kind: Kind, share: float, output: int | str, time_limit: float
    ) -> Smallest:
        """That which the model was asked for, or else what the spectrum predicts."""
        # the model is asked for sets where there is one output alone
        if self.position(output) == 0:
            for candidate in self.smallest:
                asked = candidate.kind == kind and candidate.share == share
                if asked and candidate.holds:
                    return candidate
        whole, empty = self._ends(output)
        return predicted(kind, self._scalar(output), whole, empty, share, time_limit)

    def _ends(self, output: int | str) -> tuple[float, float]:
        """f(all) and f(none)."""
        position = self.position(output)
        if self.whole is None or self.empty is None:
            raise InvalidInput("f(all) or f(none) was not measured")
        return self.whole[position], self.empty[position]

    def _scalar(self, output: int | str) -> Spectrum:
        """The spectrum of one output."""
        return Spectrum(self.spectrum.sets, self.column(output))

    def __len__(self) -> int:
        return len(self.interactions())

    def __bool__(self) -> bool:
        return True  # it has a length, which may be zero, and is an answer all the same

    def __iter__(self) -> Iterator[Interaction]:
        return iter(self.interactions())

    @overload
    def __getitem__(self, key: slice) -> list[Interaction]: ...

    @overload
    def __getitem__(
        self, key: int | str | Iterable[str | int] | Interaction | Subset
    ) -> Interaction: ...

    def __getitem__(self, key: Any) -> Interaction | list[Interaction]:
        """An interaction by its rank or its members, or several by a slice of ranks.

        Raises:
            InvalidInput: there is no such rank or candidate, or more than one of a
                label.
        """
        if isinstance(key, slice):
            return self.interactions()[key]
        # True is an int of Python's, and no rank
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            ranked = self.interactions()
            if not -len(ranked) <= key < len(ranked):
                raise InvalidInput(
                    f"there are {len(ranked)} interactions, the first at 0; got {key}"
                )
            return ranked[key]
        members = self._members(key)
        interaction = self._interaction(members)
        if interaction is not None:
            return interaction
        # candidates that do nothing together have an interaction too: zero
        candidates = [self.candidates[member] for member in members]
        labels = tuple(candidate.label for candidate in candidates)
        kinds = tuple(candidate.kind for candidate in candidates)
        return Interaction(members, labels, 0.0, 0.0, kinds=kinds)

    def __contains__(self, key: object) -> bool:
        try:
            return self._interaction(self._members(key)) is not None
        except InvalidInput:
            return False

    def _members(self, key: Any) -> tuple[int, ...]:
        labels = [candidate.label for candidate in self.candidates]
        return members_of(key, self.candidates, labels)

    def _interaction(self, members: tuple[int, ...]) -> Interaction | None:
        """The one of these members, or None where its effect is zero."""
        for interaction in self.interactions(order=len(members)):
            if interaction.members == members:
                return interaction
        return None


def _largest_effect_first(interaction: Interaction) -> tuple[float, tuple[int, ...]]:
    # of equal effects by members, so that the order never depends on the spectrum's
    return -abs(interaction.effect), interaction.members


def _largest_share_first(interaction: Interaction) -> float:
    return -interaction.share
