"""Candidates: what `--candidates` and `--screening` say."""

import re
from pathlib import Path

from spexlens.cli.options.screening import Choice
from spexlens.cli.screen import progress_bar
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.lenses.screening.screen import CHOSEN, screen
from spexlens.ranges import refuse_endless, span_of

Candidates = str | int | list[int | str]
"""All, how many, or which: positions and names."""

_DIGITS = 9  # of a number of candidates


def chosen(
    game: Game, choice: Choice, *, zoom: bool = False, ledger: Path | None = None
) -> Game:
    """The game of the candidates asked for; all for a zoom, unless it is said which."""
    if choice.candidates is None and choice.screening is None and zoom:
        return game
    candidates = candidates_in(choice)
    return screened(game, candidates, by=choice.screening, ledger=ledger)


def screened(
    game: Game, candidates: Candidates, *, by: str | None, ledger: Path | None
) -> Game:
    """The game of some candidates, with the progress of their choice shown."""
    with progress_bar() as progress:
        return screen(game, candidates, by=by, ledger=ledger, progress=progress)


def candidates_in(choice: Choice) -> Candidates:
    """What a choice says; the usual number where it says nothing."""
    if choice.candidates is None:
        return CHOSEN
    if isinstance(choice.candidates, str):
        return candidates_of(choice.candidates)
    return choice.candidates


def candidates_of(text: str) -> Candidates:
    """ "all", a number, or which: positions and ranges of them, or names."""
    if text == "all":
        return text
    if text.isascii() and text.isdigit():
        if len(text) > _DIGITS:
            raise InvalidInput(
                f"--candidates is a number of {_DIGITS} digits at most, all, or a list"
            )
        return int(text)
    # a comma behind it makes a list of one position, where a number counts
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise InvalidInput("--candidates is empty: give all, a number, or a list")
    listed: list[int | str] = []
    for part in parts:
        positions = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
        if positions is None:
            listed.append(part)
        else:
            listed += span_of(positions[1], positions[2], "--candidates")
        # each time, before the next range makes the list longer than memory
        refuse_endless(listed, "--candidates")
    return listed
