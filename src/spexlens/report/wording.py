"""Wording: what an effect means, in plain words."""

from collections.abc import Mapping

from spexlens.explanation import Interaction


def meaning(interaction: Interaction, alone: Mapping[int, float], unit: str) -> str:
    """One line on what a sign means.

    A pair is a *reversal* where the presence of either changes the sign of the other's effect, a
    *synergy* where it adds in the direction that the two take anyway, and a *redundancy* where it
    takes from it.

    Args:
        interaction: a Banzhaf interaction.
        alone: the Banzhaf value of each candidate.
        unit: what effects are measured in.
    """
    effect, size = interaction.effect, f"{abs(interaction.effect):.3g} {unit}"
    verb = "add" if effect > 0 else "take away"
    if interaction.order == 1:
        return f"keeping it {'raises' if effect > 0 else 'lowers'} the answer by {size} on average"
    if interaction.order > 2:
        return f"together they {verb} {size} beyond what any fewer of them do"
    return f"together they {verb} {size} beyond their separate effects ({_kind(interaction, alone)})"


def _kind(pair: Interaction, alone: Mapping[int, float]) -> str:
    effects = [alone.get(member, 0.0) for member in pair.members]
    if all(abs(effect) < 0.45 * abs(pair.effect) for effect in effects):
        return "reversal: each turns the other's effect round"
    return "synergy" if sum(effects) * pair.effect > 0 else "redundancy"
