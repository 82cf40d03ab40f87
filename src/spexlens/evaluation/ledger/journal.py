"""Journal: whether SQLite will read all of a write-ahead log, or drop its end.

SQLite takes a log as far as its frames' checksums hold, and forgets what comes behind
without a word: right after a power cut, where nothing else can be there, and wrong where a byte in the
middle was damaged or the end was cut off. The formats are those of
https://www.sqlite.org/fileformat2.html#walformat and, of the index that SQLite keeps
beside a log and leaves there after a kill, of https://www.sqlite.org/walformat.html.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

# bytes
_HEADER = 32
_FRAME = 24
# bytes of an index's header, which is there twice, and of those the summed ones
_INDEX = 48
_SUMMED = 40
_USUAL_PAGE = 4096
_BIG_ENDIAN = 0x377F0683
_LITTLE_ENDIAN = 0x377F0682
# a log that is being written may look damaged at one moment
_LOOKS = 4
_PAUSE = 0.05


@dataclass(frozen=True)
class Damage:
    """What cannot be read of a log.

    Attributes:
        commits: how many transactions are lost; None where they are gone, and cannot be
            counted.
        pages: how many pages they wrote.
    """

    commits: int | None
    pages: int

    def __str__(self) -> str:
        pages = f"{self.pages} page{'s' * (self.pages != 1)}"
        if self.commits is None:
            return f"its end, {pages} that were committed, is gone"
        return (
            f"its last {self.commits} commit{'s' * (self.commits != 1)} ({pages})"
            " cannot be read"
        )


def damage_of(ledger: Path) -> Damage | None:
    """What is lost of the log beside a ledger; None if nothing is.

    A log that ends in the middle of a transaction is not damaged: that one was never
    committed. What was cut off whole from the end is seen by the index beside the log,
    where there is one.
    """
    log = ledger.with_name(f"{ledger.name}-wal")
    index = ledger.with_name(f"{ledger.name}-shm")
    damage = None
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE)
        # first, since a log that is in use only grows
        promised = _promised(_content(index))
        damage = _damage(_content(log), promised)
        if damage is None:
            return None
    return damage


@dataclass(frozen=True)
class _Promised:
    """What an index says of its log.

    Attributes:
        frames: that are committed.
        written: of them, those that are in the ledger itself.
        salts: which log it is.
    """

    frames: int
    written: int
    salts: bytes


def _promised(index: bytes) -> _Promised | None:
    """None of an index that is empty, being written, or damaged."""
    if len(index) < 2 * _INDEX + 4:
        return None

    header = index[:_INDEX]
    again = index[_INDEX : 2 * _INDEX]
    initialized = header[12]
    if header != again or not initialized:
        return None

    words = np.frombuffer(header, np.uint32)
    summed = _SUMMED // 4
    nothing = np.zeros((1, 2), np.uint32)
    sums = _checksums(words[None, :summed], nothing)[0]
    if (sums != words[summed:]).any():
        return None

    # behind both headers stands how far the log was copied into the ledger
    behind = index[2 * _INDEX : 2 * _INDEX + 4]
    written = int(np.frombuffer(behind, np.uint32)[0])
    return _Promised(int(words[4]), written, header[32:40])


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _damage(content: bytes, promised: _Promised | None) -> Damage | None:
    if len(content) < _HEADER + _FRAME:
        # no frame is left: gone is what the index promises and the ledger lacks
        gone = 0 if promised is None else promised.frames - promised.written
        return Damage(None, gone) if gone > 0 else None

    header = np.frombuffer(content[:_HEADER], ">u4").astype(np.uint32)
    page = _page_size(header, content)
    if page is None:
        commits = max(1, _guessed_commits(content))
        return Damage(commits, pages=len(content) // _USUAL_PAGE)

    frames = _frames(header, content, page)
    count = len(frames.whole)
    # the first frame that SQLite will not read
    first = count
    if not frames.whole.all():
        first = int(np.argmin(frames.whole))

    behind = frames.current & (np.arange(count) > first)
    lost = behind & frames.commits
    # a transaction that is whole behind a damaged frame was committed, and is dropped
    if (lost & frames.whole).any():
        return Damage(int(lost.sum()), int(behind.sum()) + 1)

    if promised is None or promised.salts != content[16:24]:
        return None
    # the index knows of more frames than there are: the end was cut off
    if promised.frames > first:
        return Damage(None, promised.frames - first)
    return None


@dataclass(frozen=True)
class _Frames:
    """The frames of a log, one page each.

    Attributes:
        current: (m,) bool, which are of this log, and not left from an earlier one.
        whole: (m,) bool, which of those are what was written.
        commits: (m,) bool, which end a transaction.
    """

    current: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    commits: NDArray[np.bool_]


def _frames(header: Words, content: bytes, page: int) -> _Frames:
    """The frames behind a log's header, (8,), up to the last that is there in full."""
    size = _FRAME + page
    count = (len(content) - _HEADER) // size
    end = _HEADER + count * size
    body = np.frombuffer(content[_HEADER:end], np.uint8)
    frames = body.reshape(-1, size)

    # a head's words are big-endian, whatever the order of those that are summed
    head_bytes = np.ascontiguousarray(frames[:, :_FRAME])
    heads = head_bytes.view(">u4").astype(np.uint32)
    # frames that an earlier log left behind have other salts
    salts = heads[:, 2:4]
    current = (salts == header[4:6]).all(axis=1)

    # a frame's checksum is of the first two words of its head, and of its page
    pages = frames[:, _FRAME:]
    summed = np.concatenate([frames[:, :8], pages], axis=1)
    summed = np.ascontiguousarray(summed)
    words = summed.view(_order(header)).astype(np.uint32)

    # sums go on from frame to frame, the first from the header's
    sums = heads[:, 4:6]
    before = np.concatenate([header[None, 6:8], sums[:-1]])

    sound = (_checksums(words, before) == sums).all(axis=1)
    commits = heads[:, 1] != 0
    return _Frames(current, current & sound, commits)


def _order(header: Words) -> str:
    """The order of bytes in the words that are summed."""
    return ">u4" if header[0] == _BIG_ENDIAN else "<u4"


def _page_size(header: Words, content: bytes) -> int | None:
    """In bytes; None if the header is damaged."""
    if header[0] not in (_BIG_ENDIAN, _LITTLE_ENDIAN):
        return None

    words = np.frombuffer(content[:24], _order(header)).astype(np.uint32)
    nothing = np.zeros((1, 2), np.uint32)
    sums = _checksums(words[None], nothing)[0]

    if (sums != header[6:8]).any():
        return None
    return int(header[2])


def _guessed_commits(content: bytes) -> int:
    """How many frames, of pages of the usual size, end a transaction."""
    frame = _FRAME + _USUAL_PAGE
    sizes = [
        content[at + 4 : at + 8]
        for at in range(_HEADER, len(content) - frame + 1, frame)
    ]
    return sum(size != bytes(4) for size in sizes)


def _checksums(words: Words, before: Words) -> Words:
    """(m, w) words of m frames, and (m, 2) checksums before each -> (m, 2) after each.

    SQLite's sums are s0 += x0 + s1; s1 += x1 + s0, two words at a time, modulo 2^32.
    They are linear: each word's part in the end is its product with a weight that
    depends on its place only.
    """
    pairs = words.shape[1] // 2

    # of what a sum is, how much there is of it in the end
    weights = np.empty((pairs, 2, 2), np.uint64)
    step = np.array([[1, 1], [1, 2]], np.uint64)
    power = np.eye(2, dtype=np.uint64)

    # from the last pair back: each step further from the end is one product more
    for pair in range(pairs - 1, -1, -1):
        weights[pair] = power
        power = _low(power @ step)

    evens = words[:, ::2]
    odds = words[:, 1::2]
    added = np.stack([evens, evens + odds], axis=2).astype(np.uint64)

    # what was summed before goes through all the steps
    end = _low(before.astype(np.uint64) @ power.T)

    # one column at a time: all products at once would be twice the memory
    for place in range(2):
        parts = added[:, :, place, None]
        products = _low(weights[None, :, :, place] * parts)
        end = _low(end + products.sum(axis=1))
    return end.astype(np.uint32)


def _low(numbers: NDArray[Any]) -> NDArray[np.uint64]:
    """Modulo 2^32."""
    return np.asarray(numbers & np.uint64(0xFFFFFFFF), np.uint64)
