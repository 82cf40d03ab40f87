"""Wording: what an effect means, in plain words."""

from collections.abc import Mapping

from spexlens.results.interaction import Interaction

KINDS = ("reversal", "synergy", "redundancy", "modulation")
"""The kinds of a pair."""

_TURNED = 0.45  # of the pair's effect


def kind(pair: Interaction, alone: Mapping[int, float]) -> str:
    """One of `KINDS`.

    A pair is a reversal where the presence of either changes the sign of the other's
    effect (by a margin of a tenth). Else, where the two have one sign, it is a synergy
    if it adds to them and a redundancy if it takes from them; where they have two, a
    modulation.

    Args:
        pair: a Banzhaf interaction of order 2.
        alone: the Banzhaf value of each candidate; with the other ablated, its effect
            is that less half of the pair's, with the other kept, that plus half of the
            pair's.
    """
    effects = [alone.get(member, 0.0) for member in pair.members]
    # half of the pair's effect turns a sign; a tenth less than that surely does
    if all(abs(effect) < _TURNED * abs(pair.effect) for effect in effects):
        return "reversal"
    if effects[0] * effects[1] < 0:
        return "modulation"
    return "synergy" if sum(effects) * pair.effect > 0 else "redundancy"


def meaning(
    interaction: Interaction,
    alone: Mapping[int, float],
    kept: str = "kept",
    answer: str = "it",
) -> str:
    """What keeping them does to the answer, as the end of a sentence that begins with
    their names.

    Args:
        interaction: a Banzhaf interaction.
        alone: as for `kind`.
        kept: what a candidate is that is not ablated.
        answer: what to call the answer.
    """
    up = interaction.effect > 0

    if interaction.order == 1:
        return f"{'raises' if up else 'lowers'} {answer} when {kept}"
    if interaction.order > 2:
        return f"all together {'raise' if up else 'lower'} {answer}"

    effect = kind(interaction, alone)
    if effect == "reversal":
        return f"together {'raise' if up else 'lower'} {answer}, neither does alone"
    if effect == "modulation":
        return f"pull apart; together it is {'higher' if up else 'lower'}"

    # both alone go the same way: their sum says which
    raising = sum(alone.get(member, 0.0) for member in interaction.members) > 0
    each_other = "and strengthen" if effect == "synergy" else "but weaken"
    return f"{'raise' if raising else 'lower'} {answer}, {each_other} each other"
