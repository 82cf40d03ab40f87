"""zoom: coarse to fine, where something is happening."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation.candidate import Candidate
from spexlens.ablation.evaluator import Progress
from spexlens.ablation.game import Game
from spexlens.ablation.grouping import Grouped
from spexlens.ablation.ledger import Ledger, opened
from spexlens.ablation.levels import Level
from spexlens.budget import whole_number
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.explain import explain
from spexlens.explanation import Explanation, Step
from spexlens.solvers.base import Solver

_FIRST = 64  # candidates at most at the first level, if a coarser one has no more
_CALLS = 5.0  # a candidate, that a level is given
_LEAST = 40  # calls a level
_LAST = 0.5  # of the budget, for the last level
_KEPT = 0.01  # of the variance: candidates with less are kept from then on
_SMALL = 0.002


@dataclass(frozen=True)
class _Node:
    """A group of the game's candidates, and at which level it is one."""

    depth: int
    group: tuple[int, ...]
    candidate: Candidate


def zoom(
    game: Game,
    budget: int = 1000,
    *,
    method: str | Solver = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | None = None,
    rest: str = "kept",
) -> Explanation:
    """Explain coarse candidates, split those that matter, and explain again, within one budget.

    The levels are the game's: of a text paragraphs, sentences, phrases, words; of components layers and
    those; of training examples clusters and those. It begins with the finest that has at most 64
    candidates. What the explanation of a level says of a candidate is its part in the variance of the answer,
    its interactions included (the total Sobol index); the largest are split, as many as the next level's calls
    allow at five a candidate, the others stay whole, and those below a hundredth are kept, or grouped into
    one. Every level is asked of one game and shares its ledger.

    Args:
        game: a lens, or any game.
        budget: the most model evaluations, all levels together.
        method, seed, ledger, progress: as for `explain`.
        rest: what becomes of candidates that do nothing: "kept" always, so that what is found holds in their
            presence, or "grouped" into one candidate.

    Returns:
        The explanation of the last level, with its `path`; its account is that of all levels.

    Raises:
        BudgetTooSmall: it is not enough for the first level.
        InvalidInput, NonFiniteValue, OutOfMemory, LedgerError: as `explain`.
    """
    if rest not in ("kept", "grouped"):
        raise InvalidInput(f"what does nothing is 'kept' or 'grouped'; got {rest!r}")
    budget = whole_number(budget, "a budget")
    levels = _begun(game.levels())
    shares = _shares(len(levels), budget)
    nodes = [_Node(0, group, name) for group, name in zip(levels[0].groups, levels[0].candidates, strict=True)]
    path: list[Step] = []
    explanation = None
    ...
    return explanation
