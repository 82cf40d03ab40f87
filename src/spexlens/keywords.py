"""Keywords: one that a function does not have is refused with the one that was meant."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from spexlens.arguments import nearest
from spexlens.errors import UnknownArgument

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

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
        parameters = inspect.signature(function).parameters.values()
        known = [
            parameter.name
            for parameter in parameters
            if parameter.kind in _NAMED and parameter.name != "self"
        ]
        for names in more:
            known += names
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
    advice = f"it has {', '.join(known)}"
    if near is not None:
        advice = f"did you mean {near}?"
    return f"{called} has no argument {name!r}; {advice}"
