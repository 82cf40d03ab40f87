"""Mutations: what a file may hold that nobody meant to write, drawn from a seed, the
same each time.
"""

import json
import random
from copy import deepcopy
from typing import Any

_RAW = {  # what no value of Python is written as
    "@digits@": "9" * 4400,
    "@more@": "7" * 400,
    "@large@": "1e400",
    "@deep@": "[" * 100_000 + "]" * 100_000,
    "@objects@": '{"a":' * 3_000 + "1" + "}" * 3_000,
}
_STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 10**9, 2**31, 2**63, -(2**63), 10**30),
    *(
        0.0,
        -0.0,
        0.5,
        -1.5,
        1e308,
        -1e308,
        1e155,
        1e-320,
        float("nan"),
        float("inf"),
        -float("inf"),
    ),
    *(
        "",
        " ",
        "x",
        "0",
        "-1",
        "L0.H0",
        "0-9999999999",
        "nan",
        "\x1b[31mred\x9b\u202e\u2028",
        "\ud83d",
    ),
    *(
        "x" * 5_000,
        "[bold]",
        "a\nb\tc",
        "../../etc",
        "/",
        "\0",
        "{text}",
        "*" * 200,
        "é" * 300,
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        [None],
        ["x"],
        [0],
        [1.0],
        {"a": 1},
        {"": None},
        {"\x1b": [1]},
        [0] * 500,
    ),
    *_RAW,
]
Path_ = tuple[Any, ...]


def places_of(value: Any) -> list[Path_]:
    """Where there is something in JSON, its keys and positions from the outside in."""
    found: list[Path_] = [()]
    left: list[tuple[Path_, Any]] = [((), value)]
    while left:
        path, part = left.pop()
        named = (
            part.items()
            if isinstance(part, dict)
            else enumerate(part)
            if isinstance(part, list)
            else ()
        )
        for key, each in named:
            found.append((*path, key))
            left.append(((*path, key), each))
    return found


def mutated(value: Any, rng: random.Random) -> Any:
    """A copy of JSON with one to three things in it that should not be there, or not be
    missing.
    """
    value = deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _once(value, rng)
    return value


def _once(value: Any, rng: random.Random) -> Any:
    paths = places_of(value)
    # Few are deep in long lists: those at the top are met as often.
    shallow = [path for path in paths if len(path) <= 3]
    path = rng.choice(rng.choice((paths, shallow)))
    if not path:
        return deepcopy(rng.choice(_STRANGE)) if rng.random() < 0.2 else value
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    key, part = path[-1], holder[path[-1]]
    what = rng.randrange(9)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.insert(key, deepcopy(part))
    elif what == 2:
        other = rng.choice(paths)
        found = value
        for step in other:
            found = found[step] if _has(found, step) else found
        holder[key] = deepcopy(found)
    elif what == 3:
        holder[key] = [part] if rng.random() < 0.5 else {"a": part}
    elif what == 4:
        holder[key] = _as_another(part, rng)
    elif what == 5 and isinstance(holder, dict):
        holder[rng.choice(("", "unknown", "\x1b[2J", "a.b", "lens", "text", "n"))] = (
            deepcopy(part)
        )
    elif what == 6 and isinstance(part, list):
        holder[key] = (
            part[::-1] if rng.random() < 0.5 else part[: rng.randrange(len(part) + 1)]
        )
    elif what == 7 and isinstance(part, int | float) and abs(part) < 1e200:
        holder[key] = rng.choice(
            (part * 1e12, -part, part + 1, part - 1, part * 1e300, part * 2**40)
        )
    else:
        holder[key] = deepcopy(rng.choice(_STRANGE))
    return value


def _has(value: Any, step: Any) -> bool:
    return (isinstance(value, dict) and step in value) or (
        isinstance(value, list) and isinstance(step, int) and step < len(value)
    )


def _as_another(part: Any, rng: random.Random) -> Any:
    """The same as another type would say it."""
    if isinstance(part, str):
        return rng.choice(
            ([part], {"text": part}, len(part), part + "\x1b[31m", part[:1], part * 50)
        )
    if isinstance(part, list):
        return rng.choice(
            (
                {str(place): each for place, each in enumerate(part)},
                str(part)[:50],
                len(part),
            )
        )
    if isinstance(part, dict):
        return rng.choice((list(part.values()), list(part), str(part)[:50]))
    return str(part)


def written(value: Any) -> str:
    """A mutated value as JSON text."""
    text = json.dumps(value)
    for name, raw in _RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text


def as_toml(value: dict[str, Any]) -> str:
    """A mutated value as TOML text, tables at the top and all else in one line each."""
    lines = [
        f"{_key(key)} = {_toml(part)}"
        for key, part in value.items()
        if not isinstance(part, dict)
    ]
    for key, part in value.items():
        if isinstance(part, dict):
            lines.append(f"[{_key(key)}]")
            lines += [f"{_key(name)} = {_toml(each)}" for name, each in part.items()]
    return "\n".join(lines) + "\n"


def _key(key: Any) -> str:
    return json.dumps(str(key))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _RAW.get(value, json.dumps(value))
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_key(key)} = {_toml(part)}" for key, part in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "nothing" if value is None else repr(value)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes of which some are others, are gone, or are there twice."""
    if not content:
        return rng.randbytes(8)
    what, place = rng.randrange(6), rng.randrange(len(content))
    if what == 0:
        return content[:place]
    if what == 1:
        return content[:place] + content[place + rng.randrange(1, 9) :]
    if what == 2:
        return content[:place] + content[place : place + 40] + content[place:]
    if what == 3:
        odd = (
            b"\x00",
            b"\xff\xfe",
            b"\x1b[2J",
            b"\r",
            b'"',
            b"{",
            b"[" * 300,
            b"9" * 4400,
            b"\xed\xa0\x80",
        )
        return content[:place] + rng.choice(odd) + content[place:]
    flipped = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)
