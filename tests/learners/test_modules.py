"""PyTorch modules trained from scratch: many at once are what each would be alone."""

import functools
import json
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from sklearn.datasets import load_digits

from spexlens import DataLens, LogisticHead, SpexlensError, TorchModule, explain
from spexlens.learners.learner import Task
from spexlens.learners.torch_modules import DIVERGED
from spexlens.masks import designs

DIGITS = load_digits()
TASK = Task(
    DIGITS.data[:40] / 16, DIGITS.target[:40], DIGITS.data[1000:1003] / 16, None
)
SEEDS = np.arange(6)
KEPT = np.random.default_rng(0).random((6, 40)) < 0.5


def perceptron() -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10)
    )


def with_dropout() -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(64, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 10)
    )


def trained_alone(
    kept: NDArray[np.bool_], seed: int, settings: dict[str, Any]
) -> NDArray[np.float64]:
    """One module, an ordinary loop over batches, in which what is left out is not there
    at all.
    """
    torch.manual_seed(seed)
    module, drawn = perceptron(), np.random.default_rng(seed)
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[
        settings["optimizer"]
    ](module.parameters(), lr=settings["learning_rate"])
    inputs, labels = (
        torch.tensor(TASK.inputs, dtype=torch.float32),
        torch.tensor(TASK.labels),
    )
    for _ in range(settings["epochs"]):
        order = torch.tensor(
            drawn.permutation(40) if settings["rows"] else np.arange(40)
        )
        for batch in order.split(settings["rows"] or 40):
            batch = batch[torch.tensor(kept)[batch]]
            loss = torch.nn.functional.cross_entropy(
                module(inputs[batch]), labels[batch]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        logits = module(torch.tensor(TASK.tests, dtype=torch.float32))
    return np.asarray(torch.log_softmax(logits.double(), dim=1).numpy())


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("rows", [None, 20])
def test_a_batch_of_subsets_is_an_ordinary_loop_over_each(
    optimizer: str, rows: int | None
) -> None:
    settings = {
        "optimizer": optimizer,
        "rows": rows,
        "epochs": 12,
        "learning_rate": 0.05,
    }
    trainer = TorchModule(perceptron, **settings).prepare(TASK)  # type: ignore[arg-type]
    found = trainer.fit(KEPT, SEEDS)
    alone = np.stack(
        [trained_alone(kept, seed, settings) for seed, kept in enumerate(KEPT)]
    )
    assert np.abs(found.answers - alone).max() < 1e-3
    assert found.remarks == {}


@pytest.mark.parametrize("build", [perceptron, with_dropout])
def test_a_subset_answers_the_same_in_any_batch(build: Any) -> None:
    trainer = TorchModule(build, epochs=10, rows=16).prepare(TASK)
    together = trainer.fit(KEPT, SEEDS).answers
    apart = np.concatenate(
        [trainer.fit(KEPT[j : j + 1], SEEDS[j : j + 1]).answers for j in range(6)]
    )
    assert np.allclose(together, apart, atol=1e-4)
    assert np.array_equal(together, trainer.fit(KEPT, SEEDS).answers)
    assert not np.allclose(together, trainer.fit(KEPT, SEEDS + 9).answers, atol=1e-2)


def test_the_random_state_of_others_is_left_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    TorchModule(with_dropout, epochs=2).prepare(TASK).fit(KEPT, SEEDS)
    assert torch.equal(torch.rand(3), expected)


def test_with_nothing_kept_the_start_answers() -> None:
    trainer = TorchModule(perceptron, epochs=5).prepare(TASK)
    torch.manual_seed(2)
    with torch.no_grad():
        logits = perceptron()(torch.tensor(TASK.tests, dtype=torch.float32)).double()
    found = trainer.fit(np.zeros((1, 40), np.bool_), np.array([2]))
    assert np.allclose(
        found.answers[0], torch.log_softmax(logits, dim=1).numpy(), atol=1e-6
    )


def test_where_training_diverges_the_start_counts_and_it_is_said() -> None:
    task = Task(TASK.inputs, TASK.inputs.sum(axis=1), TASK.tests, None)

    def line() -> Any:
        return torch.nn.Linear(64, 1)

    trainer = TorchModule(
        line, epochs=200, optimizer="sgd", learning_rate=10.0
    ).prepare(task)
    found = trainer.fit(
        np.concatenate([KEPT[:1], np.zeros((1, 40), np.bool_)]), np.array([4, 4])
    )
    assert found.remarks == {0: DIVERGED}
    assert np.array_equal(found.answers[0], found.answers[1])


def test_a_line_trained_long_enough_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 3))
    targets = inputs @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=30) + 1.0
    tests = rng.normal(size=(4, 3))
    kept = rng.random((5, 30)) < 0.6

    def line() -> Any:
        return torch.nn.Linear(3, 1)

    trainer = TorchModule(line, epochs=2000, optimizer="sgd", learning_rate=0.1)
    answers = (
        trainer.prepare(Task(inputs, targets, tests, None))
        .fit(kept, SEEDS[:5])
        .answers[..., 0]
    )
    for row, mask in zip(answers, kept, strict=True):
        design = np.c_[inputs[mask], np.ones(mask.sum())]
        solution, *_ = np.linalg.lstsq(design, targets[mask], rcond=None)
        assert np.allclose(row, np.c_[tests, np.ones(4)] @ solution, atol=1e-4)


def test_a_module_is_explained_with_its_noise() -> None:
    lens = DataLens(
        TorchModule(perceptron, epochs=20),
        (TASK.inputs, TASK.labels),
        (TASK.tests, DIGITS.target[1000:1003]),
        groups=np.arange(40) // 4,
        mean=True,
    )
    explanation = explain(lens, 150)
    assert explanation.calls in (149, 150)  # under two seeds where it is judged
    assert explanation.noise is not None
    assert 0 < explanation.noise.ceiling[0] < 1
    assert explanation.held_out is not None
    assert np.array_equal(
        explain(lens, 150).spectrum.values, explanation.spectrum.values
    )


def encoder(heads: int = 2, first: bool = False, act: str = "relu") -> Any:
    """What makes a module whose settings its `repr` does not show."""

    def build() -> Any:
        layer = torch.nn.TransformerEncoderLayer(
            64,
            heads,
            8,
            dropout=0.0,
            batch_first=True,
            norm_first=first,
            activation=act,
        )
        return torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 64)),
            layer,
            torch.nn.Flatten(),
            torch.nn.Linear(64, 10),
        )

    return build


def of_ones_own(power: int) -> Any:
    class Own(torch.nn.Linear):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return super().forward(x) ** power

    return lambda: Own(64, 10)


def drawn(deviation: float) -> Any:
    """What draws its weights, though never those of the first seed, from another
    distribution.
    """

    def build() -> Any:
        made = torch.nn.Linear(64, 10)
        if torch.initial_seed():
            torch.nn.init.normal_(made.weight, std=deviation)
        return made

    return build


# of torch, in attention
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_whatever_a_module_is_trained_by_is_recognised() -> None:
    learners = [
        *(
            TorchModule(encoder(*each))
            for each in ((2,), (4,), (2, True), (2, False, "gelu"))
        ),
        *(TorchModule(of_ones_own(power)) for power in (1, 3)),
        *(TorchModule(drawn(deviation)) for deviation in (0.1, 0.2)),
        *(TorchModule(perceptron, epochs=epochs) for epochs in (3, 4)),
        TorchModule(with_dropout, epochs=3),
        TorchModule(perceptron, epochs=3, momentum=0.1),
    ]
    told = [json.dumps(learner.prepare(TASK).identity()) for learner in learners]
    assert "null" not in told
    assert len(set(told)) == len(told)
    again = [
        TorchModule(encoder()),
        TorchModule(of_ones_own(3)),
        TorchModule(perceptron, epochs=np.int64(3)),
    ]  # type: ignore[arg-type]
    assert [json.dumps(each.prepare(TASK).identity()) for each in again] == [
        told[0],
        told[5],
        told[8],
    ]


def test_what_cannot_be_told_of_a_module_is_said() -> None:
    class Own(torch.nn.Linear):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(64, 10)
            self.out = torch.nn.Sequential()
            self.out.append(torch.nn.Identity())
            self.out[0].register_forward_hook(
                functools.partial(print, file=sys.__stdout__)
            )

        def __deepcopy__(self, memo: Any) -> Any:
            return Own()

    trainer = TorchModule(Own).prepare(TASK)
    assert trainer.identity() is None
    assert trainer.unknown == "a hook on out.0: key 'file': an open file"


def test_bad_input_is_one_line() -> None:
    texts = np.array(["a", "b"], dtype=object)
    cases = [
        (
            TorchModule(perceptron, optimizer="lbfgs"),
            TASK,
            "choose one of sgd, adam, adamw",
        ),
        (TorchModule(perceptron, epochs=0), TASK, "at least 1"),
        (
            TorchModule(lambda: torch.nn.Linear(3, 10)),
            TASK,
            "cannot read inputs of shape",
        ),
        (TorchModule(lambda: torch.nn.Linear(64, 9)), TASK, "expected (3, 10)"),
        (
            TorchModule(
                lambda: torch.nn.Sequential(
                    torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 10)
                )
            ),
            TASK,
            "take LayerNorm",
        ),
        (
            TorchModule(perceptron),
            Task(texts, np.array([0, 1]), texts, None),
            "reads numbers, not texts",
        ),
    ]
    for learner, task, message in cases:
        with pytest.raises(SpexlensError) as caught:
            learner.prepare(task)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_module_and_a_head_agree_on_what_helps() -> None:
    """Logistic regression by gradient descent with weight decay is near the head's
    optimum.
    """
    labels = DIGITS.target[:40] % 2

    def line() -> Any:
        return torch.nn.Linear(64, 2)

    data, test = (TASK.inputs, labels), (TASK.tests[0], DIGITS.target[1000] % 2)
    groups = np.arange(40) // 5
    module = DataLens(TorchModule(line, epochs=150), data, test, groups=groups)
    head = DataLens(LogisticHead(C=10.0), data, test, groups=groups)
    masks = designs.everything(8)[1:]
    assert np.corrcoef(module.value(masks), head.value(masks))[0, 1] > 0.9
