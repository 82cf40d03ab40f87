"""Fine-tuning on subsets: the same start each time, and nothing that was finished is
done again.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import finetuned_child as child
from makes import bert, byte_level, llama, word_piece
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from spexlens import DataLens, FineTuning, SpexlensError
from spexlens.errors import InvalidInput
from spexlens.learners.encoders import encoded
from spexlens.masks import designs
from spexlens.models.bundled import INDUCTION, SENTIMENT

POINT = ("the film is not bad", "POSITIVE")
DATA = (child.TEXTS, child.LABELS)


def lens_of(train: Any = "head", **settings: Any) -> DataLens:
    learner = FineTuning(
        SENTIMENT, train=train, epochs=2, rows=2, learning_rate=1e-2, device="cpu"
    )
    return DataLens(learner, DATA, POINT, **settings)


@pytest.mark.parametrize("train", ["head", 1, "all"])
def test_each_training_begins_with_the_same_weights(train: Any) -> None:
    lens = lens_of(train)
    masks = designs.everything(5)[[0, 31, 5, 31, 0, 9, 5]]
    values = lens.value(masks)
    assert values[1] == values[3]
    assert values[0] == values[4]
    assert values[2] == values[6]
    assert len(set(values.tolist())) == 4
    assert np.array_equal(
        values, np.concatenate([lens.value(mask[None]) for mask in masks])
    )
    assert np.array_equal(values, lens_of(train).value(masks))
    assert not np.array_equal(values, lens_of(train, seed=1).value(masks))


def test_with_nothing_kept_the_model_answers_as_it_is() -> None:
    lens = lens_of()
    model = AutoModelForSequenceClassification.from_pretrained(SENTIMENT).eval()
    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    with torch.no_grad():
        logits = model(**tokenizer(POINT[0], return_tensors="pt")).logits[0].double()
    expected = float(logits[1] - logits[0])
    assert lens.value(np.zeros((1, 5), np.bool_))[0] == pytest.approx(
        expected, abs=1e-5
    )
    assert lens.remarks() == {
        0: "nothing was kept: the model as it was at the start counts"
    }


def test_a_training_is_what_an_ordinary_loop_does() -> None:
    """One example, no dropout: AdamW with a falling rate, written out."""
    model = AutoModelForSequenceClassification.from_pretrained(
        SENTIMENT, dropout=0.0, attention_dropout=0.0
    )
    for name in (
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "seq_classif_dropout",
    ):
        setattr(model.config, name, 0.0)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = FineTuning(
        model, tokenizer=tokenizer, train="all", epochs=3, learning_rate=1e-3, rows=4
    )
    lens = DataLens(learner, DATA, POINT)
    found = float(lens.value(np.array([[False, True, False, False, False]]))[0])
    assert all(
        torch.equal(value, before[name]) for name, value in model.state_dict().items()
    )
    assert all(
        parameter.requires_grad and parameter.grad is None
        for parameter in model.parameters()
    )
    batch = tokenizer(child.TEXTS[1], return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    model.train()
    for step in range(3):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - step / 3)
        loss = torch.nn.functional.cross_entropy(
            model(**batch).logits, torch.tensor([0])
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        logits = (
            model.eval()(**tokenizer(POINT[0], return_tensors="pt")).logits[0].double()
        )
    assert found == pytest.approx(float(logits[1] - logits[0]), abs=1e-4)


def test_labels_that_the_model_does_not_know_get_a_head_of_their_own() -> None:
    labels = ["warm", "cold", "warm", "cold", "dull"]
    learner = FineTuning(SENTIMENT, epochs=1, device="cpu")
    lens = DataLens(learner, (child.TEXTS, labels), (POINT[0], "warm"))
    again = DataLens(learner, (child.TEXTS, labels), (POINT[0], "warm"))
    nothing = np.zeros((1, 5), np.bool_)
    assert lens.fingerprint == again.fingerprint
    assert np.array_equal(lens.value(nothing), again.value(nothing))
    # another head to begin with
    assert lens.with_seed(1).value(nothing) != lens.value(nothing)


def test_an_encoder_gets_a_head(encoder: Path) -> None:
    texts = [
        "the film is good",
        "the film is bad",
        "never fails to impress",
        "her acting was bored",
    ]
    lens = DataLens(
        FineTuning(encoder, train=1, epochs=1, device="cpu"),
        (texts, [1, 0, 1, 0]),
        ("the critic", 1),
    )
    values = lens.value(designs.everything(4))
    assert np.isfinite(values).all()
    assert len(set(values.round(9).tolist())) == 16


def test_a_causal_model_learns_to_continue() -> None:
    prompts = ["owl ink cup sun", "ink cup owl sun key owl"]
    learner = FineTuning(
        INDUCTION, train=1, epochs=20, learning_rate=1e-3, device="cpu"
    )
    lens = DataLens(learner, (prompts, ["key", "ink"]), ("owl ink cup sun", "key"))
    nothing, both, own = lens.value(
        np.array([[False, False], [True, True], [True, False]])
    )
    assert (lens.unit, lens.facts()["kind"]) == ("log-probability", "causal")
    assert own > nothing + 0.5
    assert both > nothing
    whole = DataLens(learner, prompts, "owl ink cup sun")
    assert (
        whole.value(np.array([[True, True]]))[0]
        > whole.value(np.array([[False, False]]))[0]
    )


def test_only_what_is_trained_changes() -> None:
    for train, moved in (
        ("head", ("classifier", "pre_classifier", "pooler", "score")),
        ("all", ("",)),
    ):
        lens = lens_of(train)
        trainer: Any = lens._trainer
        module = trainer._model.model
        before = {
            name: value.detach().clone() for name, value in module.named_parameters()
        }
        with trainer._borrowed():
            trainer._restore(0)
            trainer._train(np.arange(5), 0)
            changed = [
                n for n, v in module.named_parameters() if not torch.equal(v, before[n])
            ]
        assert changed
        assert all(
            any(name.split(".")[0] == part or part in name for part in moved)
            for name in changed
        )
        assert all(
            torch.equal(value, before[name])
            for name, value in module.named_parameters()
        )


def test_bad_input_is_one_line(encoder: Path, causal: Path) -> None:
    tuned = FineTuning(SENTIMENT, device="cpu")
    cases: list[tuple[FineTuning, Any, Any, str]] = [
        (FineTuning(SENTIMENT, train="tail"), DATA, POINT, "'head', 'all' or a number"),  # type: ignore[arg-type]
        (FineTuning(SENTIMENT, train=99), DATA, POINT, "the model has"),
        (FineTuning(SENTIMENT, epochs=0), DATA, POINT, "at least 1"),
        (tuned, (np.eye(4), [0, 1, 0, 1]), (np.ones(4), 1), "fine-tuned on texts"),
        (tuned, (child.TEXTS, ["one"] * 5), (POINT[0], "one"), "two classes"),
        (tuned, DATA, (POINT[0], "MAYBE"), "training labels are NEGATIVE, POSITIVE"),
        (tuned, child.TEXTS, POINT[0], "needs a class"),
        (FineTuning("/nowhere", kind="classifier"), DATA, POINT, "/nowhere"),
        (
            FineTuning(causal, train="head"),
            (child.TEXTS, child.LABELS),
            POINT,
            "tied to the embeddings",
        ),
        (
            FineTuning(causal, train=1),
            (child.TEXTS, child.LABELS),
            POINT[0],
            "for the test points too",
        ),
    ]
    for learner, data, test, message in cases:
        with pytest.raises(SpexlensError) as caught:
            DataLens(learner, data, test)
        assert message in str(caught.value), message
        assert "\n" not in str(caught.value)


def run(folder: Path, fatal: int) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        child.__file__,
        str(folder / "runs.db"),
        str(folder / "trace"),
        str(fatal),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def trace(folder: Path) -> list[str]:
    return (folder / "trace").read_text().splitlines()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_while_it_fine_tunes_a_run_repeats_no_finished_training(
    tmp_path: Path,
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    undisturbed = json.loads(run(tmp_path / "whole", -1).stdout)
    assert undisturbed["paid"] == child.BUDGET
    assert run(tmp_path / "killed", 20).returncode == -signal.SIGKILL
    resumed = json.loads(run(tmp_path / "killed", -1).stdout)
    lines = trace(tmp_path / "killed")
    finished = [line for line in lines if line.startswith("finished")]
    begun = [line for line in lines if line.startswith("begun")]
    assert len(finished) == len(set(finished)) == child.BUDGET
    assert len(begun) == child.BUDGET + 1  # the one that was cut off
    assert sorted(finished) == sorted(
        line for line in trace(tmp_path / "whole") if line.startswith("finished")
    )
    assert resumed["paid"] + resumed["reused"] == child.BUDGET
    for name in ("values", "noise", "caveats"):
        assert resumed[name] == undisturbed[name]


def test_a_prompt_longer_than_the_window_keeps_its_beginning_and_its_end() -> None:
    tokenizer = byte_level("bos")
    tokenizer.model_max_length = 6
    words = "the red cat runs fast today not now the cat"
    data = DataLens(
        FineTuning(llama(tokenizer), tokenizer=tokenizer, train="all"),
        ([words, "the dog is"], [" good", " bad"]),
        (words, " good"),
    )
    rows = data._trainer._train_rows  # type: ignore[attr-defined]
    end = tokenizer(words + " good", add_special_tokens=False)["input_ids"][-5:]
    assert rows[0].ids == [0, *end]
    assert rows[0].prompt == 5
    assert data.facts()["truncated"] == 2


def test_a_pair_longer_than_the_window_keeps_its_segments(tmp_path: Path) -> None:
    tokenizer = word_piece("both", pair=True)
    tokenizer.model_max_length = 8
    model = bert(tokenizer, "BertModel")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    first, second = "a red cat", "the cat runs fast today not now"
    texts = np.array([f"{first} </s> {second}", "a dog"], object)
    found = encoded(texts, texts[:1], str(tmp_path), None)
    pair = tokenizer(
        first,
        second,
        truncation="only_second",
        max_length=8,
        return_tensors="pt",
        return_token_type_ids=True,
    )
    with torch.no_grad():
        right = model(**pair).last_hidden_state[0].double().mean(dim=0).numpy()
    np.testing.assert_allclose(found.train[0], right, atol=1e-5)
    assert found.facts["truncated"] == 2


@pytest.mark.parametrize("problem", ["regression", "multi_label_classification"])
def test_a_classifier_that_does_not_choose_one_label_is_not_fine_tuned_as_if_it_did(
    problem: str,
) -> None:
    tokenizer = word_piece("both")
    model = bert(tokenizer, num_labels=2, problem_type=problem)
    with pytest.raises(InvalidInput, match="single_label_classification"):
        DataLens(
            FineTuning(model, tokenizer=tokenizer),
            (["a cat", "a dog"], ["x", "y"]),
            ("a cat", "x"),
        )
