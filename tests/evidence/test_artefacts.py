"""Artefacts: a model that reacts to the placeholder is found out, one that does not is
left alone.
"""

from typing import Any

import numpy as np
import pytest
import torch
from conftest import bert_tokenizer
from numpy.typing import NDArray
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from spexlens import Explanation, FeatureLens, Game, MechanisticLens, explain, screen
from spexlens.errors import InvalidInput
from spexlens.report.terminal.page import plain
from spexlens.results.doubts import doubts

TEXT = "the film is not bad and her acting never fails to impress"


class WordsConfig(PretrainedConfig):
    model_type = "words"
    pad_token_id = 0
    vocab_size = 64
    max_position_embeddings = 48


class Words(PreTrainedModel):
    """A bag of words, two of which act together; and `reaction` to each pair of mask
    tokens.
    """

    config_class = WordsConfig

    def __init__(self, config: WordsConfig, reaction: float) -> None:
        super().__init__(config)
        weights = 0.3 * torch.randn(64, generator=torch.Generator().manual_seed(0))
        weights[:5] = 0.0  # of special tokens
        self.weights = torch.nn.Parameter(weights)
        self.reaction = reaction
        self.post_init()

    def get_input_embeddings(self) -> torch.nn.Module:
        return torch.nn.Embedding(64, 1)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any
    ) -> SequenceClassifierOutput:
        seen = attention_mask.bool()

        def there(word: str) -> torch.Tensor:
            return (
                ((input_ids == TOKENIZER.convert_tokens_to_ids(word)) & seen)
                .any(1)
                .float()
            )

        masked = ((input_ids == TOKENIZER.mask_token_id) & seen).sum(1).float()
        logit = (self.weights[input_ids] * seen).sum(1) + 3.0 * there("not") * there(
            "bad"
        )
        logit = logit + self.reaction * masked * (masked - 1) / 2
        return SequenceClassifierOutput(logits=torch.stack([-logit, logit], dim=1))


TOKENIZER = bert_tokenizer()


def lens(reaction: float, **settings: Any) -> FeatureLens:
    names = {0: "BAD", 1: "GOOD"}
    config = WordsConfig(
        num_labels=2, id2label=names, label2id={v: k for k, v in names.items()}
    )
    model = Words(config, reaction).eval()
    return FeatureLens(
        model, TEXT, target="GOOD", tokenizer=TOKENIZER, kind="classifier", **settings
    )


def warned(explanation: Explanation) -> bool:
    return any(
        "The ranking depends on what stands in" in line for line in doubts(explanation)
    )


@pytest.mark.parametrize("budget", [300, 5000])  # sampled, and all masks of both
@pytest.mark.parametrize("against", ["delete", "attention", "unk"])
def test_a_model_that_reacts_to_the_mask_token_is_found_out(
    against: str, budget: int
) -> None:
    explanation = explain(lens(0.4), budget, against=[against])
    assert warned(explanation)
    assert explanation.artefacts is not None
    (variant,) = explanation.artefacts.variants
    assert variant.name == against
    survived = {each.members: each for each in variant.found[0]}
    words = TEXT.split()
    real = (words.index("not"), words.index("bad"))
    assert not survived[real].lost
    artefacts = [
        each
        for members, each in survived.items()
        if len(members) == 2 and members != real
    ]
    assert artefacts
    assert all(each.lost for each in artefacts)
    assert "survives" in plain(explanation)


@pytest.mark.parametrize("budget", [300, 5000])
@pytest.mark.parametrize("against", ["delete", "attention", "unk"])
def test_a_model_that_does_not_is_left_alone(against: str, budget: int) -> None:
    explanation = explain(lens(0.0), budget, against=[against])
    assert not warned(explanation)
    assert explanation.artefacts is not None
    (variant,) = explanation.artefacts.variants
    assert variant.agreement[0] == pytest.approx(1.0, abs=1e-6)
    assert min(each.score for each in variant.found[0]) > 0.99


def test_it_is_found_out_from_the_other_side_too() -> None:
    explanation = explain(lens(0.4, replacement="delete"), 300, against="mask")
    assert warned(explanation)
    assert not warned(explain(lens(0.0, replacement="delete"), 300, against="mask"))


def test_calls_for_artefacts_are_of_the_budget_and_in_the_account() -> None:
    explanation = explain(lens(0.4), 300, against=["delete", "attention"])
    assert explanation.calls == 300
    assert explanation.artefacts is not None
    assert [variant.masks for variant in explanation.artefacts.variants] == [30, 30]
    screened = explain(
        screen(lens(0.4), 8, by="leave-one-out"), 200, against=["delete"]
    )
    assert screened.calls + screened.account.reused <= 200
    assert warned(screened)


def test_games_of_their_own_are_other_ways_to_ablate() -> None:
    def summed(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(
            masks.sum(axis=1) + 2.0 * masks[:, 0] * masks[:, 1], dtype=np.float64
        )

    other = Game(lambda m: summed(m) + 3.0 * (~m[:, 2] & ~m[:, 3]), 20)
    assert not warned(explain(Game(summed, 20), 300, against=[Game(summed, 20)]))
    assert warned(explain(other, 300, against=[Game(summed, 20)]))
    with pytest.raises(InvalidInput, match="the same 20 candidates"):
        explain(Game(summed, 20), 300, against=[Game(summed, 19)])
    with pytest.raises(InvalidInput, match="leave checks=0 out"):
        explain(other, 300, against=[Game(summed, 20)], checks=0)


def test_heads_are_tested_under_another_ablation(classifier: Any) -> None:
    made: dict[str, Any] = {"target": "GOOD", "components": ["heads", "mlps"]}
    means = MechanisticLens(
        str(classifier), TEXT, ablation="mean", reference=[TEXT, "a film"], **made
    )
    assert means.variants == ("zero",)
    explanation = explain(means, 150, against=["zero"])
    assert explanation.artefacts is not None
    assert explanation.artefacts.variants[0].name == "zero"
    with pytest.raises(InvalidInput, match="needs reference"):
        MechanisticLens(str(classifier), TEXT, ablation="zero", **made).variant("mean")


# Ordinary inputs.


def test_an_empty_answer_unlike_any_ordinary_one_is_told() -> None:
    def value(masks: NDArray[np.bool_], jump: float = 0.0) -> NDArray[np.float64]:
        return np.asarray(
            masks @ np.linspace(-1, 1.5, 20) - jump * (~masks).all(axis=1)
        )

    for jump, ordinary, far in (
        (0.0, (), False),
        (40.0, (), True),
        (0.0, (9.0, 10.0, 10.5), True),
    ):
        explanation = explain(
            Game(lambda m, j=jump: value(m, j), 20), 200, ordinary=ordinary
        )  # type: ignore[misc]
        assert (
            any("With everything ablated" in line for line in doubts(explanation))
            == far
        )
        assert explanation.artefacts is not None
        assert explanation.artefacts.ordinary is not None
        assert explanation.artefacts.ordinary.inputs == len(ordinary)


def test_ordinary_texts_are_asked_and_counted() -> None:
    texts = [
        "the film is bad",
        "her acting never fails",
        "a critic was bored",
        "not bad",
    ]
    explanation = explain(lens(0.0), 200, ordinary=texts)
    assert explanation.calls == 200
    assert explanation.artefacts is not None
    ordinary = explanation.artefacts.ordinary
    assert ordinary is not None
    assert ordinary.inputs == 4
    answers = [
        float(lens(0.0).with_text(text).value(np.ones((1, len(text.split())), bool))[0])
        for text in texts
    ]
    assert ordinary.low[0] == pytest.approx(min(answers))
    assert ordinary.high[0] == pytest.approx(max(answers))
    with pytest.raises(InvalidInput, match="texts, or numbers"):
        explain(lens(0.0), 200, ordinary=[None, 1.0, 2.0])  # type: ignore[list-item]
