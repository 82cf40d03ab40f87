"""Recorded value functions of real models, as they lie in the folder that
SPEXLENS_SHARED names.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARED = Path(
    os.environ.get("SPEXLENS_SHARED", Path(__file__).resolve().parents[2] / "shared")
)
KINDS = (
    "sentiment",
    "image-vit",
    "image-resnet18",
    "datavalue-california",
    "review-minilm-n055",
    "review-minilm-n127",
)
_TEST_ROWS = 1000


@dataclass(frozen=True)
class RecordedGame:
    """Masks and their recorded values.

    A whole table of 2^n masks is tested on all of itself. Of a list of masks, the last
    1,000 rows are what is tested on, and the others can be asked for.
    """

    name: str
    masks: NDArray[np.bool_]
    values: NDArray[np.float64]

    @property
    def n(self) -> int:
        """The number of candidates."""
        return self.masks.shape[1]

    @property
    def whole(self) -> bool:
        """Whether all 2^n masks are recorded, row j having index j."""
        return len(self.values) == 1 << self.n

    @property
    def test(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """The masks and values that R² is measured on."""
        rows = slice(None) if self.whole else slice(-_TEST_ROWS, None)
        return self.masks[rows], self.values[rows]

    @property
    def spare(self) -> NDArray[np.bool_]:
        """Of a list of masks, those that R² is not measured on."""
        return self.masks[:-_TEST_ROWS]

    def lookup(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The values of masks that are recorded."""
        if self.whole:
            return self.values[masks.astype(np.int64) @ (1 << np.arange(self.n))]
        return self.values[[self._rows[row.tobytes()] for row in masks]]

    def ask(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """`lookup` for packed masks, as a solver asks."""
        bits = np.unpackbits(packed, axis=1, count=self.n, bitorder="little")
        return self.lookup(bits.astype(np.bool_))

    @cached_property
    def _rows(self) -> dict[bytes, int]:
        """Where each mask of a list is."""
        return {row.tobytes(): j for j, row in enumerate(self.masks)}


def load(path: Path) -> RecordedGame:
    """A recorded game from its npz file."""
    with np.load(path) as file:
        values = file["values"].astype(np.float64)
        if "masks" in file:
            masks = np.unpackbits(file["masks"], axis=1, count=int(file["n"])).astype(
                np.bool_
            )
        else:
            n = len(values).bit_length() - 1
            masks = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(np.bool_)
    return RecordedGame(path.stem, masks, values)


def games(kind: str, count: int = 10) -> list[RecordedGame]:
    """The first games of a kind."""
    paths = sorted((SHARED / "games").glob(f"{kind}*.npz"))[:count]
    if not paths:
        raise SystemExit(
            f"no game {kind}* under {SHARED / 'games'}: set SPEXLENS_SHARED"
        )
    return [load(path) for path in paths]
