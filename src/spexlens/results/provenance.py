"""Provenance: which versions of what made the numbers of a result."""

import sys
from importlib.metadata import version

_DECIDE = ("spexlens", "numpy", "scipy", "scikit-learn", "lightgbm")
_WHERE_IN_USE = ("torch", "transformers")


def versions() -> dict[str, str]:
    """Of the packages that decide the numbers; torch and transformers only where they
    are in use.
    """
    used = [name for name in _WHERE_IN_USE if name in sys.modules]
    python = sys.version.split()[0]
    return {"python": python} | {name: version(name) for name in (*_DECIDE, *used)}
