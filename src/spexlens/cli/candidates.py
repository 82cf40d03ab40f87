"""Candidates: what `--candidates` and `--screening` say."""

import re
from pathlib import Path

from spexlens.ablation.game import Game
from spexlens.cli.screen import progress_bar
from spexlens.errors import InvalidInput
from spexlens.lenses.screening import CHOSEN, screen


def chosen(
    game: Game,
    candidates: str | None,
    screening: str | None = None,
    *,
    zoom: bool = False,
    ledger: Path | None = None,
    default: int = CHOSEN,
) -> Game:
    """The game of the candidates asked for; all of them for a zoom, unless it is said which."""
    if candidates is None and screening is None and zoom:
        return game
    asked = default if candidates is None else candidates_of(candidates)
    with progress_bar(ledger) as progress:
        return screen(game, asked, by=screening, ledger=ledger, progress=progress)


def candidates_of(text: str) -> str | int | list[int | str]:
    """ "all", a number, or which: positions and ranges of them, or names."""
    if text == "all":
        return text
    if text.isdigit():
        return int(text)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise InvalidInput("--candidates is empty: give all, a number, or a list")
    ranges = [re.fullmatch(r"(\d+)(?:-(\d+))?", part) for part in parts]
    if not all(ranges):
        return list(parts)
    return [row for each in ranges if each for row in range(int(each[1]), int(each[2] or each[1]) + 1)]
