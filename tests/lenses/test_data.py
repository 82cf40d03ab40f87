"""The data lens: constructed truths, and what a lens of retrainings promises."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from refusing import refused
from sklearn.datasets import load_digits
from sklearn.linear_model import LassoCV, LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier

from spexlens import (
    DataLens,
    Estimator,
    Explanation,
    Game,
    Ledger,
    LogisticHead,
    SpexlensError,
    explain,
)
from spexlens.evaluation.evaluator import Evaluator
from spexlens.learners.learner import Fitted, Learner, Task, Trainer
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.choice import choose_solver
from spexlens.spectrum.scores import r_squared, rank_correlation

Array = NDArray[np.float64]
TWIN, OTHER_TWIN, LEFT, RIGHT, MISLABELLED = range(5)


def constructed() -> DataLens:
    """Fifteen candidates and four examples that are always in; the test point is of
    class 1.

    0 and 1 are one example twice. 2 and 3 each point the right way, but mostly to
    opposite sides, so that what they have in common shows only when both are in. 4 lies
    where the test point does, with the other label.
    """
    rng = np.random.default_rng(7)
    axes = np.eye(12)
    features = 0.3 * rng.normal(size=(19, 12)) * (np.arange(12) > 5)
    labels = rng.permuted(np.arange(19) % 2)
    features[[TWIN, OTHER_TWIN]] = 2 * axes[0]
    features[LEFT], features[RIGHT] = axes[1] + 4 * axes[4], axes[1] - 4 * axes[4]
    features[MISLABELLED] = 1.5 * axes[2]
    labels[[TWIN, OTHER_TWIN, LEFT, RIGHT]], labels[MISLABELLED] = 1, 0
    labels[15:] = [0, 1, 0, 1]
    point = axes[0] + 2 * axes[1] + axes[2]
    return DataLens(
        LogisticHead(C=30.0), (features, labels), (point, 1), candidates=range(15)
    )


@pytest.fixture(scope="module")
def exact() -> Explanation:
    lens = constructed()
    return explain(lens, 1 << lens.n)


@pytest.fixture(scope="module")
def sampled() -> Explanation:
    return explain(constructed(), 300)


@pytest.mark.parametrize("name", ["exact", "sampled"])
def test_constructed_truths_are_found(
    name: str, request: pytest.FixtureRequest
) -> None:
    explanation: Explanation = request.getfixturevalue(name)
    assert (
        explanation.account.method == {"exact": "exact", "sampled": "proxyspex"}[name]
    )
    pairs = {
        i.members: i.effect for i in explanation.interactions("bii", 2) if i.order == 2
    }
    alone = {i.members[0]: i.effect for i in explanation.interactions("bii", 1)}
    assert min(pairs, key=lambda pair: pairs[pair]) == (TWIN, OTHER_TWIN)
    assert pairs[TWIN, OTHER_TWIN] < -0.3
    assert max(pairs, key=lambda pair: pairs[pair]) == (LEFT, RIGHT)
    assert pairs[LEFT, RIGHT] > 0.3
    assert min(alone, key=lambda candidate: alone[candidate]) == MISLABELLED
    assert alone[MISLABELLED] < -0.3
    assert alone[TWIN] == pytest.approx(alone[OTHER_TWIN], abs=0.1)


def test_300_retrainings_predict_the_whole_table(
    exact: Explanation, sampled: Explanation
) -> None:
    masks = designs.everything(15)
    truth, predicted = (e.spectrum.predict(masks) for e in (exact, sampled))
    assert sampled.calls == 300
    assert r_squared(truth, predicted) > 0.97
    assert sampled.held_out is not None
    assert sampled.held_out.masks == 60
    assert sampled.held_out.r2[0] == pytest.approx(
        r_squared(truth, predicted), abs=0.03
    )
    assert sampled.held_out.lds[0] == pytest.approx(
        rank_correlation(truth, predicted), abs=0.03
    )
    assert sampled.held_out.r2[0] > sampled.held_out.linear_r2[0]


def test_two_neighbours_that_outvote_a_third_only_together_are_an_and() -> None:
    features = np.array([[0.1], [-0.1], [0.3], [0.4], [5.0], [6.0], [7.0], [8.0]])
    labels = np.array(
        ["right", "right", "wrong", "wrong", "wrong", "right", "wrong", "right"]
    )
    lens = DataLens(
        Estimator(KNeighborsClassifier(3), jobs=1),
        (features, labels),
        (np.array([0.0]), "right"),
        candidates=[0, 1, 4, 5, 6, 7],
        objective="accuracy",
    )
    found = explain(lens, 64).interactions("moebius", None)
    assert [(i.members, i.effect) for i in found if abs(i.effect) > 1e-9] == [
        ((0, 1), pytest.approx(1.0))
    ]


def test_groups_are_kept_and_left_out_whole() -> None:
    owner = ["a", "b", "a", None, "b", "c"]
    lens = DataLens(
        "logistic", (np.eye(6), [0, 1, 0, 1, 0, 1]), (np.ones(6), 1), groups=owner
    )
    assert [c.label for c in lens.candidates] == ["a", "b", "c"]
    kept = lens.kept(np.array([[True, False, False], [False, True, True]]))
    assert kept.astype(int).tolist() == [[1, 0, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1]]
    out = DataLens(
        "logistic",
        (np.eye(6), [0, 1, 0, 1, 0, 1]),
        (np.ones(6), 1),
        groups=owner,
        others="out",
    )
    assert not out.kept(np.array([[True, True, True]]))[0, 3]


def test_several_test_points_share_their_retrainings() -> None:
    digits = load_digits()
    data, points = (digits.data[:80] / 16, digits.target[:80]), slice(1000, 1003)
    test = digits.data[points] / 16, digits.target[points]
    several = DataLens("logistic", data, test, groups=np.arange(80) // 8)
    alone = [
        DataLens("logistic", data, (x, y), groups=np.arange(80) // 8)
        for x, y in zip(*test, strict=True)
    ]
    mean = DataLens("logistic", data, test, groups=np.arange(80) // 8, mean=True)
    masks = designs.uniform(10, 12, seed=0)
    values = several.value(masks)
    assert values.shape == (12, 3)
    assert np.allclose(
        values, np.stack([lens.value(masks) for lens in alone], axis=1), atol=1e-9
    )
    assert np.allclose(values.mean(axis=1), mean.value(masks), atol=1e-9)
    explanation = explain(several, 120)
    assert explanation.calls == 120
    assert explanation.outputs == tuple(
        f"test #{j} {digits.target[1000 + j]}" for j in range(3)
    )
    assert explanation.held_out is not None
    assert len(explanation.held_out.lds) == 3


def test_without_labels_the_test_points_are_watched_for_what_is_predicted() -> None:
    digits = load_digits()
    fitted = LogisticRegression(max_iter=2000).fit(
        digits.data[:40] / 16, digits.target[:40]
    )
    lens = DataLens(
        "logistic",
        (digits.data[:40] / 16, digits.target[:40]),
        digits.data[1000:1004] / 16,
    )
    watched = [int(name.split()[-1]) for name in lens.outputs or ()]
    assert watched == fitted.predict(digits.data[1000:1004] / 16).tolist()
    assert "predicted with every example in" in repr(explain(lens, 60))


def test_what_was_decided_for_odd_subsets_is_said() -> None:
    lens = DataLens("logistic", (np.eye(4), ["a", "b", "b", "b"]), (np.ones(4), "a"))
    explanation = explain(lens, 16)
    assert explanation.details["caveats"] == [
        (
            "of 16 retrainings, 8: some class was left without an example: "
            "its probability counts as 1 / (examples + classes)"
        ),
        "of 16 retrainings, 1: nothing was kept: every class counts as equally likely",
    ]
    value = lens.value(designs.everything(4))
    assert value[0] == pytest.approx(0.0)
    assert value[1] == pytest.approx(np.log(2.0))  # one of class a: 2 / 3 against 1 / 3
    assert value[0b1110] == pytest.approx(np.log(1 / 4))


class Unsteady(Learner):
    """Answers with a sum that the seed disturbs, and fails or diverges where it is told
    to.
    """

    def prepare(self, task: Task) -> "Trainer":
        return UnsteadyTrainer()


class UnsteadyTrainer(Trainer):
    answer = "predictions"
    seeded = True
    batch_size = 7

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        weights = np.arange(1, kept.shape[1] + 1)
        noise = [np.random.default_rng(seed).normal() for seed in seeds.tolist()]
        answers = kept @ weights + 0.5 * np.array(noise)
        remarks = dict.fromkeys(np.flatnonzero(kept.sum(axis=1) == 3).tolist(), "odd")
        return Fitted(answers[:, None, None].astype(np.float64), remarks)

    def identity(self) -> list[Any]:
        return ["unsteady"]

    def facts(self) -> dict[str, Any]:
        return {"learner": "unsteady"}


def unsteady(**settings: Any) -> DataLens:
    return DataLens(
        Unsteady(), (np.zeros((9, 2)), np.zeros(9)), (np.zeros(2), 0.0), **settings
    )


def test_repeats_are_averaged_and_paid_for_one_by_one(tmp_path: Path) -> None:
    lens = unsteady(repeats=3)
    masks = designs.uniform(9, 5, seed=0)
    single = [lens.with_seed(number) for number in range(3)]
    assert np.allclose(
        lens.value(masks), np.mean([each.value(masks) for each in single], axis=0)
    )
    assert len({each.fingerprint for each in [lens, *single]}) == 4
    explanation = explain(lens, 300, ledger=tmp_path / "runs.db", held_out=20, checks=0)
    assert explanation.calls == 300
    with Ledger(tmp_path / "runs.db") as book:
        assert len(book) == 300
    assert explanation.noise is not None
    assert explanation.noise.deviation[0] == pytest.approx(0.5, rel=0.15)
    assert explanation.noise.repeated == 200
    again = explain(
        unsteady(repeats=3), 300, ledger=tmp_path / "runs.db", held_out=20, checks=0
    )
    assert (again.calls, again.noise, again.held_out) == (
        0,
        explanation.noise,
        explanation.held_out,
    )
    assert again.details == explanation.details
    assert "odd" in explanation.details["caveats"][0]


def test_the_noise_of_training_bounds_r2() -> None:
    explanation = explain(unsteady(), 400)
    noise, held = explanation.noise, explanation.held_out
    assert noise is not None
    assert held is not None
    variance = sum(weight**2 for weight in range(1, 10)) / 4
    assert noise.deviation[0] == pytest.approx(0.5, rel=0.3)
    assert noise.ceiling[0] == pytest.approx(1 - 0.125 / variance, abs=0.01)
    assert 396 <= explanation.calls <= 400  # a check is four masks, some of them known
    assert "from seed to seed" in repr(explanation)


def test_an_explanation_of_data_survives_a_file(tmp_path: Path) -> None:
    explanation = explain(unsteady(), 400)
    explanation.save(tmp_path / "x.json")
    loaded = Explanation.load(tmp_path / "x.json")
    assert (loaded.held_out, loaded.noise) == (explanation.held_out, explanation.noise)
    assert repr(loaded) == repr(explanation)
    record = json.loads((tmp_path / "x.json").read_text())
    record["held_out"]["lds"] = [0.5, 0.5]
    (tmp_path / "x.json").write_text(json.dumps(record))
    with pytest.raises(SpexlensError, match=r"held_out\.lds is of 2 outputs"):
        Explanation.load(tmp_path / "x.json")


def test_what_decides_a_value_decides_the_fingerprint() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(12, 3)), np.arange(12) % 2

    def made(**changed: Any) -> DataLens:
        settings: dict[str, Any] = {
            "learner": LogisticHead(),
            "data": (features, labels),
            "test": (np.ones(3), 1),
        }
        return DataLens(**settings | changed)

    lenses = [
        made(),
        made(learner=LogisticHead(C=2.0)),
        made(learner=Estimator(LogisticRegression(), jobs=1)),
        made(data=(features + 1e-9, labels)),
        made(data=(features, 1 - labels)),
        made(test=(np.ones(3), 0)),
        made(test=(np.full(3, 2.0), 1)),
        made(candidates=[0, 1, 2]),
        made(candidates=[0, 1, 2], others="out"),
        made(groups=labels),
        made(objective="margin"),
    ]
    assert len({lens.fingerprint for lens in lenses}) == len(lenses)
    # Newton draws no random number
    assert made().fingerprint == made(seed=5).fingerprint


def test_a_learner_that_cannot_be_recognised_needs_a_fingerprint_for_a_ledger(
    tmp_path: Path,
) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    endless = (0.0 for _ in range(10**9))
    pipeline = make_pipeline(
        FunctionTransformer(lambda x: x + next(endless)), LogisticRegression()
    )
    data, test = (np.eye(6), np.arange(6) % 2), (np.ones(6), 1)
    lens = DataLens(Estimator(pipeline, jobs=1), data, test)
    with pytest.raises(
        SpexlensError, match=r"^[^\n]*cannot be recognised[^\n]*generator[^\n]*$"
    ):
        explain(lens, 64, ledger=tmp_path / "runs.db")
    named = DataLens(
        Estimator(pipeline, jobs=1), data, test, fingerprint="identity then logistic"
    )
    assert explain(named, 64, ledger=tmp_path / "runs.db").calls == 64


def test_bad_input_is_one_line() -> None:
    data, test = (np.eye(6), np.arange(6) % 2), (np.ones(6), 1)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"others": "maybe"}, "'in' or 'out'"),
        ({"repeats": 0}, "at least 1"),
        ({"repeats": 2}, "draws no random number"),
        ({"test": (np.ones(6), 7)}, "training labels are 0, 1"),
        ({"test": (np.ones(5), 1)}, r"the test points are arrays"),
        ({"objective": "joy"}, "none of log-odds, margin"),
        ({"learner": "magic"}, "logistic, ridge"),
        ({"learner": object()}, "classifier or a regressor"),
        ({"encoder": "tf-idf"}, "numbers already"),
        ({"candidates": []}, "empty"),
        ({"candidates": [99]}, "no candidate 99"),
        ({"groups": "author"}, "no groups 'author'"),
        ({"groups": [1, 2]}, "groups has 2 values"),
        ({"data": (np.eye(6), np.zeros(6, int))}, "two classes"),
        ({"data": (np.eye(6), [0, 1])}, "6 inputs, but 2 labels"),
        (
            {"data": (["a text"] * 6, [0, 1] * 3), "test": ("a text", 1)},
            "reads features, not texts",
        ),
    ]
    for changed, message in cases:
        settings: dict[str, Any] = {"learner": "logistic", "data": data, "test": test}
        assert message in refused(
            lambda settings=settings | changed: DataLens(**settings)
        ), changed


@pytest.mark.shared
def test_recorded_games_of_retraining_are_explained_as_faithfully_as_by_the_proxies(
    shared: Path,
) -> None:
    scores = []
    for path in sorted((shared / "games").glob("datavalue-california-*.npz"))[:4]:
        values = np.load(path)["values"].astype(np.float64)
        n = len(values).bit_length() - 1
        game = Game(lambda masks, table=values: table[mask_algebra.to_index(masks)], n)
        explanation = explain(game, 500, held_out=0, checks=0, noise=0)
        masks = designs.everything(n)
        solver = choose_solver("proxyspex", n, 500)
        plan, drawn = solver.carry_out(
            solver.plan(n, 500, 0),
            lambda packed, ask=game, n=n: ask.value(mask_algebra.unpack(packed, n)),
            0,
        )
        proxies = solver.fit_packed(plan.packed, n, drawn, 0).spectrum
        ours = r_squared(values, explanation.spectrum.predict(masks))
        assert ours == pytest.approx(
            r_squared(values, proxies.predict(masks)), abs=1e-9
        )
        scores.append(ours)
    assert np.mean(scores) > 0.45


def beats_linear_datamodels(lens: DataLens, calls: int) -> None:
    unseen = designs.uniform(lens.n, 500, seed=10_001)
    truth = lens.value(unseen)
    with Ledger() as ledger:
        explanation = explain(lens, calls, ledger=ledger, held_out=0, checks=0)
        solver, evaluator = (
            choose_solver("auto", lens.n, calls),
            Evaluator(lens, ledger),
        )
        plan, values = solver.carry_out(
            solver.plan(lens.n, calls, 0), evaluator.packed_values, 0
        )
    assert (explanation.calls, evaluator.paid) == (calls, 0)
    predicted = explanation.spectrum.predict(unseen)
    for model in (LassoCV(cv=5, max_iter=50_000), RidgeCV(np.logspace(-4, 4, 17))):
        fit = model.fit(plan.masks.astype(float), values / values.std())
        linear = fit.predict(unseen.astype(float)) * values.std()
        assert r_squared(truth, predicted) > r_squared(truth, linear)
        assert rank_correlation(truth, predicted) > rank_correlation(truth, linear)


@pytest.mark.pretrained
@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_reviews_are_predicted_better_than_by_a_linear_datamodel(
    shared: Path, minilm: Path
) -> None:
    from spexlens import Examples

    reviews = Examples.read(
        shared / "prompts" / "reviews.csv", text="review", label="sentiment"
    )
    lens = DataLens(
        "logistic",
        reviews.take(range(0, 80, 2)),
        reviews.take([1]),
        encoder=str(minilm),
    )
    assert lens.n == 40
    beats_linear_datamodels(lens, 500)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_groups_of_digits_are_predicted_better_than_by_a_linear_datamodel() -> None:
    digits = load_digits()
    images = digits.data / 16
    lens = DataLens(
        "logistic",
        (images[:300], digits.target[:300]),
        (images[1000], digits.target[1000]),
        groups=np.arange(300) // 10,
    )
    beats_linear_datamodels(lens, 500)


def test_examples_are_those_that_were_given_whatever_becomes_of_the_callers_arrays() -> (
    None
):
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(12, 3)), np.arange(12) % 2
    made = [
        DataLens(learner, (inputs, labels), (np.ones(3), 1))
        for learner in (LogisticHead(), LogisticRegression())
    ]
    everything = np.ones((1, 12), np.bool_)
    before = [lens.value(everything)[0] for lens in made]
    order = rng.permutation(12)
    inputs[:], labels[:] = inputs[order], 1 - labels
    for lens, value in zip(made, before, strict=True):
        assert explain(lens, 64).whole == pytest.approx((value,), abs=1e-5)
