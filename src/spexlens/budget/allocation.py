"""The budget: what its calls are spent on."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, whole_number
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.games.game import Game
from spexlens.masks.designs import corners
from spexlens.masks.masks import ENUMERABLE
from spexlens.masks.shared_trainings import sharing
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Solver, all_masks, counted, held_in_memory

_LEAST_JUDGED = 100  # calls, below which none is held out unless asked for
_LEAST_HELD = 16
# of what is not held out: trainings, and masks that share them
_LEAST_TRAININGS = 8
_LEAST_SHARING = 25
# masks that ablate what was not chosen
_HANDFUL = 8
_LEAST_HANDFUL = 3
_MOST_HANDFUL = 10_000
# masks that check a fit: that may be asked for, and by default
_LEAST_CHECKS = 8
_LEAST_CHECKED = 16
_LEAST_TO_CHECK = 64  # calls, below which nothing is checked unless asked for
_LEAST_CHECK_TRAININGS = 6
_CONFIRMING = 16  # masks, for smallest sets
# masks asked twice; of how many calls one repeats a mask if those differ
_PROBED = 2
_NOISY = 6
# evaluations of one training, unless it is said how many trainings there are
_ASKED = 5


@dataclass(frozen=True)
class Shares:
    """What a budget is spent on.

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


def divide(
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
    if game.training_candidates is not None and trainings is not None:
        return _sharing(
            game, game.training_candidates, budget, method, held_out, trainings, seed
        )
    if (
        trainings is not None
        and game.base.training_candidates is not None
        and _all_trained(game, game.base.training_candidates)
    ):
        budget = min(budget, trainings)
    times = max(2, game.repeats) if game.seeded else 1
    asked = None if held_out is None else whole_number(held_out, named("held_out"))
    solver = _chosen(method, game, budget)
    if isinstance(solver, Exact):
        if asked:
            raise InvalidInput(
                f"{budget} calls are enough for all 2^{game.n} masks: there is none to"
                " hold out"
            )
        spare = budget - (1 << game.n) * game.repeats
        again = (
            min(_LEAST_HELD, spare, 1 << game.n)
            if game.seeded and game.repeats == 1
            else 0
        )
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


@dataclass(frozen=True)
class Evidence:
    """What is to be bought beside a fit, as `explain` was asked.

    Attributes:
        checks: masks to check the fit with; None for a tenth of the budget.
        noise: evaluations that repeat masks; None for two, and more once those were
            found to differ.
        noisy: whether they were.
        variants: other ways to ablate.
        ordinary: evaluations of ordinary inputs.
        smallest: whether smallest sets are confirmed.
    """

    checks: int | None = None
    noise: int | None = None
    variants: int = 0
    ordinary: int = 0
    smallest: bool = False
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


def allot(
    game: Game,
    budget: int,
    method: str | Solver,
    held_out: int | None,
    trainings: int | None,
    seed: int,
    evidence: Evidence,
) -> tuple[Shares, Reserve]:
    """The shares of a budget, and what is reserved for evidence.

    Where all 2^n masks fit, nothing is left to check, and the evidence takes what is
    over.

    Raises:
        BudgetTooSmall, InvalidInput: as `explain`.
    """
    asked = refuse_unsound(game, evidence)
    base = game.base.training_candidates
    if (
        trainings is not None
        and base is not None
        and game.training_candidates is None
        and _all_trained(game, base)
    ):
        # each mask is a training
        budget = min(budget, trainings)
        trainings = None
    repeats = _repeats(game, budget, evidence)
    fixed = evidence.ordinary + _CONFIRMING * game.repeats * evidence.smallest
    least = (
        fixed
        + _LEAST_CHECKED * game.repeats * evidence.variants
        + (repeats if evidence.noise else 0)
    )
    everything = divide(game, budget, method, held_out, trainings, seed)
    if _complete(game, everything):
        spare = budget - (1 << game.n) * game.repeats - everything.again - least
        if spare >= 0:
            repeats = repeats if evidence.noise else min(repeats, spare)
            spare -= 0 if evidence.noise else repeats
            each = (spare // game.repeats // max(1, evidence.variants)) + _LEAST_CHECKED
            each = min(each, 1 << game.n) if evidence.variants else 0
            return everything, Reserve(
                0, 0, each, repeats, _CONFIRMING * evidence.smallest
            )
    for checks in _tried(game, budget, evidence) if asked is None else [asked]:
        each = checks if evidence.variants else 0
        cost = fixed + repeats + (checks + each * evidence.variants) * game.repeats
        own = (
            0
            if trainings is None or not checks
            else max(_LEAST_CHECK_TRAININGS, trainings // 10)
        )
        most = None if trainings is None else trainings - own
        try:
            if cost >= budget:
                raise BudgetTooSmall("nothing is left to fit")
            shares = divide(game, budget - cost, method, held_out, most, seed)
        except BudgetTooSmall as error:
            if asked is None and checks and not evidence.variants:
                continue
            if cost:
                raise BudgetTooSmall(
                    f"{error} ({cost} of {budget} calls are for evidence)"
                ) from None
            raise
        _refuse_too_many(game, shares, checks + each * evidence.variants)
        return shares, Reserve(
            checks, own, each, repeats, _CONFIRMING * evidence.smallest
        )
    raise AssertionError


def _complete(game: Game, shares: Shares) -> bool:
    """Whether the fit's masks are all there are, so that nothing is left to check it
    with.
    """
    every = all_masks(game.n, shares.masks) == 1 << game.n
    return isinstance(shares.solver, Exact) or (
        every and game.training_candidates is None and not shares.held_out
    )


def _refuse_too_many(game: Game, shares: Shares, evidence: int) -> None:
    """InvalidInput if the masks beside the fit's are more than memory holds."""
    most = held_in_memory(game.n)
    if evidence + shares.held_out > most:
        raise InvalidInput(
            f"{evidence + shares.held_out} masks beside those of the fit are more than"
            f" memory holds: at most {most} of {counted(game.n)}"
        )


def refuse_unsound(game: Game, evidence: Evidence) -> int | None:
    """The checks asked for, or None; InvalidInput if what is asked for cannot be."""
    asked = (
        None
        if evidence.checks is None
        else whole_number(evidence.checks, named("checks"))
    )
    if asked is not None and 0 < asked < _LEAST_CHECKS:
        raise InvalidInput(
            f"{named('checks')} takes {_LEAST_CHECKS} masks or more, or 0 for none; got"
            f" {asked}"
        )
    if game.training_candidates is not None and (
        evidence.variants or evidence.smallest
    ):
        raise InvalidInput(
            "where masks share trainings, other ways to ablate and smallest sets would"
            f" need trainings of their own: leave {named('against')} and"
            f" {named('smallest')} out, or explain the parts alone"
        )
    if asked == 0 and evidence.variants:
        raise InvalidInput(
            "other ways to ablate are asked for the masks of the checks: leave"
            f" {named('checks', 0)} out"
        )
    _repeats(game, 0, evidence)
    return asked


def reserve_of_rest(
    game: Game, spare: int, evidence: Evidence, reserve: Reserve
) -> Reserve:
    """What checks a fit that ended before all masks were asked for, with so many calls
    to spare.
    """
    spare -= reserve.repeats + evidence.ordinary + reserve.smallest * game.repeats
    asked = (
        max(_LEAST_CHECKED, spare // 10) if evidence.checks is None else evidence.checks
    )
    checks = max(0, min(asked, spare // (game.repeats * (1 + evidence.variants))))
    return replace(reserve, checks=checks, each=checks if evidence.variants else 0)


def _tried(game: Game, budget: int, evidence: Evidence) -> list[int]:
    """How many masks check a fit where nobody said: a tenth and at least 16, else none."""
    checked = max(_LEAST_CHECKED, budget // (10 * game.repeats))
    if evidence.variants:
        return [checked]
    return [checked, 0] if budget >= _LEAST_TO_CHECK * game.repeats else [0]


def _repeats(game: Game, budget: int, evidence: Evidence) -> int:
    """How many evaluations repeat a mask: two, of a game that may answer differently;
    more if it does.
    """
    if evidence.noise is None:
        if game.base.deterministic or game.seeded or budget < _LEAST_TO_CHECK:
            return 0
        return max(_LEAST_HELD, budget // _NOISY) if evidence.noisy else _PROBED
    asked = whole_number(evidence.noise, named("noise"))
    if asked and game.seeded:
        raise InvalidInput(
            "the noise of seeds is measured with what is held out: leave"
            f" {named('noise')} out"
        )
    if asked == 1:
        raise InvalidInput(f"{named('noise')} takes two repeated masks or more; got 1")
    return asked


def handful(game: Game, budget: int, unchosen: int | None) -> int:
    """How many masks ablate what was not chosen: `unchosen`, or 8 and fewer of a small
    budget.

    Raises:
        InvalidInput: one or two, or more than the budget has.
    """
    if not len(game.fixed):
        return 0
    masks = budget // game.repeats
    if unchosen is None:
        spare = masks // 20
        if game.n <= ENUMERABLE and masks >= 1 << game.n:
            # noise wants its part
            spare = (masks - (1 << game.n)) // (2 if game.seeded else 1)
        count = min(_HANDFUL, spare)
        return count if count >= _LEAST_HANDFUL else 0
    asked = whole_number(unchosen, "unchosen")
    if 0 < asked < _LEAST_HANDFUL or asked >= masks or asked > _MOST_HANDFUL:
        raise InvalidInput(
            f"unchosen takes {_LEAST_HANDFUL} to {_MOST_HANDFUL} masks, less than the"
            f" budget; got {asked}"
        )
    return asked


def trainings_of(
    game: Game, budget: int, trainings: int | None, check: int = 0
) -> int | None:
    """The most trainings of a game whose masks share them, less those that a check
    needs; None for others.

    Raises:
        InvalidInput: they are said of a game that has no such trainings.
    """
    own = game.base.training_candidates
    if own is None:
        if trainings is not None:
            raise InvalidInput(
                "trainings are counted apart only where training examples are mixed"
                " with others"
            )
        return None
    most = (
        budget // _ASKED
        if trainings is None
        else whole_number(trainings, named("trainings"))
    )
    most = max(_LEAST_TRAININGS, most) if trainings is None else most
    return max(1, most - check * game.repeats) if own[game.fixed].any() else most


def _sharing(
    game: Game,
    trained: NDArray[np.bool_],
    budget: int,
    method: str | Solver,
    held_out: int | None,
    most: int,
    seed: int,
) -> Shares:
    """The shares where masks share trainings: a fifth of both is held out unless it is
    said how many.
    """
    if method not in ("auto", "proxyspex", "exact"):
        raise InvalidInput(
            "where masks share trainings the method is auto, proxyspex or exact"
        )
    times = max(2, game.repeats) if game.seeded else 1
    marked = int(trained.sum())
    everything = game.n <= ENUMERABLE and budget // game.repeats >= 1 << game.n
    enough = (1 << marked) * game.repeats <= most
    if method == "exact" or (method == "auto" and everything and enough):
        if not enough:
            raise BudgetTooSmall(f"exact needs 2^{marked} trainings; there are {most}")
        if held_out:
            raise InvalidInput(
                f"{budget} calls are enough for all 2^{game.n} masks: none is to be"
                " held out"
            )
        return Shares(_chosen("exact", game, budget), budget // game.repeats, 0, times)
    asked = None if held_out is None else whole_number(held_out, named("held_out"))
    held = _judged(game, budget, times) if asked is None else asked if asked > 1 else 0
    for kept in (held, 0) if asked is None else (held,):
        # trainings of those held out, each under so many seeds
        apart = -(-most * kept // budget)
        masks = (budget - kept * times) // game.repeats
        # more trainings than masks are none
        own = min((most - apart * times) // game.repeats, masks)
        if own >= _LEAST_TRAININGS and masks >= _LEAST_SHARING:
            drawn = sharing(trained, masks - 2, own - 2, seed)
            pool = np.concatenate([corners(game.n), drawn])
            if len(pool) >= _LEAST_SHARING:
                solver = ProxySpex(pool=pool, design="uniform", apart=trained)
                return Shares(solver, len(pool), kept, times, trainings=apart)
    seeds = f" under {times} seeds" if times > 1 else ""
    raise BudgetTooSmall(
        f"{budget} calls with {most} trainings{seeds} are too few for {marked}"
        f" candidates that mean a training and {game.n - marked} others: beside what is"
        f" held out, {_LEAST_TRAININGS} trainings and {_LEAST_SHARING} masks are the"
        f" least, and a training has 2^{game.n - marked} masks"
    )


def _all_trained(game: Game, trained: NDArray[np.bool_]) -> bool:
    """Whether every mask of a game is a training of its own: what is no example always
    stays.
    """
    chosen = np.ones(len(trained), np.bool_)
    chosen[game.fixed] = False
    return bool(trained[chosen].all())


def _shared(
    method: str | Solver, game: Game, budget: int, held: int, times: int
) -> Shares:
    """The shares if so many masks are held out; the solver leaves that many of all
    there are.
    """
    left = budget - held * times
    if left < 1:
        raise BudgetTooSmall(
            f"{held} masks held out cost {held * times} calls; the budget is {budget}"
        )
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
        raise BudgetTooSmall(
            f"{error} (each mask costs {game.repeats} of {calls} calls)"
        ) from None


def _judged(game: Game, budget: int, times: int) -> int:
    """How many masks are held out where nobody said: the share that the game asks for,
    at least 16.
    """
    if not game.held_out_share or budget < _LEAST_JUDGED:
        return 0
    return max(_LEAST_HELD, int(budget * game.held_out_share) // times)
