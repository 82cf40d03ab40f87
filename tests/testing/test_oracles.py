"""The package's fast code agrees with definitions that are computed by brute force."""

from itertools import combinations

import numpy as np
import pytest

from spexlens.games.game import Game
from spexlens.masks.designs import everything
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.spectrum import Spectrum
from spexlens.testing.oracles import (
    banzhaf_by_brute_force,
    every_mask,
    fourier_by_brute_force,
    table_of,
)

N = 5
TABLES = {
    "a number a mask": np.random.default_rng(0).normal(size=1 << N),
    "two numbers a mask": np.random.default_rng(1).normal(size=(1 << N, 2)),
}


def test_all_masks_stand_in_the_order_of_the_package() -> None:
    assert np.array_equal(every_mask(N), everything(N))
    assert every_mask(0).shape == (1, 0)


@pytest.mark.parametrize("name", TABLES)
def test_the_fast_transform_is_the_definition(name: str) -> None:
    fast = Spectrum.from_table(TABLES[name])
    exact = fourier_by_brute_force(TABLES[name])
    assert len(exact) == len(fast) == 1 << N
    for members, coefficient in exact.items():
        np.testing.assert_allclose(fast[members], coefficient, atol=1e-12)


@pytest.mark.parametrize("name", TABLES)
def test_the_banzhaf_index_of_a_spectrum_is_the_definition(name: str) -> None:
    fast = interaction_index(Spectrum.from_table(TABLES[name]), "bii", N)
    for order in range(N + 1):
        for members in combinations(range(N), order):
            exact = banzhaf_by_brute_force(TABLES[name], members)
            np.testing.assert_allclose(fast[members], exact, atol=1e-12)


def test_an_and_of_two_has_a_banzhaf_interaction_of_one() -> None:
    game = Game(lambda masks: masks[:, 0] & masks[:, 2], 3, batch_size=3)
    table = table_of(game)
    assert table.shape == (8,)
    assert banzhaf_by_brute_force(table, (0, 2)) == 1.0
    assert banzhaf_by_brute_force(table, (0, 1)) == 0.0


def test_a_table_of_other_than_all_masks_is_refused() -> None:
    with pytest.raises(ValueError, match="this one has 6"):
        fourier_by_brute_force(np.zeros(6))
