"""Reserve: how many calls of a budget are for evidence, beside the fit."""

from dataclasses import dataclass, replace

from spexlens.arguments import named, whole_number
from spexlens.budget.request import Request
from spexlens.budget.shares import (
    LEAST_HELD,
    Shares,
    every_mask_is_a_training,
    fit_shares,
)
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.games.game import Game
from spexlens.masks.masks import ENUMERABLE
from spexlens.solvers.solver import all_masks, counted, held_in_memory

# Masks that ablate what was not chosen.
_UNCHOSEN = 8
_LEAST_UNCHOSEN = 3
_MOST_UNCHOSEN = 10_000
# Masks that check a fit: that may be asked for, and by default.
_LEAST_CHECKS = 8
_LEAST_CHECKED = 16
_LEAST_TO_CHECK = 64  # calls, below which nothing is checked unless asked for
_LEAST_CHECK_TRAININGS = 6
_CONFIRMING = 16  # masks, for smallest sets
# Masks asked twice; and of how many calls one repeats a mask if those two differ.
_PROBED = 2
_NOISY = 6


@dataclass(frozen=True)
class Beside:
    """What is asked beside a game and its masks.

    Attributes:
        variants: other ways to ablate.
        ordinary: evaluations of ordinary inputs.
        noisy: whether the two masks that were asked twice were found to differ.
    """

    variants: int = 0
    ordinary: int = 0
    noisy: bool = False


@dataclass(frozen=True)
class Reserve:
    """What is left of a budget for evidence, beside what `Shares` hold out.

    Attributes:
        checks: masks bought after the fit.
        trainings: of those, where masks share trainings.
        each: masks of each other way to ablate.
        repeats: evaluations that repeat a mask.
        smallest: masks to confirm smallest sets with.
    """

    checks: int = 0
    trainings: int = 0
    each: int = 0
    repeats: int = 0
    smallest: int = 0


@dataclass(frozen=True)
class Left:
    """What is left to share out: without the masks that ablate what was not chosen.

    Attributes:
        calls: of the budget.
        trainings: where masks share those, else None.
    """

    calls: int
    trainings: int | None


def divided(
    game: Game, left: Left, request: Request, beside: Beside
) -> tuple[Shares, Reserve]:
    """The shares of a budget, and what is reserved for evidence.

    Where all 2^n masks fit, nothing is left to check, and the evidence takes what is
    over.

    Raises:
        BudgetTooSmall, InvalidInput: as `explain`.
    """
    refuse_unsound(game, request, beside)
    if left.trainings is not None and every_mask_is_a_training(game):
        left = Left(min(left.calls, left.trainings), None)
    everything = _fit_shares(game, left, request)
    if _complete(game, everything):
        reserve = _of_what_is_over(game, left, request, beside, everything)
        if reserve is not None:
            return everything, reserve
    return _beside_the_fit(game, left, request, beside)


def _fit_shares(game: Game, left: Left, request: Request) -> Shares:
    return fit_shares(
        game,
        left.calls,
        request.method,
        request.held_out,
        left.trainings,
        request.seed,
    )


def _of_what_is_over(
    game: Game, left: Left, request: Request, beside: Beside, shares: Shares
) -> Reserve | None:
    """The reserve where the fit has all 2^n masks.

    None if evidence that was asked for does not fit beside them.
    """
    repeats = _repeats(game, left.calls, request, beside)
    confirming = _CONFIRMING * (request.smallest is not None)
    least = (
        beside.ordinary
        + confirming * game.repeats
        + _LEAST_CHECKED * game.repeats * beside.variants
        + (repeats if request.noise else 0)
    )
    fitted = (1 << game.n) * game.repeats
    spare = left.calls - fitted - shares.again - least
    if spare < 0:
        return None
    if not request.noise:  # unasked, repetitions take what is over, and no more
        repeats = min(repeats, spare)
        spare -= repeats
    each = 0
    if beside.variants:
        each = spare // game.repeats // beside.variants + _LEAST_CHECKED
        each = min(each, 1 << game.n)  # there are no more
    return Reserve(0, 0, each, repeats, confirming)


def _beside_the_fit(
    game: Game, left: Left, request: Request, beside: Beside
) -> tuple[Shares, Reserve]:
    """The shares where a fit has to leave something for evidence."""
    repeats = _repeats(game, left.calls, request, beside)
    confirming = _CONFIRMING * (request.smallest is not None)
    unasked = request.checks is None
    for checks in _tried(game, left.calls, request, beside):
        each = checks if beside.variants else 0
        masks = checks + each * beside.variants + confirming
        cost = beside.ordinary + repeats + masks * game.repeats
        own = _check_trainings(left.trainings, checks)
        most = None if left.trainings is None else left.trainings - own
        try:
            if cost >= left.calls:
                raise BudgetTooSmall("nothing is left to fit")
            shares = _fit_shares(game, Left(left.calls - cost, most), request)
        except BudgetTooSmall as error:
            if unasked and checks and not beside.variants:
                continue  # checks that nobody asked for are not worth a refusal
            if cost:
                raise BudgetTooSmall(
                    f"{error} ({cost} of {left.calls} calls are for evidence)"
                ) from None
            raise
        _refuse_too_many(game, shares, checks + each * beside.variants)
        return shares, Reserve(checks, own, each, repeats, confirming)
    raise AssertionError("the last that is tried is no check at all")


def _check_trainings(trainings: int | None, checks: int) -> int:
    """How many trainings the checks may take."""
    if trainings is None or not checks:
        return 0
    return max(_LEAST_CHECK_TRAININGS, trainings // 10)


def _complete(game: Game, shares: Shares) -> bool:
    """Whether the fit's masks are all there are: nothing is left to check it with."""
    if shares.solver.exhaustive:
        return True
    if game.strategy.shares_trainings or shares.held_out:
        return False
    return all_masks(game.n, shares.masks) == 1 << game.n


def _refuse_too_many(game: Game, shares: Shares, evidence: int) -> None:
    """InvalidInput if the masks beside the fit's are more than memory holds."""
    most = held_in_memory(game.n)
    if evidence + shares.held_out > most:
        raise InvalidInput(
            f"{evidence + shares.held_out} masks beside those of the fit are more than"
            f" memory holds: at most {most} of {counted(game.n)}"
        )


def refuse_unsound(game: Game, request: Request, beside: Beside) -> None:
    """InvalidInput if evidence is asked for that cannot be."""
    checks = request.checks
    if checks is not None and 0 < checks < _LEAST_CHECKS:
        raise InvalidInput(
            f"{named('checks')} takes {_LEAST_CHECKS} masks or more, or 0 for none; got"
            f" {checks}"
        )
    asks_beside = beside.variants or request.smallest is not None
    if game.strategy.shares_trainings and asks_beside:
        raise InvalidInput(
            "where masks share trainings, other ways to ablate and smallest sets would"
            f" need trainings of their own: leave {named('against')} and"
            f" {named('smallest')} out, or explain the parts alone"
        )
    if checks == 0 and beside.variants:
        raise InvalidInput(
            "other ways to ablate are asked for the masks of the checks: leave"
            f" {named('checks', 0)} out"
        )
    _repeats(game, 0, request, beside)


def reserve_of_rest(
    game: Game, spare: int, request: Request, beside: Beside, reserve: Reserve
) -> Reserve:
    """What checks a fit that ended before all masks were asked for.

    Args:
        game: that is asked.
        spare: calls of the budget that the fit did not take.
        request: what was asked of the game.
        beside: what is asked beside it.
        reserve: what there was for evidence when all masks were to be asked for.
    """
    spare -= reserve.repeats + beside.ordinary + reserve.smallest * game.repeats
    wanted = request.checks
    if wanted is None:
        wanted = max(_LEAST_CHECKED, spare // 10)
    affordable = spare // (game.repeats * (1 + beside.variants))
    checks = max(0, min(wanted, affordable))
    return replace(reserve, checks=checks, each=checks if beside.variants else 0)


def _tried(game: Game, budget: int, request: Request, beside: Beside) -> list[int]:
    """How many masks may check a fit, the first choice first.

    As many as were asked for; else a tenth and at least 16, or none.
    """
    if request.checks is not None:
        return [request.checks]
    checked = max(_LEAST_CHECKED, budget // (10 * game.repeats))
    if beside.variants:
        return [checked]
    return [checked, 0] if budget >= _LEAST_TO_CHECK * game.repeats else [0]


def _repeats(game: Game, budget: int, request: Request, beside: Beside) -> int:
    """How many evaluations repeat a mask.

    Two, of a game that may answer differently; more if it does.
    """
    if request.noise is None:
        if game.base.deterministic or game.seeded or budget < _LEAST_TO_CHECK:
            return 0
        return max(LEAST_HELD, budget // _NOISY) if beside.noisy else _PROBED
    if request.noise and game.seeded:
        raise InvalidInput(
            "the noise of seeds is measured with what is held out: leave"
            f" {named('noise')} out"
        )
    if request.noise == 1:
        raise InvalidInput(f"{named('noise')} takes two repeated masks or more; got 1")
    return request.noise


def unchosen_masks(game: Game, request: Request) -> int:
    """How many masks ablate what was not chosen.

    As many as were asked for, or 8 and fewer of a small budget.

    Raises:
        InvalidInput: one or two, or more than the budget has.
    """
    if not len(game.fixed):
        return 0
    masks = request.budget // game.repeats
    if request.unchosen is None:
        spare = masks // 20
        if game.n <= ENUMERABLE and masks >= 1 << game.n:
            spare = masks - (1 << game.n)
            if game.seeded:  # noise wants its part
                spare //= 2
        count = min(_UNCHOSEN, spare)
        return count if count >= _LEAST_UNCHOSEN else 0
    count = whole_number(request.unchosen, "unchosen")
    too_few = 0 < count < _LEAST_UNCHOSEN  # a spread of two masks is none
    if too_few or count >= masks or count > _MOST_UNCHOSEN:
        raise InvalidInput(
            f"unchosen takes {_LEAST_UNCHOSEN} to {_MOST_UNCHOSEN} masks, less than the"
            f" budget; got {count}"
        )
    return count
