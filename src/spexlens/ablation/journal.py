"""Journal: whether SQLite will read all of a write-ahead log, or drop its end without a word.

SQLite takes a log as far as its frames' checksums hold, and forgets what comes behind: right after a
power cut, where nothing else can be there, and wrong where a byte in the middle was damaged. The format
is that of https://www.sqlite.org/fileformat2.html#walformat.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_HEADER, _FRAME = 32, 24  # bytes
_BIG_ENDIAN, _LITTLE_ENDIAN = 0x377F0683, 0x377F0682
_LOOKS, _PAUSE = 4, 0.05  # a log that is being written may look damaged at one moment


@dataclass(frozen=True)
class Damage:
    """What cannot be read of a log.

    Attributes:
        commits: how many transactions are lost.
        pages: how many pages they wrote.
    """

    commits: int
    pages: int

    def __str__(self) -> str:
        commits = f"{self.commits} commit{'s' * (self.commits != 1)}"
        return f"its last {commits} ({self.pages} page{'s' * (self.pages != 1)}) cannot be read"


def damage_of(ledger: Path) -> Damage | None:
    """What is lost of the log beside a ledger; None if nothing is, or there is no log.

    A log that ends in the middle of a transaction is not damaged: that one was never committed. What was
    cut off whole from the end cannot be seen.
    """
    log = ledger.with_name(f"{ledger.name}-wal")
    found = None
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE)
        try:
            content = log.read_bytes()
        except FileNotFoundError:
            return None
        found = _damage(content)
        if found is None:
            return None
    return found


def _damage(content: bytes) -> Damage | None:
    if len(content) < _HEADER + _FRAME:
        return None
    header = np.frombuffer(content[:_HEADER], ">u4").astype(np.uint32)
    page = _page_size(header, content)
    if page is None:
        return Damage(commits=max(1, _guessed_commits(content)), pages=len(content) // 4096)
    frames = np.frombuffer(
        content[_HEADER : len(content) - (len(content) - _HEADER) % (_FRAME + page)], np.uint8
    )
    frames = frames.reshape(-1, _FRAME + page)
    heads = np.ascontiguousarray(frames[:, :_FRAME]).view(">u4").astype(np.uint32)
    current = (heads[:, 2:4] == header[4:6]).all(axis=1)
    order = ">u4" if header[0] == _BIG_ENDIAN else "<u4"
    body = np.concatenate([frames[:, :8], frames[:, _FRAME:]], axis=1)
    words = np.ascontiguousarray(body).view(order).astype(np.uint32)
    before = np.concatenate([header[None, 6:8], heads[:-1, 4:6]])
    whole = current & (_checksums(words, before) == heads[:, 4:6]).all(axis=1)
    if whole.all():
        return None
    first = int(np.argmin(whole))
    behind = np.arange(len(whole)) > first
    commits = behind & current & (heads[:, 1] != 0)
    if not (commits & whole).any():
        return None
    return Damage(int(commits.sum()), int((behind & current).sum()) + 1)


def _page_size(header: Words, content: bytes) -> int | None:
    """In bytes; None if the header is damaged."""
    words = np.frombuffer(content[:24], ">u4" if header[0] == _BIG_ENDIAN else "<u4").astype(np.uint32)
    known = header[0] in (_BIG_ENDIAN, _LITTLE_ENDIAN)
    if not known or (_checksums(words[None], np.zeros((1, 2), np.uint32))[0] != header[6:8]).any():
        return None
    return int(header[2])


def _guessed_commits(content: bytes) -> int:
    """How many frames of 4,096 bytes, SQLite's usual page, end a transaction."""
    frame = _FRAME + 4096
    sizes = [content[at + 4 : at + 8] for at in range(_HEADER, len(content) - frame + 1, frame)]
    return sum(size != bytes(4) for size in sizes)


def _checksums(words: Words, before: Words) -> Words:
    """(m, w) words of m frames, and (m, 2) checksums before each -> (m, 2) after each.

    SQLite's sums are s0 += x0 + s1; s1 += x1 + s0, two words at a time, modulo 2^32. They are linear: each
    word's part in the end is its product with a weight that depends on its place only.
    """
    pairs = words.shape[1] // 2
    weights = np.empty((pairs, 2, 2), np.uint64)  # of what a sum is, how much there is of it in the end
    step = np.array([[1, 1], [1, 2]], np.uint64)
    power = np.eye(2, dtype=np.uint64)
    for pair in range(pairs - 1, -1, -1):
        weights[pair] = power
        power = _low(power @ step)
    added = np.stack([words[:, ::2], words[:, ::2] + words[:, 1::2]], axis=2).astype(np.uint64)
    end = _low(before.astype(np.uint64) @ power.T)
    for place in range(2):
        products = _low(weights[None, :, :, place] * added[:, :, place, None])
        end = _low(end + products.sum(axis=1))
    return end.astype(np.uint32)


def _low(numbers: NDArray[Any]) -> NDArray[np.uint64]:
    """Modulo 2^32."""
    return np.asarray(numbers & np.uint64(0xFFFFFFFF), np.uint64)
