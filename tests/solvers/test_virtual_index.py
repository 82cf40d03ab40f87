"""The index of a function of many candidates, beside that of its whole table."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.virtual_index import virtual_index
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.spectrum import Spectrum

N = 12


def squashed() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    masks = designs.everything(N).astype(float)
    total = masks @ rng.normal(0.2, 0.6, N) + 2.0 * masks[:, 0] * masks[:, 1]
    return np.asarray(np.tanh(total))


TABLE = squashed()


def predict(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(TABLE[mask_algebra.to_index(masks)])


@pytest.mark.parametrize("index", ["sii", "stii", "fsii"])
def test_what_a_sparse_spectrum_misses_is_measured(index: str) -> None:
    estimand = Estimand(index, 2)
    sets = estimand.sets(N)
    sparse = Spectrum.from_table(TABLE).truncate(count=20)
    truth = estimand.of_table(TABLE, sets)
    exact_of_sparse = estimand.of_table(sparse.table(), sets)

    found = virtual_index(estimand, sets, predict, sparse, seed=0)
    for order in (1, 2):
        rows = sets.orders == order
        off = np.linalg.norm(found[rows] - truth[rows])
        before = np.linalg.norm(exact_of_sparse[rows] - truth[rows])
        assert off < 0.5 * before, (order, off, before)


def test_of_the_function_itself_nothing_is_missed() -> None:
    whole = Spectrum.from_table(TABLE)
    estimand = Estimand("sii", 3)
    sets = estimand.sets(N)
    found = virtual_index(estimand, sets, predict, whole, seed=0)
    np.testing.assert_allclose(found, estimand.of_table(TABLE, sets), atol=1e-9)


def test_moebius_coefficients_are_asked_for_themselves() -> None:
    estimand = Estimand("moebius", 2)
    sets = estimand.sets(N)
    nothing = Spectrum.of(N, {(): 0.0})
    found = virtual_index(estimand, sets, predict, nothing, seed=0)
    np.testing.assert_allclose(found, estimand.of_table(TABLE, sets), atol=1e-12)


def test_the_same_seed_measures_the_same() -> None:
    estimand = Estimand("sii", 1)
    sets = estimand.sets(N)
    nothing = Spectrum.of(N, {(): 0.0})
    first, again = (
        virtual_index(estimand, sets, predict, nothing, seed=4) for _ in range(2)
    )
    assert np.array_equal(first, again)
