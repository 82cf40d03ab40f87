"""Command: a line for a shell that asks the package again, safe to paste and to print."""

import shlex
from collections.abc import Mapping
from typing import Any

from spexlens.printable import hidden, shown


def command(name: str, text: str, options: Mapping[str, Any]) -> str:
    """`spexlens NAME --option value ... text`, in words of a shell.

    Args:
        name: of the subcommand.
        text: its argument.
        options: by their names; True is a switch without a value.
    """
    words = ["spexlens", name]
    for option, value in options.items():
        words.append(f"--{option}")
        if value is not True:
            words.append(str(value))
    # else it would be read as an option
    if text.startswith("-"):
        words.append("--")
    return " ".join(map(quoted, [*words, text]))


def quoted(word: str) -> str:
    """A word for a shell, safe to paste and to print: what a terminal would obey is
    written as its bytes.

    $'...' is understood by bash, zsh and ksh, and means the same whatever the locale.
    """
    if not hidden(word) and not {"\t", "\n"} & set(word):
        return shlex.quote(word)
    return "$'" + "".join(map(_in_dollar_quotes, word)) + "'"


def _in_dollar_quotes(letter: str) -> str:
    if letter in "\\'":
        return f"\\{letter}"
    if letter.isascii() and letter.isprintable():
        return letter
    if not letter.isascii() and shown(letter) == letter:
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
