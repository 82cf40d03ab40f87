"""Seals: checksums by which a ledger knows that what it holds is what was written."""

from hashlib import blake2b

SIZE = 8  # bytes of a seal: one damaged row in 2^64 would pass
NOTHING = bytes(SIZE)
"""The tally of no row."""


class Sealer:
    """Makes the seals of one game's rows.

    A seal is BLAKE2b over the game's fingerprint, the mask, the value and the remark on
    it, each behind its length, so that no byte of a row can change, and no row can move
    to another game, unnoticed.
    """

    def __init__(self, fingerprint: str) -> None:
        """
        Args:
            fingerprint: what the ledger knows the game by.
        """
        self._begun = blake2b(_measured(_bytes(fingerprint)), digest_size=SIZE)

    def seal(self, mask: bytes, value: bytes, remark: str | None) -> bytes:
        """The seal of a row, 8 bytes."""
        hashed = self._begun.copy()
        hashed.update(_measured(mask))
        hashed.update(_measured(value))
        if remark is not None:
            hashed.update(_measured(_bytes(remark)))
        return hashed.digest()


def seal_of(*parts: object) -> bytes:
    """The seal of a few numbers, texts and bytes, 8 bytes."""
    hashed = blake2b(digest_size=SIZE)
    for part in parts:
        data = part if isinstance(part, bytes) else _bytes(str(part))
        hashed.update(_measured(data))
    return hashed.digest()


def tally(one: bytes, other: bytes) -> bytes:
    """Two tallies, or a tally and a seal, in one: the order does not matter, and twice
    is not at all.
    """
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(SIZE)


def _measured(part: bytes) -> bytes:
    return len(part).to_bytes(4) + part


def _bytes(text: str) -> bytes:
    # half a character is text to Python, and no UTF-8
    return text.encode(errors="surrogatepass")
