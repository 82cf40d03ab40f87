"""Listings: what `spexlens show` was asked to list of an explanation, as JSON.

The shape is stable: keys may be added, none is renamed or taken away. ::

    {
      "file": "x.json", "lens": "features", "unit": "logit", "scale": "raw",
      "outputs": [
        {
          "output": "POSITIVE",                     # null for an explanation of one output without a name
          "interactions": {"index": "sii", "order": 1, "across": false, "found": [
            {"members": [2, 3], "labels": ["never", "fails"], "kinds": ["word", "word"],
             "effect": 2.9, "share": 0.3, "interval": [2.8, 3.1], "verdict": "confirmed"}]},
          "best_subset": {"members": [0], "labels": ["Her"], "predicted": 1.0, "bound": 1.0, "proved": true},
          "sufficient": {"members": [0], "labels": ["Her"], "share": 0.9, "threshold": 1.0, "predicted": 1.0},
          "necessary": {...},                       # as sufficient
          "follow_up": [{"members": [2, 3], "labels": ["never", "fails"], "why": "...", "command": "..."}]
        }
      ]
    }

Of the five last keys those are there that were asked for; `interval` and `verdict` may
be null.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.evidence.smallest import Smallest
from spexlens.explanation import Explanation
from spexlens.results.row import rows_of


@dataclass(frozen=True)
class Listing:
    """What is to be listed; the fields are the options of `spexlens show`."""

    index: str | None
    order: int
    top: int | None
    across: bool
    best_subset: int | None
    sufficient: float | None
    necessary: float | None
    follow_up: bool
    time_limit: float

    @property
    def tabled(self) -> bool:
        """Whether a table of interactions is."""
        return self.index is not None or self.across

    @property
    def empty(self) -> bool:
        """Whether nothing is: then a page is shown."""
        found = (self.best_subset, self.sufficient, self.necessary)
        return not (self.tabled or self.follow_up) and found == (None, None, None)


def to_json(
    explanation: Explanation, file: Path, asked: Listing, outputs: list[int | str]
) -> str:
    """What was asked for of some outputs, as the JSON above."""
    page = {
        "file": str(file),
        "lens": explanation.facts.get("lens"),
        "unit": explanation.unit,
        "scale": explanation.scale,
        "outputs": [_output(explanation, asked, output) for output in outputs],
    }
    return json.dumps(page, ensure_ascii=False, allow_nan=False)


def _output(
    explanation: Explanation, asked: Listing, output: int | str
) -> dict[str, Any]:
    names = explanation.outputs
    position = explanation.position(output)
    found: dict[str, Any] = {"output": None if names is None else names[position]}
    if asked.tabled:
        found["interactions"] = _table(explanation, asked, output)
    if asked.best_subset is not None:
        subset = explanation.best_subset(
            asked.best_subset, output=output, time_limit=asked.time_limit
        )
        found["best_subset"] = {
            "members": list(subset.members),
            "labels": list(subset.labels),
            "predicted": subset.value,
            "bound": subset.bound,
            "proved": subset.proved,
        }
    if asked.sufficient is not None:
        enough = explanation.sufficient(
            asked.sufficient, output=output, time_limit=asked.time_limit
        )
        found["sufficient"] = _smallest(explanation, enough)
    if asked.necessary is not None:
        needed = explanation.necessary(
            asked.necessary, output=output, time_limit=asked.time_limit
        )
        found["necessary"] = _smallest(explanation, needed)
    if asked.follow_up:
        found["follow_up"] = [
            {
                "members": list(step.members),
                "labels": list(step.labels),
                "why": step.why,
                "command": step.command,
            }
            for step in explanation.follow_up(output=output)
        ]
    return found


def _table(
    explanation: Explanation, asked: Listing, output: int | str
) -> dict[str, Any]:
    index = asked.index or "bii"
    across = asked.across or None
    found = explanation.interactions(index, asked.order, output=output, across=across)
    return {
        "index": index,
        "order": asked.order,
        "across": asked.across,
        "found": [row.in_listing() for row in rows_of(found[: asked.top])],
    }


def _smallest(explanation: Explanation, found: Smallest) -> dict[str, Any]:
    return {
        "members": list(found.members),
        "labels": [explanation.names[member] for member in found.members],
        "share": found.share,
        "threshold": found.threshold,
        "predicted": found.predicted,
    }
