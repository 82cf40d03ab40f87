"""Functions, classes and modules: by name where installed, else by what they do."""

import builtins
import dis
import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from spexlens.identity.graph import Bag, Seen, Unknown, named
from spexlens.identity.places import found, imported, installed, installed_file, sources

_GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_BESIDE = {
    "__doc__",
    "__dict__",
    "__weakref__",
    "__module__",
    "__qualname__",
    "__annotations__",
    "__annotations_cache__",
    "__annotate__",
    "__annotate_func__",
    "__firstlineno__",
    "__static_attributes__",
    "__slotnames__",
    "__abstractmethods__",
    "__orig_bases__",
    "__parameters__",
    "__type_params__",
    "_abc_impl",
    "_backward_cls",  # of torch, which numbers them
}
_WRAPPED = 4  # wrappers, one round the other, that are looked into
_BUILTIN = (types.BuiltinFunctionType, types.MethodWrapperType)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_OF_A_CLASS = (
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)


def tell_code(value: Any, seen: Seen) -> Any:
    """A function, a class, a method, a property or a module; None for anything else."""
    if isinstance(value, types.FunctionType):
        return _function(value, seen)
    if isinstance(value, type):
        return _class(value, seen)
    if isinstance(value, types.CodeType):
        return _code(value, seen)
    if isinstance(value, types.ModuleType):
        if installed(value.__name__):
            return ["module", value.__name__]
        return ["module", value.__name__, sources(value.__name__)]
    if isinstance(value, types.MethodType):
        return [
            "method",
            seen(value.__func__),
            seen(value.__self__, f"what {_name(value)} is bound to"),
        ]
    if isinstance(value, property):
        return ["property", seen(value.fget), seen(value.fset), seen(value.fdel)]
    if isinstance(value, (staticmethod, classmethod)):
        return [type(value).__name__, seen(value.__func__)]
    if isinstance(value, functools.cached_property):
        return ["cached property", seen(value.func)]
    return _named(value, seen)


def _named(value: Any, seen: Seen) -> Any:
    """What is no Python function, but goes by a name; None for anything else."""
    if not callable(value):
        return None
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None)
    if not isinstance(name, str):
        name = getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        by_name = False
    else:
        by_name = found(module, name) is value
    if by_name and installed(module):
        return ["name", module, name]
    if by_name and isinstance(value, _BUILTIN):
        return ["name", module, name, sources(str(module))]
    if isinstance(value, functools._lru_cache_wrapper):
        return ["cached", seen(value.__wrapped__)]
    if isinstance(value, np.ufunc):
        return _ufunc(value)
    if isinstance(value, _OF_A_CLASS):
        return ["of class", seen(value.__objclass__), value.__name__]
    if isinstance(value, _BUILTIN):
        return _builtin(value, seen)
    return None


def _builtin(value: Any, seen: Seen) -> Any:
    """A function or a method of an extension."""
    owner = value.__self__
    if isinstance(owner, types.ModuleType) or owner is None:
        module = value.__module__ or _whose(value)
        if found(module, value.__name__) is value:
            return ["name", module, value.__name__]
        raise Unknown(f"the function {value.__qualname__}, which goes by no name")
    return ["method", value.__name__, seen(owner, f"what {_name(value)} is bound to")]


def _whose(value: Any) -> str | None:
    """The outermost installed module that holds a function which does not say where it
    is from.
    """
    names = sorted(sys.modules, key=lambda name: (name.count("."), name))
    for name in names:
        if _holds(sys.modules.get(name), value.__name__, value) and installed(name):
            return name
    return None


def _holds(module: Any, name: str, value: Any) -> bool:
    """Whether a module holds something, without asking for what it would import first."""
    return isinstance(module, types.ModuleType) and vars(module).get(name) is value


def _ufunc(value: Any) -> Any:
    for module in ("numpy", "scipy.special"):
        if found(module, value.__name__) is value:
            return ["name", module, value.__name__]
    raise Unknown(f"the function {value.__name__!r} of numpy.frompyfunc")


def _function(value: types.FunctionType, seen: Seen) -> Any:
    """By its code, what it is bound to, the globals that it reads and the modules that
    it imports.
    """
    if not own(value):
        return _installed_function(value, seen)
    steps = _steps(value.__code__)
    names = {str(step.argval) for step in steps if step.opname in _GLOBALS}
    read = []
    attributes = []
    for name in sorted(names):
        if name in value.__globals__:
            content = value.__globals__[name]
            where = f"global {name!r} of {_name(value)}"
            read.append([name, seen(content, where, False)])
            attributes += _attributes(content, value, seen)
        elif not hasattr(builtins, name):
            read.append([name])
    return [
        "function",
        seen(value.__code__),
        *_bound(value, seen),
        read,
        attributes,
        _imported(value, steps),
    ]


def _installed_function(value: types.FunctionType, seen: Seen) -> Any:
    """By its name; one that is made on the way by its code, too, and by what it closes
    over.
    """
    if _goes_by_its_name(value):
        return ["name", value.__module__, value.__qualname__]
    registry = getattr(value, "registry", None)
    of_functools = value.__code__.co_filename == functools.__file__
    if of_functools and isinstance(registry, types.MappingProxyType):
        return ["single dispatch", seen(registry)]
    home = value.__globals__.get("__name__")
    return [
        "made by",
        seen(home),
        value.__code__.co_qualname,
        seen(value.__code__),
        *_bound(value, seen),
    ]


def _goes_by_its_name(value: types.FunctionType | type) -> bool:
    """Whether it is what an installed module has under its name."""
    if not installed(value.__module__):
        return False
    return found(value.__module__, value.__qualname__) is value


def _bound(value: types.FunctionType, seen: Seen) -> list[Any]:
    """A function's defaults, what it closes over, and its attributes."""
    closed = []
    strict = False if own(value) else None
    names = value.__code__.co_freevars
    for name, cell in zip(names, value.__closure__ or (), strict=True):
        try:
            content = cell.cell_contents
        except ValueError:  # nothing yet
            closed.append([name])
            continue
        where = f"{name!r} closed over by {_name(value)}"
        closed.append([name, seen(content, where, strict)])
    defaults = seen(value.__defaults__, f"a default of {_name(value)}", strict)
    keywords = seen(value.__kwdefaults__, f"a default of {_name(value)}", strict)
    return [
        defaults,
        keywords,
        closed,
        seen(value.__dict__ or None, f"attribute of {_name(value)}", strict),
    ]


def own(value: types.FunctionType) -> bool:
    """Whether a function is somebody's own; what is generated belongs to whose names it
    reads.
    """
    file = value.__code__.co_filename
    if file.startswith("<") and not file.startswith("<frozen "):
        return not installed(value.__globals__.get("__name__"))
    return not installed_file(file)


def _attributes(module: Any, value: types.FunctionType, seen: Seen) -> list[Any]:
    """What a function may read of somebody's own module, as it is now."""
    if not isinstance(module, types.ModuleType) or installed(module.__name__):
        return []
    names = {name for code in _nested(value.__code__) for name in code.co_names}
    where = f"of {module.__name__} in {_name(value)}"
    return [
        [module.__name__, name, seen(vars(module)[name], f"{name!r} {where}", False)]
        for name in sorted(names & vars(module).keys())
    ]


def _imported(value: types.FunctionType, steps: list[dis.Instruction]) -> list[Any]:
    """The files of somebody's own modules that a function imports."""
    package = str(value.__globals__.get("__package__") or "")
    names: set[str] = set()
    # the two steps before an import load how far up it begins, and what it picks
    for level, picked, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME":
            module = str(step.argval)
            chosen = list(picked.argval or ())
            names.update(imported(module, level.argval or 0, chosen, package))
    files = [[name, _sources(name)] for name in sorted(names)]
    return [pair for pair in files if pair[1]]


def _sources(name: str) -> list[list[str]]:
    try:
        return sources(name)
    except Unknown:  # no module, but what is in one
        return []


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """Code, and the code in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _steps(code: types.CodeType) -> list[dis.Instruction]:
    """What code does, and the code in it."""
    codes = _nested(code)
    steps = (step for inner in codes for step in dis.get_instructions(inner))
    return [step for step in steps if step.opname != "EXTENDED_ARG"]


def _code(code: types.CodeType, seen: Seen) -> Any:
    """What code does; not where it is written."""
    counts = [
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
    ]
    names = [
        list(code.co_names),
        list(code.co_varnames),
        list(code.co_freevars),
        list(code.co_cellvars),
    ]
    steps = [code.co_code.hex(), code.co_exceptiontable.hex()]
    return [
        "code",
        counts,
        names,
        steps,
        [seen(constant) for constant in code.co_consts],
    ]


def _class(value: type, seen: Seen) -> Any:
    """By its name; one of somebody's own, or made on the way, by its bases and what is
    in it.
    """
    if _goes_by_its_name(value):
        return ["class", value.__module__, value.__qualname__, *_patched(value, seen)]
    strict = None if installed(value.__module__) else False
    members = [
        [seen(name), seen(member, f"{name!r} of {named(value)}", strict)]
        for name, member in vars(value).items()
        if name not in _BESIDE and not isinstance(member, _SLOTS)
    ]
    bases = [seen(base) for base in value.__bases__]
    return ["own class", value.__qualname__, seen(type(value)), bases, Bag(members)]


def _patched(value: type, seen: Seen) -> list[Any]:
    """The methods of an installed class that somebody put another in the place of."""
    patched = []
    for base in value.__mro__:
        for name, member in sorted(vars(base).items()):
            if installed(base.__module__) and holds_own(member):
                told = seen(member, f"{name!r} of {named(value)}", False)
                patched.append([base.__qualname__, name, told])
    return patched


def holds_own(value: Any, depth: int = 0) -> bool:
    """Whether it is code of somebody's own, or wrapped round such, as a decorator of a
    package does.
    """
    value = getattr(value, "__func__", getattr(value, "fget", value))
    if isinstance(value, (functools.partial, functools.partialmethod)):
        value = value.func
    if not isinstance(value, types.FunctionType):
        if isinstance(value, type) or not callable(value):
            return False
        return not installed(type(value).__module__)
    if own(value) or depth >= _WRAPPED:
        return own(value)
    empty = types.CellType()
    cells = [cell.cell_contents for cell in value.__closure__ or () if cell != empty]
    inner = (*cells, getattr(value, "__wrapped__", None))
    return any(holds_own(wrapped, depth + 1) for wrapped in inner)


def _name(value: Any) -> str:
    """A function's name, for people."""
    return str(getattr(value, "__qualname__", "a function")).rpartition("<locals>.")[2]
