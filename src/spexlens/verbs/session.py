"""Session: a game that is asked within a budget, a step of `explain` at a time."""

from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.budget.allocation import Allocation
from spexlens.errors import BudgetTooSmall
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.sized import Sized
from spexlens.evaluation.spending import Spending
from spexlens.evidence.artefacts import Artefacts
from spexlens.evidence.check_masks import Checked, gather
from spexlens.evidence.comparison import sets_to_check
from spexlens.evidence.held_out import faithfulness_of
from spexlens.evidence.noise import Noise, differs, measured_noise, probes
from spexlens.evidence.smallest import Smallest, confirmed
from spexlens.evidence.stability import stability_by_output
from spexlens.evidence.unchosen import AskingUnchosen
from spexlens.evidence.variants import Placeholders
from spexlens.explanation import Explanation
from spexlens.games.recipe import Recipe
from spexlens.masks import masks as mask_algebra
from spexlens.results.account import Account
from spexlens.results.provenance import versions
from spexlens.solvers.solver import Fit, Plan
from spexlens.solvers.stopping import PlanRun, run_plan

Answer = tuple[float, ...]

_LONGEST_RECIPE = 1 << 22  # characters


@dataclass(frozen=True)
class Fitted:
    """The first fit.

    Attributes:
        run: the plan, its values, and what was fitted to them.
        whole: the answer with everything kept, or None if the plan does not ask it.
        empty: the answer with everything ablated, or None.
    """

    run: PlanRun
    whole: Answer | None
    empty: Answer | None


@dataclass(frozen=True)
class CheckedFit(Checked):
    """The fit, checked; and the last fit, which the checks' values have joined."""

    last: Fit
    noise: Noise | None


@dataclass(frozen=True)
class Challenged:
    """What other ways to ablate, ordinary inputs and smallest sets say of it.

    Attributes:
        artefacts: of the first two, or None.
        failed: what of them went wrong, a line each.
        smallest: sets that are enough, and that are needed.
    """

    artefacts: Artefacts | None
    failed: list[str]
    smallest: tuple[Smallest, ...]


class Session:
    """A game that is asked within a budget, a step of `explain` at a time.

    Attributes:
        allocation: of the budget.
        spending: what all that is asked costs.
    """

    def __init__(
        self,
        allocation: Allocation,
        plan: Plan,
        book: Ledger,
        tell: Progress | None,
    ) -> None:
        """
        Args:
            allocation: of the budget.
            plan: of it.
            book: where evaluations are kept.
            tell: told of progress.
        """
        self._began = perf_counter()
        self._versions = versions()
        self.allocation = allocation
        self._plan = plan
        self._game = allocation.game
        self._request = allocation.request
        self._book = book
        self.spending = Spending(book, tell, allocation.calls(plan))
        self.spending.run = book.begin(
            self._game.base.key,
            method=plan.method,
            seed=self._request.seed,
            design=allocation.design(plan),
            budget=self._request.budget,
            versions=self._versions,
            recipe=_kept(self._game.recipe),
            request=self._request.to_json() if self._request.is_data else None,
        )
        self._evaluator = self.spending.on(self._game)
        self._sized = Sized(self._evaluator)
        self._seconds = 0.0

    def probe(self) -> None:
        """Ask two masks twice, where nobody said how noisy the game is; if they differ,
        a part of the budget goes to more repetitions.
        """
        allocation = self.allocation
        if self._request.noise is not None or not allocation.reserve.repeats:
            return

        if not differs(self._evaluator, probes(self._plan)):
            return

        with suppress(BudgetTooSmall):  # then two masks are all that is known of it
            noisy = allocation.noisy()
            plan = noisy.plan()
            self.allocation = noisy
            self._plan = plan
            self.spending.expected = noisy.calls(plan)

    def fit(self) -> Fitted:
        """Ask for the plan's masks, and find the spectrum behind the answers."""
        solver = self.allocation.shares.solver
        self._asking = AskingUnchosen(
            self._sized, self.allocation.unchosen, self._request.seed
        )

        run = run_plan(
            solver,
            self._plan,
            self._asking,
            self._request.seed,
            early=self._request.until is not None,
        )

        # all 2^n masks would leave none to check with; it ended before them
        if run.stopped and solver.exhaustive:
            self.allocation = self.allocation.stopped(len(run.plan))

        whole, empty = _full_and_empty(run.plan, run.values)
        return Fitted(run, whole, empty)

    def check(self, fitted: Fitted) -> CheckedFit:
        """Measure the strongest interactions where the fit did not look, and fit a last
        time with what that said.
        """
        run = fitted.run
        request = self._request
        bought = gather(self._sized, self.allocation, run, self._expected(run))

        last = run.fit
        if request.refit and len(bought.packed):
            last = bought.refitted(run.solver, run.fit, request.seed)

        # verdicts are of the first fit: the last has seen the values that gave them
        checks = bought.checks(run.fit.spectrum)
        noise = measured_noise(self._sized, self.allocation, bought)
        return CheckedFit(run.fit.spectrum, bought, checks, last, noise)

    def challenge(
        self, fitted: Fitted, checked: CheckedFit, others: Placeholders
    ) -> Challenged:
        """Ask what speaks against it: other ways to ablate, ordinary inputs; and whether
        smaller sets are enough.
        """
        reserve = self.allocation.reserve
        artefacts, failed = others.tested(
            self.spending,
            self._sized.sizes,
            checked,
            reserve.each,
            fitted.empty,
            self._request.seed,
        )

        smallest = confirmed(
            self._sized,
            checked.last.spectrum.squeezed(),
            fitted.whole,
            fitted.empty,
            self._request.smallest,
            reserve.smallest,
        )
        return Challenged(artefacts, failed, smallest)

    def finish(self) -> None:
        """Nothing more is asked: the run is complete."""
        self.spending.close()
        self._seconds = perf_counter() - self._began

        if self.spending.run is not None:
            self._book.finish(self.spending.run, self._seconds)

    def tell(
        self, fitted: Fitted, checked: CheckedFit, challenged: Challenged
    ) -> Explanation:
        """All of it as an explanation."""
        request = self._request
        run = fitted.run
        last = checked.last
        held_out = checked.bought.held_out(run.fit.spectrum, request.seed)

        checks = checked.checks
        if checks is not None:
            checks = replace(checks, refitted=last is not run.fit)

        outputs = self._game.outputs or _numbered(run.values)
        caveats = [
            *last.details.get("caveats", []),
            *self._remarks(),
            *challenged.failed,
            *self._sized.sizes.caveats(outputs),
        ]

        explanation = Explanation(
            candidates=self._game.candidates,
            spectrum=last.spectrum.squeezed(),
            faithfulness=faithfulness_of(run.fit, held_out, self._game.strategy),
            account=self._account(run),
            facts=self._game.facts(),
            details={**last.details, "caveats": caveats} if caveats else last.details,
            whole=fitted.whole,
            empty=fitted.empty,
            outputs=outputs,
            uncertainty=last.uncertainty or None,
            held_out=held_out,
            noise=checked.noise,
            unchosen=self._asking.result(run.plan.packed, run.values),
            checks=checks,
            artefacts=challenged.artefacts,
            smallest=challenged.smallest,
            stability=stability_by_output(last, request.seed),
        ).restored(self._sized.sizes)

        if request.expectations is None:
            return explanation
        return explanation.compared_with(request.expectations)

    def _expected(self, run: PlanRun) -> list[tuple[int, ...]]:
        """The sets that an expert's expectations are of: they are checked first."""
        expectations = self._request.expectations
        if expectations is None:
            return []
        game = self._game
        return sets_to_check(
            expectations, game.candidates, run.fit.spectrum, game.names
        )

    def _account(self, run: PlanRun) -> Account:
        spending = self.spending
        request = self._request

        saved = 0
        if run.stopped:
            saved = max(request.budget - spending.paid - spending.reused, 0)

        return Account(
            method=run.plan.method,
            design=self.allocation.design(run.plan),
            seed=request.seed,
            budget=request.budget,
            calls=spending.paid,
            reused=spending.reused,
            passes=spending.passes,
            trainings=spending.trainings,
            seconds=self._seconds,
            versions=self._versions,
            saved=saved,
        )

    def _remarks(self) -> list[str]:
        """What was remarked on values, such as by a model in training mode."""
        call = self._game.facts().get("call", "call")
        total = self.spending.paid + self.spending.reused
        return [
            f"of {total} {call}s, {count}: {remark}"
            for remark, count in self._evaluator.remarks()
        ]


def _kept(recipe: Recipe | None) -> str | None:
    """A recipe as a ledger keeps it: none of one that holds a whole data set, since
    each run would repeat it.
    """
    if recipe is None:
        return None
    text = recipe.to_json()
    return text if len(text) <= _LONGEST_RECIPE else None


def _full_and_empty(
    plan: Plan, values: NDArray[np.float64]
) -> tuple[Answer | None, Answer | None]:
    """The answers with everything kept and with everything ablated, where they were
    asked for.
    """
    full = values[mask_algebra.whole(plan.packed, plan.n)]
    empty = values[mask_algebra.empty(plan.packed)]
    return _answer(full), _answer(empty)


def _answer(rows: NDArray[np.float64]) -> Answer | None:
    """(k,) the first of these rows, (r,) or (r, k); None if there is none."""
    return tuple(rows[0].tolist()) if len(rows) else None


def _numbered(values: NDArray[np.float64]) -> tuple[str, ...] | None:
    """Names of outputs that have none."""
    count = values.shape[1]
    return None if count == 1 else tuple(map(str, range(count)))
