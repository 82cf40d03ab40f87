"""Pace: how many masks to ask for at once, so that a kill loses a few seconds' work."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some moment, as `time.monotonic` gives them."""

# seconds that no batch should take: as much again may be on its way to the ledger
_LONG = 2.5
_AHEAD = 1.0  # seconds of work that is claimed at once
_LEAST = 1e-9  # seconds that a mask takes, where the clock saw none pass


class Pace:
    """Measures how long answers take."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """
        Args:
            clock: tells the time.
        """
        self.clock = clock
        self._seconds: float | None = None  # a mask

    def took(self, masks: int, seconds: float) -> None:
        """So many masks were answered in so many seconds."""
        self._seconds = max(seconds / masks, _LEAST)

    def too_long(self, masks: int) -> bool:
        """Whether so many would take longer than a process that is killed should lose."""
        if self._seconds is None or masks <= 1:
            return False
        return masks * self._seconds > _LONG

    def ahead(self) -> int:
        """How many masks will be answered in about a second."""
        if self._seconds is None:
            return 1
        return int(_AHEAD / self._seconds) + 1
