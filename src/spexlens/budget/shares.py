"""Shares: how many calls of a budget are for the fit, and how many are held out."""

from dataclasses import dataclass

import numpy as np

from spexlens.arguments import named, whole_number
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.games.game import Game
from spexlens.masks.designs import corners
from spexlens.masks.masks import ENUMERABLE
from spexlens.masks.shared_trainings import sharing
from spexlens.masks.strategy import SharedTrainings
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Solver

_LEAST_JUDGED = 100  # calls, below which none is held out unless asked for
LEAST_HELD = 16
"""The fewest masks that judge anything."""

# Of what is not held out, where masks share trainings: fewer of either is no fit.
_LEAST_TRAININGS = 8
_LEAST_SHARING = 25
# Evaluations of one training, unless it is said how many trainings there are.
_ASKED = 5


@dataclass(frozen=True)
class Shares:
    """What the fit gets of a budget, and what is held out to judge it.

    Attributes:
        solver: chooses and fits the masks.
        masks: the masks it may choose.
        held_out: masks that are kept from it.
        times: evaluations of each of those, under as many seeds.
        again: of the solver's masks, how many are evaluated under a second seed, to
            measure noise.
        trainings: of a game whose masks share trainings, how many are for the masks
            that are held out.
    """

    solver: Solver
    masks: int
    held_out: int
    times: int
    again: int = 0
    trainings: int = 0


def fit_shares(
    game: Game,
    budget: int,
    method: str | Solver,
    held_out: int | None,
    trainings: int | None = None,
    seed: int = 0,
) -> Shares:
    """The shares of a budget, in which every evaluation counts.

    Of a game whose masks share trainings, the masks are drawn so that there are at most
    so many, those of `trainings_of`.

    Raises:
        BudgetTooSmall, InvalidInput: as `explain`.
    """
    strategy = game.strategy
    if isinstance(strategy, SharedTrainings) and trainings is not None:
        return _sharing(game, strategy, budget, method, held_out, trainings, seed)
    if trainings is not None and every_mask_is_a_training(game):
        budget = min(budget, trainings)
    times = _times(game)
    asked = None if held_out is None else whole_number(held_out, named("held_out"))
    solver = _chosen(method, game, budget)
    if solver.exhaustive:
        return _exhaustive(game, solver, budget, asked, times)
    held = _tried(game, budget, times, asked)[0]
    try:
        return _less_held_out(game, budget, method, held, times)
    except BudgetTooSmall as error:
        if asked and held * times < budget:
            cost = f"{held} masks held out cost {held * times} of {budget} calls"
            raise BudgetTooSmall(f"{error} ({cost})") from None
        if asked:
            raise
        return _less_held_out(game, budget, method, 0, times)


def every_mask_is_a_training(game: Game) -> bool:
    """Whether only training examples are ablated, of a game with other candidates too.

    Then each mask is a training of its own.
    """
    strategy = game.base.strategy
    if not isinstance(strategy, SharedTrainings) or game.strategy.shares_trainings:
        return False
    ablated = np.ones(len(strategy.examples), np.bool_)
    ablated[game.fixed] = False
    return bool(strategy.examples[ablated].all())


def trainings_of(
    game: Game, budget: int, trainings: int | None, unchosen: int = 0
) -> int | None:
    """The most trainings of a game whose masks share them; None for other games.

    Those that `unchosen` masks need are not among them.

    Raises:
        InvalidInput: they are said of a game that has no such trainings.
    """
    strategy = game.base.strategy
    if not isinstance(strategy, SharedTrainings):
        if trainings is not None:
            raise InvalidInput(
                "trainings are counted apart only where training examples are mixed"
                " with others"
            )
        return None
    if trainings is None:
        most = max(_LEAST_TRAININGS, budget // _ASKED)
    else:
        most = whole_number(trainings, named("trainings"))
    if not strategy.examples[game.fixed].any():
        return most  # no example is among the unchosen: their masks train nothing new
    return max(1, most - unchosen * game.repeats)


def _times(game: Game) -> int:
    """Evaluations of a mask that is held out: of noisy trainings two at least."""
    return max(2, game.repeats) if game.seeded else 1


def _exhaustive(
    game: Game, solver: Solver, budget: int, held_out: int | None, times: int
) -> Shares:
    """The shares where all 2^n masks are asked for: none is left to hold out."""
    if held_out:
        raise InvalidInput(
            f"{budget} calls are enough for all 2^{game.n} masks: there is none to hold"
            " out"
        )
    again = 0
    if game.seeded and game.repeats == 1:  # what is over measures noise
        spare = budget - (1 << game.n) * game.repeats
        again = min(LEAST_HELD, spare, 1 << game.n)
    return Shares(solver, budget // game.repeats, 0, times, again)


def _sharing(
    game: Game,
    strategy: SharedTrainings,
    budget: int,
    method: str | Solver,
    held_out: int | None,
    most: int,
    seed: int,
) -> Shares:
    """The shares where masks share trainings.

    A fifth of both is held out unless it is said how many.
    """
    if method not in ("auto", "proxyspex", "exact"):
        raise InvalidInput(
            "where masks share trainings the method is auto, proxyspex or exact"
        )
    times = _times(game)
    examples = int(strategy.examples.sum())
    everything = game.n <= ENUMERABLE and budget // game.repeats >= 1 << game.n
    enough = (1 << examples) * game.repeats <= most
    if method == "exact" or (method == "auto" and everything and enough):
        if not enough:
            raise BudgetTooSmall(
                f"exact needs 2^{examples} trainings; there are {most}"
            )
        if held_out:
            raise InvalidInput(
                f"{budget} calls are enough for all 2^{game.n} masks: none is to be"
                " held out"
            )
        solver = _chosen("exact", game, budget)
        return Shares(solver, budget // game.repeats, 0, times)
    for held in _tried(game, budget, times, held_out):
        # trainings of those held out, each under so many seeds
        apart = -(-most * held // budget)
        masks = (budget - held * times) // game.repeats
        # more trainings than masks are none
        trainings = min((most - apart * times) // game.repeats, masks)
        if trainings < _LEAST_TRAININGS or masks < _LEAST_SHARING:
            continue
        drawn = sharing(strategy.examples, masks - 2, trainings - 2, seed)
        pool = np.concatenate([corners(game.n), drawn])
        if len(pool) >= _LEAST_SHARING:
            solver = ProxySpex(pool=pool, design="uniform", apart=strategy.examples)
            return Shares(solver, len(pool), held, times, trainings=apart)
    seeds = f" under {times} seeds" if times > 1 else ""
    raise BudgetTooSmall(
        f"{budget} calls with {most} trainings{seeds} are too few for {examples}"
        f" candidates that mean a training and {game.n - examples} others: beside what"
        f" is held out, {_LEAST_TRAININGS} trainings and {_LEAST_SHARING} masks are the"
        f" least, and a training has 2^{game.n - examples} masks"
    )


def _tried(
    game: Game, budget: int, times: int, held_out: int | None
) -> tuple[int, ...]:
    """How many masks to hold out: what is asked for, or a share and else none."""
    if held_out is None:
        return (_held_by_default(game, budget, times), 0)
    asked = whole_number(held_out, named("held_out"))
    return (asked if asked > 1 else 0,)  # R² of one mask says nothing


def _less_held_out(
    game: Game, budget: int, method: str | Solver, held: int, times: int
) -> Shares:
    """The shares if so many masks are held out.

    The solver leaves that many of all there are.
    """
    left = budget - held * times
    if left < 1:
        raise BudgetTooSmall(
            f"{held} masks held out cost {held * times} calls; the budget is {budget}"
        )
    masks = left // game.repeats
    if held and game.n <= ENUMERABLE:
        masks = min(masks, (1 << game.n) - held)
    solver = _chosen(method, game, masks * game.repeats)
    return Shares(solver, masks, held, times)


def _chosen(method: str | Solver, game: Game, calls: int) -> Solver:
    """The solver of a method for so many calls."""
    try:
        return choose_solver(method, game.n, calls // game.repeats)
    except BudgetTooSmall as error:
        if game.repeats == 1:
            raise
        raise BudgetTooSmall(
            f"{error} (each mask costs {game.repeats} of {calls} calls)"
        ) from None


def _held_by_default(game: Game, budget: int, times: int) -> int:
    """How many masks are held out where nobody said.

    The share that the game asks for, at least 16.
    """
    if not game.held_out_share or budget < _LEAST_JUDGED:
        return 0
    return max(LEAST_HELD, int(budget * game.held_out_share) // times)
