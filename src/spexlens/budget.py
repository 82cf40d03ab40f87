"""The budget: what its calls are spent on."""

from dataclasses import dataclass
from operator import index

from spexlens.ablation.game import Game
from spexlens.ablation.masks import ENUMERABLE
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.solvers.base import Solver
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.exact import Exact

_LEAST_JUDGED = 100  # calls, below which none is held out unless asked for
_LEAST_HELD = 16


@dataclass(frozen=True)
class Shares:
    """What a budget is spent on.

    Attributes:
        solver: chooses and fits the masks.
        masks: the masks it may choose.
        held_out: masks that are kept from it.
        times: evaluations of each of those, under as many seeds.
        again: of the solver's masks, how many are evaluated under a second seed, to measure noise.
    """

    solver: Solver
    masks: int
    held_out: int
    times: int
    again: int = 0


def divide(game: Game, budget: int, method: str | Solver, held_out: int | None) -> Shares:
    """The shares of a budget, in which every evaluation counts.

    Raises:
        BudgetTooSmall, InvalidInput: as `explain`.
    """
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
