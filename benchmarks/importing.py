"""What `import spexlens` takes, beside numpy alone, and which modules take most of it.

    python benchmarks/importing.py [--rounds 10]

Each round is a new process; the byte code is compiled beforehand, as it is where a
package is installed.
"""

import argparse
import subprocess
import sys
from statistics import median

TIMED = "from time import perf_counter as t; a = t(); import {name}; print(t() - a)"


def seconds(name: str) -> float:
    """How long one new process takes to import a package."""
    command = [sys.executable, "-c", TIMED.format(name=name)]
    return float(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )


def slowest(name: str, count: int) -> list[tuple[int, str]]:
    """The modules whose own code takes longest, in microseconds, as `python -X
    importtime` says.
    """
    command = [sys.executable, "-X", "importtime", "-c", f"import {name}"]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stderr.splitlines()[1:]
    parts = [line.removeprefix("import time:").split("|") for line in told]
    return sorted(
        ((int(own), module.strip()) for own, _, module in parts), reverse=True
    )[:count]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    for name in ("numpy", "spexlens"):
        seconds(name)  # compiles what is not compiled yet
        times = [seconds(name) for _ in range(rounds)]
        print(
            f"import {name}: {min(times):.3f} s at best, median {median(times):.3f} s"
            f" of {rounds}"
        )
    for own, module in slowest("spexlens", 5):
        print(f"  {own / 1000:6.1f} ms  {module}")


if __name__ == "__main__":
    main()
