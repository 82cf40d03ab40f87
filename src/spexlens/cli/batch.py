"""`spexlens batch`."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.arguments import unknown, whole_number
from spexlens.cli.candidates import candidates_of
from spexlens.cli.evidence import Asked, evidenced
from spexlens.cli.inputs import layers_of, lines_of, model_of, target_of
from spexlens.cli.mechanistic import Ablation, Components, Layers, Reference, Rescale
from spexlens.cli.options import (
    AsJson,
    BatchSize,
    Book,
    Budget,
    Candidates,
    Chat,
    Device,
    Foil,
    Kind,
    Method,
    Model,
    Neutral,
    Objective,
    Replacement,
    Revision,
    Screening,
    Seed,
    Target,
    Template,
    Trust,
    Unit,
    Windows,
)
from spexlens.cli.outputs import files_in, refuse_closed, refuse_overlaps
from spexlens.cli.screen import console_of, progress_bar
from spexlens.cli.terminal import say, say_json
from spexlens.errors import InvalidInput, SpexlensError
from spexlens.explanation import Explanation
from spexlens.files import text_file
from spexlens.games.game import Game
from spexlens.lenses.components.ablation import ABLATIONS
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.screening.screen import CHOSEN, screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.replacement import REPLACEMENTS
from spexlens.lenses.text.units import UNITS
from spexlens.printable import shown
from spexlens.solvers.choice import METHODS
from spexlens.spectrum.indices import INDICES
from spexlens.verbs.aggregate import Aggregate, aggregate
from spexlens.verbs.batch import explain_all

_KEYS = ("prompt", "text", "id", "target", "foil", "counterfactual")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_NAMED = 10  # lines of which an error is said that they share
_SUMMARY = "aggregate"
_LENSES = ("features", "mechanistic")


@dataclass(frozen=True)
class Row:
    """One line of the file.

    Attributes:
        line: its number, from 1.
        name: its id, or else its number in four digits.
        text: what is explained.
        asked: the target, foil and counterfactual that it gives.
    """

    line: int
    name: str
    text: str
    asked: dict[str, Any]


@evidenced
def batch(
    context: typer.Context,
    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=(
                "JSONL, an object a line: prompt (or text), and id, target, foil,"
                " counterfactual if used."
            ),
        ),
    ],
    lens: Annotated[
        str, typer.Option(help=f"One of {', '.join(_LENSES)}.")
    ] = "features",
    model: Model = "sentiment",
    target: Target = None,
    foil: Foil = None,
    unit: Unit = "word",
    objective: Objective = None,
    replacement: Replacement = None,
    neutral: Neutral = "...",
    template: Template = "{text}",
    chat: Chat = False,
    windows: Windows = False,
    components: Components = ["heads"],  # noqa: B006
    layers: Layers = None,
    ablation: Ablation = None,
    reference: Reference = None,
    rescale: Rescale = False,
    candidates: Candidates = None,
    screening: Screening = None,
    budget: Budget = 300,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Save an explanation an input, and the aggregate, in this folder.",
        ),
    ] = None,
    index: Annotated[
        str, typer.Option(help=f"What to aggregate: {', '.join(INDICES)}.")
    ] = "bii",
    order: Annotated[
        int, typer.Option(min=1, help="The most members of an interaction.")
    ] = 2,
    least: Annotated[
        int, typer.Option(min=1, help="List what is found in so many inputs.")
    ] = 2,
    as_json: AsJson = False,
    kind: Kind = None,
    revision: Revision = None,
    device: Device = None,
    batch_size: BatchSize = None,
    trust_remote_code: Trust = False,
    *,
    evidence: Asked,
) -> None:
    """Explain many inputs, a budget each, and count which interactions recur."""
    for name, given, known in (
        ("lens", lens, _LENSES),
        ("method", method, METHODS),
        ("unit", unit, UNITS),
        ("replacement", replacement, REPLACEMENTS),
        ("ablation", ablation, ABLATIONS),
        ("index", index, INDICES),
    ):
        if given is not None and given not in known:
            raise InvalidInput(unknown(name, given, known))
    whole_number(seed, "a seed")
    rows = rows_of(prompts, lens, foil)
    for name in ("target", "foil"):
        if context.params[name] and all(name in row.asked for row in rows):
            raise InvalidInput(
                f"--{name} has no effect: every line of {prompts} has a {name} of"
                " its own"
            )
    files = None if out is None else files_in(out, [row.name for row in rows], _SUMMARY)
    if out is not None:
        refuse_overlaps(context.params, [*(files or ()), out / f"{_SUMMARY}.json"])
    if out is None:
        refuse_closed()
    settings: dict[str, Any] = {
        "target": target_of(target),
        "foil": foil,
        "objective": objective,
    }
    settings |= {"batch_size": batch_size, "revision": revision}
    if lens == "features":
        settings |= {
            "unit": unit,
            "replacement": replacement,
            "neutral": neutral,
            "template": template,
        }
        settings |= {"chat": chat, "windows": windows}
    else:
        settings["components"] = [
            name.strip() for each in components for name in each.split(",")
        ]
        settings["layers"] = None if layers is None else layers_of(layers)
        settings["reference"] = None if reference is None else lines_of(reference)
        settings |= {"ablation": ablation, "rescale": rescale}
    from spexlens.models.huggingface import load

    loaded = load(
        model_of(model),
        kind=kind,
        revision=revision,
        device=device,
        trust_remote_code=trust_remote_code,
    )
    lens_of: Callable[..., Game] = (
        FeatureLens if lens == "features" else MechanisticLens
    )
    asked = CHOSEN if candidates is None else candidates_of(candidates)

    def made(text: str, own: dict[str, Any]) -> Game:
        return screen(
            lens_of(loaded, text, **(settings | own)),
            asked,
            by=screening,
            ledger=ledger,
        )

    own = {
        name: sum(name in row.asked for row in rows)
        for name in ("target", "foil")
        if context.params[name]
    }
    tally = _Tally(
        rows, evidence, {name: count for name, count in own.items() if count}
    )
    with progress_bar() as progress:
        explained = tally.counted(
            explain_all(
                [partial(made, row.text, row.asked) for row in rows],
                budget,
                method=method,
                seed=seed,
                ledger=ledger,
                progress=progress,
                paths=files,
                failed=tally.failed,
                **evidence.arguments(),
            )
        )
        first = next(explained, None)
        rest = chain([first], explained) if first is not None else None
        found = (
            None
            if rest is None
            else aggregate(rest, index=index, order=order, least=least)
        )
    if out is not None and found is not None:
        found.save(out / f"{_SUMMARY}.json")
    tally.close()
    _show(tally, found, as_json=as_json)
    if tally.failures:
        raise typer.Exit(2)
    evidence.exit(tally.found, (tally.unmatched or {}).values())


class _Tally:
    """What became of the inputs, and what they cost."""

    def __init__(self, rows: list[Row], evidence: Asked, own: dict[str, int]) -> None:
        self.rows = rows
        self.evidence = evidence
        # how many inputs have a target or a foil of their own, where an option says one
        # too
        self.own = own
        self.found: list[str] = []
        self.errors: dict[str, list[int]] = {}  # the lines that each is of
        self.failures: list[dict[str, Any]] = []
        # the rules that fit no input so far
        self.unmatched: dict[int | str, str] | None = None
        self.explanations = self.paid = self.reused = 0

    def counted(self, explanations: Iterator[Explanation]) -> Iterator[Explanation]:
        """The same explanations."""
        for explanation in explanations:
            self.explanations += 1
            self.paid += explanation.account.calls
            self.reused += explanation.account.reused
            self.found += self.evidence.failed(explanation)
            off = self.evidence.unmatched(explanation)
            before = off if self.unmatched is None else self.unmatched
            self.unmatched = {
                rule: said for rule, said in before.items() if rule in off
            }
            yield explanation

    def failed(self, position: int, error: SpexlensError) -> None:
        """Say so at once, through `sys.stderr` itself, which a progress bar makes way
        for.
        """
        row = self.rows[position]
        lines = self.errors.setdefault(str(error), [])
        lines.append(row.line)
        self.failures.append({"line": row.line, "id": row.name, "error": str(error)})
        # an option that does for no line is said once, not a thousand times
        if len(lines) > 1:
            return
        sys.stderr.write(shown(f"spexlens: line {row.line} ({row.name}): {error}\n"))

    def close(self) -> None:
        """Say of which lines more an error is that was said of the first."""
        for error, (_, *more) in self.errors.items():
            named = ", ".join(map(str, more[:_NAMED]))
            rest = f" and {len(more) - _NAMED} more" if len(more) > _NAMED else ""
            if more:
                say(f"spexlens: the same of line {named}{rest}: {error}", err=True)


def rows_of(file: Path, lens: str, foil: str | None) -> list[Row]:
    """The inputs of a JSONL file, all of them checked.

    Raises:
        InvalidInput: the file cannot be read, holds nothing, or has a line that is not
            what it should be.
    """
    expected = f"an object with prompt or text, and of {', '.join(_KEYS[2:])}"
    rows = [_row(row, expected, lens) for row in text_file.objects(file, expected)]
    if not rows:
        raise InvalidInput(f"{file} holds no prompt; expected one JSON object a line")
    names: dict[str, int] = {_SUMMARY: 0}
    for row in rows:
        before = names.setdefault(row.name.casefold(), row.line)
        if before != row.line:
            taken = f"that of line {before}" if before else "kept for the aggregate"
            raise InvalidInput(
                f"{file}, line {row.line}: the id {row.name!r} is {taken}"
            )
        for key in (
            ("counterfactual",) if foil is not None else ("foil", "counterfactual")
        ):
            if (key in row.asked) != (key in rows[0].asked):
                raise InvalidInput(
                    f"{file}: lines {rows[0].line} and {row.line} do not both have a"
                    f" {key}; their effects would not compare"
                )
    return rows


def _row(row: text_file.Row, expected: str, lens: str) -> Row:
    where = row.place
    given = row.content
    if not set(given) <= set(_KEYS) or ("prompt" in given) == ("text" in given):
        raise InvalidInput(f"{where}: expected {expected}")
    if "counterfactual" in given and lens != "mechanistic":
        raise InvalidInput(f"{where}: a counterfactual goes with --lens mechanistic")
    asked = {key: value for key, value in given.items() if value is not None}
    name = asked.pop("id", f"{row.line:04d}")
    text = asked.pop("prompt", asked.pop("text", None))
    if type(name) not in (str, int) or not _IDENTIFIER.fullmatch(str(name)):
        raise InvalidInput(
            f"{where}: an id is the name of a file, of letters, digits, '_', '-' and"
            f" '.'; got {name!r}"
        )
    for key, value in {"prompt": text, **asked}.items():
        several = key == "target" and isinstance(value, list) and value
        for part in value if several else [value]:
            if not isinstance(part, str):
                raise InvalidInput(f"{where}: the {key} is a text; got {part!r}")
    return Row(row.line, str(name), text, asked)


def _show(tally: _Tally, found: Aggregate | None, *, as_json: bool) -> None:
    if as_json:
        page = {
            "explanations": tally.explanations,
            "calls": tally.paid,
            "reused": tally.reused,
            "own": tally.own,
            "failed": tally.failures,
            "aggregate": None if found is None else json.loads(found.to_json()),
        }
        say_json(json.dumps(page, ensure_ascii=False))
        return
    if found is not None:
        from spexlens.report.terminal.recurrence import render

        console_of().print(render(found))
    for name, count in tally.own.items():
        say(
            f"{name}: {count} of {len(tally.rows)} inputs say their own; --{name} is"
            " asked of the others"
        )
    say(
        f"cost: {tally.explanations} of {len(tally.rows)} inputs explained; "
        f"{tally.paid} calls paid, {tally.reused} reused"
    )
