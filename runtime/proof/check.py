"""The check of ``proof.json``: follow the emitted C byte by byte and compare it with the facts of the graph.

It reads a build's C, ``edgekit.h`` and the table of contracts. For each function it keeps which value every byte holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, prod
from pathlib import Path

import numpy as np

from edgekit.runtime.proof.expressions import Expressions
from edgekit.runtime.proof.memory import WORK, Block, block_name
from edgekit.runtime.proof.order import depends_on_order
from edgekit.runtime.proof.program import PROOF_FILE, Program, read_program
from edgekit.runtime.proof.syntax import ITEMS, NotUnderstood, Tree
from edgekit.runtime.proof.values import WIDE, Facts, Pointer, Span, Value, exact

__all__ = ["PROOF_FILE", "Verdict", "check_proof", "verdict_of"]


@dataclass(frozen=True)
class Verdict:
    """The findings about a proof.

    Attributes:
        problems: what contradicts it.
        unchecked: the functions and nodes whose C the check does not understand, and what stopped it.
        functions: that were followed.
        calls: of kernels in one call of each function.
        sums: of each integer layer [layer, weights, largest sum, largest that fits].
        times: where data decides how many instructions run [function, node, call, most that it adds]; infinite where
            no bound is known.
    """

    problems: tuple[str, ...]
    functions: tuple[str, ...]
    calls: int
    sums: tuple[tuple[str, str, int, int], ...] = ()
    unchecked: tuple[str, ...] = ()
    times: tuple[tuple[str, str, str, float], ...] = ()

    @property
    def most_added(self) -> float:
        """Instructions of a hop that data may add to the fewest; infinite where no bound is known."""
        if self.findings:
            return inf
        functions = {name for name, *_ in self.times if not name.endswith(("_session", "_reset"))}
        sums = [sum(row[3] for row in self.times if row[0] == name) for name in functions]
        return max(sums, default=0)

    @property
    def findings(self) -> tuple[str, ...]:
        """All that keeps the check from accepting a build."""
        return (*self.problems, *self.unchecked)


def check_proof(folder: Path) -> Verdict:
    """Follow the C of a build folder."""
    try:
        program = read_program(folder)
    except NotUnderstood as error:
        return Verdict((), (), 0, unchecked=(_limit_of("weights", error),))
    return verdict_of(program)


def verdict_of(program: Program) -> Verdict:
    """Follow all functions that the facts name."""
    functions = {**program.facts["functions"], **dict(_resets(program))}
    runs = [row for row in functions.items() if row[0] in program.functions]
    followed = [Function(program, *row) for row in (*runs, *_pcm_hops(program))]
    unchecked = tuple(chain.from_iterable(function.limits() for function in followed))
    own, sums = followed[: len(runs)], tuple(_sums(program))
    return Verdict(
        (*_absent_functions(program), *_contradictions(followed), *_wrong_sums(sums)),
        tuple(functions),
        sum(function.count for function in own),
        sums,
        unchecked,
        tuple((f.name, *key, most) for f in own for key, most in f.times.items()),
    )


def _absent_functions(program: Program) -> list[str]:
    """The functions of the facts that the C lacks."""
    names = [name for name in program.facts["functions"] if name not in program.functions]
    return [f"{name}: the C has no such function" for name in names]


def _contradictions(followed: Sequence["Function"]) -> Iterator[str]:
    """What functions found, with the caller where it is not the program around the build."""
    for function in followed:
        caller = f"as {function.name}_s16 calls it, " if "places" in function.facts else ""
        yield from (caller + text for text in function.found)


def _wrong_sums(sums: Sequence[tuple[str, str, int, int]]) -> Iterator[str]:
    for layer, weights, reach, limit in sums:
        if reach > limit:
            yield f"{layer}: sums of {weights} reach {reach}, at most {limit} fit"


def _limit_of(where: str, error: Exception) -> str:
    return f"{where}: {error} is not C that the check understands"


def _resets(program: Program) -> Iterator[tuple[str, Facts]]:
    """The functions that begin a stream: each leaves something in all states that sessions do not keep."""
    facts = program.facts["functions"]
    for name, own in facts.items():
        stem, _, kind = name.rpartition("_")
        if kind == "process" and f"{stem}_reset" in program.functions:
            kept = [end[1] for end in facts.get(f"{stem}_session", {}).get("ends", ())]
            places = [(place, own["values"][x][0]) for x, place in own["starts"]]
            states = [row for row in places if row[0].startswith("st+") and row[0] not in kept]
            node = {"node": "reset", "op": "", "inputs": [], "outputs": []}
            empty: Facts = {"values": {}, "starts": [], "ends": [], "nodes": [node]}
            yield f"{stem}_reset", {**empty, "begins": states}


def _pcm_hops(program: Program) -> Iterator[tuple[str, Facts]]:
    """Hops as NAME_process_s16 calls them: with inputs and outputs in work space."""
    for name, facts in program.facts["functions"].items():
        stem, _, kind = name.rpartition("_")
        places = program.pcm_places(stem) if kind == "process" else {}
        if places and name in program.functions:
            yield name, {**facts, "places": places}


def _sums(program: Program) -> Iterator[tuple[str, str, int, int]]:
    for facts in program.facts["functions"].values():
        for node in facts["nodes"]:
            for weights, (reach, limit) in node.get("sums", {}).items():
                yield f"{node['op']} {node['node']!r}", weights, reach, limit


class Function(Expressions):
    """One function, followed from its first statement to its last."""

    def limits(self) -> Iterator[str]:
        """Follow it; yield what the check does not understand."""
        try:
            self.follow()
        except (NotUnderstood, ArithmeticError) as error:
            yield _limit_of(f"{self.name}, {self.where or 'outside of nodes'}", error)

    def follow(self) -> None:
        """Collect what contradicts the facts in `found`, in order.

        Raises:
            NotUnderstood: the check does not know a form of C.
            ArithmeticError: the C divides by zero, or a number is too large.
        """
        for name, place in self.facts["starts"]:
            block, first = self._place(place)
            self._fill(block, first, self.ids[name], name)
        for _, place in self.facts["ends"]:
            self._place(place)
        if "ready" in self.facts:
            self._fill("st", self.facts["ready"], self._new(4), "ready")
        if "begins" in self.facts:
            self.step, self.where = 1, "all of it"
            self.blocks["st"].ids[:] = WORK
        for statement in self.program.statements(self.name):
            self._execute(statement)
            self._apply()
        self._leave()
        for name, place in self.facts["ends"]:
            block, first = self._place(place)
            self.where = "at the end"
            pointer = Pointer(block, first, "char", 1)
            self._compare(pointer, self.ids[name], f"{place} for {name!r}")
        for place, size in self.facts.get("begins", ()):
            block, first = self._place(place)
            if not self.blocks[block].node[first : first + size].all():
                self._report(f"bytes {first}..{first + size} of state are left as they are")

    def _execute(self, tree: Tree) -> None:
        kind = tree[0]
        getattr(self, f"_do_{kind}")(*tree[1:])

    def _do_block(self, statements: Sequence[Tree]) -> None:
        for statement in statements:
            self._execute(statement)
            if not self.nested:
                self._apply()

    def _do_do(self, expression: Tree) -> None:
        self._value(expression)

    def _do_node(self, label: str, operator: str) -> None:
        self._leave()
        if not operator:  # states of the next hop
            self.step, self.where = len(self.facts["nodes"]) + 1, ""
            return
        nodes = self.facts["nodes"]
        for step in range(self.step, len(nodes)):
            if (nodes[step]["node"], nodes[step]["op"]) == (label, operator):
                self.step, self.where = step + 1, f"{operator} {label!r}"
                return
        place = self.where or "the start"
        self._report(f"the node {label!r} does not follow {place} in the graph")
        raise NotUnderstood("the order of nodes")

    def _do_declare(
        self, name: str, kind: str, pointer: bool, dims: list[Tree], value: Tree | None
    ) -> None:
        if dims or (value is None and kind in ITEMS):
            self._make_local(name, kind, dims)
            return
        found = None if value is None else self._value(value)
        if isinstance(found, Pointer) and pointer:
            found = found._replace(kind=kind, item=ITEMS[kind])
            if name in self.pointers and not self.nested:
                found = self._place_of(name, found)
        self.names[name] = found

    def _make_local(self, name: str, kind: str, dims: list[Tree]) -> None:
        """An array of a function, or a variable without a value."""
        count = prod(int(self._value(d)) for d in dims)
        self.blocks[f"local {name}"] = own = Block(count * ITEMS[kind])
        self.names[name] = Pointer(f"local {name}", 0, kind, ITEMS[kind])
        if kind == "int32_t":
            low = np.full(count, -(2**31), np.int64)
            own.integers = Span(low, -1 - low)
        if not dims:
            self.scalars.add(name)

    def _place_of(self, name: str, pointer: Pointer) -> Pointer:
        """The place of a tensor: in its block, and aligned."""
        tensor = self.pointers[name]
        end, room = pointer.at + len(self.ids[tensor]), self._block(pointer.block).size
        if pointer.at % pointer.item or not 0 <= pointer.at <= end <= room:
            place = f"bytes {pointer.at}..{end} of {block_name(pointer.block)}"
            self._report(f"{name}, a {pointer.kind}, has {place}, which has {room}")
            raise NotUnderstood(f"the place of {name}")
        return pointer._replace(value=tensor, origin=pointer.at)

    def _do_return(self, value: Value) -> None:
        pass

    def _do_switch(self, value: Tree, cases: Sequence[Tree]) -> None:
        same = [("name", name) for name in self.program.functions[self.name][0]]
        for case in cases:
            if case[0] != "return" or case[1][0] != "call" or case[1][2] != same:
                raise NotUnderstood("a switch that does more than to choose a function")

    def _do_if(self, condition: Tree, body: Tree) -> None:
        decided = self._value(condition)
        inner = body[1] if body[0] == "block" else [body]
        if decided == 0 or [statement[0] for statement in inner] == ["return"]:
            return
        self._execute(body)
        if not isinstance(decided, int):
            self._add_time_of("?")
            self._limit(condition, inner)

    def _limit(self, condition: Tree, inner: Sequence[Tree]) -> None:
        """What `if ((uint32_t)*at > 7u) { *at = 0; }` leaves: a number of 0..7."""
        is_compared = condition[:2] == ("op", ">") and condition[2][:2] == ("cast", "uint32_t")
        cell = condition[2][3] if is_compared else None
        if len(inner) != 1 or inner[0] != ("do", ("set", cell, ("number", 0))):
            raise NotUnderstood("a condition that data decides")
        self._apply()
        pointer = self._address(condition[2][3])
        self.cells[pointer.block, int(pointer.at)] = Span(0, self._value(condition[3]))

    def _do_for(self, name: str, first: Tree, limit: Tree, up: bool, body: Tree) -> None:
        start, end = exact(self._value(first)), exact(self._value(limit))
        if not isinstance(start, int) or not isinstance(end, int):
            raise NotUnderstood(f"a loop over {name} whose length data decides")
        over = range(start, end) if up else range(start, end - 1, -1)
        if self.nested:
            shape = [1] * self.nested
            shape[self.depth] = len(over)
            self.names[name] = np.array(over, np.int64).reshape(shape)
            outer, self.turns = self.turns, self.turns * len(over)
            self.depth += 1
            self._execute(body)
            self.depth, self.turns = self.depth - 1, outer
            return
        self._apply()
        if not self._has_calls(body) and self._at_once(name, over, body):
            return
        for i in over:
            self.names[name] = i
            self._execute(body)
            self._apply()

    def _at_once(self, name: str, over: range, body: Tree) -> bool:
        """Follow all iterations as arrays, unless they depend on their order."""
        names, times, assigned = dict(self.names), dict(self.times), _changed_names(body)
        if any(isinstance(names.get(n), Pointer) and n not in self.scalars for n in assigned):
            return False
        known = {n for n in assigned if isinstance(names.get(n), int)}
        self.names |= dict.fromkeys(known, WIDE)
        self.nested, self.depth, self.turns = 1 + _levels(body), 1, len(over)
        self.names[name] = np.array(over, np.int64).reshape([len(over)] + [1] * (self.nested - 1))
        try:
            self._execute(body)
            in_order = depends_on_order(self.events)
        except NotUnderstood:
            in_order = True
        self.nested, self.turns = 0, 1
        if in_order:
            self.events.clear()
            self.names, self.times = names, times
            return False
        self.names |= dict.fromkeys(known, WIDE)
        self._apply()
        return True

    def _has_calls(self, tree: Value) -> bool:
        """Whether statements call kernels or decide anything."""
        if not isinstance(tree, tuple | list):
            return False
        if tree and tree[0] in ("call", "if"):
            return tree[0] == "if" or tree[1] in self.program.prototypes
        return any(map(self._has_calls, tree))


def _changed_names(tree: Value) -> set[str]:
    """The variables that statements change."""
    if not isinstance(tree, tuple | list):
        return set()
    own = {tree[1][1]} if tree and tree[0] == "set" and tree[1][0] == "name" else set()
    return own.union(*map(_changed_names, tree))


def _levels(tree: Value) -> int:
    """Loops inside of each other, at most."""
    if not isinstance(tree, tuple | list):
        return 0
    own = 1 if tree and tree[0] == "for" else 0
    return own + max(map(_levels, tree), default=0)
