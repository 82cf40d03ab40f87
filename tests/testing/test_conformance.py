"""Our own lenses, solvers, proxies and learners hold what is asked of anybody's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.tree import DecisionTreeClassifier

from spexlens.games.game import Game
from spexlens.learners.estimators import Estimator
from spexlens.learners.learner import Fitted, Learner, Task, Trainer
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.bundled import INDUCTION, SENTIMENT
from spexlens.solvers.auto import FIRST, Auto
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.kernel.kernel import Kernel
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.constant import Constant
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.proxies.proxy import Proxy
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit, Solver
from spexlens.solvers.spex import Spex
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.spectrum import Spectrum
from spexlens.testing.counting import CountingGame
from spexlens.testing.games import GameConformance
from spexlens.testing.learners import LearnerConformance
from spexlens.testing.proxies import ProxyConformance
from spexlens.testing.solvers import SolverConformance

# Games


class TestCountingGame(GameConformance):
    def game(self) -> Game:
        return CountingGame(lambda masks: masks[:, 0] & masks[:, 1], 4, "and")

    def different(self) -> Mapping[str, Game]:
        either = CountingGame(lambda masks: masks[:, 0] | masks[:, 1], 4, "or")
        return {"a function": either}


class TestFunctionOfTwoOutputs(GameConformance):
    def game(self) -> Game:
        return Game(lambda masks: masks[:, :2], 3, outputs=("first", "second"))


TEXT = "not a dull film"


class TestFeatureLens(GameConformance):
    def game(self) -> Game:
        return FeatureLens(str(SENTIMENT), TEXT)

    def different(self) -> Mapping[str, Game]:
        return {
            "a text": FeatureLens(str(SENTIMENT), "not a fine film"),
            "candidates": FeatureLens(str(SENTIMENT), TEXT, spans=[(0, 3), (6, 10)]),
            "a target": FeatureLens(str(SENTIMENT), TEXT, target="NEGATIVE"),
            "an objective": FeatureLens(str(SENTIMENT), TEXT, objective="probability"),
            "a replacement": FeatureLens(str(SENTIMENT), TEXT, replacement="delete"),
            "a template": FeatureLens(str(SENTIMENT), TEXT, template="So: {text}"),
        }


OWLS = "owl cup sun owl cup"


class TestMechanisticLens(GameConformance):
    def game(self) -> Game:
        return MechanisticLens(str(INDUCTION), OWLS)

    def different(self) -> Mapping[str, Game]:
        return {
            "an input": MechanisticLens(str(INDUCTION), "sun cup owl sun cup"),
            "components": MechanisticLens(str(INDUCTION), OWLS, components="mlps"),
            "a target": MechanisticLens(str(INDUCTION), OWLS, target=" cup"),
            "rescaling": MechanisticLens(str(INDUCTION), OWLS, rescale=True),
            "a reference": MechanisticLens(
                str(INDUCTION), OWLS, reference=["cup owl sun", "sun owl cup"]
            ),
        }


DIGITS = load_digits()


def digits_lens(strength: float = 1.0, **settings: Any) -> DataLens:
    """What ten digits teach about another one."""
    data = (DIGITS.data[:10] / 16, DIGITS.target[:10] % 2)
    test = (DIGITS.data[1000:1001] / 16, DIGITS.target[1000:1001] % 2)
    return DataLens(LogisticHead(strength), data, test, **settings)


class TestDataLens(GameConformance):
    def game(self) -> Game:
        return digits_lens()

    def different(self) -> Mapping[str, Game]:
        return {
            "a penalty": digits_lens(strength=2.0),
            "groups": digits_lens(groups=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
            "candidates": digits_lens(candidates=[0, 1, 2, 3]),
            "the others": digits_lens(candidates=[0, 1, 2, 3], others="out"),
        }


# Solvers


class TestExact(SolverConformance):
    budget = 256

    def solver(self) -> Solver:
        return Exact()


class _Pairs(Exact):
    """The exact spectrum without its sets of more than two."""

    def _fit(self, packed: Any, n: int, values: Any, seed: int) -> Fit:
        fit = super()._fit(packed, n, values, seed)
        spectrum = fit.spectrum
        rows = np.flatnonzero(spectrum.sets.orders <= 2)
        small = Spectrum(spectrum.sets.take(rows), spectrum.values[rows])
        return replace(fit, spectrum=small)


class TestPairs(SolverConformance):
    budget = 256
    order = 2

    def solver(self) -> Solver:
        return _Pairs()


class TestProxySpex(SolverConformance):
    budget = 90
    # a kernel's posterior on all masks is near, and no more
    tolerance = 0.01

    def solver(self) -> Solver:
        return ProxySpex(workers=1)


class TestProxySpexForAnIndex(TestProxySpex):
    def solver(self) -> Solver:
        return ProxySpex(workers=1, estimand=Estimand("sii", 2))


class TestSpex(SolverConformance):
    n = 10
    budget = 300

    def solver(self) -> Solver:
        return Spex()


class TestAuto(SolverConformance):
    n = 12
    budget = 2 * FIRST

    def solver(self) -> Solver:
        # its own proxies take a minute for the thousands of masks that it needs
        auto = Auto()
        auto.proxyspex = ProxySpex(
            proxies=[Linear(1)], design="uniform", judged=FIRST, workers=1
        )
        return auto


# Proxies


class TestConstant(ProxyConformance):
    def proxy(self) -> Proxy:
        return Constant()


class TestLinear(ProxyConformance):
    honesty = 0.2  # its settings are chosen from all values

    def proxy(self) -> Proxy:
        return Linear(1)


class TestLinearWithPairs(ProxyConformance):
    honesty = 0.2  # its settings are chosen from all values

    def proxy(self) -> Proxy:
        return Linear(2)


class TestBoosting(ProxyConformance):
    def proxy(self) -> Proxy:
        return Boosting(depth=3, columns=1.0, trees=30)


class TestKernel(ProxyConformance):
    honesty = 0.2  # its settings are chosen from all values

    def proxy(self) -> Proxy:
        return Kernel()


# Learners


class TestLogisticHead(LearnerConformance):
    def learner(self) -> Learner:
        return LogisticHead()

    def different(self) -> Mapping[str, Learner]:
        return {"C": LogisticHead(C=0.5)}


class TestRidgeHead(LearnerConformance):
    def learner(self) -> Learner:
        return RidgeHead()

    def different(self) -> Mapping[str, Learner]:
        return {"alpha": RidgeHead(alpha=2.0)}


class TestTree(LearnerConformance):
    def learner(self) -> Learner:
        return Estimator(DecisionTreeClassifier(max_depth=2), jobs=1)

    def different(self) -> Mapping[str, Learner]:
        deeper = DecisionTreeClassifier(max_depth=3)
        entropy = DecisionTreeClassifier(max_depth=2, criterion="entropy")
        return {"depth": Estimator(deeper), "criterion": Estimator(entropy)}


# What a suite is for: a thing that is wrong does not pass


class _Leaky(Game):
    """A game whose values hang on what else is in the batch."""

    def __init__(self) -> None:
        self._take(("a", "b"), None)

    def value(self, masks: Any) -> Any:
        return masks.sum(axis=1) + 0.1 * len(masks)


def test_a_game_whose_batches_disagree_is_caught() -> None:
    suite = GameConformance()
    suite.game = _Leaky  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="masks one by one"):
        suite.test_batches_of_any_size_and_order_agree()


def test_a_solver_that_draws_without_its_seed_is_caught() -> None:
    class Moody(Exact):
        def plan(self, n: int, budget: int, seed: int) -> Any:
            plan = super().plan(n, budget, seed)
            np.random.default_rng().shuffle(plan.packed)
            return plan

    suite = TestExact()
    suite.solver = Moody  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="the plan is not the same twice"):
        suite.test_one_seed_gives_one_plan_and_one_fit()


def test_a_fingerprint_that_misses_a_setting_is_caught() -> None:
    class Blind(TestCountingGame):
        def different(self) -> Mapping[str, Game]:
            return {"a function": CountingGame(lambda masks: masks[:, 0], 4, "and")}

    with pytest.raises(AssertionError, match="for the game and for a function"):
        Blind().test_another_setting_moves_the_fingerprint()


def test_a_proxy_whose_bits_hang_on_chance_is_caught() -> None:
    class Noisy(Constant):
        def fit(self, masks: Any, values: Any, seed: int, run: Any = map) -> Any:
            moved = values + 1e-9 * np.random.default_rng().normal(size=len(values))
            return super().fit(masks, moved, seed, run)

    suite = TestConstant()
    suite.proxy = Noisy  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="a prediction is not the same twice"):
        suite.test_one_seed_gives_one_fit()


def test_a_learner_whose_identity_misses_a_setting_is_caught() -> None:
    class Blind(TestRidgeHead):
        def different(self) -> Mapping[str, Learner]:
            return {"nothing": RidgeHead(), **super().different()}

    with pytest.raises(AssertionError, match="for the learner and for nothing"):
        Blind().test_another_setting_moves_the_identity()


class _Wrong(Game):
    """A game of two candidates that is wrong in what it is told to be."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self._take(("a", "b"), None)

    def value(self, masks: Any) -> Any:
        return self.answer(masks)

    def facts(self) -> dict[str, Any]:
        return {"unit": "value"}


def _clears(masks: Any) -> Any:
    masks[:] = False
    return np.zeros(len(masks))


@pytest.mark.parametrize(
    ("test", "answer", "said"),
    [
        (
            "a_mask_has_one_finite_value_or_one_for_each_output",
            lambda masks: masks.sum(axis=1),
            r"value\(\) gave int64; give float64",
        ),
        (
            "everything_kept_and_everything_ablated_have_values",
            lambda masks: np.where(masks.any(axis=1), 0.0, np.nan),
            r"for the mask that keeps \[\]; give finite values",
        ),
        ("the_masks_are_left_as_they_were", _clears, r"value\(\) wrote into the masks"),
        ("its_facts_can_be_saved", _clears, r"facts\(\) lacks lens"),
    ],
)
def test_a_game_that_is_wrong_is_told_what_is(
    test: str, answer: Any, said: str
) -> None:
    suite = GameConformance()
    suite.game = lambda: _Wrong(answer)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=said):
        getattr(suite, f"test_{test}")()


def test_a_learner_without_an_answer_to_nothing_is_told_which_subset() -> None:
    class Empty(Trainer):
        answer = "predictions"

        def __init__(self, task: Task) -> None:
            self.tests = len(task.tests)

        def fit(self, kept: Any, seeds: Any) -> Fitted:
            count = kept.sum(axis=1).astype(np.float64)
            count[count == 0] = np.nan
            return Fitted(np.repeat(count[:, None, None], self.tests, axis=1))

        def identity(self) -> None:
            return None

        def facts(self) -> dict[str, Any]:
            return {}

    class Counting(Learner):
        def prepare(self, task: Task) -> Trainer:
            return Empty(task)

    suite = LearnerConformance()
    suite.learner = Counting  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=r"subset 1 \(rows kept: \[\]\) has no"):
        suite.test_every_subset_has_an_answer_also_the_empty_one()
    with pytest.raises(AssertionError, match="set `unknown` to one line"):
        suite.test_a_learner_without_an_identity_says_why()
    with pytest.raises(AssertionError, match=r"facts\(\) lacks learner"):
        suite.test_its_facts_are_json_and_name_it()


def test_a_solver_that_lacks_a_set_is_caught_and_the_set_is_named() -> None:
    suite = TestExact()
    suite.solver = _Pairs  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=r"at the set \(1, 3, 4\)"):
        suite.test_all_masks_give_the_exact_spectrum()


def test_a_solver_whose_faithfulness_is_no_number_is_caught() -> None:
    class Unsure(Exact):
        def _fit(self, packed: Any, n: int, values: Any, seed: int) -> Fit:
            fit = super()._fit(packed, n, values, seed)
            return replace(fit, faithfulness=replace(fit.faithfulness, r2=(np.nan,)))

    suite = TestExact()
    suite.solver = Unsure  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=r"R² is .*nan"):
        suite.test_all_masks_of_few_candidates_have_a_finite_faithfulness()


def test_a_proxy_that_saw_what_it_predicts_is_caught() -> None:
    class Peeping(Boosting):
        def fit(self, masks: Any, values: Any, seed: int, run: Any = map) -> Any:
            fitted = super().fit(masks, values, seed, run)
            return replace(fitted, left_out=fitted.predict(masks))

    suite = TestBoosting()
    suite.proxy = lambda: Peeping(3, 1.0, 30)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="a fit saw the value"):
        suite.test_it_predicts_each_value_without_having_seen_it()
