"""The command line: thin; everything it does, the library does."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from spexlens import __version__
from spexlens.ablation.evaluator import Evaluator, Progress
from spexlens.ablation.ledger import Ledger
from spexlens.errors import InvalidInput, SpexlensError
from spexlens.explain import explain, versions, whole_number
from spexlens.explanation import Explanation
from spexlens.lenses.features import FeatureLens
from spexlens.lenses.replacement import REPLACEMENTS
from spexlens.lenses.units import UNITS
from spexlens.models.bundled import SENTIMENT
from spexlens.solvers.base import Plan, Solver
from spexlens.solvers.choice import METHODS, choose_solver
from spexlens.spectrum.indices import INDICES

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Find which parts of a language model's input act together, from a counted budget of ablations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DEMO_TEXT = "The plot is thin and the jokes are old, but her acting never fails to impress."

Words = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="The text; absent or '-' reads standard input.")
]
File = Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from this file.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="Hub id or local directory of a Hugging Face model.")
]
Target = Annotated[
    list[str] | None,
    typer.Option(help="Label (may be repeated), completion, or query. Default: the predicted label."),
]
Unit = Annotated[str, typer.Option(help=f"What to ablate: {', '.join(UNITS)}.")]
Objective = Annotated[str | None, typer.Option(help="What to watch: logit, log-odds, probability, ...")]
Replacement = Annotated[str | None, typer.Option(help=f"What stands in: {', '.join(REPLACEMENTS)}.")]
Neutral = Annotated[str, typer.Option(help="The string for --replacement neutral.")]
Template = Annotated[str, typer.Option(help="What surrounds the text, with {text} in it.")]
Chat = Annotated[bool, typer.Option("--chat", help="Use the tokenizer's chat template.")]
Budget = Annotated[int, typer.Option("--budget", "-b", help="The most model evaluations.")]
Method = Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
Book = Annotated[Path | None, typer.Option("--ledger", help="Keep evaluations in this file, and reuse them.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Save the explanation here, as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a page.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
Device = Annotated[str | None, typer.Option(help="A torch device. Default: cuda if there is one.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows a forward pass.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")]


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if show_version:
        typer.echo(f"spexlens {__version__}")
        raise typer.Exit


@app.command()
def demo(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Another sentence about a film.")] = DEMO_TEXT,
    budget: Budget = 300,
    seed: Seed = 0,
) -> None:
    """Explain one sentence on the bundled sentiment model: no network, some seconds."""
    lens = FeatureLens(SENTIMENT, text, target="POSITIVE")
    with _progress() as progress:
        explanation = explain(lens, budget, seed=seed, progress=progress)
    _show(explanation)


@app.command()
def features(
    text: Words = None,
    file: File = None,
    model: Model = str(SENTIMENT),
    target: Target = None,
    unit: Unit = "word",
    objective: Objective = None,
    replacement: Replacement = None,
    neutral: Neutral = "...",
    template: Template = "{text}",
    chat: Chat = False,
    budget: Budget = 300,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    out: Out = None,
    as_json: AsJson = False,
    revision: Revision = None,
    device: Device = None,
    batch_size: BatchSize = None,
    trust_remote_code: Trust = False,
) -> None:
    """Explain which parts of a text act together in a model's answer."""
    _check_out(out)
    lens = FeatureLens(
        model,
        _text(text, file),
        unit=unit,
        target=_targets(target),
        objective=objective,
        replacement=replacement,
        neutral=neutral,
        template=template,
        chat=chat,
        revision=revision,
        device=device,
        batch_size=batch_size,
        trust_remote_code=trust_remote_code,
    )
    with _progress(ledger) as progress:
        explanation = explain(lens, budget, method=method, seed=seed, ledger=ledger, progress=progress)
    if out is not None:
        explanation.save(out)
    if as_json:
        typer.echo(explanation.to_json())
    else:
        _show(explanation)


@app.command()
def plan(
    text: Words = None,
    candidates: Annotated[
        int | None, typer.Option("-n", help="How many candidates, instead of a text.")
    ] = None,
    file: File = None,
    model: Model = str(SENTIMENT),
    target: Target = None,
    unit: Unit = "word",
    objective: Objective = None,
    replacement: Replacement = None,
    neutral: Neutral = "...",
    template: Template = "{text}",
    chat: Chat = False,
    budget: Budget = 300,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    revision: Revision = None,
    device: Device = None,
    batch_size: BatchSize = None,
    trust_remote_code: Trust = False,
    as_json: AsJson = False,
) -> None:
    """What a budget buys: the method, the masks and, for a text and a model, the time they take.

    The time is that of one batch of the planned masks; with a ledger, they are paid for and kept.
    """
    lens = None
    if candidates is not None and (text is not None or file is not None):
        raise InvalidInput("give a text or -n, not both")
    if candidates is None:
        lens = FeatureLens(
            model,
            _text(text, file),
            unit=unit,
            target=_targets(target),
            objective=objective,
            replacement=replacement,
            neutral=neutral,
            template=template,
            chat=chat,
            revision=revision,
            device=device,
            batch_size=batch_size,
            trust_remote_code=trust_remote_code,
        )
        candidates = lens.n
    if candidates < 1:
        raise InvalidInput(f"-n is a number of candidates, at least 1; got {candidates}")
    seed = whole_number(seed, "a seed")
    solver = choose_solver(method, candidates, budget)
    planned = solver.plan(candidates, budget, seed)
    said: dict[str, str | int] = {
        "candidates": candidates,
        "method": planned.method,
        "masks": planned.total,
        "budget": budget,
        "design": planned.design,
    }
    if lens is not None:
        said["time"] = _estimate(lens, solver, planned, budget, seed, ledger)
    if as_json:
        typer.echo(json.dumps(said))
    else:
        typer.echo("\n".join(f"{name:<12}{value}" for name, value in said.items()))


@app.command()
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What --out wrote.")],
    top: Annotated[int | None, typer.Option(min=1, help="Rows a table.")] = None,
    output: Annotated[str | None, typer.Option(help="Which output of a vector-valued explanation.")] = None,
    index: Annotated[str | None, typer.Option(help=f"List one index instead: {', '.join(INDICES)}.")] = None,
    order: Annotated[int, typer.Option(help="The order of that index.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Show a saved explanation, as a page or as a list of one interaction index."""
    explanation = Explanation.load(path)
    if as_json:
        typer.echo(explanation.to_json())
    elif index is None:
        _show(explanation, top=top, output=output)
    else:
        from spexlens.report.terminal import listing

        for each in _outputs(explanation, output):
            _console().print(listing(explanation, index, order, output=each, top=top))


def main() -> None:
    """Run the command line; an error that a user can mend is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SpexlensError as error:
        typer.echo(f"spexlens: {error}", err=True)
        raise SystemExit(2) from None


def _text(text: str | None, file: Path | None) -> str:
    if text not in (None, "-") and file is not None:
        raise InvalidInput("give the text as an argument or with --file, not both")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read {file}: {error}") from error
    if text in (None, "-"):
        if sys.stdin.isatty():
            raise InvalidInput("no text: give it as an argument, with --file, or on standard input")
        try:
            return sys.stdin.read().strip("\n")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"standard input is not UTF-8 text: {error.reason}") from error
    return str(text)


def _targets(target: list[str] | None) -> str | list[str] | None:
    if not target:
        return None
    return target[0] if len(target) == 1 else target


def _check_out(out: Path | None) -> None:
    """Refuse before anything is paid for."""
    if out is not None and out.suffix != ".json":
        raise InvalidInput(f"--out writes JSON: give a path that ends in .json, not {out}")
    if out is not None:
        try:
            TemporaryFile(dir=out.parent).close()
        except OSError as error:
            raise InvalidInput(f"--out: {out.parent} is not a directory that can be written") from error
    if out is not None and out.is_dir():
        raise InvalidInput(f"--out: {out} is a directory")


def _estimate(
    lens: FeatureLens, solver: Solver, planned: Plan, budget: int, seed: int, ledger: Path | None
) -> str:
    """The time for the masks that are missing, from a second, timed pass of their first batch."""
    with Ledger(ledger) as book:
        known = book.lookup(lens.key, planned.packed)
        while planned.rest and None not in known:
            values = Evaluator(lens, book).packed_values(planned.packed)
            planned = solver.extended(planned, values, seed)
            known = book.lookup(lens.key, planned.packed)
        missing = [value is None for value in known]
        count = sum(missing) + planned.rest
        if not count:
            return "none: the ledger holds every mask"
        began = perf_counter()
        run = book.begin(
            lens.key, method="plan", seed=seed, design=planned.design, budget=budget, versions=versions()
        )
        batch = planned.masks[missing][: lens.batch_size]
        Evaluator(lens, book, run=run).values(batch)
        warm = perf_counter()
        lens.value(batch)
        seconds = (perf_counter() - warm) / len(batch)
        book.finish(run, perf_counter() - began)
    rate = f"{1 / seconds:.0f} a second, on {lens.model.device}"
    return f"about {seconds * count:.1f} s for {count} masks at {rate}"


def _show(explanation: Explanation, *, top: int | None = None, output: str | None = None) -> None:
    from spexlens.report.terminal import render

    for each in _outputs(explanation, output):
        _console().print(render(explanation, output=each, top=top))


def _outputs(explanation: Explanation, output: str | None) -> list[int | str]:
    """The output asked for, or all."""
    return [output] if output is not None else list(explanation.outputs or [0])


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def _progress(ledger: Path | None = None) -> Iterator[Progress | None]:
    """A bar on a terminal, nothing in a pipe; on Ctrl-C a word about what is kept."""
    console = _console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    began = perf_counter()
    with Bar(TextColumn("ablating"), *columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def advance(done: int, total: int) -> None:
            rate = done / max(perf_counter() - began, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f}/s")

        try:
            yield advance
        except KeyboardInterrupt:
            kept = (
                f"what is finished is in {ledger}; repeat the command to go on"
                if ledger
                else "without a --ledger nothing is kept"
            )
            console.print(f"interrupted; {kept}")
            raise
