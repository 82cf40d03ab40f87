"""Smallest sets: the fewest candidates that are enough for an answer, and the fewest
that it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import number
from spexlens.errors import InvalidInput
from spexlens.evaluation.sized import Sized
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.smallest import minimal

Kind = Literal["sufficient", "necessary"]

# sets asked of the model, each found for what the one before it fell short by
_TRIES = 4
_ROUNDING = 1e-9  # of an answer
_SECONDS = 5.0  # for the first set; the following take less


@dataclass(frozen=True)
class Smallest:
    """A smallest set.

    Attributes:
        kind: "sufficient": with these alone kept, the answer holds its share;
            "necessary": with these alone ablated, the share is gone.
        members: the candidates' positions, ascending.
        share: of f(all) - f(none).
        threshold: the answer that this share is.
        predicted: what the explanation says of the set.
        least: no set of fewer is predicted to do it, by the proof that there was time
            for.
        answered: what the model answers to it, or None where it was not asked.
        holds: whether the model's answer does it; None where it was not asked.
        irreducible: whether the model, asked without each member in turn, needs every
            one; None where it was not asked.
    """

    kind: Kind
    members: tuple[int, ...]
    share: float
    threshold: float
    predicted: float
    least: int
    answered: float | None = None
    holds: bool | None = None
    irreducible: bool | None = None

    def restored(self, sizes: Sizes) -> "Smallest":
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        threshold, predicted = (
            sizes.answers([each])[0] for each in (self.threshold, self.predicted)
        )
        answered = None if self.answered is None else sizes.answers([self.answered])[0]
        return replace(
            self, threshold=threshold, predicted=predicted, answered=answered
        )


def predicted(
    kind: Kind,
    spectrum: Spectrum,
    whole: float,
    empty: float,
    share: float,
    time_limit: float = _SECONDS,
) -> Smallest:
    """The smallest set of a kind, as a spectrum says.

    Args:
        kind: see `Smallest`.
        spectrum: scalar.
        whole, empty: the answers with everything kept, and with nothing.
        share: of their difference, in (0, 1].
        time_limit: seconds.

    Raises:
        InvalidInput: the share is out of its range, or no set is predicted to do it.
    """
    return _found(kind, spectrum, _Aim.of(kind, whole, empty, share), 0.0, time_limit)


@dataclass(frozen=True)
class _Aim:
    """The answer that a set is to reach.

    Attributes:
        share: of f(all) - f(none).
        threshold: that answer.
        above: whether it is reached from below.
    """

    share: float
    threshold: float
    above: bool

    @classmethod
    def of(cls, kind: Kind, whole: float, empty: float, share: float) -> "_Aim":
        share = _share(share)
        if whole == empty:
            raise InvalidInput(
                "f(all) and f(none) are the same: there is nothing to be enough for"
            )
        part = share if kind == "sufficient" else 1.0 - share
        return cls(
            share,
            empty + part * (whole - empty),
            (whole > empty) == (kind == "sufficient"),
        )

    def reached(self, answer: float) -> bool:
        """By an answer, to rounding."""
        short = self.threshold - answer if self.above else answer - self.threshold
        return short <= _ROUNDING * max(abs(self.threshold), abs(answer))


def _found(
    kind: Kind,
    spectrum: Spectrum,
    aim: _Aim,
    further: float,
    time_limit: float,
) -> Smallest:
    """The smallest set that is predicted to go further than the threshold by so much."""
    threshold = aim.threshold + (further if aim.above else -further)
    ablate = kind == "necessary"
    found = minimal(
        spectrum, threshold, ablate=ablate, above=aim.above, time_limit=time_limit
    )
    return Smallest(
        kind, found.members, aim.share, aim.threshold, found.value, found.least
    )


def refuse_impossible(
    share: float | None, outputs: Sequence[str] | None
) -> float | None:
    """A share as a float; InvalidInput before anything is paid for, if it is none, or
    of several outputs.
    """
    if share is None:
        return None
    share = _share(share)
    if outputs is not None and len(outputs) > 1:
        raise InvalidInput("smallest sets are of one output: name one target")
    return share


def _share(given: float) -> float:
    share = number(given, "the share, up to 1, that a smallest set is for")
    if not 0 < share <= 1:
        raise InvalidInput(
            f"smallest sets are for a share of f(all) - f(none), up to 1; got {given}"
        )
    return share


def confirmed(
    evaluator: Sized,
    spectrum: Spectrum,
    whole: Sequence[float] | None,
    empty: Sequence[float] | None,
    share: float | None,
    calls: int,
) -> tuple[Smallest, ...]:
    """The smallest sets of both kinds, asked of the model.

    Where the model falls short of what was predicted, a set is found that is predicted
    to go further by as much; then members are taken away that the model does not need.

    Args:
        evaluator: of the game.
        spectrum: the last fit; scalar.
        whole, empty: f(all) and f(none), asked for where they are None.
        share: of f(all) - f(none); None for no sets.
        calls: the most evaluations, those of whole and empty included.

    Returns:
        At most one of each kind: none of one that is not predicted for any set, or of
            several outputs.

    """
    if share is None or spectrum.values.ndim > 1:
        return ()
    if whole is None or empty is None:
        corners = mask_algebra.pack(designs.corners(evaluator.game.n))
        whole, empty = (
            tuple(np.atleast_1d(row)) for row in evaluator.packed_values(corners)
        )
        calls -= 2
    kinds: tuple[Kind, ...] = ("sufficient", "necessary")
    if whole[0] == empty[0]:
        return ()
    sets = [
        _confirmed(
            evaluator,
            spectrum,
            kind,
            _Aim.of(kind, whole[0], empty[0], share),
            calls // len(kinds),
        )
        for kind in kinds
    ]
    return tuple(each for each in sets if each is not None)


def _confirmed(
    evaluator: Sized, spectrum: Spectrum, kind: Kind, aim: _Aim, calls: int
) -> Smallest | None:
    """The set that is predicted, as far as the model bears it out in so many calls;
    None if none is.
    """
    further = 0.0
    found = None
    for trial in range(min(_TRIES, calls)):
        try:
            found = _found(kind, spectrum, aim, further, _SECONDS / (1 + trial))
        except InvalidInput:  # none is predicted to go so far
            break
        answered = _answer(evaluator, found)
        found = replace(found, answered=answered, holds=aim.reached(answered))
        if found.holds:
            return _reduced(evaluator, spectrum, found, aim, calls - trial - 1)
        further += abs(aim.threshold - answered)
    return found


def _reduced(
    evaluator: Sized, spectrum: Spectrum, found: Smallest, aim: _Aim, calls: int
) -> Smallest:
    """The set less the members that the model does not need, as far as the calls go."""
    needed: set[int] = set()
    while len(needed) < len(found.members) and calls > 0:
        member = next(each for each in found.members if each not in needed)
        fewer = replace(
            found, members=tuple(each for each in found.members if each != member)
        )
        answered = _answer(evaluator, fewer)
        calls = calls - 1
        if aim.reached(answered):
            said = float(spectrum.predict(_mask(fewer, spectrum.n))[0])
            least = min(found.least, len(fewer.members))
            found = replace(fewer, answered=answered, predicted=said, least=least)
        else:
            needed.add(member)
    whole = len(needed) == len(found.members)
    return replace(found, irreducible=True if whole else None)


def _answer(evaluator: Sized, found: Smallest) -> float:
    """What the model answers to a set."""
    return float(
        evaluator.packed_values(mask_algebra.pack(_mask(found, evaluator.game.n)))[0]
    )


def _mask(found: Smallest, n: int) -> NDArray[np.bool_]:
    """The mask that a set means: (1, n) bool."""
    mask = np.full((1, n), found.kind == "necessary")
    mask[0, list(found.members)] = found.kind == "sufficient"
    return mask
