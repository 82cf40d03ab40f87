"""Known: what the model is, where it comes with the package, and which words of the
text it does not know.
"""

from collections.abc import Mapping
from typing import Any

_NAMED = 12


def said_of_knowledge(facts: Mapping[str, Any]) -> list[str]:
    """The lines that say so; none where the model is not a bundled one and knows every
    word.
    """
    lines = [f"model: {facts['about']}"] if facts.get("about") else []
    unknown = facts.get("unknown")
    if isinstance(unknown, list) and unknown:
        named = ", ".join(map(str, unknown[:_NAMED]))
        rest = len(unknown) - _NAMED
        more = f" and {rest} more" if rest > 0 else ""
        lines.append(
            f"unknown: the model does not know {named}{more}; it reads all such words"
            " alike"
        )
    return lines
