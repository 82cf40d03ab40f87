"""Screening: the few candidates that are worth a budget, chosen by a cheap attribution."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.games.game import Game, as_game
from spexlens.games.grouped import Grouped
from spexlens.games.names import positions_named
from spexlens.keywords import keywords
from spexlens.lenses.screening.attribution import (
    LEAVE_ONE_OUT,
    REFINED,
    Attribution,
    largest,
    leave_one_out,
)

CHOSEN = 20
"""How many candidates are chosen where nobody said."""

_REFINED = 3  # times as many candidates as are chosen, that leave-one-out is asked of
_SHOWN = 5


@keywords()
def screen(
    game: Game,
    candidates: str | int | Sequence[int | str] = CHOSEN,
    *,
    by: str | None = None,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
) -> Game:
    """The game of some of the candidates, the others always kept.

    The result of explaining it says how they were chosen and at what cost, and
    `explain` spends a handful of its budget on ablating the others.

    Args:
        game: a lens, or any game.
        candidates: how many, those with the largest attributions (all where there are
            no more); "all"; or which: positions, or names: a repeated word means all of
            it, `owl¹` or `owl#1` its first.
        by: one of the lens's `attributions`, the first by default; "leave-one-out",
            which is exact for one candidate at a time and costs n + 1 evaluations, the
            only one of a plain function (of training examples it is had in closed form,
            at a linear head); or "gradient, then leave-one-out", of three times as many
            candidates as are chosen, those with the largest gradient: of
            leave-one-out's own choice gradients alone keep two thirds or so, this nine
            tenths.
        ledger: where the evaluations of leave-one-out are kept, a path or an open
            Ledger.
        progress: called with (evaluations finished, evaluations asked for).

    Raises:
        InvalidInput: there is no such candidate or attribution, none is left, or all
            attributions are 0.
        NonFiniteValue, OutOfMemory, LedgerError, ModelError: as `explain`.
    """
    game = as_game(game, "screen")
    _names(game, by)
    game.renew()
    if isinstance(candidates, int | np.integer) and not isinstance(candidates, bool):
        if candidates < 1:
            raise InvalidInput(
                "the screening is empty: choose 1 candidate or more, or all, not"
                f" {candidates}"
            )
        if candidates >= game.n:
            return game
        with told(progress) as tell:
            attribution = attribution_of(game, by, ledger, tell, int(candidates))
        picked = largest(attribution, int(candidates)).tolist()
        return _chosen(game, picked, _facts(attribution, picked))
    if by is not None:
        raise InvalidInput(
            f"screening by {by!r} needs a number of candidates to choose"
        )
    if isinstance(candidates, str):
        if candidates != "all":
            raise InvalidInput(
                f"candidates are 'all', a number, or a list; got {shown(candidates)}"
            )
        return game
    if not isinstance(candidates, Sequence | np.ndarray | range):
        raise InvalidInput(
            f"candidates are 'all', a number, or a list; got {shown(candidates)}"
        )
    picked = _named(game, list(candidates))
    if len(picked) == game.n:
        return game
    return _chosen(game, picked, {"screening": "named"})


def attribution_of(
    game: Game,
    by: str | None = None,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | None = None,
    count: int = CHOSEN,
) -> Attribution:
    """The attribution of a name, to choose so many by; see `screen`."""
    names = _names(game, by)
    name = names[0] if by is None else by
    if name in game.attributions:
        attribution: Attribution = game.attribute(name)
        return attribution
    first = game.attribute(names[0]) if name == REFINED else None
    with opened(ledger) as book:
        return leave_one_out(game, book, progress, first, _REFINED * count)


def _names(game: Game, by: str | None) -> tuple[str, ...]:
    """The attributions that there are; InvalidInput if the one asked for is none of
    them.
    """
    names = tuple(game.attributions)
    if LEAVE_ONE_OUT not in names:
        # to refine a choice there must be a cheaper one first
        names += (REFINED, LEAVE_ONE_OUT) if names else (LEAVE_ONE_OUT,)
    if by is not None and by not in names:
        raise InvalidInput(
            f"there is no attribution {by!r} here; choose one of {', '.join(names)}"
        )
    return names


def _facts(attribution: Attribution, picked: Sequence[int]) -> dict[str, Any]:
    """What a result says of how candidates were chosen."""
    strength: NDArray[np.float64] = attribution.strength
    rest = np.delete(strength, picked)
    return {
        "screening": f"by {attribution.method}",
        "screening_cost": {
            "forward": attribution.forward,
            "backward": attribution.backward,
            "trainings": attribution.trainings,
            "calls": attribution.calls + attribution.reused,
        },
        "least_chosen": float(strength[picked].min()),
        "largest_not_chosen": float(rest.max()),
    }


def _chosen(game: Game, picked: Sequence[int], facts: dict[str, Any]) -> Grouped:
    names = [game.candidates[position] for position in picked]
    return Grouped(game, [[position] for position in picked], names, facts)


def _named(game: Game, wanted: Sequence[int | str]) -> list[int]:
    """The positions asked for, ascending."""
    labels = [candidate.label for candidate in game.candidates]
    names = game.names
    picked: set[int] = set()
    for name in wanted:
        if not isinstance(name, str | int | np.integer) or isinstance(name, bool):
            raise InvalidInput(
                f"a candidate is a position or a name; got {shown(name)}"
            )
        if isinstance(name, str):
            picked.update(_places(name, labels, names))
            continue
        if not 0 <= name < game.n:
            raise InvalidInput(
                f"there is no candidate {name}; their positions are 0 to {game.n - 1}"
            )
        picked.add(int(name))
    if not picked:
        raise InvalidInput(
            "the screening is empty: the list of candidates has none in it"
        )
    return sorted(picked)


def _places(name: str, labels: Sequence[str], names: Sequence[str]) -> Sequence[int]:
    """The positions that a name means."""
    places = positions_named(name, labels, names)
    if not places:
        near = _like(name, list(names))
        raise InvalidInput(
            f"there is no candidate {name!r} of {len(names)}; there are"
            f" {', '.join(near)}, ..."
        )
    return places


def _like(name: str, known: list[str]) -> list[str]:
    """A few labels, those most like it first."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, _SHOWN, 0.5)
    return [repr(label) for label in dict.fromkeys([*near, *known])][:_SHOWN]
