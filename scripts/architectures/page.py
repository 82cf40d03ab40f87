"""The page: verdicts as Markdown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
import transformers

from architectures.verdict import WORKS, Verdict

_COLUMNS = ("causal", "classifier", "encoder")
_OPENING = """\
# Architectures

Every class of Transformers {transformers} that reads tokens was built tiny with random weights (PyTorch
{torch}, on a CPU) and given to a `FeatureLens`; its values of eight masks, in one batch and one by one, were
compared with plain Transformers on one row without padding, to 1e-4. Of {classes} classes, {works} are read
right, {refused} are refused in one line, and {unbuilt} could not be built:

    python scripts/sweep_architectures.py --markdown docs/architectures.md

A class is read as *causal*: the log-probability of a completion of two tokens; as *classifier*: the logit of
a label; as *encoder*: the cosine similarity of the mean hidden state with the whole text's. Words are
deleted, so that rows have different lengths, and for classifiers and encoders also masked.
"""
_LEGEND = """
- padded: rows of all lengths share a forward pass.
- one length: only rows of one length do; padding would change their answers.
- one at a time: each row alone.
- refused: see below. -: there is no such class.
- same for all: right, but the tiny model answers every mask alike.
- random: Transformers itself answers one row differently each time.
"""


def page(verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    counts = {
        "classes": len(verdicts),
        "works": sum(each.outcome in WORKS for each in verdicts),
        "refused": sum(each.outcome == "refused" for each in verdicts),
        "unbuilt": sum(each.outcome == "not built" for each in verdicts),
    }
    versions = {
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
    }
    parts = [
        _OPENING.format(**counts, **versions),
        "\n## Families\n",
        _LEGEND,
        "\n",
        _table(verdicts),
    ]
    parts += _section("Faults", verdicts, "FAULT") + _section(
        "Refused", verdicts, "refused"
    )
    parts += _section("Random", verdicts, "random") + _section(
        "Not built", verdicts, "not built"
    )
    return "".join(parts)


def _table(verdicts: Sequence[Verdict]) -> str:
    """A row a family that has a class which is read."""
    families: dict[str, dict[str, list[Verdict]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for verdict in verdicts:
        if verdict.entry.column in _COLUMNS and verdict.outcome != "not built":
            families[verdict.entry.family][verdict.entry.column].append(verdict)
    lines = [
        f"| family | {' | '.join(_COLUMNS)} |\n",
        "|---" * (len(_COLUMNS) + 1) + "|\n",
    ]
    for family, columns in sorted(families.items()):
        if any(
            each.outcome != "refused" for column in columns.values() for each in column
        ):
            cells = [_cell(columns.get(column, [])) for column in _COLUMNS]
            lines.append(f"| {family} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _cell(verdicts: Sequence[Verdict]) -> str:
    by_outcome: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        by_outcome[_said(verdict)].append(verdict.entry.name)
    if len(by_outcome) < 2:
        return next(iter(by_outcome), "-")
    return ", ".join(
        f"{outcome} ({', '.join(names)})" for outcome, names in by_outcome.items()
    )


def _said(verdict: Verdict) -> str:
    partly = verdict.outcome in WORKS and "refused" in verdict.detail
    return f"{verdict.outcome}, in part refused" if partly else verdict.outcome


def _section(title: str, verdicts: Iterable[Verdict], outcome: str) -> list[str]:
    """The classes of one outcome, by what is said of them."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.outcome == outcome:
            reasons[_reason(verdict)].append(verdict.entry.name)
    if not reasons:
        return []
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return [f"\n## {title}\n\n"] + [
        f"- {reason}: {', '.join(names)}.\n" for reason, names in ordered
    ]


def _reason(verdict: Verdict) -> str:
    said = (
        verdict.detail.replace(verdict.entry.name, "The class")
        .replace("'' cannot", "The class cannot")
        .rstrip(".")
    )
    return said.replace("|", "\\|").replace("<", "\\<")
