"""aggregate: which interactions recur over many explanations, how strong and steady."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from spexlens.errors import InvalidInput
from spexlens.formats.recurrence import dump, read, write
from spexlens.report.terminal.recurrence import plain
from spexlens.results.recurrence import Recurrence, Recurrences
from spexlens.results.recurring import Recurring, natural
from spexlens.results.result import Result
from spexlens.spectrum.shares import STRONG


class Aggregate(Recurrences):
    """What recurs over many explanations, with its file and its page."""

    def save(self, path: str | Path) -> None:
        """Write one JSON file, whole or not at all.

        Raises:
            ResultError: the file cannot be written.
        """
        write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ResultError: the file is missing, damaged, or from a newer version.
        """
        return read(Path(path), cls)

    def to_json(self) -> str:
        """The text that `save` writes."""
        return dump(self)

    def __repr__(self) -> str:
        return plain(self)


def aggregate(
    explanations: Iterable[Result],
    *,
    index: str = "bii",
    order: int | None = 2,
    least: int = 2,
    least_share: float = STRONG,
    output: int | str = 0,
) -> Aggregate:
    """Count which interactions recur over explanations, with their mean effects and
    spreads.

    An interaction is told by its members' kinds and labels, without regard to their
    order. Words and other parts of a text are the same whatever their case; components,
    examples and candidates of a user's own are the same by their names. Of a word that
    an input repeats each occurrence is another member: the first recurs with the first
    of other inputs, the second with the second.

    Effects on different labels of a classifier are never added up: what speaks for one
    speaks against another. Each label has rows of its own. Where targets are no labels,
    such as the completions that a language model is asked for, a row is over all
    explanations.

    Args:
        explanations: of one unit; they are looked at one after the other, and not kept.
        index: see `Result.interactions`.
        order: the largest order; None for all.
        least: list what is found in at least so many explanations.
        least_share: F(S)² / Σ F² from which an interaction counts as found: half a
            percent by default.
        output: of vector-valued games, which output, by position or name.

    Raises:
        InvalidInput: no explanation, explanations of different units, or without such
            an output; an unknown index, an order below one; a `least` below one or a
            share outside 0 to 1.
    """
    if isinstance(explanations, Result):
        raise InvalidInput(
            "aggregate takes several explanations: a list, or what explain_all gives"
        )
    if least < 1 or not 0 <= least_share <= 1:
        raise InvalidInput(
            f"least is at least 1 and least_share from 0 to 1; got {least} and"
            f" {least_share}"
        )

    by_label: dict[str | None, Recurring] = {}
    units = list[str]()
    targets = set[str]()
    r2 = list[float]()
    for number, explanation in enumerate(explanations, start=1):
        units.append(explanation.unit)
        if units[-1] != units[0]:
            raise InvalidInput(
                f"explanation 1 is in {units[0]}, explanation {number} in {units[-1]}: "
                "aggregate those of one unit"
            )

        try:
            position = explanation.position(output)
        except InvalidInput as error:
            raise InvalidInput(f"explanation {number}: {error}") from error
        target = _target(explanation, position)
        if target is not None:
            targets.add(target)

        # a classifier's labels apart: what speaks for one speaks against another
        label = target if explanation.about.kind == "classifier" else None
        recurring = by_label.setdefault(label, Recurring(least_share, label))
        recurring.add(explanation, index, order, position)
        r2.append(explanation.faithfulness.r2[position])

    if not units:
        raise InvalidInput("no explanation was given: there is nothing to aggregate")

    rows = [row for recurring in by_label.values() for row in recurring.rows(least)]
    return Aggregate(
        rows=tuple(sorted(rows, key=_most_found_first)),
        explanations=len(units),
        unit=units[0],
        targets=tuple(sorted(targets)),
        r2=tuple(r2),
        index=index,
        order=order,
        least=least,
        least_share=least_share,
    )


def _target(explanation: Result, output: int) -> str | None:
    """What was watched, if anything has a name."""
    if explanation.outputs:
        return str(explanation.outputs[output])
    target = explanation.about.target
    return None if target is None else str(target)


def _most_found_first(row: Recurrence) -> tuple[object, ...]:
    labels = [natural(label) for label in row.labels]
    return -row.found, -abs(row.standardised), labels, row.kinds, row.target or ""
