"""Damaged ledgers: python damage.py TRIALS says whether a damaged file ever changed a
result unnoticed.

A trial copies a ledger, as it lies there after a kill (with its journal) or after a
clean end, flips a bit, cuts the end off or zeroes a page of the file or of the journal,
and runs the same evaluation on it. Either the ledger is refused in one line, or the
answers are those of an undamaged one.
"""

import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import LedgerError
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

N = 12
PAGE = 4096


def worth(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    weights = np.arange(1, N + 1) / 7
    return np.asarray((masks * weights).sum(axis=1) + (masks[:, 0] & masks[:, 1]))


class Remarking(Game):
    """Has something to say about every tenth mask."""

    def remarks(self) -> dict[int, str]:
        return {0: "the first of its batch"}


def game() -> Game:
    return Remarking(worth, N, "the game", batch_size=64)


@dataclass(frozen=True)
class Ledgers:
    """Two ledgers of the same answers.

    Attributes:
        ended: one that was closed.
        killed: one with a journal that nobody has written back.
        masks: of which they hold the answers.
        values: the answers.
    """

    ended: Path
    killed: Path
    masks: NDArray[np.bool_]
    values: NDArray[np.float64]


def made(folder: Path, count: int) -> Ledgers:
    masks = designs.uniform(N, count, 0)
    ended, killed, open_ = folder / "ended.db", folder / "killed.db", folder / "open.db"
    with Ledger(open_) as book:
        book._connection.execute("PRAGMA wal_autocheckpoint = 0")
        values = Evaluator(game(), book).values(masks)
        for end in ("", "-wal", "-shm"):
            shutil.copyfile(f"{open_}{end}", f"{killed}{end}")
    shutil.copyfile(open_, ended)
    return Ledgers(ended, killed, masks, values)


def trial(ledgers: Ledgers, seed: int, folder: Path) -> str:
    """What came of one damage: "refused", "unharmed", or what is wrong."""
    rng = np.random.default_rng(seed)
    source = [ledgers.ended, ledgers.killed][int(rng.integers(2))]
    path = folder / f"{seed}.db"
    parts = [end for end in ("", "-wal") if Path(f"{source}{end}").exists()]
    for end in (*parts, *["-shm"] * Path(f"{source}-shm").exists()):
        shutil.copyfile(f"{source}{end}", f"{path}{end}")
    part = Path(f"{path}{parts[int(rng.integers(len(parts)))]}")
    part.write_bytes(damaged(part.read_bytes(), rng))
    try:
        with Ledger(path) as book:
            evaluator = Evaluator(game(), book)
            values = evaluator.values(ledgers.masks)
            remarks = book.remarks(game().key, mask_algebra.pack(ledgers.masks))
            book.runs()
    except LedgerError as error:
        text = str(error)
        return "refused" if "\n" not in text and str(path) in text else f"says {text!r}"
    if values.tobytes() != ledgers.values.tobytes():
        return f"another result without notice: seed {seed}"
    if set(remarks) != {"the first of its batch"}:
        return f"another remark without notice: seed {seed}"
    return f"paid again without notice: seed {seed}" if evaluator.paid else "unharmed"


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """With a bit flipped (of four trials two), cut off, or a page zeroed."""
    place = int(rng.integers(len(content)))
    kind = int(rng.integers(4))
    if kind < 2:
        flipped = content[place] ^ (1 << int(rng.integers(8)))
        return content[:place] + bytes([flipped]) + content[place + 1 :]
    if kind == 2:
        return content[: max(place, 1)]
    start = place // PAGE * PAGE
    return (
        content[:start]
        + bytes(len(content[start : start + PAGE]))
        + content[start + PAGE :]
    )


def main(trials: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        ledgers = made(Path(name), 4096)
        found = Counter(trial(ledgers, seed, Path(name)) for seed in range(trials))
    sys.stdout.write(
        "".join(f"{count:5} {outcome}\n" for outcome, count in found.most_common())
    )
    known = {"refused", "unharmed"}
    sys.exit(sum(count for outcome, count in found.items() if outcome not in known))


if __name__ == "__main__":
    main(int(sys.argv[1]))
