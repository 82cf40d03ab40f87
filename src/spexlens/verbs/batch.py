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

from spexlens.arguments import plain
from spexlens.budget.request import Request, StoppingEvidence
from spexlens.errors import InvalidInput, LedgerError, MissingExtra, SpexlensError
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations
from spexlens.games.game import Game, as_game
from spexlens.keywords import keywords
from spexlens.verbs.explain import answered


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
    request = Request(budget=budget, method=method, seed=seed, **evidence)  # type: ignore[arg-type]

    # a text can be iterated as well, and is one game at most
    if isinstance(games, Game | str):
        raise InvalidInput(
            "explain_all takes several games: a list, or whatever gives one after the"
            " other"
        )

    places = repeat(None) if paths is None else map(Path, paths)
    pairs = zip(games, places, strict=paths is not None)

    with told(progress) as tell, opened(ledger) as book:
        meter = _Meter(tell, request.budget, length_hint(games))
        for position, (maker, path) in enumerate(pairs):
            turn = _Turn(path, request, evidence)
            try:
                explanation = turn.explanation(maker, book, meter.told)
            except (MissingExtra, LedgerError):
                raise  # the next game would fail as this one did
            except SpexlensError as error:
                if failed is None:
                    raise
                failed(position, error)
                continue
            finally:
                meter.close()
            yield turn.kept(explanation)


class _Turn:
    """One game of a batch, and the file that its explanation is kept in."""

    def __init__(
        self, path: Path | None, request: Request, evidence: Mapping[str, Any]
    ) -> None:
        """
        Args:
            path: where its explanation is kept, or None.
            request: what is asked of it.
            evidence: the part of that which was asked for in so many words.
        """
        self._path = path
        self._request = request
        self._evidence = evidence
        self._game: Game | None = None
        self._was_read = False

    def explanation(
        self,
        maker: Game | Callable[[], Game],
        book: Ledger,
        progress: Progress | None,
    ) -> Explanation:
        """That in the file, if it answers the same question; else a new one."""
        is_function = callable(maker) and not isinstance(maker, Game)
        made = maker() if is_function else maker  # type: ignore[operator]
        game = as_game(made, "explain_all")

        # kept, since its question is told again when the explanation is saved
        self._game = game
        if self._path is not None and self._path.exists():
            game.renew()  # its model may have changed since the file was written
            kept = _read(self._path, self._question(game), game)
            if kept is not None:
                self._was_read = True
                return kept

        return answered(game, self._request, ledger=book, progress=progress)

    def kept(self, explanation: Explanation) -> Explanation:
        """The explanation, saved with the question that it answers."""
        if self._path is None or self._was_read or self._game is None:
            return explanation

        question = self._question(self._game)
        explanation = replace(
            explanation, details={**explanation.details, "question": question}
        )

        explanation.save(self._path)
        return explanation

    def _question(self, game: Game) -> dict[str, Any] | None:
        """What decides an explanation, as JSON; None of a plain function, which cannot
        be recognised.
        """
        if game.fingerprint is None:
            return None

        request = self._request
        question = {
            "game": game.key,
            "method": request.method,
            "seed": request.seed,
            "budget": request.budget,
        }

        if self._evidence:
            parts = {name: _told(part) for name, part in self._evidence.items()}

            text = json.dumps(parts, sort_keys=True)
            question["evidence"] = hashlib.sha256(text.encode()).hexdigest()

        return question


class _Meter:
    """How far a batch is: the evaluations of the games before, of this one, and the
    budgets of the rest.
    """

    def __init__(self, progress: Progress | None, budget: int, games: int) -> None:
        self._progress = progress
        self._budget = budget
        self._left = games - 1
        self._before = 0
        self._finished = 0
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
    # nothing was paid for in this run
    account = replace(account, calls=0, reused=account.calls + account.reused, passes=0)

    return replace(kept, account=account)


def _facts(facts: Any) -> dict[str, Any]:
    """Facts as a file holds them, without where they were computed."""
    return {
        name: value
        for name, value in plain(dict(facts), "facts").items()
        if name != "device"
    }
