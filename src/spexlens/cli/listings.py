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
from pathlib import Path
from typing import Any

from spexlens.cli.options.listing import Listing
from spexlens.evidence.smallest import Smallest
from spexlens.explanation import Explanation
from spexlens.results.interaction import Subset
from spexlens.results.next_steps import FollowUp
from spexlens.results.row import rows_of


def to_json(
    explanation: Explanation, file: Path, listing: Listing, outputs: list[int | str]
) -> str:
    """What was asked for of some outputs, as the JSON above."""
    page = {
        "file": str(file),
        "lens": explanation.about.lens,
        "unit": explanation.unit,
        "scale": explanation.scale,
        "outputs": [_output(explanation, listing, output) for output in outputs],
    }
    return json.dumps(page, ensure_ascii=False, allow_nan=False)


def _output(
    explanation: Explanation, listing: Listing, output: int | str
) -> dict[str, Any]:
    """What was asked for of one output."""
    names = explanation.outputs
    position = explanation.position(output)
    page: dict[str, Any] = {"output": None if names is None else names[position]}
    if listing.tabled:
        page["interactions"] = _table(explanation, listing, output)
    limit = listing.time_limit
    if listing.best_subset is not None:
        subset = explanation.best_subset(
            listing.best_subset, output=output, time_limit=limit
        )
        page["best_subset"] = _subset(subset)
    if listing.sufficient is not None:
        enough = explanation.sufficient(
            listing.sufficient, output=output, time_limit=limit
        )
        page["sufficient"] = _smallest(explanation, enough)
    if listing.necessary is not None:
        needed = explanation.necessary(
            listing.necessary, output=output, time_limit=limit
        )
        page["necessary"] = _smallest(explanation, needed)
    if listing.follow_up:
        steps = explanation.follow_up(output=output)
        page["follow_up"] = [_follow_up(step) for step in steps]
    return page


def _table(
    explanation: Explanation, listing: Listing, output: int | str
) -> dict[str, Any]:
    """The rows of one index."""
    # without an index, what is across kinds is listed of the one that pages show
    index = listing.index or "bii"
    across = listing.across or None
    rows = explanation.interactions(index, listing.order, output=output, across=across)
    return {
        "index": index,
        "order": listing.order,
        "across": listing.across,
        "found": [row.in_listing() for row in rows_of(rows[: listing.top])],
    }


def _subset(subset: Subset) -> dict[str, Any]:
    return {
        "members": list(subset.members),
        "labels": list(subset.labels),
        "predicted": subset.value,
        "bound": subset.bound,
        "proved": subset.proved,
    }


def _smallest(explanation: Explanation, smallest: Smallest) -> dict[str, Any]:
    return {
        "members": list(smallest.members),
        "labels": [explanation.names[member] for member in smallest.members],
        "share": smallest.share,
        "threshold": smallest.threshold,
        "predicted": smallest.predicted,
    }


def _follow_up(step: FollowUp) -> dict[str, Any]:
    return {
        "members": list(step.members),
        "labels": list(step.labels),
        "why": step.why,
        "command": step.command,
    }
