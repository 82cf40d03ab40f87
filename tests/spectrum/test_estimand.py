"""An index is a sum over masks whose weights depend on how many are kept."""

from math import factorial

import numpy as np
import pytest

from spexlens.errors import InvalidInput
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.indices import INDICES, interaction_index
from spexlens.spectrum.spectrum import Spectrum


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_weighted_sum_over_masks_is_the_index_of_the_spectrum(
    index: str, order: int
) -> None:
    table = np.random.default_rng(order).normal(size=1 << 6)
    estimand = Estimand(index, order)
    sets = estimand.sets(6)
    assert len(sets) == [6, 21, 41][order - 1]

    expected = interaction_index(Spectrum.from_table(table), index, order)
    found = estimand.of_table(table, sets)
    np.testing.assert_allclose(
        found, [float(expected[members]) for members in sets], atol=1e-12
    )


@pytest.mark.parametrize(
    ("index", "order"),
    [
        ("sii", 1),
        ("sii", 3),
        ("stii", 2),
        ("stii", 3),
        ("fsii", 1),
        ("fsii", 2),
        ("fsii", 3),
        ("moebius", 2),
        ("bii", 2),
    ],
)
@pytest.mark.parametrize("n", [4, 9, 30])
def test_it_is_a_mean_of_effects_over_masks_of_some_shares(
    index: str, order: int, n: int
) -> None:
    """q(b) = Σ_k w_k p_k^b (1 - p_k)^(n - t - b)."""
    estimand = Estimand(index, order)
    for members in range(1, order + 1):
        shares, weights = estimand.nodes(n, members)
        kept = np.arange(n - members + 1)
        terms = shares ** kept[:, None] * (1 - shares) ** kept[::-1, None]
        np.testing.assert_allclose(
            terms @ weights, estimand.weights(n, members), rtol=1e-8, atol=1e-15
        )


def test_shapley_weights_are_those_of_the_textbook() -> None:
    """Shapley (1953): b! (n - 1 - b)! / n! where b others are kept."""
    n = 40
    expected = [factorial(b) * factorial(n - 1 - b) / factorial(n) for b in range(n)]
    np.testing.assert_allclose(Estimand("sii", 1).weights(n, 1), expected, rtol=1e-14)


def test_of_a_game_of_one_candidate_there_is_one_set() -> None:
    sets = Estimand("sii", 2).sets(1)
    assert list(sets) == [(0,)]
    np.testing.assert_allclose(
        Estimand("sii", 2).of_table(np.array([1.0, 4.0]), sets), [3.0]
    )


def test_uniform_masks_suit_what_weighs_all_alike() -> None:
    assert Estimand("bii", 2).uniform
    assert Estimand("fbii", 2).uniform
    assert not Estimand("sii", 1).uniform


def test_bad_input_is_one_line() -> None:
    with pytest.raises(InvalidInput, match="unknown index 'shapley'"):
        Estimand("shapley", 1)
    with pytest.raises(InvalidInput, match="order"):
        Estimand("sii", 0)
    with pytest.raises(InvalidInput, match="has 499,500 values; at most 50,000"):
        Estimand("stii", 2).sets(999)
    with pytest.raises(InvalidInput, match="no mean of effects"):
        Estimand("fourier", 2).nodes(5, 1)
