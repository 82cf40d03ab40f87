"""explain_all: many games, one ledger, one account of how far things are, nothing done
twice.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import repeat
from operator import length_hint
from pathlib import Path
from typing import Any, Unpack

from spexlens.arguments import plain, whole_number
from spexlens.budget.request import StoppingEvidence
from spexlens.errors import InvalidInput, LedgerError, MissingExtra, SpexlensError
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.games.game import Game, as_game
from spexlens.keywords import keywords
from spexlens.verbs.explain import explain


@keywords(StoppingEvidence.__annotations__)
def explain_all(
    games: Iterable[Game | Callable[[], Game]],
    budget: int = 300,
    *,
    method: str = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
    paths: Iterable[str | Path] | None = None,
    failed: Callable[[int, SpexlensError], None] | None = None,
    **evidence: Unpack[StoppingEvidence],
) -> Iterator[Explanation]:
    """Explain games one after the other; each explanation is given as soon as it is
    there.

    A run that was interrupted, repeated, pays for nothing that is in the ledger. With
    paths it does not even fit again what a file answers already: the same game, facts,
    method, seed and budget. The account of an explanation that was read is this run's:
    nothing paid, all reused.

    Args:
        games: what to explain; a function is called when its turn comes, so that of
            many lenses only one is in memory.
        budget: the most model evaluations of each.
        method, seed: see `explain`.
        ledger: where evaluations of all are kept, a path or an open Ledger; None keeps
            them in memory.
        progress: called with (evaluations finished, evaluations asked for) over all
            games. Before a game's turn its whole budget counts as asked for, if `games`
            has a length.
        paths: one a game: where its explanation is saved. A file of another question is
            written over, one that is no explanation is not.
        failed: called with the position, from 0, of a game that cannot be made or
            explained, and why; the others go on. By default the error is raised.
        evidence: checks, noise, until, against, ..., of each game; see `explain`.

    Raises:
        MissingExtra, LedgerError: whatever `failed` is.
        ResultError: an explanation cannot be written.
        SpexlensError: what making a game or `explain` raises, where `failed` is None.
    """
    if "expectations" in evidence:
        evidence["expectations"] = expectations_file.given(evidence["expectations"])
    seed = whole_number(seed, "a seed")
    budget = whole_number(budget, "a budget")
    if isinstance(games, Game | str):
        raise InvalidInput(
            "explain_all takes several games: a list, or whatever gives one after the"
            " other"
        )
    places = repeat(None) if paths is None else map(Path, paths)
    with told(progress) as tell, opened(ledger) as book:
        meter = _Meter(tell, budget, length_hint(games))
        for position, (each, path) in enumerate(
            zip(games, places, strict=paths is not None)
        ):
            try:
                made = each() if callable(each) and not isinstance(each, Game) else each
                game = as_game(made, "explain_all")
                if path is not None and path.exists():
                    # its model may have changed since the file was written
                    game.renew()
                    question = _question(game, method, seed, budget, evidence)
                    explanation = _read(path, question, game)
                else:
                    explanation = None
                found = explanation is not None
                if explanation is None:
                    explanation = explain(
                        game,
                        budget,
                        method=method,
                        seed=seed,
                        ledger=book,
                        progress=meter.told,
                        **evidence,
                    )
            except (MissingExtra, LedgerError):
                raise
            except SpexlensError as error:
                if failed is None:
                    raise
                failed(position, error)
                continue
            finally:
                meter.close()
            if path is not None and not found:
                question = _question(game, method, seed, budget, evidence)
                explanation = replace(
                    explanation, details={**explanation.details, "question": question}
                )
                explanation.save(path)
            yield explanation


class _Meter:
    """How far a batch is: the evaluations of the games before, of this one, and the
    budgets of the rest.
    """

    def __init__(self, progress: Progress | None, budget: int, games: int) -> None:
        self._progress = progress
        self._budget = budget
        self._left = games - 1
        self._before = self._finished = 0
        self.told = None if progress is None else self._tell

    def _tell(self, finished: int, asked: int) -> None:
        self._finished = finished
        if self._progress is not None:
            rest = max(self._left, 0) * self._budget
            self._progress(self._before + finished, self._before + asked + rest)

    def close(self) -> None:
        """This game is done with."""
        self._tell(self._finished, self._finished)
        self._before = self._before + self._finished
        self._finished = 0
        self._left -= 1


def _question(
    game: Game, method: str, seed: int, budget: int, evidence: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What decides an explanation, as JSON; None of a plain function, which cannot be
    recognised.
    """
    if game.fingerprint is None:
        return None
    question = {"game": game.key, "method": method, "seed": seed, "budget": budget}
    if evidence:
        told = json.dumps(
            {name: _told(part) for name, part in evidence.items()}, sort_keys=True
        )
        question["evidence"] = hashlib.sha256(told.encode()).hexdigest()
    return question


def _told(part: Any) -> Any:
    """A game by its key, expectations by their fields, and what else is asked for as
    JSON.
    """
    if isinstance(part, Game):
        return part.key
    if isinstance(part, Expectations):
        return asdict(part)
    if isinstance(part, list | tuple):
        return [_told(each) for each in part]
    return plain(part, "what is asked for")


def _read(
    path: Path, question: dict[str, Any] | None, game: Game
) -> Explanation | None:
    """The explanation in a file, if it answers this question.

    Raises:
        ResultError: the file is damaged, or no explanation.
    """
    kept = Explanation.load(path)
    asked = kept.details.get("question")
    if (
        question is None
        or asked != question
        or _facts(kept.facts) != _facts(game.facts())
    ):
        return None
    account = kept.account
    account = replace(account, calls=0, reused=account.calls + account.reused, passes=0)
    return replace(kept, account=account)


def _facts(facts: Any) -> dict[str, Any]:
    """Facts as a file holds them, without where they were computed."""
    return {
        name: value
        for name, value in plain(dict(facts), "facts").items()
        if name != "device"
    }
