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
# of characters that have several pictures: symbols, punctuation, Chinese
_PICTURED = ("So", "Sm", "Po", "Lo")
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
    escaped = shown(text).replace("\n", "\\n").replace("\t", "\\t")
    return ends_of(escaped, _LONGEST, _LONGEST // 2, _LONGEST // 2)


def one_line(text: object, longest: int | None = None) -> str:
    """A text, or what is written of an object, in one line: all white space between two
    words is one space.

    Args:
        text: any.
        longest: the number of characters that it is cut off after; None for all.
    """
    return " ".join(str(text).split())[:longest]


def ends_of(text: str, longest: int, first: int, last: int) -> str:
    """A text of at most `longest` characters; of a longer one so many of the first and
    of the last.
    """
    if len(text) <= longest:
        return text
    return f"{text[:first]} … {text[-last:]}"


def places(text: str) -> list[int]:
    """(len(text) + 1,) where each character of a text begins in what is shown of it,
    and where it ends.
    """
    starts: list[int] = []
    length = 0
    for part, count in _parts(text):
        if part == "" or count == 1:  # an escape, or nothing, stands for one character
            starts += [length] * count
        else:
            starts += range(length, length + count)
        length += len(part)
    return [*starts, length]


def hidden(text: str) -> bool:
    """Whether a text has something that is not sent as it is."""
    return shown(text) != text


def in_json(text: str) -> str:
    """JSON text with every such character as JSON escapes it: the same JSON, safe to
    print.
    """
    return _UNSEEN.sub(lambda match: "".join(map(_json, match[0])), text)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """What is shown of a text, part by part, and of how many characters each is."""
    last = 0
    for match in _UNSEEN.finditer(text):
        start = match.start()

        # a flag is spelled in characters that hide elsewhere
        if match[1] or _is_ordinary(text, start):
            continue

        if start > last:
            yield text[last:start], start - last
        last = match.end()

        ends_a_line = match[0] == "\r" and text[last : last + 1] == "\n"
        yield "" if ends_a_line else _escape(match[0]), 1

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
        if _selects(before):
            return False
        keycap = after == "\u20e3"
        return keycap or (kind in _PICTURED and before not in "#*")

    if letter == "\u200d" and _is_picture(before) and _is_picture(after):
        return True

    # a joiner between two letters of such a script
    if kind not in _LETTERS or not after:
        return False
    return unicodedata.category(after) in _LETTERS


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
    if code < 0x100:
        return f"\\x{code:02x}"
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def _json(letter: str) -> str:
    """As JSON escapes it, in two halves where it must be."""
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
