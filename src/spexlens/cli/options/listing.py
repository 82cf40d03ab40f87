"""Listing: what `spexlens show` lists of an explanation, instead of a page."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from spexlens.cli.unused import Given, Need
from spexlens.spectrum.indices import INDICES

_SEARCHES = ("best_subset", "sufficient", "necessary")


def _is_tabled(given: Given) -> bool:
    return given["index"] is not None or given["across"]


def _is_searched(given: Given) -> bool:
    return any(given[name] is not None for name in _SEARCHES)


def _is_listed(given: Given) -> bool:
    """Whether anything is listed, instead of a page."""
    return _is_tabled(given) or _is_searched(given) or given["follow_up"]


def _is_page(given: Given) -> bool:
    return not (given["as_json"] or _is_listed(given))


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is to be listed."""

    top: Annotated[int | None, typer.Option(min=1, help="Rows a table.")] = None
    index: Annotated[
        str | None, typer.Option(help=f"List one index instead: {', '.join(INDICES)}.")
    ] = None
    order: Annotated[int, typer.Option(help="The order of that index.")] = 2
    across: Annotated[
        bool,
        typer.Option(
            "--across",
            help=(
                "List only what acts together across kinds, such as a word and a head."
            ),
        ),
    ] = False
    best_subset: Annotated[
        int | None,
        typer.Option(help="List instead the best candidates to keep, so many."),
    ] = None
    sufficient: Annotated[
        float | None,
        typer.Option(
            help=(
                "List instead the smallest set enough for this share of f(all) -"
                " f(none)."
            )
        ),
    ] = None
    necessary: Annotated[
        float | None,
        typer.Option(
            help="List instead the smallest set without which this share is gone."
        ),
    ] = None
    follow_up: Annotated[
        bool,
        typer.Option("--follow-up", help="List instead commands that look closer."),
    ] = False
    time_limit: Annotated[
        float, typer.Option(help="Seconds to look for the best subset.")
    ] = 10.0

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("verbose",),
            _is_page,
            "is of the page, which is not shown: leave out --json, and what is listed",
        ),
        Need(("order",), _is_tabled, "is that of an index: give --index too"),
        Need(
            ("time_limit",),
            _is_searched,
            "is that of a search: give --best-subset, --sufficient or --necessary too",
        ),
        Need(
            ("top",),
            lambda given: _is_tabled(given) or _is_page(given),
            "is the rows of a table: give --index too",
        ),
        Need(
            ("output",),
            lambda given: _is_listed(given) or not given["as_json"],
            "chooses what is listed; without --index or another listing --json is the"
            " whole file",
        ),
        Need(
            ("expectations",),
            lambda given: bool(given["fail_on"]) or not _is_listed(given),
            "is compared on the page, which is not shown: give --fail-on too, or leave"
            " out what is listed",
        ),
        Need(
            ("scale",),
            lambda given: _is_tabled(given) or not _is_listed(given),
            "is of effects: give --index too; sets and follow-ups have none",
        ),
    )

    @property
    def tabled(self) -> bool:
        """Whether a table of interactions is."""
        return self.index is not None or self.across

    @property
    def empty(self) -> bool:
        """Whether nothing is: then a page is shown."""
        searches = (self.best_subset, self.sufficient, self.necessary)
        return not (self.tabled or self.follow_up) and searches == (None, None, None)
