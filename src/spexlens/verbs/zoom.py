"""zoom: coarse to fine, where something is happening."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

import numpy as np

from spexlens.budget.request import Evidence, Request
from spexlens.budget.reserve import refuse_unsound
from spexlens.budget.shares import trainings_of
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.progress import told
from spexlens.evidence.smallest import refuse_impossible
from spexlens.evidence.variants import Placeholders
from spexlens.explanation import Explanation
from spexlens.formats import expectations as expectations_file
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game, as_game
from spexlens.games.grouped import Grouped
from spexlens.games.levels import Level, filled, whole
from spexlens.keywords import keywords
from spexlens.results.account import Account, Step
from spexlens.verbs.explain import answered

# candidates of the first level, if there is such a one
_FEW = 8
_FIRST = 64
_PARTS = 16  # of a candidate in the next level, at most
_CALLS = 5  # for each candidate of a level
# calls, and trainings, for a level whose masks share trainings
_SHARING = 125
_TRAININGS = 20
# calls for a level that is not the last
_LEAST = 40
_ENOUGH = 100
_ALL_NEST = 2000  # calls, from which on SPEX's masks are among those of "auto"
_LAST = 0.5  # of the budget, for the last level at least
# times an even part of the variance, below which a candidate does nothing
_QUIET = 0.25
_LOUD = 3.0  # the same, from which on one that is not split is not let go

Rest = Literal["kept", "grouped"]


@dataclass(frozen=True)
class _Node:
    """A group of the game's candidates, and the level at which it is one."""

    depth: int
    group: tuple[int, ...]
    candidate: Candidate


@dataclass(frozen=True)
class _Split:
    """What becomes of a level's candidates.

    Attributes:
        nodes: the next level's.
        parted: the names of those that were split.
        quiet: those that are left.
    """

    nodes: list[_Node]
    parted: list[str]
    quiet: list[_Node]


@keywords(Evidence.__annotations__)
def zoom(
    game: Game,
    budget: int = 1000,
    *,
    method: str = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | bool | None = None,
    rest: Rest = "kept",
    trainings: int | None = None,
    **evidence: Unpack[Evidence],
) -> Explanation:
    """Explain coarse candidates, split those that matter, and explain again, within one
    budget.

    The levels are the game's: of a text paragraphs, sentences, phrases, words; of
    components layers and those; of training examples clusters and those; where a
    candidate has more than 16 parts, runs of neighbours between. It begins with the
    finest level of 8 to 64 candidates. What counts of a candidate is its part in the
    variance over masks, its interactions included (Sobol's total index). The largest
    are split, as many as the next level's calls allow at five a candidate, unless they
    have less than a quarter of an even part; what has three even parts and does not fit
    stays whole; all others are kept from then on, or grouped into one. Every level is
    asked of the same game and shares its ledger.

    Args:
        game: a lens, or any game.
        budget: the most model evaluations, of all levels together; the last level gets
            half or more.
        method, seed, ledger, progress: as for `explain`.
        rest: what becomes of candidates that are not split: "kept" always, so that what
            is found holds in their presence, or "grouped".
        trainings: the most trainings, as for `explain`, shared out as the budget is.
        evidence: checks, noise, against, ..., as for `explain`; they are of the last
            level.

    Returns:
        The explanation of the last level, with its `path`; its account is that of all
            levels.

    Raises:
        BudgetTooSmall: it is not enough for the first level.
        InvalidInput, NonFiniteValue, OutOfMemory, LedgerError: as `explain`.
    """
    if rest not in ("kept", "grouped"):
        raise InvalidInput(f"what does nothing is 'kept' or 'grouped'; got {rest!r}")
    if "expectations" in evidence:
        evidence["expectations"] = expectations_file.given(evidence["expectations"])

    request = Request(
        budget=budget,
        method=method,
        seed=seed,
        trainings=trainings,
        **evidence,  # type: ignore[arg-type]  # the expectations are read by now
    )

    game = as_game(game, "zoom")
    _refuse(game, request)
    with told(progress) as tell, opened(ledger) as book:
        return _Descent(game, request, rest, book, tell).explanation()


class _Descent:
    """The levels of a zoom, from the coarsest to the last, within one budget."""

    def __init__(
        self,
        game: Game,
        request: Request,
        rest: Rest,
        book: Ledger,
        tell: Progress | None,
    ) -> None:
        """
        Raises:
            BudgetTooSmall: it is not enough for the first level.
        """
        self._game = game
        self._request = request
        self._rest = rest
        self._book = book
        self._tell = tell
        self._levels = _begun(game)
        self._trainings = trainings_of(game, request.budget, request.trainings)
        self._least = self._least_calls()

        first = self._levels[0]
        self._nodes = [
            _Node(0, group, candidate)
            for group, candidate in zip(first.groups, first.candidates, strict=True)
        ]

        self._quiet: list[_Node] = []
        self._steps: list[Step] = []
        self._accounts: list[Account] = []

    def explanation(self) -> Explanation:
        """That of the last level, with the path to it."""
        budget = self._request.budget
        while True:
            left = budget - self._spent
            rounds = len(self._levels) - len(self._steps)
            calls, following = _shares(left, rounds, len(self._nodes), self._least)
            explanation = self._level(calls, last=not following)

            slots = following // (_CALLS * self._game.repeats)
            split = _split(self._nodes, explanation, self._levels, slots)

            if following and not split.parted and self._masks_nest():
                # What is left is spent here: these masks are among the others.
                before = explanation.account
                explanation = self._level(left, last=True)
                account = explanation.account.after(before)
                explanation = replace(explanation, account=account)

            self._accounts.append(explanation.account)
            step = _step(self._levels, len(self._steps), explanation, split, rounds)
            self._steps.append(step)

            if not split.parted:
                break
            self._nodes = split.nodes
            self._quiet += split.quiet

        account = Account.of_all(self._accounts, budget)
        return replace(explanation, account=account, path=tuple(self._steps))

    @property
    def _spent(self) -> int:
        """Calls of the budget, those that the ledger held before included."""
        return sum(account.spent for account in self._accounts)

    def _least_calls(self) -> int:
        """The fewest calls of a level that says anything.

        Raises:
            BudgetTooSmall: there are fewer in all.
        """
        budget = self._request.budget
        most = self._trainings

        if most is None:
            least = _LEAST * self._game.repeats
            shared = ""
            available = ""
        else:
            least = max(_SHARING, -(-_TRAININGS * budget // max(1, most)))
            shared = f" and {_TRAININGS} trainings"
            available = f", with {most} trainings"

        if budget < least:
            first = self._levels[0]
            raise BudgetTooSmall(
                f"a zoom begins with {len(first)} candidates ({first.name}) and"
                f" {least} calls{shared} at least; the budget is {budget}{available}"
            )
        return least

    def _level(self, calls: int, *, last: bool) -> Explanation:
        """The explanation of the candidates as they are now; evidence is of the last."""
        request = replace(
            self._request, budget=calls, trainings=self._trainings_for(calls)
        )

        # what judges an answer is bought for the last level's alone
        if not last:
            request = Request(
                budget=calls,
                method=request.method,
                seed=request.seed,
                trainings=request.trainings,
                held_out=0,
                unchosen=0,
                checks=0,
                noise=0,
            )

        return answered(
            _grouped(self._game, self._nodes, self._quiet, self._rest),
            request,
            ledger=self._book,
            progress=_after(self._tell, self._spent, self._request.budget),
        )

    def _trainings_for(self, calls: int) -> int | None:
        """A level's part of the trainings, as its part of the calls."""
        if self._trainings is None:
            return None
        trained = sum(account.trainings for account in self._accounts)

        left = self._request.budget - self._spent
        return (self._trainings - trained) * calls // left

    def _masks_nest(self) -> bool:
        """Whether a larger budget's masks begin with a smaller one's."""
        return (
            not self._game.base.strategy.shares_trainings
            and self._request.method != "spex"
            and self._request.budget < _ALL_NEST
        )


def _refuse(game: Game, request: Request) -> None:
    """What the last level would refuse, before any level is paid for."""
    refuse_impossible(request.smallest, game.outputs)
    others = Placeholders.of(game, request.against, request.ordinary)
    beside = others.beside
    refuse_unsound(game, request, beside)

    checks = request.checks or 0
    if 2 * checks * game.repeats * (1 + beside.variants) > request.budget:
        raise BudgetTooSmall(
            f"{checks} checks are more than half of {request.budget} calls"
        )


def _begun(game: Game) -> list[Level]:
    """From the finest level that has few candidates on, but not too few, or else from
    runs of neighbours.
    """
    levels = game.levels()
    few = [
        number for number, level in enumerate(levels) if _FEW <= len(level) <= _FIRST
    ]
    if few:
        return filled(levels[few[-1] :], _PARTS)

    # no level is of such a size: runs of neighbours are, between the whole and the parts
    every = filled([whole(game.candidates), *levels], _PARTS)
    small = [number for number, level in enumerate(every) if len(level) <= _FIRST]
    return every[small[-1] :]


def _shares(left: int, rounds: int, candidates: int, least: int) -> tuple[int, int]:
    """The calls of a level and of the one after it, with so many levels to go; 0 if
    that is not worth it.
    """
    if rounds == 1:
        return left, 0

    calls = int(left * (1.0 - _LAST) / (rounds - 1))

    # at least what says anything; and no more than its candidates have a use for
    calls = max(least, min(calls, max(_ENOUGH, _CALLS * candidates)))

    if left - calls < least:
        return left, 0
    return calls, _shares(left - calls, rounds - 1, left, least)[0]


def _split(
    nodes: Sequence[_Node],
    explanation: Explanation,
    levels: Sequence[Level],
    slots: int,
) -> _Split:
    """The largest candidates in parts, as many as slots allow; whole if they have none,
    or do not fit.

    Args:
        nodes: the candidates that were explained; of more, those after them are what
            was grouped.
        explanation: of them.
        levels: of the game.
        slots: how many candidates the next level may have; 0 for none.
    """
    importance = explanation.importance()[: len(nodes)]

    parts = dict[int, list[_Node]]()
    count = 0
    parted = set[int]()
    for place in np.argsort(-importance, kind="stable").tolist():
        node = nodes[place]
        children = _children(node, levels)
        fits = bool(children) and count + len(children) <= slots

        least = _LOUD if children and not fits else _QUIET
        if count < slots and importance[place] >= least / len(nodes):
            parts[place] = children if fits else [node]
            count += len(parts[place])
            if fits:
                parted.add(place)

    following = [node for place in sorted(parts) for node in parts[place]]
    quiet = [node for place, node in enumerate(nodes) if place not in parts]

    names = [explanation.names[place] for place in sorted(parted)]
    return _Split(following, names, quiet)


def _children(node: _Node, levels: Sequence[Level]) -> list[_Node]:
    """What a node is made of at the next level at which it is more than one; none if it
    is never.
    """
    inside = set(node.group)
    for depth in range(node.depth + 1, len(levels)):
        level = zip(levels[depth].groups, levels[depth].candidates, strict=True)

        children = [
            _Node(depth, group, name)
            for group, name in level
            if inside.issuperset(group)
        ]
        if len(children) > 1:
            return children
    return []


def _grouped(
    game: Game, nodes: Sequence[_Node], quiet: Sequence[_Node], rest: Rest
) -> Grouped:
    groups = [list(node.group) for node in nodes]

    names = [node.candidate for node in nodes]
    if quiet and rest == "grouped":
        groups.append([position for node in quiet for position in node.group])
        names.append(Candidate(f"the rest, {len(groups[-1])} of {game.n}", "rest"))

    return Grouped(game, groups, names, {"zoomed": True})


def _step(
    levels: Sequence[Level],
    number: int,
    explanation: Explanation,
    split: _Split,
    rounds: int,
) -> Step:
    ended = ""
    if not split.parted and rounds > 1:
        ended = "nothing that matters could be split within the calls that were left"
    return Step(
        level=levels[number].name,
        candidates=len(explanation.candidates),
        calls=explanation.account.spent,
        r2=explanation.faithfulness.r2,
        split=tuple(split.parted),
        kept=len(split.quiet) if split.parted else 0,
        ended=ended,
    )


def _after(progress: Progress | None, spent: int, budget: int) -> Progress | None:
    """Progress of one level told as that of all."""
    if progress is None:
        return None

    def told(done: int, of: int) -> None:
        progress(spent + done, budget)

    return told
