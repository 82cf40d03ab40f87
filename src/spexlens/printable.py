"""Printable: what strangers' words may hold and a terminal would obey, or hide, shown
instead of sent.

An escape character, a C1 control or a bidirectional control in a label, a path or a
model's name would move the cursor, hide words or turn their order round. Each is shown
as Python writes it, such as \\x1b or \\u202e. Characters of no width are shown where
they hide: the joiners of an emoji, of Persian or of Hindi are left as they are, and so
are tabs and the ends of lines.
"""

import re
import unicodedata
from collections.abc import Iterator

# of a part of a country, as Scotland's
_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
_UNSEEN = re.compile(
    f"({_FLAG})|"
    # C0 but tab and newline, DEL, C1, the soft hyphen
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    # of no width, ends of lines, bidirectional
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff"  # halves of characters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef]"
)
_JOINERS = "\u200b\u200c\u200d"
# of scripts without capitals: Arabic, Hindi, Thai, Chinese
_LETTERS = ("Lo", "Mn", "Mc")
_LONGEST = 2_000  # characters of a line


def shown(text: str) -> str:
    """A text as it can be sent to a terminal: nothing in it moves, hides or turns round
    what is seen.

    Tabs and newlines stay; a carriage return before a newline is part of the line's
    end. What is shown once stays as it is when it is shown again.
    """
    return "".join(part for part, _ in _parts(text))


def line(text: str) -> str:
    """The same on one line, with tabs and newlines shown as well; of a very long one
    the ends.
    """
    said = shown(text).replace("\n", "\\n").replace("\t", "\\t")
    if len(said) <= _LONGEST:
        return said
    return f"{said[: _LONGEST // 2]} … {said[-_LONGEST // 2 :]}"


def places(text: str) -> list[int]:
    """(len(text) + 1,) where each character of a text begins in what is shown of it,
    and where it ends.
    """
    found = list[int]()
    length = 0
    for part, count in _parts(text):
        if part == "" or count == 1:
            found += [length] * count
        else:
            found += range(length, length + count)
        length += len(part)
    return [*found, length]


def hidden(text: str) -> bool:
    """Whether a text has something that is not sent as it is."""
    return shown(text) != text


def in_json(text: str) -> str:
    """JSON text with every such character as JSON escapes it: the same JSON, safe to
    print.
    """
    return _UNSEEN.sub(lambda found: "".join(map(_json, found[0])), text)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """What is shown of a text, part by part, and of how many characters each is."""
    last = 0
    for found in _UNSEEN.finditer(text):
        if found[1] or _is_ordinary(text, found.start()):
            continue
        if found.start() > last:
            yield text[last : found.start()], found.start() - last
        last = found.end()
        ends_a_line = found[0] == "\r" and text[last : last + 1] == "\n"
        yield "" if ends_a_line else _escape(found[0]), 1
    if last < len(text):
        yield text[last:], len(text) - last


def _is_ordinary(text: str, place: int) -> bool:
    """Whether a character of no width belongs where it stands, between two that it
    joins or keeps apart.
    """
    letter = text[place]
    before = text[place - 1 : place]
    after = text[place + 1 : place + 2]
    if not before or not (letter in _JOINERS or _selects(letter)):
        return False
    kind = unicodedata.category(before)
    if _selects(letter):  # which picture of the character before it
        keycap = after == "\u20e3"
        return not _selects(before) and (
            (kind in ("So", "Sm", "Po", "Lo") and before not in "#*") or keycap
        )
    joined = _is_picture(before) and _is_picture(after) and letter == "\u200d"
    return joined or (
        kind in _LETTERS and bool(after) and unicodedata.category(after) in _LETTERS
    )


def _selects(letter: str) -> bool:
    return "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


def _is_picture(letter: str) -> bool:
    """Of an emoji: a symbol, a colour of skin, or what selects the symbol before it."""
    if not letter:
        return False
    coloured = letter == "\ufe0f" or "\U0001f3fb" <= letter <= "\U0001f3ff"
    return coloured or unicodedata.category(letter) in ("So", "Sm")


def _escape(letter: str) -> str:
    code = ord(letter)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _json(letter: str) -> str:
    """As JSON escapes it, in two halves where it must be."""
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
