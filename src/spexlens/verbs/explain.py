"""explain: from a game and a budget to an explanation."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, whole_number
from spexlens.budget.allocation import (
    Evidence,
    Reserve,
    Shares,
    allot,
    handful,
    reserve_of_rest,
    trainings_of,
)
from spexlens.errors import BudgetTooSmall
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.evaluation.repetitions import Repetitions
from spexlens.evaluation.sized import Sized
from spexlens.evaluation.spending import Spending
from spexlens.evidence.check_masks import CheckMasks, gather
from spexlens.evidence.comparison import sets_to_check
from spexlens.evidence.held_out import HeldOut
from spexlens.evidence.noise import Noise, noise_of
from spexlens.evidence.smallest import confirmed, refuse_impossible
from spexlens.evidence.stability import Stability, stability_of
from spexlens.evidence.unchosen import Unchosen, asked_of_unchosen, unchosen_of
from spexlens.evidence.variants import Placeholders
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.games.game import Game, as_game
from spexlens.keywords import keywords
from spexlens.masks import masks as mask_algebra
from spexlens.masks.masks import seen_among
from spexlens.results.account import Account
from spexlens.solvers.exact import Exact
from spexlens.solvers.faithfulness import Faithfulness, combined_r2
from spexlens.solvers.solver import Fit, Plan, Solver
from spexlens.solvers.stopping import refuse_unstoppable, run_plan
from spexlens.spectrum.spectrum import Spectrum


class EvidenceAsked(TypedDict, total=False):
    """The arguments of `explain` that ask for evidence."""

    checks: int | None
    refit: bool
    noise: int | None
    against: Sequence[str | Game]
    ordinary: Sequence[str | float]
    expectations: Expectations | str | Path | None
    smallest: float | None


class StoppingEvidence(EvidenceAsked, total=False):
    """The same, and when to stop."""

    until: Literal["stable"] | None


# of the largest answer: what two answers to one mask are apart by more than rounding
_DIFFERENT = 1e-5


@keywords()
def explain(
    game: Game,
    budget: int = 300,
    *,
    method: str | Solver = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
    held_out: int | None = None,
    trainings: int | None = None,
    unchosen: int | None = None,
    checks: int | None = None,
    refit: bool = True,
    noise: int | None = None,
    until: Literal["stable"] | None = None,
    against: Sequence[str | Game] = (),
    ordinary: Sequence[str | float] = (),
    expectations: Expectations | str | Path | None = None,
    smallest: float | None = None,
) -> Explanation:
    """Find which candidates act together, from at most `budget` evaluations of the
    model.

    Args:
        game: a lens, or `Game(value, candidates)` around a function of masks.
        budget: the most model evaluations, counting those already in the ledger.
        method: "auto", "exact" (all 2^n masks), "proxyspex", "spex", or a solver with
            settings of its own.
        seed: decides everything that is random; the same seed gives the same
            explanation.
        ledger: where evaluations are kept, a path or an open Ledger; None keeps them in
            memory.
        progress: called with (evaluations finished, evaluations asked for) after each
            batch; True draws a bar on standard error; or the class of a bar, such as
            `tqdm.tqdm`.
        held_out: how many masks of the budget are kept from the fit, to judge it beside
            a linear model; by default what the lens asks for, a fifth for training data
            and none otherwise.
        trainings: the most trainings, where training examples are mixed with candidates
            of other kinds, so that masks share them; by default one for five
            evaluations.
        unchosen: of a game with candidates that were not chosen and so stay kept, how
            many masks of the budget ablate those, to see what they do; by default 8,
            less below 160 calls or where all others are needed for 2^n; 0 for none.
        checks: how many masks of the budget are bought after the fit, to judge it and
            to measure the strongest interactions; by default a tenth and at least 16,
            none below 64 calls or where all 2^n masks fit; 0 for none.
        refit: whether those values join a last fit once all verdicts are fixed.
        noise: how many evaluations of the budget repeat a mask, to see how far answers
            differ; by default two of a plain function, and a sixth of the budget if
            those differ; 0 for none.
        until: "stable" stops where the five strongest interactions have not moved for
            three looks, each of a fifth more masks; the account says how many calls
            that saved.
        against: other ways to ablate the same candidates, by name (a lens's `variants`)
            or games of their own, which are asked for the masks of the checks: does
            what was found survive?
        ordinary: ordinary inputs, texts or what the model answers to them: is the
            answer with nothing kept like theirs?
        expectations: what should act together and what must not, or the path of a file
            of it.
        smallest: find the smallest sets that are enough, and that are needed, for this
            share of f(all) - f(none), and confirm them on the model with 16 masks of
            the budget.

    Raises:
        BudgetTooSmall: the text says the least that works.
        InvalidInput: an unknown method, a bad seed, or a plain function with a ledger
            on disk; facts of the game that cannot be saved; answers too large, or too
            much alike, to be squared.
        NonFiniteValue, OutOfMemory: the model failed; what was finished is in the
            ledger.
        LedgerError: the ledger cannot be used.
    """
    from spexlens.games.facts import refuse_unsavable

    seed = whole_number(seed, "a seed")
    budget = whole_number(budget, "a budget")
    held_out = _asked(held_out, "held_out")
    trainings = _asked(trainings, "trainings")
    unchosen = _asked(unchosen, "unchosen")
    checks = _asked(checks, "checks")
    noise = _asked(noise, "noise")
    game = as_game(game)
    refuse_unsavable(game.facts(), game.candidates)  # before anything is paid for
    expected = expectations_file.given(expectations)
    game.renew()
    placeholders = Placeholders.of(game, against, ordinary)
    smallest = refuse_impossible(smallest, game.outputs)
    refuse_unstoppable(until, game, method, budget)
    evidence = Evidence(
        checks,
        noise,
        len(placeholders.variants),
        placeholders.calls,
        smallest is not None,
    )
    check = handful(game, budget, unchosen)
    most = trainings_of(game, budget, trainings, check)
    left = budget - check * game.repeats

    def allotted(evidence: Evidence) -> _Allotted:
        shares, reserve = allot(game, left, method, held_out, most, seed, evidence)
        plan = shares.solver.plan(game.n, shares.masks, seed)
        return _Allotted(
            shares,
            reserve,
            plan,
            _expected(game, plan, shares, reserve, evidence, check),
        )

    share = allotted(evidence)
    started = perf_counter()
    used = versions()
    with told(progress) as tell, opened(ledger) as book:
        spending = Spending(book, tell, share.calls)
        spending.run = book.begin(
            game.base.key,
            method=share.plan.method,
            seed=seed,
            design=share.design(game),
            budget=budget,
            versions=used,
        )
        evaluator = spending.on(game)
        placeholders.refuse_unrecognised(spending)
        if (
            noise is None
            and share.reserve.repeats
            and _differs(evaluator, _looked_at(share.plan))
        ):
            # then two masks are all that is known of the noise
            with suppress(BudgetTooSmall):
                share = allotted(replace(evidence, noisy=True))
                spending.expected = share.calls
        sized = Sized(evaluator)
        ask = _Asking(sized, check, seed)
        run = run_plan(
            share.shares.solver, share.plan, ask, seed, early=until is not None
        )
        # there is something to check after all
        if run.stopped and isinstance(share.shares.solver, Exact):
            rest = reserve_of_rest(game, left - len(run.plan), evidence, share.reserve)
            share = replace(share, reserve=rest)
        named = (
            []
            if expected is None
            else sets_to_check(expected, game.candidates, run.fit.spectrum, game.names)
        )
        asked = gather(
            sized, share.shares, share.reserve, run, seed, named, held_out is not None
        )
        last = (
            asked.refitted(run.solver, run.fit, seed)
            if refit and len(asked.packed)
            else run.fit
        )
        found = asked.checks(run.fit.spectrum)
        measured = _noise(share, sized, asked, seed, refit=refit)
        whole, empty = _corners(run.plan, run.values)
        artefacts, failed = placeholders.tested(
            spending,
            sized.sizes,
            asked,
            found,
            run.fit.spectrum,
            share.reserve.each,
            empty,
            seed,
        )
        sets = confirmed(
            sized, last.spectrum, whole, empty, smallest, share.reserve.smallest
        )
        spending.close()
        caveats = [
            *last.details.get("caveats", []),
            *_told(game, spending, evaluator),
            *failed,
        ]
        caveats += sized.sizes.caveats(game.outputs or _numbered(run.values))
        seconds = perf_counter() - started
        book.finish(spending.run, seconds)
    held = asked.held_out(run.fit.spectrum, seed)
    explanation = Explanation(
        candidates=game.candidates,
        spectrum=last.spectrum,
        faithfulness=_faithfulness(game, run.fit, held),
        account=Account(
            method=run.plan.method,
            design=replace(share, plan=run.plan).design(game),
            seed=seed,
            budget=budget,
            calls=spending.paid,
            reused=spending.reused,
            passes=spending.passes,
            trainings=spending.trainings,
            seconds=seconds,
            versions=used,
            saved=(
                max(budget - spending.paid - spending.reused, 0) if run.stopped else 0
            ),
        ),
        facts=game.facts(),
        details={**last.details, "caveats": caveats} if caveats else last.details,
        whole=whole,
        empty=empty,
        outputs=game.outputs or _numbered(run.values),
        uncertainty=last.uncertainty or None,
        held_out=held,
        noise=measured,
        unchosen=ask.unchosen(run.plan, run.values),
        checks=None if found is None else replace(found, refitted=last is not run.fit),
        artefacts=artefacts,
        smallest=sets,
        stability=_stability(last, seed),
    ).restored(sized.sizes)
    return explanation if expected is None else explanation.compared_with(expected)


def _asked(given: int | None, what: str) -> int | None:
    return None if given is None else whole_number(given, named(what))


@dataclass(frozen=True)
class _Allotted:
    """What a budget is spent on.

    Attributes:
        shares: the fit's, and what is held out.
        reserve: what is left for evidence.
        plan: of the fit's masks.
        calls: how many evaluations there will be, if it does not stop early.
    """

    shares: Shares
    reserve: Reserve
    plan: Plan
    calls: int

    def design(self, game: Game) -> str:
        """How the masks are chosen, in a few words."""
        design = (
            self.plan.design
            if game.training_candidates is None
            else "masks that share trainings"
        )
        design += f"; {self.shares.held_out} held out" if self.shares.held_out else ""
        return design + (
            f"; {self.reserve.checks} to check it" if self.reserve.checks else ""
        )


def _expected(
    game: Game,
    plan: Plan,
    shares: Shares,
    reserve: Reserve,
    evidence: Evidence,
    check: int,
) -> int:
    """How many evaluations there will be, if it does not stop early."""
    masks = (
        plan.total
        + check
        + reserve.checks
        + reserve.each * evidence.variants
        + reserve.smallest
    )
    repeated = shares.held_out * shares.times + shares.again + reserve.repeats
    return masks * game.repeats + repeated + evidence.ordinary


def _faithfulness(game: Game, fit: Fit, judged: HeldOut | None) -> Faithfulness:
    """How well masks are predicted that the fit did not see: what it says of itself,
    and fresh masks.

    Where masks share trainings, those that are left out in turn share theirs with
    others that the fit saw: then what was held out says it alone.
    """
    said = fit.faithfulness
    if judged is None or (game.training_candidates is None and not judged.errors):
        return said
    if game.training_candidates is not None:
        return Faithfulness(
            judged.r2, "held out", judged.masks, judged.masks, judged.intervals, said.r2
        )
    both = [
        combined_r2(*each)
        for each in zip(said.r2, judged.r2, judged.errors, strict=True)
    ]
    r2 = tuple(r2 for r2, _ in both)
    intervals = tuple(interval for _, interval in both)
    return Faithfulness(
        r2, said.source, said.masks + judged.masks, judged.masks, intervals, said.r2
    )


def _looked_at(plan: Plan) -> NDArray[np.uint8]:
    """Two masks that are asked twice at first: both corners, which any plan of these
    has, else two others.
    """
    corners = mask_algebra.whole(plan.packed, plan.n) | mask_algebra.empty(plan.packed)
    return plan.packed[np.argsort(~corners, kind="stable")[:2]]


def _differs(evaluator: Repetitions, packed: NDArray[np.uint8]) -> bool:
    """Whether asking these masks again gives other answers, beyond rounding."""
    size = np.abs(evaluator.again(packed, 2).reshape(len(packed), -1)).max(axis=0)
    deviation = evaluator.deviation
    return deviation is not None and bool((deviation > _DIFFERENT * size).any())


def _noise(
    share: _Allotted, sized: Sized, asked: CheckMasks, seed: int, *, refit: bool
) -> Noise | None:
    """How far answers to one mask differ; asks some masks again, where that is what the
    budget has for it.
    """
    evaluator = sized.evaluator
    sizes = sized.sizes
    game = evaluator.game
    packed = asked.plan.packed
    shares = share.shares
    others = packed
    if not game.seeded and evaluator.repeated:
        others = packed[~seen_among(packed, _looked_at(asked.plan))]
    again = shares.again if game.seeded else share.reserve.repeats - evaluator.repeated
    again = min(again, len(others))
    if again > 1 and not (game.seeded and shares.held_out > 1):
        evaluator.again(_some(others, again, seed), 2)
    deviation = evaluator.deviation
    if deviation is None:
        return None
    own = shares.held_out > 1
    truth = asked.asked[asked.judged] if own else asked.values
    times = shares.times if own else game.repeats
    every = np.concatenate([packed, asked.packed]) if refit else packed
    fitted = (len(mask_algebra.distinct(every)[0]), game.repeats)
    deviation = deviation / sizes.unit
    return noise_of(
        deviation, evaluator.repeated, truth, times, fitted=fitted, seeded=game.seeded
    )


def _told(game: Game, spending: Spending, evaluator: Repetitions) -> list[str]:
    """What was remarked on values."""
    call = game.facts().get("call", "call")
    total = spending.paid + spending.reused
    return [
        f"of {total} {call}s, {count}: {remark}"
        for remark, count in evaluator.remarks()
    ]


def _stability(fit: Fit, seed: int) -> tuple[tuple[Stability, ...], ...]:
    """Of each output."""
    columns = fit.spectrum.values.reshape(len(fit.spectrum), -1).T
    return tuple(
        stability_of(Spectrum(fit.spectrum.sets, column), uncertainty, seed)
        for column, uncertainty in zip(columns, fit.uncertainty, strict=False)
    )


class _Asking:
    """Asks for a plan's masks, and with the first of them for those that ablate what
    was not chosen.

    Those go with them so that they can share trainings.
    """

    def __init__(self, evaluator: Sized, count: int, seed: int) -> None:
        self._evaluator = evaluator
        self._game = evaluator.game
        self._count = count
        self._seed = seed
        self._answers: NDArray[np.float64] | None = None

    def __call__(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The values of packed masks."""
        if not self._count or self._answers is not None:
            return self._evaluator.packed_values(packed)
        own = self._game.to_base(packed)
        count = len(packed)
        others = asked_of_unchosen(self._game, packed, self._count, self._seed)
        both = self._evaluator.base_values(np.concatenate([own, others]))
        self._answers = both[count:]
        return both[:count]

    def unchosen(self, plan: Plan, values: NDArray[np.float64]) -> Unchosen | None:
        """What the candidates do that were not chosen."""
        if self._answers is None:
            return None
        return unchosen_of(self._game, plan.packed, values, self._answers)


def _some(packed: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    """So many of the masks, drawn without replacement."""
    return packed[
        np.random.default_rng([seed, count]).choice(len(packed), count, replace=False)
    ]


def _corners(
    plan: Plan, values: NDArray[np.float64]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """The answers with everything kept and with everything ablated, where they were
    asked for.
    """
    whole = mask_algebra.whole(plan.packed, plan.n)
    empty = mask_algebra.empty(plan.packed)
    rows = (values[where] for where in (whole, empty))
    first, last = (
        tuple(np.atleast_1d(row[0]).tolist()) if len(row) else None for row in rows
    )
    return first, last


def _numbered(values: NDArray[np.float64]) -> tuple[str, ...] | None:
    """Names of outputs that have none."""
    return None if values.ndim == 1 else tuple(map(str, range(values.shape[1])))


def versions() -> dict[str, str]:
    """Of the packages that decide the numbers; torch and transformers only where they
    are in use.
    """
    names = [
        "spexlens",
        "numpy",
        "scipy",
        "scikit-learn",
        "lightgbm",
        *(n for n in ("torch", "transformers") if n in sys.modules),
    ]
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}
