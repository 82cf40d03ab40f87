"""The suites are the package's: they import without pytest, and say what is missing."""

import subprocess
import sys

import pytest

from spexlens.testing.games import GameConformance
from spexlens.testing.learners import LearnerConformance
from spexlens.testing.proxies import ProxyConformance
from spexlens.testing.solvers import SolverConformance

SUITES = ("counting", "games", "holding", "learners", "oracles", "proxies", "solvers")


def test_no_suite_needs_pytest() -> None:
    lines = ["import sys", "sys.modules['pytest'] = None"]
    lines += [f"import spexlens.testing.{suite}" for suite in SUITES]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


@pytest.mark.parametrize(
    "make",
    [
        GameConformance().game,
        SolverConformance().solver,
        ProxyConformance().proxy,
        LearnerConformance().learner,
    ],
)
def test_a_suite_without_the_thing_to_test_says_so(make: object) -> None:
    with pytest.raises(NotImplementedError, match="a subclass of"):
        make()  # type: ignore[operator]
