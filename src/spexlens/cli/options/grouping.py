"""Grouping: puts groups of options on a command, which is handed one object a group.

A group is a frozen dataclass whose fields are typer's parameters: ::

    @dataclass(frozen=True, kw_only=True)
    class Spending:
        budget: Annotated[int, typer.Option("--budget", "-b", help="...")] = 300

    @grouped()
    def features(spending: Spending) -> None: ...

What of its options goes with what, it says in `needs`; see `spexlens.cli.unused`.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any, get_args

from spexlens.cli.unused import NEEDS, Need

Command = Callable[..., None]


@dataclass(frozen=True)
class CommandLine:
    """Beside a field's type: its type and default on a command line alone.

    A file may write more, as a list of candidates, and leave more open.

    Attributes:
        type: of the command line's option; typer knows no union of types.
        default: of the command line's option.
    """

    type: Any
    default: Any = None


class Only:
    """Beside a group's type: of its options the command has only these."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def has(self, name: str) -> bool:
        """Whether the command has this option of the group."""
        return name in self._names


class Without:
    """Beside a group's type: of its options the command has all but these."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def has(self, name: str) -> bool:
        """Whether the command has this option of the group."""
        return name not in self._names


@dataclass(frozen=True)
class _Group:
    """A group on a command.

    Attributes:
        type: the dataclass.
        options: those of its options that the command has, as typer's parameters.
    """

    type: type
    options: tuple[Parameter, ...]

    def made(self, values: dict[str, Any]) -> Any:
        """The command's object of this group; its values are taken out of all."""
        names = [option.name for option in self.options]
        return self.type(**{name: values.pop(name) for name in names})


def grouped(*, behind: Mapping[str, str] | None = None) -> Callable[[Command], Command]:
    """A decorator that lays out a command's groups as options, and hands it the groups.

    Args:
        behind: options that `--help` lists elsewhere than with their group: of each
            the option that it comes behind.
    """

    def decorate(command: Command) -> Command:
        groups: dict[str, _Group] = {}
        options: list[Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            group = _group_of(parameter.annotation)
            if group is None:
                # by keyword, options with a default may stand before those without
                options.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
            else:
                groups[parameter.name] = group
                options += group.options
        options = _moved(options, behind or {})

        @wraps(command)
        def with_groups(**values: Any) -> None:
            made = {name: group.made(values) for name, group in groups.items()}
            command(**values, **made)

        # typer reads a command's options off its signature, and help off its docstring
        with_groups.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        with_groups.__annotations__ = {
            option.name: option.annotation for option in options
        }
        NEEDS[command.__name__] = _needs(groups.values(), options)
        return with_groups

    return decorate


def _group_of(annotation: Any) -> _Group | None:
    """The group that a parameter of a command is; None if it is an option itself."""
    group, *marks = get_args(annotation) or (annotation,)
    if not isinstance(group, type) or not dataclasses.is_dataclass(group):
        return None
    fields = dataclasses.fields(group)
    for mark in marks:
        if isinstance(mark, Only | Without):
            fields = tuple(field for field in fields if mark.has(field.name))
    return _Group(group, tuple(map(_parameter, fields)))


def _parameter(field: "dataclasses.Field[Any]") -> Parameter:
    """A field as typer's parameter."""
    annotation: Any = field.type
    default = field.default
    # typer takes a parameter without a default for one that has to be given
    if default is dataclasses.MISSING:
        default = Parameter.empty
    _, *marks = get_args(annotation)
    for mark in marks:
        if isinstance(mark, CommandLine):
            annotation = Annotated[mark.type, *marks]
            default = mark.default
    return Parameter(
        field.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _moved(options: list[Parameter], behind: Mapping[str, str]) -> list[Parameter]:
    """The options, some of them at other places."""
    named = {option.name: option for option in options}
    names = list(named)
    for name, before in behind.items():
        names.remove(name)
        names.insert(names.index(before) + 1, name)
    return [named[name] for name in names]


def _needs(groups: Iterable[_Group], options: list[Parameter]) -> tuple[Need, ...]:
    """The needs of a command's groups, of the options that the command has."""
    names = {option.name for option in options}
    needs: list[Need] = []
    for group in groups:
        own: tuple[Need, ...] = getattr(group.type, "needs", ())
        needs += (need.among(names) for need in own if names.issuperset(need.beside))
    return tuple(needs)
