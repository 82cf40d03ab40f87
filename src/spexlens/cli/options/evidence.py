"""Evidence: how what is found is checked, and compared with what is expected."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from spexlens.arguments import unknown
from spexlens.cli.exits import FAILED
from spexlens.cli.inputs import lines_of
from spexlens.cli.options.budget import Spending
from spexlens.cli.terminal import say
from spexlens.cli.unused import Given, Need
from spexlens.errors import InvalidInput
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.results.scale import SCALES

FAILURES = ("forbidden", "missing", "unexpected", "checks")
"""What `--fail-on` knows."""

_SECTIONS = (("missing", "expected", False), ("forbidden", "forbidden", True))
"""Of two failures, the section of the file with their rules, and whether those forbid."""


def _names(fail_on: Iterable[str] | None) -> tuple[str, ...]:
    """What `--fail-on` says, each time one name or several with commas between."""
    return tuple(name.strip() for names in fail_on or () for name in names.split(","))


def _is_guarding(given: Given) -> bool:
    return "checks" not in _names(given["fail_on"]) or given["checks"] != 0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is asked for beside an explanation.

    Made, it is checked, and the file of expectations is read: before anything is
    loaded.

    Raises:
        InvalidInput: an option says nothing that is known, or `--fail-on` something
            that nothing could set off.
    """

    checks: Annotated[
        int | None,
        typer.Option(
            help="Masks that check the result; 0: none. Default: a tenth, at least 16."
        ),
    ] = None
    noise: Annotated[
        int | None,
        typer.Option(help="Masks asked twice, to see how far answers differ; 0: none."),
    ] = None
    until_stable: Annotated[
        bool,
        typer.Option(
            "--until-stable", help="Stop early when the strongest five no longer move."
        ),
    ] = False
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Another replacement or ablation: what survives it? May be repeated."
        ),
    ] = None
    ordinary: Annotated[
        Path | None,
        typer.Option(
            help=(
                "File of ordinary inputs, one a line: is an ablated input answered like"
                " them?"
            )
        ),
    ] = None
    expectations: Annotated[
        Path | None,
        typer.Option(help="TOML of what should act together, and what must not."),
    ] = None
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                f"Leave with exit code {FAILED} on any of {', '.join(FAILURES)}; may be"
                " repeated."
            )
        ),
    ] = None
    smallest: Annotated[
        float | None,
        typer.Option(
            help=(
                "Find the smallest sets enough, and needed, for this share of f(all) -"
                " f(none)."
            )
        ),
    ] = None
    scale: Annotated[
        str | None, typer.Option(help=f"Of effects: {', '.join(SCALES)}.")
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("until_stable",),
            lambda given: not given["zoom"],
            "goes without --zoom, whose levels share out the budget",
            beside=("zoom",),
        ),
        Need(
            ("fail_on",),
            _is_guarding,
            "checks goes without --checks 0, which leaves nothing to fail",
            beside=("checks",),
        ),
    )

    def __post_init__(self) -> None:
        self.check()
        # what is explained now was never compared before
        if self.compares and self.expectations is None:
            raise InvalidInput("--fail-on compares with a file: give --expectations")

    @cached_property
    def failures(self) -> tuple[str, ...]:
        """What `--fail-on` names."""
        return _names(self.fail_on)

    @cached_property
    def rules(self) -> Expectations | None:
        """What the file of expectations holds, read once for many explanations."""
        if self.expectations is None:
            return None
        return expectations_file.read(self.expectations)

    @property
    def compares(self) -> bool:
        """Whether `--fail-on` names anything that expectations decide."""
        return bool(set(self.failures) - {"checks"})

    def check(self) -> None:
        """See that names are known, and that nothing guards in vain.

        It reads the file of expectations.

        Raises:
            InvalidInput: they are not, or something does.
        """
        for name in self.failures:
            if name not in FAILURES:
                raise InvalidInput(
                    f"--fail-on is one of {', '.join(FAILURES)}; got {name!r}"
                )
        if self.scale is not None and self.scale not in SCALES:
            raise InvalidInput(unknown("scale", self.scale, SCALES))
        if self.rules is not None:
            _refuse_empty_guards(self.failures, self.rules)

    def request(self, spending: Spending, **more: int | None) -> dict[str, Any]:
        """What `explain` takes of a command line, without what is left to its defaults.

        Args:
            spending: the budget, and what it is spent by.
            more: what only some commands take: held_out, trainings.
        """
        options: dict[str, Any] = {
            "budget": spending.budget,
            "method": spending.method,
            "seed": spending.seed,
            "checks": self.checks,
            "noise": self.noise,
            "until": "stable" if self.until_stable else None,
            "against": tuple(self.against or ()),
            "ordinary": () if self.ordinary is None else lines_of(self.ordinary),
            "expectations": self.rules,
            "smallest": self.smallest,
            **more,
        }
        # not every verb takes all of them: a zoom has no held_out
        return {
            name: value for name, value in options.items() if value not in (None, ())
        }

    def shown(self, explanation: Explanation) -> Explanation:
        """An explanation in the scale asked for, compared with what is expected."""
        if self.scale is not None:
            explanation = explanation.in_scale(self.scale)  # type: ignore[arg-type]
        if self.rules is not None:
            explanation = explanation.compared_with(self.rules)
        return explanation

    def failed(self, explanation: Explanation) -> list[str]:
        """What `--fail-on` names and an explanation has.

        Raises:
            InvalidInput: it was compared with no expectations.
        """
        if self.compares and not explanation.expectations:
            raise InvalidInput("--fail-on compares with a file: give --expectations")
        return [name for name in self.failures if _fails(explanation, name)]

    def unmatched(self, explanation: Explanation) -> dict[int | str, str]:
        """The rules that `--fail-on` guards with and no candidate fits, as sentences.

        Such a guard is off, as where a label is misspelt. Rules are known by their
        numbers; of a file that was compared before, by their names.
        """
        if not self.compares:
            return {}
        if self.rules is not None:
            return _unmatched(self.rules, explanation)
        names = [name for output in explanation.expectations for name in output.unused]
        return {name: f"{name!r} is of no candidate" for name in names}

    def exit(self, failed: Iterable[str], unmatched: Iterable[str] = ()) -> None:
        """Leave with exit code 3 if anything failed, or a rule fits nothing.

        Args:
            failed: what `--fail-on` names and was found.
            unmatched: of each rule that no candidate fits a sentence.
        """
        names = list(dict.fromkeys(failed))
        sentences = list(dict.fromkeys(unmatched))
        if names:
            say(f"spexlens: --fail-on {', '.join(names)}", err=True)
        for sentence in sentences:
            say(f"spexlens: --fail-on: the expectation {sentence}", err=True)
        if names or sentences:
            raise typer.Exit(FAILED)


@dataclass(frozen=True, kw_only=True)
class SavedEvidence(Evidence):
    """What can be asked of an explanation that is there.

    That may have been compared with expectations before: `--fail-on` needs no file.
    """

    fail_on: Annotated[
        list[str] | None,
        typer.Option(help=f"Exit code {FAILED} on any of {', '.join(FAILURES)}."),
    ] = None
    scale: Annotated[
        str | None,
        typer.Option(help=f"Of effects: {', '.join(SCALES)}. Default: the file's."),
    ] = None

    def __post_init__(self) -> None:
        self.check()


def _fails(explanation: Explanation, name: str) -> bool:
    """Whether an explanation has what one name of `--fail-on` stands for."""
    if name == "checks":
        checks = () if explanation.checks is None else explanation.checks.found
        return any(check.refuted for output in checks for check in output)
    return any(getattr(output, name) for output in explanation.expectations)


def _unmatched(rules: Expectations, explanation: Explanation) -> dict[int | str, str]:
    """By the number of each rule that no candidate fits, what is said of it."""
    sentences: dict[int | str, str] = {}
    # rule by rule: together, two that nothing fits could not be told apart
    for number, rule in enumerate(rules.rules):
        alone = replace(rules, rules=(rule,))
        for sentence in alone.unmatched(explanation.candidates):
            sentences[number] = str(sentence)
    return sentences


def _refuse_empty_guards(failures: tuple[str, ...], rules: Expectations) -> None:
    """InvalidInput for a guard that nothing could ever set off."""
    for name, section, forbidden in _SECTIONS:
        if name not in failures:
            continue
        if not any(rule.forbidden == forbidden for rule in rules.rules):
            raise InvalidInput(
                f"--fail-on {name} goes with [[{section}]] in the file of"
                " --expectations: it has none"
            )
