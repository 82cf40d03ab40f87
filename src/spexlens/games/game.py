"""Game: the one seam between a model and the mathematics."""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.arguments import readable, whole_number
from spexlens.errors import InvalidInput
from spexlens.games.answers import kind_of, real_numbers
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level, blocks
from spexlens.games.names import unique_names
from spexlens.games.recipe import Recipe
from spexlens.keywords import keywords
from spexlens.masks.strategy import Independent, MaskStrategy, SharedTrainings

_HANDED = (
    "spexlens handed the function {0} masks at once, bool of shape ({0}, {1}), for a"
    " number each; one that takes a single mask is Game(lambda masks: [function(mask)"
    " for mask in masks], ...)"
)


class Game:
    """Candidates, and what the model answers when only some of them are kept.

    A lens is a Game that brings its own `value`; a plain function becomes one here.

    What a lens must define (its constructor sets the attributes by `_take`):
        candidates: what may be ablated, in order; n = len(candidates).
        fingerprint: sha256 of everything that decides a value, or None where that is
            unknown; a game without one cannot use a ledger on disk.
        key: what the ledger knows the game by.
        value(): what the model answers.
        facts(): what a result should say of it.

    What it may overwrite, as an attribute of the class or of the game; the methods that
    it may overwrite are those under the same heading in the body:
        batch_size: the most masks that the evaluator hands to `value` at once.
        paced: whether it is handed one first, then two, four and so on.
        fixed_batches: whether it is always handed `batch_size` masks, however long they
            take.
        outputs: the names of the k outputs of a vector-valued game, or None.
        unit: what a value is measured in.
        seeded: whether the value of a mask is another under another seed.
        deterministic: whether the value of a mask is known to be the same each time,
            but for rounding.
        repeats: how many evaluations under as many seeds a mask's value is the mean of.
        commit_each_batch: whether what a batch answered is kept before the next batch
            is begun: for batches that take longer than a commit does.
        held_out_share: what part of a budget goes to masks that the fit does not see.
        variants: the names of other ways to ablate that `variant` knows.
        attributions: the names of the cheap attributions that `attribute` knows, the
            default first.
        unknown: of a game without a fingerprint, what about it cannot be told, in one
            line.
        training_candidates: (n,) bool, candidates whose masks mean another training,
            where masks that differ in the others only share one; None where that is
            none or all.
        recipe: how it is made again, or None where data alone does not make it, such as
            a plain function or a model that lives in memory alone.
        part: what it is in a mixed game, a field of `lenses.mixed.parts.Parts`; None
            where it cannot be mixed.
    """

    batch_size: int = 1024
    paced: bool = False
    fixed_batches: bool = False
    outputs: tuple[str, ...] | None = None
    unit: str = "value"
    seeded: bool = False
    deterministic: bool = False
    repeats: int = 1
    commit_each_batch: bool = False
    held_out_share: float = 0.0
    variants: tuple[str, ...] = ()
    attributions: tuple[str, ...] = ()
    unknown: str | None = None
    training_candidates: NDArray[np.bool_] | None = None
    recipe: Recipe | None = None
    part: Literal["examples", "text", "spelled", "components"] | None = None

    @keywords()
    def __init__(
        self,
        value: Callable[[NDArray[np.bool_]], ArrayLike],
        candidates: int | Sequence[str | Candidate],
        fingerprint: str | None = None,
        *,
        outputs: Sequence[str] | None = None,
        unit: str = "value",
        batch_size: int | None = None,
    ) -> None:
        """
        Args:
            value: (m, n) bool, True = kept -> (m,) or (m, k) float, one row a mask.
            candidates: how many there are, or their labels.
            fingerprint: a string that changes whenever any value would.
            outputs: names for the k outputs of a vector-valued function.
            unit: what a value is measured in.
            batch_size: hand the function so many masks at once, always; for functions
                whose answers depend, in their last digits, on what they are asked for
                together, as those of a model on a batch do. By default up to 1,024, and
                no more than it answers in a few seconds.

        Raises:
            InvalidInput: there is no candidate, a name that cannot be encoded, or a
                batch of no masks.
        """
        if not callable(value):
            raise InvalidInput(
                f"a game is of a function of masks; got {kind_of(value)}"
            )
        self._function = value
        self.paced = batch_size is None
        self.fixed_batches = not self.paced
        if batch_size is not None:
            self.batch_size = whole_number(batch_size, "batch_size")
            if self.batch_size < 1:
                raise InvalidInput(
                    f"a batch has at least one mask; got batch_size={batch_size}"
                )
        self._take(_labelled(candidates), fingerprint)
        self.outputs = None
        if outputs is not None:
            self.outputs = tuple(
                readable(str(name), "the name of an output") for name in outputs
            )
        self.unit = readable(unit, "a unit")

    # What every game has.

    def _take(
        self, candidates: Sequence[str | Candidate], fingerprint: str | None
    ) -> None:
        """Set what may be ablated, and what the ledger knows the game by.

        Raises:
            InvalidInput: there is no candidate, or a name that cannot be encoded.
        """
        self.candidates = tuple(
            candidate if isinstance(candidate, Candidate) else Candidate(str(candidate))
            for candidate in candidates
        )
        if not self.candidates:
            raise InvalidInput("a game needs at least one candidate; got none")
        for number, candidate in enumerate(self.candidates):
            readable(candidate.label, f"the label of candidate {number}")
            readable(candidate.kind, f"the kind of candidate {number}")
        self.fingerprint = fingerprint and readable(fingerprint, "a fingerprint")
        # one that cannot be recognised has a key that no other game ever has
        self.key = f"{fingerprint or uuid4()} n={self.n}"

    @property
    def n(self) -> int:
        """The number of candidates."""
        return len(self.candidates)

    @property
    def names(self) -> tuple[str, ...]:
        """What the candidates are called, no two alike; see `games.names`."""
        return unique_names([candidate.label for candidate in self.candidates])

    @property
    def strategy(self) -> MaskStrategy:
        """How its masks are drawn, go together and are counted."""
        if self.training_candidates is None:
            return Independent(self.n)
        return SharedTrainings(self.training_candidates)

    # What a lens must define; here it is that of a plain function.

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the model answers: (m, n) bool, True = kept -> (m,) or (m, k) float64.

        The value of a row depends on that row and the seed alone, but for rounding. One
        thread asks at a time.

        Raises:
            InvalidInput: the function answered with something other than real numbers.
        """
        try:
            answer = self._function(masks)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            error.add_note(_HANDED.format(*masks.shape))
            raise
        return real_numbers(answer)

    def facts(self) -> dict[str, Any]:
        """What a result should say about this game, as JSON: at least its lens and
        unit.
        """
        return {"lens": "function", "unit": self.unit}

    # What a lens may overwrite. Without that a game has no seed, no other way to ablate,
    # no attribution, nothing to remark, and blocks of neighbours for coarser candidates.

    def renew(self) -> None:
        """Take the fingerprint anew, and whatever was asked of a model that has changed
        since this was made.

        `explain` and `screen` do so before they ask for anything.
        """

    def with_seed(self, number: int) -> "Game":
        """This game with one evaluation a mask, under its seed of this number; itself
        if there is no seed.
        """
        return self

    def variant(self, name: str) -> "Game":
        """The same candidates ablated in another way, one of `variants`, by a game of
        its own.

        Raises:
            InvalidInput: there is none of this name, or it needs what this game was not
                given.
        """
        known = "give a game of its own"
        if self.variants:
            known = f"there are {', '.join(self.variants)}"
        raise InvalidInput(
            f"this game knows no other way to ablate called {name!r}; {known}"
        )

    def with_text(self, text: str) -> "Game":
        """The same question about another input, to be asked with everything kept.

        Raises:
            InvalidInput: this game is of no text.
        """
        raise InvalidInput(
            "this game is of no text: give ordinary answers as numbers, not as texts"
        )

    def remarks(self) -> dict[int, str]:
        """Of the masks that `value` was last given: {row: what a result should say of
        the row's value}.
        """
        return {}

    def costs(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64: the relative cost of each mask; the evaluator batches rows of
        like cost.
        """
        return np.zeros(len(masks), np.int64)

    def attribute(self, method: str) -> Any:
        """One of `attributions`, as `lenses.screening.attribution.Attribution`.

        Raises:
            InvalidInput: there is none of this name.
        """
        raise InvalidInput(f"this game has no attribution {method!r}")

    def levels(self) -> list[Level]:
        """Coarser candidates, groups of this game's, the coarsest first and its own
        last.

        Those of one level are nested in those of the one before.
        """
        return blocks(self.candidates)

    # What a game of groups overwrites: it is recorded under the game that it groups.

    @property
    def base(self) -> "Game":
        """The game under which values are recorded: this one, or that whose candidates
        it groups.
        """
        return self

    @property
    def fixed(self) -> NDArray[np.int64]:
        """Which candidates of `base` are none of this game's, and always stay."""
        return np.zeros(0, np.int64)

    def to_base(self, packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Packed masks of this game as packed masks of `base`."""
        return packed


def as_game(given: Any, what: str = "explain") -> Game:
    """A game as it is.

    Args:
        given: what somebody gave.
        what: takes a game, for people to read.

    Raises:
        InvalidInput: it is none; the text says what makes one of it.
    """
    if isinstance(given, Game):
        return given
    if isinstance(given, type) and issubclass(given, Game):
        raise InvalidInput(
            f"{given.__name__} is a class: {what} takes one that is made,"
            f" {given.__name__}(...)"
        )
    if isinstance(given, str):
        raise InvalidInput(
            f"{what} takes a lens: FeatureLens(model, text) is the lens of a text on a"
            " model"
        )
    if hasattr(given, "tokenizer") and hasattr(given, "model"):
        raise InvalidInput(
            f"{what} takes a lens: FeatureLens(pipeline, text) is the lens of a"
            " pipeline"
        )
    if callable(given):
        raise InvalidInput(
            f"{what} takes a Game: Game(function, candidates=10) makes one of a"
            " function of masks, with how many candidates there are or what they are"
            " called"
        )
    if isinstance(given, list | tuple):
        raise InvalidInput(
            f"{what} takes one game; got {len(given)}: explain_all(...) explains"
            " several"
        )
    raise InvalidInput(f"{what} takes a lens or a Game; got {kind_of(given)}")


def _labelled(candidates: Any) -> Sequence[str | Candidate]:
    """Labels as they are; of a number, names for so many."""
    if isinstance(candidates, str):
        raise InvalidInput(
            "candidates are their number, or a list of labels; got one text: for its"
            " words give text.split()"
        )
    try:
        count = index(candidates)
    except TypeError:
        if isinstance(candidates, Iterable):
            return list(candidates)
        raise InvalidInput(
            f"candidates are their number, or their labels; got {candidates!r}"
        ) from None
    if isinstance(candidates, bool) or count < 1:
        raise InvalidInput(f"a game needs at least one candidate; got {candidates}")
    return [f"x{i}" for i in range(count)]
