"""Seconds for the operations on spectra whose speed is promised; one thread.

python benchmarks/spectra.py
"""

import os
import platform
from collections.abc import Callable
from statistics import median
from time import perf_counter

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from spexlens import Spectrum
from spexlens.masks.designs import uniform
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.trees import parse_lightgbm
from spexlens.spectrum.indices import INDICES, interaction_index
from spexlens.spectrum.sets import Sets

RNG = np.random.default_rng(0)


def planted(n: int, count: int, order: int, outputs: int | None = None) -> Spectrum:
    """Random distinct sets of at most `order` members (exactly 15 for order 15)."""
    sets: set[tuple[int, ...]] = set()
    while len(sets) < count:
        size = order if order == 15 else int(RNG.integers(1, order + 1))
        sets.add(tuple(sorted(RNG.choice(n, size, replace=False).tolist())))
    shape = (count,) if outputs is None else (count, outputs)
    return Spectrum(Sets.of(n, sorted(sets)), RNG.normal(size=shape))


def timed(name: str, run: Callable[[], object], promised: float) -> None:
    """The median of five runs."""
    times = []
    for _ in range(5):
        started = perf_counter()
        run()
        times.append(perf_counter() - started)
    print(f"{name:<64}{median(times):>9.3f}{promised:>10.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    print(f"{platform.machine()}, one thread, numpy {np.__version__}")
    print(f"{'operation':<64}{'seconds':>9}{'promised':>10}")
    small, large = planted(16, 2000, 6), planted(1000, 2000, 5)
    everything, masks = uniform(16, 1 << 16, 0), uniform(1000, 2000, 0)
    timed(
        "predict 65,536 masks x 2,000 sets, n = 16",
        lambda: small.predict(everything),
        1,
    )
    timed(
        "predict 2,000 masks x 2,000 sets, n = 1,000", lambda: large.predict(masks), 1
    )
    deep = planted(1000, 1000, 15)
    for index in INDICES:
        timed(
            f"{index} of order 2, 1,000 sets of 15 members",
            lambda index=index: interaction_index(deep, index, 2),
            1,
        )
    masks = uniform(127, 500, 0)
    values = np.sin(masks @ RNG.normal(size=127))
    text = (
        Boosting(depth=5, columns=1.0, trees=1000)
        .booster(masks, values, 0)
        .model_to_string()
    )
    timed(
        "spectrum of 1,000 trees of depth 5, n = 127",
        lambda: parse_lightgbm(text, 127).spectrum(),
        1,
    )


if __name__ == "__main__":
    main()
