"""Smallest sets: the fewest candidates that are enough, and that are needed."""

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
from spexlens.masks.outputs import by_output
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.smallest import minimal

Kind = Literal["sufficient", "necessary"]

# Sets asked of the model, each found for what the one before it fell short by.
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
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        answered = self.answered
        if answered is not None:
            answered = sizes.answers([answered])[0]
        return replace(
            self,
            threshold=sizes.answers([self.threshold])[0],
            predicted=sizes.answers([self.predicted])[0],
            answered=answered,
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
    aim = _Aim.of(kind, whole, empty, share)
    return _found(kind, spectrum, aim, 0.0, time_limit)


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
        sufficient = kind == "sufficient"
        part = share if sufficient else 1.0 - share
        threshold = empty + part * (whole - empty)
        # Ablating leads from f(all) to f(none), keeping the other way.
        above = (whole > empty) == sufficient
        return cls(share, threshold, above)

    def reached(self, answer: float) -> bool:
        """By an answer, to rounding."""
        short = answer - self.threshold
        if self.above:
            short = self.threshold - answer
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
    found = minimal(
        spectrum,
        threshold,
        ablate=kind == "necessary",
        above=aim.above,
        time_limit=time_limit,
    )
    return Smallest(
        kind,
        found.members,
        aim.share,
        aim.threshold,
        predicted=found.value,
        least=found.least,
    )


def refuse_impossible(
    share: float | None, outputs: Sequence[str] | None
) -> float | None:
    """A share as a float, checked before anything is paid for.

    Raises:
        InvalidInput: it is no share, or there are several outputs.
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
        corners = designs.corners(evaluator.game.n)
        answers = evaluator.packed_values(mask_algebra.pack(corners))
        whole, empty = [tuple(answer) for answer in by_output(answers)]
        calls -= 2
    kinds: tuple[Kind, ...] = ("sufficient", "necessary")
    if whole[0] == empty[0]:
        return ()
    smallest = []
    for kind in kinds:
        aim = _Aim.of(kind, whole[0], empty[0], share)
        found = _confirmed(evaluator, spectrum, kind, aim, calls // len(kinds))
        if found is not None:
            smallest.append(found)
    return tuple(smallest)


def _confirmed(
    evaluator: Sized, spectrum: Spectrum, kind: Kind, aim: _Aim, calls: int
) -> Smallest | None:
    """The set that is predicted, as far as the model bears it out in so many calls.

    None if none is predicted.
    """
    further = 0.0
    found = None
    for trial in range(min(_TRIES, calls)):
        time_limit = _SECONDS / (1 + trial)
        try:
            found = _found(kind, spectrum, aim, further, time_limit)
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
        member = next(i for i in found.members if i not in needed)
        members = tuple(i for i in found.members if i != member)
        fewer = replace(found, members=members)
        answered = _answer(evaluator, fewer)
        calls -= 1
        if not aim.reached(answered):
            needed.add(member)
            continue
        mask = _mask(fewer, spectrum.n)
        # The model needs fewer than the spectrum held to be the least.
        found = replace(
            fewer,
            answered=answered,
            predicted=float(spectrum.predict(mask)[0]),
            least=min(found.least, len(members)),
        )
    tried_all = len(needed) == len(found.members)
    return replace(found, irreducible=True if tried_all else None)


def _answer(evaluator: Sized, found: Smallest) -> float:
    """What the model answers to a set."""
    mask = _mask(found, evaluator.game.n)
    values = evaluator.packed_values(mask_algebra.pack(mask))
    return float(by_output(values)[0, 0])


def _mask(found: Smallest, n: int) -> NDArray[np.bool_]:
    """The mask that a set means: (1, n) bool."""
    sufficient = found.kind == "sufficient"
    mask = np.full((1, n), not sufficient)
    mask[0, list(found.members)] = sufficient
    return mask
