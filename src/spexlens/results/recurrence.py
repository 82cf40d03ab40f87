"""Recurrence: an interaction that recurs over many explanations, and all there are."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from spexlens.errors import MissingExtra

if TYPE_CHECKING:
    import pandas


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
class Recurrences:
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
