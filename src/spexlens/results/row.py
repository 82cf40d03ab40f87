"""Row: an interaction with all that was measured of it, as tables and files have it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import nan
from typing import Any

from spexlens.evidence.stability import Stability
from spexlens.results.interaction import Interaction

COLUMNS = (
    *("members", "labels", "order", "effect", "share", "low", "high"),
    *("measured", "verdict", "survival", "audible"),
    *("stays", "best_rank", "worst_rank"),
)
"""Those of `Row.in_table`."""


@dataclass(frozen=True)
class Row:
    """An interaction, its check and its stability, side by side.

    Attributes:
        interaction: what acts together.
        stability: how steadily it is among the strongest; None where that is not known.
    """

    interaction: Interaction
    stability: Stability | None = None

    def in_table(self) -> dict[str, Any]:
        """For a pandas table: by the names in `COLUMNS`, numbers that are missing NaN.

        Ranks are whole numbers, which have no NaN: those are None.
        """
        interaction = self.interaction
        check = interaction.evidence
        survival = interaction.survival
        stability = self.stability

        low, high = interaction.interval or (nan, nan)
        best, worst = (None, None) if stability is None else stability.ranks

        return {
            "members": interaction.members,
            "labels": " × ".join(interaction.labels),
            "order": interaction.order,
            "effect": interaction.effect,
            "share": interaction.share,
            "low": low,
            "high": high,
            "measured": nan if check is None else check.measured,
            "verdict": None if check is None else check.verdict,
            "survival": nan if survival is None else survival.score,
            "audible": interaction.audible,
            "stays": nan if stability is None else stability.stays,
            "best_rank": best,
            "worst_rank": worst,
        }

    def in_file(self) -> dict[str, Any]:
        """For the file of an explanation; what is missing is None."""
        interaction = self.interaction
        check = interaction.evidence
        survival = interaction.survival
        stability = self.stability
        return {
            "members": interaction.members,
            "labels": interaction.labels,
            "effect": interaction.effect,
            "share": interaction.share,
            "interval": interaction.interval,
            "measured": None if check is None else check.measured,
            "measured_interval": None if check is None else check.interval,
            "verdict": None if check is None else check.verdict,
            "survival": None if survival is None else survival.score,
            "audible": interaction.audible,
            "stays": None if stability is None else stability.stays,
            "ranks": None if stability is None else stability.ranks,
        }

    def in_listing(self) -> dict[str, Any]:
        """For the listing that `spexlens show --json` prints, of JSON's own types.

        Its keys are promised: some may be added, none renamed or taken away.
        """
        interaction = self.interaction
        interval = interaction.interval
        check = interaction.evidence
        return {
            "members": list(interaction.members),
            "labels": list(interaction.labels),
            "kinds": list(interaction.kinds),
            "effect": interaction.effect,
            "share": interaction.share,
            "interval": None if interval is None else list(interval),
            "verdict": None if check is None else check.verdict,
        }


def rows_of(
    interactions: Iterable[Interaction], stabilities: Iterable[Stability] = ()
) -> Iterator[Row]:
    """A row an interaction, with its stability where there is one of its members."""
    by_members = {stability.members: stability for stability in stabilities}
    for interaction in interactions:
        yield Row(interaction, by_members.get(interaction.members))
