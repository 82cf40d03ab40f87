"""One of several processes on one game: python shared_child.py LEDGER TRACE SECONDS.

A plain function takes so many seconds for a mask; TRACE gets a line for each that is
asked for. It starts when there is a file TRACE.go, and prints the values, bit for bit.
"""

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import spexlens

N = 9


def main(ledger: str, trace: str, seconds: str) -> None:
    """Explain the game exactly."""

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        with Path(trace).open("a") as file:
            file.write("".join(f"{mask.tobytes().hex()}\n" for mask in masks))
        time.sleep(float(seconds) * len(masks))
        return np.asarray(
            2.0 * (masks[:, 0] & masks[:, 1]) + masks @ np.linspace(0.0, 1.0, N)
        )

    while not Path(f"{trace}.go").exists():
        time.sleep(0.01)
    found = spexlens.explain(
        spexlens.Game(value, N, "shared"), 1 << N, ledger=ledger, noise=0
    )
    sys.stdout.write(found.spectrum.values.tobytes().hex())


if __name__ == "__main__":
    main(*sys.argv[1:])
