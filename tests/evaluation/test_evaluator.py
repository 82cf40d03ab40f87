"""The evaluator pays for each mask once, keeps what it paid for, and resumes in the
same batches.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import AblationError, InvalidInput, NonFiniteValue, OutOfMemory
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

Masks = NDArray[np.bool_]
N = 9
KEY = f"recorded n={N}"
WEIGHTS = np.random.default_rng(0).normal(size=N)


class Recorded(Game):
    """A game that remembers the batches it was asked, and the ones it answered.

    `trouble`, if given, is called before each answer and may raise, or answer in the
    game's place.
    """

    def __init__(
        self,
        trouble: Callable[[Masks, int], ArrayLike | None] | None = None,
        batch_size: int = 8,
        fingerprint: str | None = "recorded",
    ) -> None:
        super().__init__(self.answer, N, fingerprint, batch_size=batch_size)
        self.trouble = trouble
        self.asked: list[Masks] = []
        self.answered: list[Masks] = []

    def answer(self, masks: Masks) -> ArrayLike:
        """Products of pairs, plus a trace of the company that a mask keeps in its
        batch.
        """
        self.asked.append(masks.copy())
        troubled = (
            self.trouble(masks, len(self.asked) - 1)
            if self.trouble is not None
            else None
        )
        self.answered.append(masks.copy())
        return worth(masks) if troubled is None else troubled


class Sized(Recorded):
    """A game whose masks cost the more, the more they keep."""

    def costs(self, masks: Masks) -> NDArray[np.int64]:
        kept: NDArray[np.int64] = masks.sum(axis=1)
        return kept


def worth(masks: Masks) -> NDArray[np.float64]:
    values: NDArray[np.float64] = (masks * WEIGHTS).sum(axis=1)
    values += masks[:, 0] & masks[:, 1]
    values += 1e-13 * values.mean()
    return values


def design(count: int, seed: int = 0) -> Masks:
    return designs.uniform(N, count, seed)


def rows(batches: list[Masks]) -> list[list[int]]:
    """Batches by the index of each mask."""
    return [mask_algebra.to_index(batch).tolist() for batch in batches]


def flat(batches: list[Masks]) -> list[int]:
    return [index for batch in rows(batches) for index in batch]


def held(ledger: Ledger) -> set[int]:
    """The masks of the recorded game that the ledger knows."""
    everything = designs.everything(N)
    found = ledger.lookup(KEY, mask_algebra.pack(everything))
    return {index for index, value in enumerate(found) if value is not None}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "runs.db") as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger) -> int:
    return ledger.begin(
        KEY, method="exact", seed=0, design="uniform", budget=40, versions={}
    )


def counts(evaluator: Evaluator) -> tuple[int, int, int]:
    return evaluator.paid, evaluator.reused, evaluator.passes


def booked(ledger: Ledger) -> tuple[int, int]:
    (row,) = ledger.runs()
    return row.evaluations, row.passes


# A mask is paid for once.


def test_the_values_are_the_games(ledger: Ledger) -> None:
    game = Recorded(batch_size=40)
    assert (
        Evaluator(game, ledger).values(design(40)).tobytes()
        == worth(design(40)).tobytes()
    )


def test_a_mask_that_is_asked_for_twice_in_a_call_is_paid_once(
    ledger: Ledger, run: int
) -> None:
    game, masks = Recorded(), design(20)
    evaluator = Evaluator(game, ledger, run=run)
    values = evaluator.values(np.concatenate([masks, masks[::-1], masks[:3]]))
    assert flat(game.asked) == mask_algebra.to_index(masks).tolist()
    assert (
        values.tobytes()
        == np.concatenate([values[:20], values[:20][::-1], values[:3]]).tobytes()
    )
    assert counts(evaluator) == (20, 0, 3)
    assert booked(ledger) == (20, 3)


def test_a_mask_that_is_asked_for_in_two_calls_is_paid_once(
    ledger: Ledger, run: int
) -> None:
    game, masks = Recorded(), design(40)
    evaluator = Evaluator(game, ledger, run=run)
    first = evaluator.values(masks[:20])
    assert counts(evaluator) == (20, 0, 3)
    second = evaluator.values(masks[10:])
    assert counts(evaluator) == (40, 10, 6)
    assert first[10:].tobytes() == second[:10].tobytes()
    assert sorted(flat(game.asked)) == sorted(mask_algebra.to_index(masks).tolist())
    assert booked(ledger) == (40, 6)


def test_a_mask_that_another_evaluator_paid_for_is_free(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as ledger:
        paid = Evaluator(Recorded(), ledger).values(design(40))
    with Ledger(tmp_path / "runs.db") as ledger:
        game = Recorded()
        evaluator = Evaluator(game, ledger)
        assert evaluator.values(design(40)).tobytes() == paid.tobytes()
        assert counts(evaluator) == (0, 40, 0)
        assert game.asked == []


def test_another_games_values_are_never_reused(ledger: Ledger) -> None:
    Evaluator(Recorded(fingerprint="other"), ledger).values(design(20))
    evaluator = Evaluator(Recorded(), ledger)
    evaluator.values(design(20))
    assert counts(evaluator) == (20, 0, 3)


def test_an_unnamed_game_never_meets_anothers_values() -> None:
    with Ledger() as ledger:
        Evaluator(Game(lambda masks: np.zeros(len(masks)), N), ledger).values(
            design(20)
        )
        ones = Evaluator(Game(lambda masks: np.ones(len(masks)), N), ledger).values(
            design(20)
        )
    assert ones.tolist() == [1.0] * 20


def test_a_commit_of_whoever_minded_no_claims_stands_if_it_was_first(
    tmp_path: Path,
) -> None:
    """While one waits for its model, another finishes the same masks with other last
    bits.
    """
    others: list[NDArray[np.float64]] = []

    def overtaken(masks: Masks, call: int) -> None:
        if call == 1:
            with Ledger() as apart:
                others.append(
                    Evaluator(Recorded(batch_size=5), apart).values(design(40))
                )
            with Ledger(tmp_path / "runs.db") as second:
                second.commit(KEY, mask_algebra.pack(design(40)), others[0][:, None])
                others[0][:8] = [
                    value[0]
                    for value in second.lookup(KEY, mask_algebra.pack(design(8)))
                ]

    with Ledger(tmp_path / "runs.db") as first:
        values = Evaluator(Recorded(overtaken), first).values(design(40))
        assert values.tobytes() == others[0].tobytes()
        assert len(first) == 40


# The shape and the order of the answer.


def test_values_come_in_the_order_of_the_masks_however_they_are_batched(
    ledger: Ledger,
) -> None:
    game, masks = Sized(batch_size=7), design(40)
    values = Evaluator(game, ledger).values(masks)
    assert np.allclose(values, worth(masks), atol=1e-9, rtol=0)
    costs = [batch.sum(axis=1).tolist() for batch in game.asked]
    assert costs == [sorted(batch, reverse=True) for batch in costs]
    assert costs[0][0] == max(map(max, costs))
    assert costs[-1][-1] == min(map(min, costs))


def test_batches_hold_at_most_batch_size_masks_and_only_the_last_is_short(
    ledger: Ledger,
) -> None:
    game = Recorded(batch_size=16)
    Evaluator(game, ledger).values(design(40))
    assert [len(batch) for batch in game.asked] == [16, 16, 8]


class Slow:
    """A clock that a function moves: so many seconds a mask."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.batches: list[int] = []

    def __call__(self) -> float:
        return self.now

    def value(self, masks: Masks) -> NDArray[np.float64]:
        self.now += self.seconds * len(masks)
        self.batches.append(len(masks))
        return worth(masks)


@pytest.mark.parametrize(
    ("seconds", "first", "most"),
    [
        (1e-6, [1, 2, 4, 8, 16, 32, 64, 128, 145], 145),
        (0.1, [1, 2, 4, 8, 16, 16, 16, 16, 16], 25),
        (1.0, [1, 2, 2, 2, 2, 2], 2),
        (60.0, [1, 1, 1], 1),
    ],
)
def test_a_function_is_asked_for_as_much_as_it_answers_in_a_few_seconds(
    ledger: Ledger, seconds: float, first: list[int], most: int
) -> None:
    clock = Slow(seconds)
    evaluator = Evaluator(Game(clock.value, N, "slow"), ledger, clock=clock)
    evaluator.values(design(400))
    assert sum(clock.batches) == evaluator.paid == 400
    assert clock.batches[: len(first)] == first
    assert max(clock.batches) <= most


def test_a_batch_of_a_lens_that_would_take_too_long_is_halved(ledger: Ledger) -> None:
    clock = Slow(0.1)
    game = Game(clock.value, N, "slow", batch_size=64)
    game.fixed_batches = False
    Evaluator(game, ledger, clock=clock).values(design(200))
    assert clock.batches == [64] + [16] * 8 + [8]


def test_a_batch_size_that_was_given_is_kept_however_long_it_takes(
    ledger: Ledger,
) -> None:
    clock = Slow(60.0)
    Evaluator(Game(clock.value, N, "slow", batch_size=64), ledger, clock=clock).values(
        design(200)
    )
    assert clock.batches == [64, 64, 64, 8]


def test_a_function_goes_on_at_the_pace_that_it_has_reached(ledger: Ledger) -> None:
    clock = Slow(1e-6)
    evaluator = Evaluator(Game(clock.value, N, "fast"), ledger, clock=clock)
    evaluator.values(design(7))
    evaluator.values(design(30)[7:])
    assert clock.batches == [1, 2, 4, 8, 15]


def test_what_another_process_has_claimed_is_left_to_it(tmp_path: Path) -> None:
    """The other commits one batch, and lets go of another, while this one asks for the
    rest.
    """
    masks = mask_algebra.pack(design(40))
    with Ledger(tmp_path / "runs.db") as first, Ledger(tmp_path / "runs.db") as second:
        assert second.claim(KEY, masks[:16]).all()

        def meanwhile(_: Masks, call: int) -> None:
            if call == 1:
                second.commit(KEY, masks[:8], np.full((8, 1), 7.0))
                second.release(KEY, masks[8:16])

        game = Recorded(meanwhile)
        evaluator = Evaluator(game, first)
        values = evaluator.values(design(40))
    assert (values[:8] == 7).all()
    assert (evaluator.paid, evaluator.reused) == (32, 8)
    assert rows(game.asked) == [
        mask_algebra.to_index(design(40)[part]).tolist()
        for part in (slice(16, 24), slice(24, 32), slice(32, 40), slice(8, 16))
    ]


def test_what_fails_lets_go_of_what_it_claimed(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as first, Ledger(tmp_path / "runs.db") as second:
        with pytest.raises(KeyboardInterrupt):
            Evaluator(Recorded(stopped_at(1, KeyboardInterrupt())), first).values(
                design(40)
            )
        missing = [
            value is None for value in second.lookup(KEY, mask_algebra.pack(design(40)))
        ]
        assert sum(missing) == 32
        assert second.claim(KEY, mask_algebra.pack(design(40))[missing]).all()


def test_a_vector_valued_game_answers_with_a_row_a_mask(ledger: Ledger) -> None:
    game = Game(
        lambda masks: np.stack([worth(masks), -worth(masks), masks.sum(axis=1)], 1),
        N,
        "vector",
        batch_size=8,
    )
    masks = design(40)
    values = Evaluator(game, ledger).values(np.concatenate([masks, masks[:5]]))
    assert values.shape == (45, 3)
    eights = [game.value(masks[start : start + 8]) for start in range(0, 40, 8)]
    assert values[:40].tobytes() == np.concatenate(eights).tobytes()
    assert values[40:].tobytes() == values[:5].tobytes()


def test_a_single_mask_is_one_row(ledger: Ledger) -> None:
    assert Evaluator(Recorded(), ledger).values([1] * N).shape == (1,)


def test_no_masks_have_no_values(ledger: Ledger) -> None:
    game = Recorded()
    evaluator = Evaluator(game, ledger)
    assert evaluator.values(np.zeros((0, N), np.bool_)).shape == (0,)
    assert counts(evaluator) == (0, 0, 0)
    assert game.asked == []


def test_progress_is_told_after_every_batch(ledger: Ledger) -> None:
    told: list[tuple[int, int]] = []
    masks = design(40)
    evaluator = Evaluator(
        Recorded(batch_size=16), ledger, progress=lambda *now: told.append(now)
    )
    evaluator.values(np.concatenate([masks, masks]))
    assert told == [(16, 40), (32, 40), (40, 40)]


def test_progress_counts_what_was_already_known(ledger: Ledger) -> None:
    Evaluator(Recorded(), ledger).values(design(40))
    told: list[tuple[int, int]] = []
    Evaluator(
        Recorded(batch_size=16), ledger, progress=lambda *now: told.append(now)
    ).values(design(40))
    assert told[-1] == (40, 40)


# Games and masks that are refused.


@pytest.mark.parametrize(
    "wrong",
    [
        lambda masks: 1.0,
        lambda masks: np.zeros(len(masks) - 1),
        lambda masks: np.zeros((3, len(masks))),
        lambda masks: np.zeros((len(masks), 2, 1)),
        lambda masks: np.zeros((len(masks), 0)),
        lambda masks: np.zeros(0),
    ],
    ids=["a number", "one too few", "transposed", "three axes", "no columns", "empty"],
)
def test_an_answer_of_the_wrong_shape_is_refused(
    ledger: Ledger, wrong: Callable[[Masks], ArrayLike]
) -> None:
    with pytest.raises(InvalidInput, match="answered 8 masks with an array of shape"):
        Evaluator(Game(wrong, N, "wrong", batch_size=8), ledger).values(design(8))
    assert len(ledger) == 0


def test_a_game_that_changes_its_number_of_outputs_is_refused(ledger: Ledger) -> None:
    game = Recorded(lambda masks, call: np.zeros((len(masks), 1 + call)))
    with pytest.raises(InvalidInput, match="2 outputs; expected 1"):
        Evaluator(game, ledger).values(design(16))


def test_masks_of_another_game_are_refused(ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match=r"\(m, 9\)"):
        Evaluator(Recorded(), ledger).values(np.ones((4, N + 1), np.bool_))


@pytest.mark.parametrize("fingerprint", [None, ""])
def test_a_function_without_a_fingerprint_is_refused_on_disk(
    ledger: Ledger, fingerprint: str | None
) -> None:
    with pytest.raises(InvalidInput, match="fingerprint"):
        Evaluator(Recorded(fingerprint=fingerprint), ledger)


def test_a_function_without_a_fingerprint_may_use_memory() -> None:
    with Ledger() as ledger:
        evaluator = Evaluator(Recorded(fingerprint=None), ledger)
        evaluator.values(design(20))
        evaluator.values(design(20))
    assert counts(evaluator) == (20, 20, 3)


# A value that is not finite.


def spoil(
    value: float, *, call: int, row: int
) -> Callable[[Masks, int], ArrayLike | None]:
    """A trouble that puts one bad value into one batch."""

    def trouble(masks: Masks, now: int) -> ArrayLike | None:
        answer = worth(masks)
        answer[row] = value
        return answer if now == call else None

    return trouble


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_names_its_mask_and_who_was_kept(
    ledger: Ledger, value: float
) -> None:
    game = Game(
        lambda masks: np.full(len(masks), value),
        ["her", "acting", "never", "fails"],
        "gloomy",
    )
    with pytest.raises(NonFiniteValue) as caught:
        Evaluator(game, ledger).values([0, 1, 0, 1])
    assert str(value) in str(caught.value)
    assert "0101" in str(caught.value)
    assert "'acting', 'fails'" in str(caught.value)
    assert "her" not in str(caught.value)
    assert isinstance(caught.value, AblationError)


def test_a_mask_that_keeps_nothing_is_named_too(ledger: Ledger) -> None:
    game = Game(lambda masks: np.full(len(masks), np.nan), 4, "gloomy")
    with pytest.raises(NonFiniteValue, match=r"0000 \(kept: nothing\)"):
        Evaluator(game, ledger).values([0, 0, 0, 0])


@pytest.mark.parametrize("call", range(5))
def test_every_finite_value_that_was_answered_is_kept(
    ledger: Ledger, run: int, call: int
) -> None:
    game = Recorded(spoil(np.nan, call=call, row=3))
    evaluator = Evaluator(game, ledger, run=run)
    with pytest.raises(NonFiniteValue):
        evaluator.values(design(40))
    bad = rows(game.answered)[call][3]
    assert held(ledger) == set(flat(game.answered)) - {bad}
    assert counts(evaluator) == (len(held(ledger)), 0, len(game.asked))
    assert booked(ledger) == (len(held(ledger)), len(game.asked))


def test_no_further_batch_is_paid_for_after_a_value_that_is_not_finite(
    ledger: Ledger,
) -> None:
    game = Recorded(spoil(np.inf, call=1, row=0))
    with pytest.raises(NonFiniteValue):
        Evaluator(game, ledger).values(design(40))
    assert len(game.asked) == 2


@pytest.mark.parametrize("call", range(5))
def test_after_a_value_that_is_not_finite_only_what_is_missing_is_paid(
    ledger: Ledger, call: int
) -> None:
    game, masks = Recorded(spoil(np.nan, call=call, row=3)), design(40)
    with pytest.raises(NonFiniteValue):
        Evaluator(game, ledger).values(masks)
    known = held(ledger)
    again = Recorded()
    evaluator = Evaluator(again, ledger)
    assert np.allclose(evaluator.values(masks), worth(masks), atol=1e-9, rtol=0)
    assert set(flat(again.asked)) == set(mask_algebra.to_index(masks).tolist()) - known
    assert counts(evaluator)[:2] == (40 - len(known), len(known))


def test_one_bad_output_of_a_vector_condemns_its_mask_alone(ledger: Ledger) -> None:
    def trouble(masks: Masks, call: int) -> ArrayLike:
        answer = np.stack([worth(masks), worth(masks)], 1)
        answer[2, 1] = np.nan
        return answer

    game = Recorded(trouble)
    with pytest.raises(NonFiniteValue):
        Evaluator(game, ledger).values(design(8))
    assert held(ledger) == set(flat(game.asked)) - {rows(game.asked)[0][2]}


# Out of memory.


class OutOfMemoryError(RuntimeError):
    """Named as torch's, and with a text that says nothing."""


SHORTAGES = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
    ),
    OutOfMemoryError("no"),
]


def at_most(
    fits: int, shortage: Exception | None = None
) -> Callable[[Masks, int], None]:
    """A trouble that lets through so many masks at once, and no more."""

    def trouble(masks: Masks, call: int) -> None:
        if len(masks) > fits:
            raise shortage or MemoryError()

    return trouble


@pytest.mark.parametrize("shortage", SHORTAGES, ids=repr)
def test_a_batch_that_does_not_fit_is_halved_until_it_does(
    ledger: Ledger, run: int, shortage: Exception
) -> None:
    game = Recorded(at_most(5, shortage), batch_size=16)
    evaluator = Evaluator(game, ledger, run=run)
    values = evaluator.values(design(40))
    assert np.allclose(values, worth(design(40)), atol=1e-9, rtol=0)
    assert [len(batch) for batch in game.answered] == [4] * 10
    assert flat(game.answered) == mask_algebra.to_index(design(40)).tolist()
    assert counts(evaluator) == (40, 0, 10)
    assert booked(ledger) == (40, 10)


def test_a_size_that_did_not_fit_is_not_tried_again(ledger: Ledger) -> None:
    game = Recorded(at_most(5), batch_size=16)
    evaluator = Evaluator(game, ledger)
    evaluator.values(design(40))
    evaluator.values(design(40, seed=1))
    assert [len(batch) for batch in game.asked if len(batch) > 5] == [16, 8]


@pytest.mark.parametrize("shortage", SHORTAGES, ids=repr)
def test_a_single_mask_that_does_not_fit_is_an_error(
    ledger: Ledger, shortage: Exception
) -> None:
    with pytest.raises(OutOfMemory, match="single mask of 9 candidates"):
        Evaluator(Recorded(at_most(0, shortage)), ledger).values(design(40))
    assert len(ledger) == 0


def test_what_fitted_before_a_mask_that_does_not_is_kept(ledger: Ledger) -> None:
    huge = design(40)[20]

    def trouble(masks: Masks, call: int) -> None:
        if (masks == huge).all(axis=1).any():
            raise MemoryError

    game = Recorded(trouble)
    with pytest.raises(OutOfMemory):
        Evaluator(game, ledger).values(design(40))
    assert held(ledger) == set(mask_algebra.to_index(design(40)[:20]).tolist())


# Whatever else stops a run.


STOPS = [
    RuntimeError("the device fell off the bus"),
    KeyboardInterrupt(),
    OSError("connection reset"),
]


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("stop", STOPS, ids=repr)
def test_what_was_finished_before_any_other_error_is_kept(
    ledger: Ledger, run: int, stop: BaseException, call: int
) -> None:
    game = Recorded(stopped_at(call, stop))
    evaluator = Evaluator(game, ledger, run=run)
    with pytest.raises(type(stop)) as caught:
        evaluator.values(design(40))
    assert caught.value is stop
    assert len(game.asked) == call + 1
    assert held(ledger) == set(flat(game.answered))
    assert counts(evaluator) == (8 * call, 0, call)
    assert booked(ledger) == (8 * call, call)


def test_an_interrupt_between_two_batches_loses_nothing(ledger: Ledger) -> None:
    def interrupt(done: int, asked: int) -> None:
        if done == 24:
            raise KeyboardInterrupt

    game = Recorded()
    with pytest.raises(KeyboardInterrupt):
        Evaluator(game, ledger, progress=interrupt).values(design(40))
    assert len(held(ledger)) == 24


def stopped_at(
    call: int,
    stop: BaseException,
    otherwise: Callable[[Masks, int], None] | None = None,
) -> Callable[[Masks, int], None]:
    """A trouble that raises in one call of the model."""

    def trouble(masks: Masks, now: int) -> None:
        if now == call:
            raise stop
        if otherwise is not None:
            otherwise(masks, now)

    return trouble


# A run that is repeated sends the very batches of a run that was never stopped.


@pytest.mark.parametrize("kind", [Recorded, Sized])
@pytest.mark.parametrize("call", range(6))
def test_the_batches_of_a_resumed_run_are_those_of_an_uninterrupted_one(
    tmp_path: Path, kind: type[Recorded], call: int
) -> None:
    masks = design(45)
    whole = kind()
    with Ledger() as ledger:
        values = Evaluator(whole, ledger).values(masks)
    with Ledger(tmp_path / "runs.db") as ledger:
        first = kind(stopped_at(call, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            Evaluator(first, ledger).values(masks)
    with Ledger(tmp_path / "runs.db") as ledger:
        second = kind()
        evaluator = Evaluator(second, ledger)
        resumed = evaluator.values(masks)
    assert rows(first.answered) + rows(second.answered) == rows(whole.answered)
    assert counts(evaluator) == (45 - 8 * call, 8 * call, 6 - call)
    assert resumed.tobytes() == values.tobytes()


def test_a_run_stopped_in_every_batch_ends_as_one_that_never_was(
    tmp_path: Path,
) -> None:
    masks, batches = design(45), []
    with Ledger() as ledger:
        values = Evaluator(Recorded(), ledger).values(masks)
    for _ in range(5):
        game = Recorded(stopped_at(1, KeyboardInterrupt()))
        with Ledger(tmp_path / "runs.db") as ledger, pytest.raises(KeyboardInterrupt):
            Evaluator(game, ledger).values(masks)
        batches += rows(game.answered)
    with Ledger(tmp_path / "runs.db") as ledger:
        game = Recorded()
        assert Evaluator(game, ledger).values(masks).tobytes() == values.tobytes()
    batches += rows(game.answered)
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 8, 5]


@pytest.mark.parametrize("fits", [1, 2, 3, 4, 5, 7, 8, 12])
def test_a_run_short_of_memory_is_resumed_in_the_very_same_pieces(fits: int) -> None:
    masks = design(40)
    whole = Recorded(at_most(fits), batch_size=16)
    with Ledger() as ledger:
        values = Evaluator(whole, ledger).values(masks)
    for call in range(len(whole.asked)):
        first = Recorded(
            stopped_at(call, KeyboardInterrupt(), at_most(fits)), batch_size=16
        )
        second = Recorded(at_most(fits), batch_size=16)
        with Ledger() as ledger:
            with pytest.raises(KeyboardInterrupt):
                Evaluator(first, ledger).values(masks)
            resumed = Evaluator(second, ledger).values(masks)
        pieces = rows(first.answered) + rows(second.answered)
        assert pieces == rows(whole.answered), f"stopped in call {call}"
        assert resumed.tobytes() == values.tobytes()


def test_the_values_of_these_games_do_depend_on_their_batches() -> None:
    """Otherwise equal values would prove nothing of equal batches."""
    with Ledger() as ledger:
        eights = Evaluator(Recorded(batch_size=8), ledger).values(design(40))
    with Ledger() as ledger:
        nines = Evaluator(Recorded(batch_size=9), ledger).values(design(40))
    assert eights.tobytes() != nines.tobytes()
    assert np.allclose(eights, nines, atol=1e-9, rtol=0)
