"""ProxyConformance: what every proxy holds, for whoever adds one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from spexlens.masks.designs import uniform
from spexlens.solvers.proxyspex.proxies.proxy import (
    FittedProxy,
    FittedSpectrum,
    Proxy,
    Runner,
)
from spexlens.testing.holding import hold_json, hold_near, hold_same_bits
from spexlens.testing.oracles import every_mask, fourier_by_brute_force

Array = NDArray[np.float64]

_MASKS = 70
_ROUNDING = 1e-6


class ProxyConformance:
    """Tests of a proxy; a subclass whose name begins with Test makes it.

    A subclass must define:
        proxy: the proxy, made anew.

    It may overwrite:
        n: how many candidates it is fitted to.

    What is fitted are 70 values of f(m) = 2 m₀ - m₁ + 3 m₂m₃, with a little noise.
    """

    # What must be defined

    def proxy(self) -> Proxy:
        """The proxy, made anew with the same settings each time."""
        raise NotImplementedError("a subclass of ProxyConformance makes a proxy")

    # What may be overwritten

    n: int = 7
    """Candidates, from 4 to 10."""

    # What every proxy holds

    def test_it_has_a_name(self) -> None:
        assert isinstance(self.proxy().name, str)
        assert self.proxy().name

    def test_it_predicts_one_finite_number_a_mask(self) -> None:
        predicted = self._fitted().predict(every_mask(self.n))
        assert predicted.shape == (1 << self.n,)
        assert predicted.dtype == np.float64
        assert np.isfinite(predicted).all()

    def test_it_predicts_each_value_without_having_seen_it(self) -> None:
        fitted = self._fitted()
        assert fitted.n == self.n
        assert fitted.left_out.shape == (_MASKS,)
        assert np.isfinite(fitted.left_out).all()
        assert 0.0 <= fitted.noise < np.inf
        assert 0.0 < fitted.ease < np.inf

    def test_its_table_is_what_it_predicts_of_all_masks(self) -> None:
        fitted = self._fitted()
        predicted = fitted.predict(every_mask(self.n))
        # the oracle lists masks in the order of a table's rows
        hold_near(fitted.table(), predicted, _ROUNDING, "the table")

    def test_it_predicts_what_its_spectrum_says(self) -> None:
        fitted = self._fitted()
        exact = fourier_by_brute_force(fitted.predict(every_mask(self.n)))
        if isinstance(fitted, FittedSpectrum):
            said = np.array([fitted.spectrum[members] for members in exact])
            hold_near(np.array(list(exact.values())), said, _ROUNDING, "the spectrum")
        sizes = {members: abs(float(value)) for members, value in exact.items()}
        del sizes[()]
        largest = max(sizes, key=lambda members: sizes[members])
        # nothing but the mean leaves no set to be named
        if sizes[largest] > _ROUNDING * abs(float(exact[()])):
            assert largest in set(fitted.large_sets(10))

    def test_one_seed_gives_one_fit(self) -> None:
        first = self._fitted(seed=5)
        again = self._fitted(seed=5)
        _hold_same(again, first, self.n)

    def test_its_parts_may_run_at_the_same_time(self) -> None:
        alone = self._fitted()
        # sums in an order of their own would be other bits
        with ThreadPoolExecutor(2) as pool:
            together = self._fitted(run=pool.map)
        _hold_same(together, alone, self.n)

    def test_masks_and_values_are_left_as_they_were(self) -> None:
        masks = uniform(self.n, _MASKS, seed=0)
        values = _values(masks)
        self.proxy().fit(masks, values, seed=0)
        assert np.array_equal(masks, uniform(self.n, _MASKS, seed=0))
        hold_same_bits(values, _values(masks), "the values")

    def test_its_report_is_json(self) -> None:
        hold_json(self._fitted().report(), "the report")

    def _fitted(self, seed: int = 0, run: Runner = map) -> FittedProxy:
        masks = uniform(self.n, _MASKS, seed=0)
        return self.proxy().fit(masks, _values(masks), seed, run)


def _values(masks: NDArray[np.bool_]) -> Array:
    """What is fitted; see the class."""
    kept = masks.astype(np.float64)
    noise = np.random.default_rng(1).normal(size=len(masks))
    signal = 2.0 * kept[:, 0] - kept[:, 1] + 3.0 * kept[:, 2] * kept[:, 3]
    return np.asarray(signal + 0.1 * noise)


def _hold_same(got: FittedProxy, expected: FittedProxy, n: int) -> None:
    """Two fits that are the same to the last bit."""
    masks = every_mask(n)
    hold_same_bits(got.predict(masks), expected.predict(masks), "a prediction")
    hold_same_bits(got.left_out, expected.left_out, "a prediction of a mask left out")
    assert got.report() == expected.report()
