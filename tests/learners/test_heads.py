"""The heads of all-MiniLM-L6-v2: an explanation predicts unseen ablations better than a
linear model.
"""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from sklearn.linear_model import LassoCV, RidgeCV

from spexlens import Ledger, MechanisticLens, explain
from spexlens.evaluation.evaluator import Evaluator
from spexlens.masks import designs
from spexlens.solvers.choice import choose_solver
from spexlens.spectrum.scores import r_squared

PAIR = (
    "A soft answer turneth away wrath: but grievous words stir up anger.",
    "A gentle answer turns away wrath, but a harsh word stirs up anger.",
)


@pytest.mark.pretrained
def test_heads_of_a_sentence_encoder_beside_a_linear_model_on_the_same_calls(
    minilm: Path,
) -> None:
    """The upper half of what `benchmarks/heads.py` measures."""
    lens = MechanisticLens(
        str(minilm), PAIR[0], target=PAIR[1], ablation="zero", layers=range(3, 6)
    )
    assert lens.n == 36
    unseen = designs.uniform(lens.n, 300, seed=10_001)
    with Ledger() as ledger:
        truth = Evaluator(lens, ledger).values(unseen)
    with Ledger() as ledger:
        explanation = explain(lens, 500, ledger=ledger, checks=0)
        solver, evaluator = (
            choose_solver("auto", lens.n, 500),
            Evaluator(lens, ledger),
        )
        plan, values = solver.carry_out(
            solver.plan(lens.n, 500, 0), evaluator.packed_values, 0
        )
    assert (explanation.calls, evaluator.paid) == (500, 0)
    ours = r_squared(truth, explanation.spectrum.predict(unseen))
    best = explanation.best_subset(18)
    kept = [np.isin(np.arange(36), best.members)]
    for model in (LassoCV(cv=5, max_iter=50_000), RidgeCV(np.logspace(-4, 4, 17))):
        fit = model.fit(plan.masks.astype(float), values / values.std())
        assert (
            ours
            > r_squared(truth, fit.predict(unseen.astype(float)) * values.std()) + 0.02
        )
        kept.append(np.isin(np.arange(36), np.argsort(-fit.coef_)[:18]))
    similarity, *linear = lens.value(np.array(kept))
    assert similarity > max(linear)
