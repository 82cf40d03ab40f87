"""Evidence: the options by which several commands are asked to check what they find."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.arguments import unknown
from spexlens.cli.inputs import lines_of
from spexlens.cli.terminal import say
from spexlens.errors import InvalidInput
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.results.scale import SCALES

FAILED = 3
"""The exit code where `--fail-on` finds what it names."""

FAILURES = ("forbidden", "missing", "unexpected", "checks")
"""What `--fail-on` knows."""


@dataclass(frozen=True)
class Asked:
    """What a command line says of evidence; the fields are its options."""

    checks: int | None = None
    noise: int | None = None
    until_stable: bool = False
    against: tuple[str, ...] = ()
    ordinary: Path | None = None
    expectations: Expectations | None = None
    fail_on: tuple[str, ...] = ()
    smallest: float | None = None
    scale: str | None = None

    def arguments(self) -> dict[str, Any]:
        """What `explain` takes."""
        asked: dict[str, Any] = {
            "checks": self.checks,
            "noise": self.noise,
            "until": "stable" if self.until_stable else None,
            "against": self.against,
            "ordinary": () if self.ordinary is None else lines_of(self.ordinary),
            "expectations": self.expectations,
            "smallest": self.smallest,
        }
        return {name: value for name, value in asked.items() if value not in (None, ())}

    def shown(self, explanation: Explanation) -> Explanation:
        """An explanation in the scale that was asked for, compared with what is
        expected of it.
        """
        if self.scale is not None:
            explanation = explanation.in_scale(self.scale)  # type: ignore[arg-type]
        if self.expectations is not None:
            explanation = explanation.compared_with(self.expectations)
        return explanation

    def failed(self, explanation: Explanation) -> list[str]:
        """What --fail-on names and an explanation has.

        Raises:
            InvalidInput: it was compared with no expectations.
        """
        if set(self.fail_on) - {"checks"} and not explanation.expectations:
            raise InvalidInput("--fail-on compares with a file: give --expectations")
        return [name for name in self.fail_on if _fails(explanation, name)]

    def unmatched(self, explanation: Explanation) -> dict[int | str, str]:
        """The rules that --fail-on guards with and no candidate fits: of each, by its
        number, a sentence.

        Such a guard is off, as where a label is misspelt. Of a file that was compared
        before, the rules are known by their names.
        """
        if not set(self.fail_on) - {"checks"}:
            return {}
        if self.expectations is not None:
            return {
                number: str(each)
                for number, rule in enumerate(self.expectations.rules)
                for each in replace(self.expectations, rules=(rule,)).unmatched(
                    explanation.candidates
                )
            }
        names = [name for output in explanation.expectations for name in output.unused]
        return {name: f"{name!r} is of no candidate" for name in names}

    def exit(self, failed: Iterable[str], unmatched: Iterable[str] = ()) -> None:
        """Leave with exit code 3 if --fail-on found anything, or a rule of it was
        compared with nothing.
        """
        names = list(dict.fromkeys(failed))
        off = list(dict.fromkeys(unmatched))
        if names:
            say(f"spexlens: --fail-on {', '.join(names)}", err=True)
        for each in off:
            say(f"spexlens: --fail-on: the expectation {each}", err=True)
        if names or off:
            raise typer.Exit(FAILED)


def evidenced(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose `evidence` is made of options behind its own."""
    own = inspect.signature(command)
    options = inspect.signature(_asked).parameters
    kept = [each for name, each in own.parameters.items() if name != "evidence"]

    @wraps(command)
    def wrapped(**given: Any) -> None:
        evidence = _asked(**{name: given.pop(name) for name in options})
        command(**given, evidence=evidence)

    wrapped.__signature__ = own.replace(parameters=[*kept, *options.values()])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {
        each.name: each.annotation for each in (*kept, *options.values())
    }
    return wrapped


def _asked(
    *,
    checks: Annotated[
        int | None,
        typer.Option(
            help="Masks that check the result; 0: none. Default: a tenth, at least 16."
        ),
    ] = None,
    noise: Annotated[
        int | None,
        typer.Option(help="Masks asked twice, to see how far answers differ; 0: none."),
    ] = None,
    until_stable: Annotated[
        bool,
        typer.Option(
            "--until-stable", help="Stop early when the strongest five no longer move."
        ),
    ] = False,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Another replacement or ablation: what survives it? May be repeated."
        ),
    ] = None,
    ordinary: Annotated[
        Path | None,
        typer.Option(
            help=(
                "File of ordinary inputs, one a line: is an ablated input answered like"
                " them?"
            )
        ),
    ] = None,
    expectations: Annotated[
        Path | None,
        typer.Option(help="TOML of what should act together, and what must not."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                f"Leave with exit code {FAILED} on any of {', '.join(FAILURES)}; may be"
                " repeated."
            )
        ),
    ] = None,
    smallest: Annotated[
        float | None,
        typer.Option(
            help=(
                "Find the smallest sets enough, and needed, for this share of f(all) -"
                " f(none)."
            )
        ),
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help=f"Of effects: {', '.join(SCALES)}.")
    ] = None,
) -> Asked:
    """The options, checked before anything is loaded."""
    saved = asked_of_saved(expectations, fail_on, scale)
    if set(saved.fail_on) - {"checks"} and expectations is None:
        raise InvalidInput("--fail-on compares with a file: give --expectations")
    others = tuple(against or ())
    return replace(
        saved,
        checks=checks,
        noise=noise,
        until_stable=until_stable,
        against=others,
        ordinary=ordinary,
        smallest=smallest,
    )


def asked_of_saved(
    expectations: Path | None, fail_on: list[str] | None, scale: str | None
) -> Asked:
    """What can be asked of an explanation that is there.

    Raises:
        InvalidInput: an option says nothing that is known.
    """
    named = tuple(part.strip() for each in fail_on or () for part in each.split(","))
    for name in named:
        if name not in FAILURES:
            raise InvalidInput(
                f"--fail-on is one of {', '.join(FAILURES)}; got {name!r}"
            )
    if scale is not None and scale not in SCALES:
        raise InvalidInput(unknown("scale", scale, SCALES))
    read = None if expectations is None else expectations_file.read(expectations)
    _refuse_empty_guards(named, read)
    return Asked(expectations=read, fail_on=named, scale=scale)


def _fails(explanation: Explanation, name: str) -> bool:
    if name == "checks":
        checks = () if explanation.checks is None else explanation.checks.found
        return any(c.refuted for output in checks for c in output)
    return any(getattr(output, name) for output in explanation.expectations)


def _refuse_empty_guards(
    named: tuple[str, ...], expectations: Expectations | None
) -> None:
    """InvalidInput for a guard that nothing could ever set off."""
    if expectations is None:
        return
    for name, section, forbidden in (
        ("missing", "expected", False),
        ("forbidden", "forbidden", True),
    ):
        if name in named and not any(
            rule.forbidden == forbidden for rule in expectations.rules
        ):
            raise InvalidInput(
                f"--fail-on {name} goes with [[{section}]] in the file of"
                " --expectations: it has none"
            )
