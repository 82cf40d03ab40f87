"""Counts of what was asked of models add up."""

from spexlens.evaluation.counts import Counts


def test_counts_are_added_kind_by_kind() -> None:
    assert Counts(1, 2, 3, 4) + Counts(10, 20, 30, 40) == Counts(11, 22, 33, 44)


def test_the_total_of_none_is_nothing() -> None:
    assert Counts.total([]) == Counts(0, 0, 0, 0)


def test_the_total_of_several_is_their_sum() -> None:
    assert Counts.total(Counts(passes=i) for i in range(4)) == Counts(passes=6)


def test_evaluations_are_those_paid_for_and_those_held_before() -> None:
    assert Counts(paid=3, reused=4, passes=1).evaluations == 7
