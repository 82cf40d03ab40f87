"""Masks for an index: nested, deterministic, distinct, and worth their calls."""

import numpy as np
import pytest

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex import targeted
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.spectrum.estimand import Estimand

SHAPLEY = Estimand("sii", 1)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 14, 40, 100])
def test_paired_masks_are_distinct_and_begin_with_those_of_fewer(n: int) -> None:
    count = 300 if n > 8 else 1 << n
    masks = targeted.paired(n, count, seed=3)
    assert len(masks) == count
    assert len(mask_algebra.distinct(masks)[0]) == count
    for fewer in (2, 7, 50):
        shorter = targeted.paired(n, min(fewer, count), seed=3)
        assert np.array_equal(shorter, masks[:fewer])
    unpacked = mask_algebra.unpack(masks, n)
    assert unpacked[0].all()
    assert not unpacked[1].any()


def test_paired_masks_are_of_all_sizes_and_followed_by_their_complements() -> None:
    masks = mask_algebra.unpack(targeted.paired(60, 402, seed=0), 60)
    sizes = masks[2:].sum(axis=1)
    np.testing.assert_array_equal(masks[2::2], ~masks[3::2])
    counts = np.histogram(sizes, bins=[1, 15, 30, 45, 60])[0]
    assert counts.min() > 70  # uniform masks would have hardly any outside 15 to 45


def _brute_force(
    prior: Prior, masks: np.ndarray, estimand: Estimand
) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of index and values, and that of the index which the kernel has, from
    the whole matrix.
    """
    n = masks.shape[1]
    everything = designs.everything(n)
    signs = signs_of(everything)
    gains = prior.gains(signs)
    smooth = prior.gram(signs, signs)
    whole = smooth + prior.noise * np.eye(len(signs))
    weights = np.array(list(estimand.mask_weights(everything, estimand.sets(n))))
    loads = weights * gains
    rows = mask_algebra.to_index(masks)
    return loads @ whole[:, rows], loads @ smooth @ loads.T


@pytest.mark.parametrize("index", ["sii", "stii", "fsii", "moebius"])
def test_what_masks_tell_is_that_of_the_whole_kernel_matrix(index: str) -> None:
    rng = np.random.default_rng(0)
    n = 5
    prior = Prior(0.3, rng.uniform(0.1, 0.6, n), rng.normal(0, 0.2, n), 0.2)
    estimand = Estimand(index, 2)
    masks = designs.uniform(n, 12, seed=1)
    expected, variances = _brute_force(prior, masks, estimand)
    orders = estimand.sets(n).orders
    totals = np.bincount(orders, np.diagonal(variances))
    np.testing.assert_allclose(
        targeted._covariances(prior, masks, estimand),
        expected / np.sqrt(totals[orders])[:, None],
        atol=1e-10,
    )


def test_each_mask_is_the_one_that_takes_most_of_the_variance() -> None:
    """Against the posterior variance of every index, computed anew for every mask."""
    rng = np.random.default_rng(1)
    n = 5
    prior = Prior(0.0, rng.uniform(0.1, 0.6, n), rng.normal(0, 0.2, n), 0.1)
    masks = designs.everything(n)[rng.permutation(32)]
    signs = signs_of(masks)
    whole = prior.gram(signs, signs) + prior.noise * np.eye(32)
    shared = targeted._covariances(prior, masks, SHAPLEY)

    def explained(rows: list[int]) -> float:
        inverse = np.linalg.inv(whole[np.ix_(rows, rows)])
        return float(np.trace(shared[:, rows] @ inverse @ shared[:, rows].T))

    chosen = targeted._most_telling(
        prior, mask_algebra.pack(masks), n, 4, 12, SHAPLEY
    ).tolist()
    assert chosen[:4] == [0, 1, 2, 3]
    for j in range(4, 12):
        others = [row for row in range(32) if row not in chosen[:j]]
        best = max(explained([*chosen[:j], row]) for row in others)
        assert explained(chosen[: j + 1]) == pytest.approx(best, rel=1e-5)
