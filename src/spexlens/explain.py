"""explain: from a game and a budget to an explanation."""

import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.ablation.evaluator import Progress
from spexlens.ablation.game import Game
from spexlens.ablation.ledger import Ledger, opened
from spexlens.ablation.repetitions import Repetitions
from spexlens.budget import Shares, divide, handful, trainings_of, whole_number
from spexlens.evidence.faithfulness import Faithfulness
from spexlens.evidence.held_out import HeldOut, Noise, judge, linear_datamodel, noise_of
from spexlens.evidence.unchosen import Unchosen, asked_of_unchosen, unchosen_of
from spexlens.explanation import Account, Explanation
from spexlens.solvers.base import Fit, Plan, Solver
from spexlens.spectrum.spectrum import Spectrum

_OTHER_SEED = 1 << 62  # of what the plan's masks are not drawn with


def explain(
    game: Game,
    budget: int = 300,
    *,
    method: str | Solver = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | None = None,
    held_out: int | None = None,
    trainings: int | None = None,
    unchosen: int | None = None,
) -> Explanation:
    """Find which candidates act together, from at most `budget` evaluations of the model.

    Args:
        game: a lens, or `Game(value, candidates)` around a function of masks.
        budget: the most model evaluations, counting those already in the ledger.
        method: "auto", "exact" (all 2^n masks), "proxyspex", "spex", or a solver with settings of its own.
        seed: decides everything that is random; the same seed gives the same explanation.
        ledger: where evaluations are kept, a path or an open Ledger; None keeps them in memory.
        progress: called with (evaluations finished, evaluations asked for) after each batch.
        held_out: how many masks of the budget are kept from the fit, to judge it beside a linear model;
            by default what the lens asks for, a fifth for training data and none otherwise.
        trainings: the most trainings, where training examples are mixed with candidates of other kinds,
            so that masks share them; by default one for five evaluations.
        unchosen: of a game with candidates that were not chosen and so stay kept, how many masks of the
            budget ablate those, to see what they do; by default 8, less below 160 calls or
            where all others are needed for 2^n; 0 for none.

    Raises:
        BudgetTooSmall: the text says the least that works.
        InvalidInput: an unknown method, a bad seed, or a plain function with a ledger on disk.
        NonFiniteValue, OutOfMemory: the model failed; what was finished is in the ledger.
        LedgerError: the ledger cannot be used.
    """
    seed, budget = whole_number(seed, "a seed"), whole_number(budget, "a budget")
    check = handful(game, budget, unchosen)
    most = trainings_of(game, budget, trainings, check)
    shares = divide(game, budget - check * game.repeats, method, held_out, most, seed)
    plan = shares.solver.plan(game.n, shares.masks, seed)
    started = perf_counter()
    used = versions()
    with opened(ledger) as book:
        expected = plan.total * game.repeats + shares.held_out * shares.times + shares.again
        expected += check * game.repeats
        evaluator = Repetitions(game, book, progress=progress, expected=expected)
        design = plan.design if game.trained is None else "masks that share trainings"
        design += f"; {shares.held_out} held out" if shares.held_out else ""
        evaluator.run = book.begin(
            game.base.key, method=plan.method, seed=seed, design=design, budget=budget, versions=used
        )
        ask = _Asking(evaluator, check, seed)
        plan, values = shares.solver.carry_out(plan, ask, seed)
        fit = shares.solver.fit_packed(plan.packed, game.n, values, seed)
        judged, noise, caveats = _checked(shares, evaluator, plan, values, fit.spectrum, seed)
        seconds = perf_counter() - started
        book.finish(evaluator.run, seconds)
    return Explanation(
        candidates=game.candidates,
        spectrum=fit.spectrum,
        faithfulness=_faithfulness(game, fit, judged),
        account=Account(
            method=plan.method,
            design=design,
            seed=seed,
            budget=budget,
            calls=evaluator.paid,
            reused=evaluator.reused,
            passes=evaluator.passes,
            trainings=evaluator.trainings,
            seconds=seconds,
            versions=used,
        ),
        facts=game.facts(),
        details=fit.details | ({"caveats": [*fit.details.get("caveats", []), *caveats]} if caveats else {}),
        whole=_measured(mask_algebra.whole(plan.packed, game.n), values),
        empty=_measured(mask_algebra.empty(plan.packed), values),
        outputs=game.outputs or (None if values.ndim == 1 else tuple(map(str, range(values.shape[1])))),
        uncertainty=fit.uncertainty or None,
        held_out=judged,
        noise=noise,
        unchosen=ask.unchosen(plan, values),
    )


def _faithfulness(game: Game, fit: Fit, judged: HeldOut | None) -> Faithfulness:
    """How well masks are predicted that the fit did not see.

    Where masks share trainings, those that are left out in turn share theirs with others that the fit saw:
    then what was held out says it.
    """
    if game.trained is None or judged is None:
        return fit.faithfulness
    return Faithfulness(judged.r2, "held out", judged.masks)


class _Asking:
    """Asks for a plan's masks, and with the first of them for those that ablate what was not chosen.

    Those go with them so that they can share trainings.
    """

    def __init__(self, evaluator: Repetitions, count: int, seed: int) -> None:
        self._evaluator, self._game, self._count, self._seed = evaluator, evaluator.game, count, seed
        self._answers: NDArray[np.float64] | None = None

    def __call__(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The values of packed masks."""
        if not self._count or self._answers is not None:
            return self._evaluator.packed_values(packed)
        own, count = self._game.expanded(packed), len(packed)
        others = asked_of_unchosen(self._game, packed, self._count, self._seed)
        both = self._evaluator.base_values(np.concatenate([own, others]))
        self._answers = both[count:]
        return both[:count]

    def unchosen(self, plan: Plan, values: NDArray[np.float64]) -> Unchosen | None:
        """What the candidates do that were not chosen."""
        if self._answers is None:
            return None
        return unchosen_of(self._game, plan.packed, values, self._answers)


def _checked(
    shares: Shares,
    evaluator: Repetitions,
    plan: Plan,
    values: NDArray[np.float64],
    spectrum: Spectrum,
    seed: int,
) -> tuple[HeldOut | None, Noise | None, list[str]]:
    """The explanation on masks that it did not see, what seeds do, and what was remarked."""
    n, game = plan.n, evaluator.game
    judged, truth, times = None, values, game.repeats
    fresh = _unseen(game, plan, shares, seed)
    if len(fresh) > 1:
        truth, times = evaluator.packed_values(fresh, shares.times), shares.times
        linear = linear_datamodel(plan.masks, values, seed)
        judged = judge(spectrum, linear, mask_algebra.unpack(fresh, n), truth)
    elif shares.again > 1:
        evaluator.again(_some(plan.packed, shares.again, seed), 2)
    deviation = evaluator.deviation
    noise = None if deviation is None else noise_of(deviation, evaluator.repeated, truth, times)
    call = game.facts().get("call", "call")
    total = evaluator.paid + evaluator.reused
    told = [f"of {total} {call}s, {count}: {remark}" for remark, count in evaluator.remarks()]
    return judged, noise, told


def _unseen(game: Game, plan: Plan, shares: Shares, seed: int) -> NDArray[np.uint8]:
    """The masks held out: uniform ones that the plan does not hold, packed, or as many as there are.

    Where masks share trainings, these are of trainings of their own.
    """
    count = shares.held_out
    if not count:
        return plan.packed[:0]
    if game.trained is not None:
        apart = mask_algebra.sharing(game.trained, count, shares.trainings, seed ^ _OTHER_SEED, plan.masks)
        return mask_algebra.pack(apart)
    wanted = count + len(plan)
    if plan.n <= mask_algebra.ENUMERABLE:
        wanted = min(wanted, 1 << plan.n)
    drawn = mask_algebra.packed_uniform(plan.n, wanted, seed ^ _OTHER_SEED)
    both = np.concatenate([plan.packed, drawn])
    first, _ = mask_algebra.distinct(both)
    return both[first[first >= len(plan)]][:count]


def _some(packed: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.uint8]:
    """So many of the masks, drawn without replacement."""
    return packed[np.random.default_rng([seed, count]).choice(len(packed), count, replace=False)]


def _measured(where: NDArray[np.bool_], values: NDArray[np.float64]) -> tuple[float, ...] | None:
    rows = values[where]
    return tuple(np.atleast_1d(rows[0]).tolist()) if len(rows) else None


def versions() -> dict[str, str]:
    """Of the packages that decide the numbers; torch and transformers only where they are in use."""
    names = [
        "spexlens",
        "numpy",
        "scipy",
        "scikit-learn",
        "lightgbm",
        *(n for n in ("torch", "transformers") if n in sys.modules),
    ]
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}
