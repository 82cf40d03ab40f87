"""The budget: what its calls are spent on."""

from dataclasses import dataclass
from operator import index

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation.game import Game
from spexlens.ablation.masks import ENUMERABLE, corners, sharing
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.solvers.base import Solver
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.solver import ProxySpex

_LEAST_JUDGED = 100  # calls, below which none is held out unless asked for
_LEAST_HELD = 16
_LEAST_TRAININGS = 8
_ASKED = 5  # evaluations of one training, unless it is said how many trainings there are


@dataclass(frozen=True)
class Shares:
    """What a budget is spent on.

    Attributes:
        solver: chooses and fits the masks.
        masks: the masks it may choose.
        held_out: masks that are kept from it.
        times: evaluations of each of those, under as many seeds.
        again: of the solver's masks, how many are evaluated under a second seed, to measure noise.
        trainings: of a game whose masks share trainings, how many are for the masks that are held out.
    """

    solver: Solver
    masks: int
    held_out: int
    times: int
    again: int = 0
    trainings: int = 0


def divide(
    game: Game,
    budget: int,
    method: str | Solver,
    held_out: int | None,
    trainings: int | None = None,
    seed: int = 0,
) -> Shares:
    """The shares of a budget, in which every evaluation counts.

    Of a game whose masks share trainings, the masks are drawn so that there are at most so many, by default
    one for five evaluations.

    Raises:
        BudgetTooSmall, InvalidInput: as `explain`.
    """
    if game.trained is not None:
        return _sharing(game, game.trained, budget, method, held_out, trainings, seed)
    if trainings is not None:
        raise InvalidInput("trainings are counted apart only where training examples are mixed with others")
    times = max(2, game.repeats) if game.seeded else 1
    asked = None if held_out is None else whole_number(held_out, "held_out")
    solver = _chosen(method, game, budget)
    if isinstance(solver, Exact):
        if asked:
            raise InvalidInput(
                f"{budget} calls are enough for all 2^{game.n} masks: there is none to hold out"
            )
        spare = budget - (1 << game.n) * game.repeats
        again = min(_LEAST_HELD, spare, 1 << game.n) if game.seeded and game.repeats == 1 else 0
        return Shares(solver, budget // game.repeats, 0, times, again)
    held = _judged(game, budget, times) if asked is None else asked if asked > 1 else 0
    try:
        shares = _shared(method, game, budget, held, times)
    except BudgetTooSmall as error:
        if asked and held * times < budget:
            cost = f"{held} masks held out cost {held * times} of {budget} calls"
            raise BudgetTooSmall(f"{error} ({cost})") from None
        if asked:
            raise
        shares = _shared(method, game, budget, 0, times)
    return shares


def _sharing(
    game: Game,
    trained: NDArray[np.bool_],
    budget: int,
    method: str | Solver,
    held_out: int | None,
    trainings: int | None,
    seed: int,
) -> Shares:
    """The shares where masks share trainings: a fifth of both is held out unless it is said how many."""
    if method not in ("auto", "proxyspex", "exact"):
        raise InvalidInput("where masks share trainings the method is auto, proxyspex or exact")
    times = max(2, game.repeats) if game.seeded else 1
    most = (
        max(_LEAST_TRAININGS, budget // _ASKED) if trainings is None else whole_number(trainings, "trainings")
    )
    everything = game.n <= ENUMERABLE and budget // game.repeats >= 1 << game.n
    if method == "exact" or (method == "auto" and everything and (1 << int(trained.sum())) <= most):
        return Shares(_chosen("exact", game, budget), budget // game.repeats, 0, times)
    held = _judged(game, budget, times) if held_out is None else whole_number(held_out, "held_out")
    left = budget - held * times
    share = -(-most * held * times // budget) * times if held else 0
    masks, most = left // game.repeats, (most - share) // game.repeats
    if masks < _LEAST_JUDGED // 4 or most < _LEAST_TRAININGS:
        raise BudgetTooSmall(
            f"{budget} calls with {most + share} trainings are too few for {game.n} candidates, of which "
            f"{int(trained.sum())} mean a training: {_LEAST_TRAININGS} trainings of their own and "
            f"{_LEAST_JUDGED // 4} masks are the least"
        )
    drawn = sharing(trained, masks - 2, most - 2, seed)
    pool = np.concatenate([corners(game.n), drawn])
    return Shares(
        ProxySpex(pool=pool, design="uniform", apart=trained),
        len(pool),
        held,
        times,
        trainings=share // times,
    )


def _shared(method: str | Solver, game: Game, budget: int, held: int, times: int) -> Shares:
    """The shares if so many masks are held out; the solver leaves that many of all there are."""
    left = budget - held * times
    if left < 1:
        raise BudgetTooSmall(f"{held} masks held out cost {held * times} calls; the budget is {budget}")
    masks = left // game.repeats
    if held and game.n <= ENUMERABLE:
        masks = min(masks, (1 << game.n) - held)
    return Shares(_chosen(method, game, masks * game.repeats), masks, held, times)


def _chosen(method: str | Solver, game: Game, calls: int) -> Solver:
    try:
        return choose_solver(method, game.n, calls // game.repeats)
    except BudgetTooSmall as error:
        if game.repeats == 1:
            raise
        raise BudgetTooSmall(f"{error} (each mask costs {game.repeats} of {calls} calls)") from None


def _judged(game: Game, budget: int, times: int) -> int:
    """How many masks are held out where nobody said: the share that the game asks for, at least 16."""
    if not game.judged or budget < _LEAST_JUDGED:
        return 0
    return max(_LEAST_HELD, int(budget * game.judged) // times)


def whole_number(given: object, what: str) -> int:
    """A seed or a budget as an int.

    Raises:
        InvalidInput: it is no whole number, negative, or too large for 64 bits.
    """
    try:
        number = index(given)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidInput(f"{what} is a whole number; got {given!r}") from None
    if not 0 <= number < 1 << 63:
        raise InvalidInput(f"{what} is not negative and below 2^63; got {number}")
    return number
