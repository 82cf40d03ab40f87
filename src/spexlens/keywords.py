"""Keywords: arguments that a function does not have are refused with the one that was
meant.
"""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from spexlens.arguments import nearest
from spexlens.errors import UnknownArgument

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def keywords(
    *more: Iterable[str],
) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Makes a function say which of its keywords was meant by one that it does not
    have.

    Args:
        more: keywords that it has beside those of its signature, such as those of a
            typed `**evidence`.
    """

    def checked(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
        named = (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        )
        known = [
            each.name
            for each in inspect.signature(function).parameters.values()
            if each.kind in named
        ]
        known = [name for name in known if name != "self"] + [
            name for each in more for name in each
        ]
        called = function.__qualname__.removesuffix(".__init__")

        @wraps(function)
        def call(*args: Given.args, **given: Given.kwargs) -> Answer:
            for name in given:
                if name not in known:
                    raise UnknownArgument(_said(called, name, known))
            return function(*args, **given)

        return call

    return checked


def _said(called: str, name: str, known: list[str]) -> str:
    near = nearest(name, known)
    mended = (
        f"did you mean {near}?" if near is not None else f"it has {', '.join(known)}"
    )
    return f"{called} has no argument {name!r}; {mended}"
