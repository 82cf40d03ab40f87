"""What ProxySPEX takes for many candidates or calls: seconds, memory, and R² on fresh
masks.

    python benchmarks/proxyspex_scale.py [--sizes 127x500 1000x2000 64x50000]

A saturating function of a sum: tanh of 15% of the candidates and 30 of their pairs.
Each size runs in a process of its own, on all cores, so that its peak memory is its
own. Planning asks for the function's values.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
from functools import partial
from time import perf_counter

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.scores import r_squared

_ROWS = 5000


def saturating(n: int, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The function at packed masks."""
    rng = np.random.default_rng(n)
    weights = rng.normal(size=n) * (rng.random(n) < 0.15)
    pairs = rng.choice(np.flatnonzero(weights), (30, 2))
    bonus = rng.normal(size=30) / 3
    values = []
    for start in range(0, len(packed), _ROWS):
        masks = mask_algebra.unpack(packed[start : start + _ROWS], n)
        both = masks[:, pairs[:, 0]] & masks[:, pairs[:, 1]]
        values.append(
            3 * np.tanh((masks @ weights - weights.sum() / 2) / 2 + both @ bonus)
        )
    return np.concatenate(values)


def one(n: int, calls: int) -> None:
    """Fit one size and print its line."""
    solver = ProxySpex()
    began = perf_counter()
    plan, values = solver.carry_out(
        solver.plan(n, calls, seed=0), partial(saturating, n), seed=0
    )
    started = perf_counter()
    fit = solver.fit_packed(plan.packed, n, values, seed=0)
    seconds = perf_counter() - started
    fresh = designs.packed_uniform(n, 2000, seed=1)
    reached = r_squared(
        saturating(n, fresh), fit.spectrum.predict(mask_algebra.unpack(fresh, n))
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lost = fit.details["read-out loss"][0]
    line = f"{n:>6}{calls:>8}{started - began:>9.1f}{seconds:>8.1f}{peak:>8.0f}{reached:>8.3f}"
    print(
        line + f"{fit.faithfulness.mean:>10.3f}{len(fit.spectrum):>7}{lost:>10.4f}",
        flush=True,
    )


def main() -> None:
    """Each size in its own process."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    sizes = ["127x500", "127x2000", "1000x2000", "64x5000", "64x50000"]
    arguments.add_argument("--sizes", nargs="+", default=sizes)
    arguments.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.one:
        one(*map(int, chosen.sizes[0].split("x")))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}")
    print(
        "     n   calls  plan, s  fit, s      MB      R²  reported   sets  read-out",
        flush=True,
    )
    for size in chosen.sizes:
        subprocess.run([sys.executable, __file__, "--one", "--sizes", size], check=True)


if __name__ == "__main__":
    main()
