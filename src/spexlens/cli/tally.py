"""Tally: what became of the inputs of `spexlens batch`, and what they cost."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from spexlens.cli.options.evidence import Evidence
from spexlens.cli.rows import Row
from spexlens.cli.screen import console_of
from spexlens.cli.terminal import say, say_json
from spexlens.errors import SpexlensError
from spexlens.explanation import Explanation
from spexlens.printable import shown
from spexlens.verbs.aggregate import Aggregate

_NAMED = 10  # lines of which an error is said that they share


class Tally:
    """What became of the inputs, and what they cost.

    Attributes:
        explanations: how many were explained.
        paid, reused: calls, over all of them.
        failed: what `--fail-on` names and was found.
        failures: the inputs that could not be explained, as JSON has them.
    """

    def __init__(
        self, rows: list[Row], evidence: Evidence, own: dict[str, int]
    ) -> None:
        """
        Args:
            rows: the inputs.
            evidence: asked of each.
            own: how many inputs have a target or a foil of their own, where an option
                says one too.
        """
        self.explanations = 0
        self.paid = 0
        self.reused = 0
        self.failed: list[str] = []
        self.failures: list[dict[str, Any]] = []
        self._rows = rows
        self._evidence = evidence
        self._own = own
        self._lines: dict[str, list[int]] = {}  # of each error
        # the rules that fit no input so far; None before the first
        self._unmatched: dict[int | str, str] | None = None

    def counted(self, explanations: Iterator[Explanation]) -> Iterator[Explanation]:
        """The same explanations."""
        for explanation in explanations:
            self.explanations += 1
            self.paid += explanation.account.calls
            self.reused += explanation.account.reused
            self.failed += self._evidence.failed(explanation)
            self._match(self._evidence.unmatched(explanation))
            yield explanation

    def fail(self, position: int, error: SpexlensError) -> None:
        """Say at once that an input failed.

        It goes through `sys.stderr` itself, which a progress bar makes way for.
        """
        row = self._rows[position]
        lines = self._lines.setdefault(str(error), [])
        lines.append(row.line)
        self.failures.append({"line": row.line, "id": row.name, "error": str(error)})
        # an option that does for no line is said once, not a thousand times
        if len(lines) > 1:
            return
        sys.stderr.write(shown(f"spexlens: line {row.line} ({row.name}): {error}\n"))

    def close(self) -> None:
        """Say of which lines more an error is that was said of the first."""
        for error, (_, *lines) in self._lines.items():
            if not lines:
                continue
            named = ", ".join(map(str, lines[:_NAMED]))
            more = len(lines) - _NAMED
            rest = f" and {more} more" if more > 0 else ""
            say(f"spexlens: the same of line {named}{rest}: {error}", err=True)

    def unmatched(self) -> list[str]:
        """Of each rule that fits no input a sentence."""
        return list((self._unmatched or {}).values())

    def show(self, aggregate: Aggregate | None, *, as_json: bool) -> None:
        """Print what was counted, and what it cost."""
        if as_json:
            say_json(json.dumps(self._page(aggregate), ensure_ascii=False))
            return
        if aggregate is not None:
            from spexlens.report.terminal.recurrence import render

            console_of().print(render(aggregate))
        for name, count in self._own.items():
            say(
                f"{name}: {count} of {len(self._rows)} inputs say their own; --{name}"
                " is asked of the others"
            )
        say(
            f"cost: {self.explanations} of {len(self._rows)} inputs explained; "
            f"{self.paid} calls paid, {self.reused} reused"
        )

    def _match(self, unmatched: dict[int | str, str]) -> None:
        """Keep the rules that fit neither this input nor one before."""
        before = unmatched if self._unmatched is None else self._unmatched
        self._unmatched = {
            rule: sentence for rule, sentence in before.items() if rule in unmatched
        }

    def _page(self, aggregate: Aggregate | None) -> dict[str, Any]:
        return {
            "explanations": self.explanations,
            "calls": self.paid,
            "reused": self.reused,
            "own": self._own,
            "failed": self.failures,
            "aggregate": None if aggregate is None else json.loads(aggregate.to_json()),
        }
