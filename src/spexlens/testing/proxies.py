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
_MOVED = (0, 17, 34, 51, 69)  # masks whose values are moved, one at a time


class ProxyConformance:
    """Tests of a proxy; a subclass whose name begins with Test makes it.

    A subclass must define:
        proxy: the proxy, made anew.

    It may overwrite:
        n: how many candidates it is fitted to.
        honesty: how far a value may move what is predicted of its own mask.

    What is fitted are 70 values of f(m) = 2 m₀ - m₁ + 3 m₂m₃, with a little noise.
    """

    # What must be defined

    def proxy(self) -> Proxy:
        """The proxy, made anew with the same settings each time."""
        raise NotImplementedError("a subclass of ProxyConformance makes a proxy")

    # What may be overwritten

    n: int = 7
    """Candidates, from 4 to 10."""

    honesty: float = 1e-6
    """The most that `left_out` of a mask may move, its own value moving by one.

    It is zero but for rounding if the value was not seen. A proxy that chooses a
    setting, such as a penalty, from all values sees a little of each, and states more.
    """

    # What every proxy holds

    def test_it_has_a_name(self) -> None:
        name = self.proxy().name
        assert isinstance(name, str), f"a proxy has a name, a string; got {name!r}"
        assert name, "a proxy's name is empty"

    def test_it_predicts_one_finite_number_a_mask(self) -> None:
        predicted = self._fitted().predict(every_mask(self.n))
        _hold_numbers(predicted, 1 << self.n, "what it predicts")

    def test_it_says_how_well_it_predicts(self) -> None:
        fitted = self._fitted()
        assert fitted.n == self.n, f"it has {fitted.n} candidates; given were {self.n}"
        _hold_numbers(fitted.left_out, _MASKS, "left_out")
        noise, ease = fitted.noise, fitted.ease
        assert 0.0 <= noise < np.inf, f"noise is a mean square; got {noise}"
        assert 0.0 < ease < np.inf, f"ease is above zero; got {ease}"

    def test_it_predicts_each_value_without_having_seen_it(self) -> None:
        masks = uniform(self.n, _MASKS, seed=0)
        values = _values(masks)
        before = self.proxy().fit(masks, values, seed=0).left_out
        step = float(values.std())
        for mask in _MOVED:
            moved = values.copy()
            moved[mask] += step
            after = self.proxy().fit(masks, moved, seed=0).left_out
            share = abs(float(after[mask] - before[mask])) / step
            assert share <= self.honesty, (
                f"left_out[{mask}] moves by {share:.3g} of what value {mask} moves, so a"
                f" fit saw the value that it predicts; `honesty` allows {self.honesty:g}"
            )

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
            named = set(fitted.large_sets(10))
            assert largest in named, (
                f"large_sets(10) lacks the set of the largest coefficient, {largest}"
            )

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
        as_before = np.array_equal(masks, uniform(self.n, _MASKS, seed=0))
        assert as_before, "fit changed the masks that it was given"
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


def _hold_numbers(got: Array, count: int, what: str) -> None:
    """So many finite float64."""
    assert got.shape == (count,), f"{what} has shape {got.shape}; expected ({count},)"
    assert got.dtype == np.float64, f"{what} is {got.dtype}; expected float64"
    assert np.isfinite(got).all(), f"{what} is not finite everywhere"


def _hold_same(got: FittedProxy, expected: FittedProxy, n: int) -> None:
    """Two fits that are the same to the last bit."""
    masks = every_mask(n)
    hold_same_bits(got.predict(masks), expected.predict(masks), "a prediction")
    hold_same_bits(got.left_out, expected.left_out, "a prediction of a mask left out")
    first, second = expected.report(), got.report()
    assert first == second, f"the report is not the same twice: {first}, then {second}"
