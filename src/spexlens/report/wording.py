"""Wording: what an effect means, in plain words."""

from collections.abc import Mapping

from spexlens.interaction import Interaction

KINDS = {
    "reversal": "each turns the other's effect round",
    "synergy": "together they go further the way they go alone",
    "redundancy": "together they do less than the sum of what they do alone",
    "modulation": "they pull apart, and one changes how strong the other is",
}
"""What the kinds of a pair mean."""


def kind(pair: Interaction, alone: Mapping[int, float]) -> str:
    """One of `KINDS`.

    A pair is a reversal where the presence of either changes the sign of the other's effect (by a
    margin of a tenth). Else, where the two have one sign, it is a synergy if it adds to them and a
    redundancy if it takes from them; where they have two, a modulation.

    Args:
        pair: a Banzhaf interaction of order 2.
        alone: the Banzhaf value of each candidate; with the other ablated, its effect is that less
            half of the pair's, with the other kept, that plus half of the pair's.
    """
    effects = [alone.get(member, 0.0) for member in pair.members]
    if all(abs(effect) < 0.45 * abs(pair.effect) for effect in effects):
        return "reversal"
    if effects[0] * effects[1] < 0:
        return "modulation"
    return "synergy" if sum(effects) * pair.effect > 0 else "redundancy"


def meaning(interaction: Interaction, alone: Mapping[int, float]) -> str:
    """One line on what the sign of a Banzhaf interaction means; `alone` as for `kind`."""
    size = f"{abs(interaction.effect):.3g}"
    if interaction.order == 1:
        return f"keeping it {'adds' if interaction.effect > 0 else 'takes away'} {size} on average"
    verb = "add" if interaction.effect > 0 else "take away"
    if interaction.order > 2:
        return f"together they {verb} {size} beyond what any fewer do"
    return f"together they {verb} {size} beyond their separate effects: {kind(interaction, alone)}"
