"""Candidates: what `--candidates` and `--screening` say."""

import re
from pathlib import Path

from spexlens.cli.inputs import refuse_endless, span_of
from spexlens.cli.screen import progress_bar
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.lenses.screening.screen import CHOSEN, screen

_DIGITS = 9  # of a number of candidates


def chosen(
    game: Game,
    candidates: str | None,
    screening: str | None = None,
    *,
    zoom: bool = False,
    ledger: Path | None = None,
    default: int = CHOSEN,
) -> Game:
    """The game of the candidates asked for; all of them for a zoom, unless it is said
    which.
    """
    if candidates is None and screening is None and zoom:
        return game
    asked = default if candidates is None else candidates_of(candidates)
    with progress_bar() as progress:
        return screen(game, asked, by=screening, ledger=ledger, progress=progress)


def candidates_of(text: str) -> str | int | list[int | str]:
    """ "all", a number, or which: positions and ranges of them, or names."""
    if text == "all":
        return text
    if text.isascii() and text.isdigit():
        if len(text) > _DIGITS:
            raise InvalidInput(
                f"--candidates is a number of {_DIGITS} digits at most, all, or a list"
            )
        return int(text)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise InvalidInput("--candidates is empty: give all, a number, or a list")
    found: list[int | str] = []
    for part in parts:
        positions = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
        if positions is None:
            found.append(part)
        else:
            found += span_of(positions[1], positions[2], "--candidates")
        refuse_endless(found, "--candidates")
    return found
