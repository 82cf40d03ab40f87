"""A value as a graph of what it is made of, and a hash of the graph.

Each part is told once, however often it is met, so that cycles end and sharing costs
nothing. Two values have one hash exactly if what is reached from them is told the same,
step by step, whether parts are shared or equal.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from spexlens.identity.leaves import is_leaf, leaf
from spexlens.printable import ends_of, one_line

if TYPE_CHECKING:
    import torch

_THREADS = 8
_SHOWN = 300  # characters of where and what can't be told


class Unknown(Exception):  # caught by whoever asks; a user meets its text only
    """Something that decides a value can't be told; the text says what, and where."""


@dataclass(frozen=True)
class Ref:
    """A part with a node of its own."""

    number: int


@dataclass(frozen=True)
class Bag:
    """Parts in no order."""

    parts: list[Any]


@dataclass(frozen=True)
class Later:
    """What is told in a thread, once everything else is: it takes long."""

    told: Callable[[], Any]


@dataclass(frozen=True)
class Edge:
    """From a node to what it is made of: where that is, and whether what can't be told
    is forgiven in it.
    """

    number: int
    where: str
    forgiving: bool | None


@dataclass
class Node:
    """A part: what is told of it, with `Ref`s to others; or why it can't be told."""

    kind: type
    told: Any = None
    failure: str | None = None
    edges: list[Edge] = field(default_factory=list)


Teller = Callable[[Any, "Seen"], Any]
"""Tells a value, as JSON with what `Seen` gives in it and its kind first; None where it
isn't of its sort.
"""


class Seen:
    """What a teller is handed, to tell the parts of a value."""

    def __init__(self, graph: "Graph", node: Node) -> None:
        self._graph = graph
        self._node = node

    def __call__(
        self, part: Any, where: str = "", forgiving: bool | None = None
    ) -> Any:
        """A part, as it stands in a description.

        Args:
            part: anything.
            where: it is, in the value; ".name" of a submodule.
            forgiving: whether what can't be told in it is told by its class alone; as
                around it if None.
        """
        if is_leaf(part):
            return leaf(part)
        number = self._graph.number(part)
        self._node.edges.append(Edge(number, where, forgiving))
        return Ref(number)

    def data(self, tensor: "torch.Tensor") -> "Callable[[], torch.Tensor]":
        """What gives a tensor with its data.

        Raises:
            Unknown: its data is nowhere to be found.
        """
        return self._graph.data(tensor)


class Graph:
    """What a value is made of.

    Args:
        tellers: asked one after the other about each part.
        names: of the tensors without data, by their `id`.
        tensor_of: gives their data by the name.
    """

    def __init__(
        self,
        tellers: Sequence[Teller],
        names: dict[int, str] | None = None,
        tensor_of: "Callable[[str], torch.Tensor] | None" = None,
    ) -> None:
        self._tellers = tellers
        self._names = names or {}
        self._tensor_of = tensor_of
        self._numbers: dict[int, int] = {}
        self._values: list[Any] = []  # kept, so that no two have one id
        self._nodes: list[Node] = []
        self._lock = Lock()

    def number(self, value: Any) -> int:
        """The number of a value's node."""
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._nodes)
            self._values.append(value)
            self._nodes.append(Node(type(value)))
        return self._numbers[id(value)]

    def data(self, tensor: "torch.Tensor") -> "Callable[[], torch.Tensor]":
        """What gives a tensor with its data."""
        if not tensor.is_meta:
            return lambda: tensor
        name = self._names.get(id(tensor))
        tensor_of = self._tensor_of
        if tensor_of is None or name is None:
            raise Unknown("a tensor without data")

        def fetched() -> "torch.Tensor":
            with self._lock:
                return tensor_of(name)

        return fetched

    def solved(self, value: Any) -> list[str]:
        """The value's kind, and the hash of its graph.

        Raises:
            Unknown: something in it can't be told.
        """
        self.number(value)
        for number, node in enumerate(self._nodes):  # which grow on the way
            self._tell(self._values[number], node)
        self._refuse_untold()
        self._tell_the_rest()
        return [self._nodes[0].told[0], _hash(self._nodes)]

    def _tell(self, value: Any, node: Node) -> None:
        seen = Seen(self, node)
        try:
            answers = (teller(value, seen) for teller in self._tellers)
            node.told = next(told for told in answers if told is not None)
        # whatever somebody's object raises when it is looked at
        except Exception as error:
            failure = f"{aname(node.kind)}, at which {error!r}"
            if isinstance(error, Unknown):
                failure = str(error)
            node.failure = failure
            node.edges = []
            node.told = ["untold", node.kind.__module__, node.kind.__qualname__]

    def _refuse_untold(self) -> None:
        """Raise Unknown for what can't be told, unless it is reached through what is
        forgiving only.
        """
        start = (0, False)
        parents: dict[tuple[int, bool], tuple[tuple[int, bool], str]] = {}
        # breadth first: the error names the shortest way to what can't be told
        todo = deque([start])
        met = {start}
        while todo:
            place = todo.popleft()
            number, forgiving = place
            node = self._nodes[number]
            if node.failure is not None and not forgiving:
                raise Unknown(_line([*_way(place, parents), node.failure]))
            for edge in node.edges:
                inherited = edge.forgiving is None
                to = (edge.number, forgiving if inherited else bool(edge.forgiving))
                if to not in met:
                    met.add(to)
                    parents[to] = place, edge.where
                    todo.append(to)

    def _tell_the_rest(self) -> None:
        """Tell what takes long, with the cores that there are."""
        late = [node for node in self._nodes if isinstance(node.told, Later)]
        if not late:
            return
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
            answers = pool.map(lambda node: node.told.told(), late)
            for node, told in zip(late, answers, strict=True):
                node.told = told


def _way(place: Any, parents: dict[Any, Any]) -> list[str]:
    """Where a node is, from the outside in."""
    way: list[str] = []
    while place in parents:
        place, where = parents[place]
        if where:
            way.append(where)
    return way[::-1]


def _line(way: list[str]) -> str:
    """Where and what in one line; the names of submodules become one."""
    parts: list[str] = []
    path = ""
    for part in way:
        if part.startswith("."):
            path += part
        else:
            parts.append(part.replace("{module}", path[1:] or "the model"))
            path = ""
    line = one_line(": ".join(parts))
    return ends_of(line, _SHOWN, _SHOWN // 2, _SHOWN // 2)


def _hash(nodes: list[Node]) -> str:
    """sha256 of what is reached from the first node, told step by step.

    What is in no cycle, and reaches none, is hashed from its parts. The others are told
    apart in rounds: by what is told of them, then by their parts as known so far, and
    so on until no round tells more. What is then known of all of them is a machine of
    the fewest states, which is hashed.
    """
    hashes = _acyclic(nodes)
    if 0 in hashes:
        return hashes[0]
    rest = [number for number in range(len(nodes)) if number not in hashes]

    def next_round(known: dict[int, str]) -> dict[int, str]:
        every = {**hashes, **known}
        return {number: _sha(_rendered(nodes[number].told, every)) for number in rest}

    known = dict.fromkeys(rest, "")
    kinds = 0
    while len(set(known.values())) > kinds:
        kinds = len(set(known.values()))
        known = next_round(known)
    states = sorted(set(next_round(known).values()))
    return _sha([known[0], states])


def _acyclic(nodes: list[Node]) -> dict[int, str]:
    """The hashes of the nodes that reach no cycle."""
    parts = [{edge.number for edge in node.edges} for node in nodes]
    wholes: list[list[int]] = [[] for _ in nodes]
    for number, parts_of_it in enumerate(parts):
        for part in parts_of_it:
            wholes[part].append(number)
    missing = [len(parts_of_it) for parts_of_it in parts]
    ready = [number for number, count in enumerate(missing) if not count]
    hashes: dict[int, str] = {}
    while ready:
        number = ready.pop()
        hashes[number] = _sha(_rendered(nodes[number].told, hashes))
        for whole in wholes[number]:
            missing[whole] -= 1
            if not missing[whole]:
                ready.append(whole)
    return hashes


def _rendered(told: Any, hashes: dict[int, str]) -> Any:
    """JSON, the hash of a part in its place."""
    if isinstance(told, Ref):
        return {"part": hashes[told.number]}
    if isinstance(told, Bag):
        return sorted((_rendered(part, hashes) for part in told.parts), key=json.dumps)
    if isinstance(told, list):
        return [_rendered(part, hashes) for part in told]
    return told


def _sha(told: Any) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def named(kind: type) -> str:
    """A class's name, for people."""
    return kind.__qualname__.rpartition("<locals>.")[2]


def aname(kind: type) -> str:
    """An object of a class, for people."""
    name = named(kind)
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
