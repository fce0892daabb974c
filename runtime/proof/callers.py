"""Functions around a hop, as NAME_sample: what they give to each call, and what becomes of its results.

Their facts are calls of hops, and parts between calls. A part names the tensors and arrays that it reads, and the
places of those that it leaves. A function without facts, as NAME_check, must stay in its blocks.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.runtime.proof.memory import FIRST, SPENT, WORK, Block, Event, block_name
from edgekit.runtime.proof.program import Program
from edgekit.runtime.proof.statements import Function
from edgekit.runtime.proof.syntax import ITEMS, NotUnderstood, Tree
from edgekit.runtime.proof.trees import NONE, is_stop, operands
from edgekit.runtime.proof.values import Facts, Ids, Pointer, Span, Value, places

DRAW = "ek_normal_f32"
STRUCTS = {"in": "inputs", "out": "outputs", "given": "conditions"}  # by parameter


class Caller(Function):
    """One function around a hop."""

    unknown = ("float",)

    def __init__(self, program: Program, name: str, facts: Facts) -> None:
        """Take a function of a program and its facts."""
        super().__init__(
            program, name, {"values": {}, "starts": [], "ends": [], "nodes": [], **facts}
        )
        self.blocks["s"] = Block(program.sizes[f"{self.prefix.upper()}_SCRATCH_BYTES"])
        self.blocks["st"].ids[:] = SPENT if "leaves" in facts else WORK
        self.names |= {"state": self.names["net"]}
        for parameter, (kind, size) in self.facts.get("parameters", {}).items():
            self.blocks[parameter] = Block(size)
            self.names[parameter] = Pointer(parameter, 0, kind, ITEMS[kind])
        self.seen: list[Ids] = []
        self.states: set[tuple[int, str]] = set()  # that a hop left, by instance and place
        self.drawn: tuple[str, Value] = (
            "",
            None,
        )  # the array of the last noise, and its block in each turn
        self.is_drawn = False
        if self.facts["nodes"]:
            self._enter_part()

    def follow(self) -> None:
        """As of any function; at its end all calls were made."""
        super().follow()
        if self.step < len(self.facts["nodes"]):
            self.found.append(f"{self.name}: {self.facts['nodes'][self.step]['node']} is missing")

    def _leave_early(self, condition: Tree, statement: Tree) -> None:
        """Functions around hops end where a hop returns an error, or a limit is met."""
        if statement == ("break",):
            is_known = self.name.endswith("_iterate")
        else:
            is_known = all(map(self._is_end, operands(condition)))
            is_known &= statement == ("return", self._result_of(condition))
        if self.facts["nodes"] and not is_known:
            raise NotUnderstood("a return or break that data decides")

    def _result_of(self, condition: Tree) -> Tree:
        """As of any function; what a hop returned; 1 where a function of the caller stops it."""
        if is_stop(condition, self.program.functions[self.name].parameters):
            return ("number", 1)
        is_status = condition[:2] == ("op", "!=") and condition[3] == NONE
        return condition[2] if is_status else super()._result_of(condition)

    def _is_end(self, condition: Tree) -> bool:
        """As of any function; or where a hop returns an error, or a function of the caller stops it."""
        arguments = self.program.functions[self.name][0]
        is_status = condition[:2] == ("op", "!=") and condition[3] == NONE
        if is_status and condition[2][0] == "name" and condition[2][1].endswith("status"):
            return isinstance(self._value(condition), Span) or super()._is_end(condition)
        return is_stop(condition, arguments) or super()._is_end(condition)

    def _enter(self) -> None:
        self.step += 1
        self.where = self.node_at(self.step)["node"]
        self.seen, self.covered, self.is_drawn = [], {}, False

    def node_at(self, step: int) -> Facts:
        """The facts of a call or a part; of none after the last."""
        nodes = self.facts["nodes"]
        found: Facts = nodes[step - 1] if step <= len(nodes) else {"node": "", "calls": "?"}
        return found

    def _enter_part(self) -> None:
        if not self.node_at(self.step + 1).get("calls"):
            self._enter()

    def _leave(self) -> None:
        """A part has read what it should, and its results are whole."""
        node = self.node
        seen = np.unique(np.concatenate([np.zeros(1, np.int32), *self.seen]))
        for name, first, size in node.get("reads", ()):
            if not np.isin(self.ids[name][first : first + size], seen).all():
                self._report(f"{name!r} is not read as a whole")
        for name, (first, size) in node.get("arrays", {}).items():
            covered = np.flatnonzero(self.covered.get(name, np.zeros(0)))
            if not np.array_equal(covered, np.arange(first, first + size)):
                self._report(f"bytes {first}..{first + size} of {name} are not what is read of it")
        if "draws" in node and not self.is_drawn:
            self._report("the noise is not what it should be")
        for name, place in node.get("leaves", {}).items():
            pointer = self._home(place)
            at = slice(pointer.at, pointer.at + len(self.ids[name]))
            block = self.blocks[pointer.block]
            if not (block.node[at] == self.step).all():
                self._report(f"{name!r} is not written as a whole")
            block.ids[at] = self.ids[name]

    def _home(self, place: str) -> Pointer:
        """The first byte of a tensor: where a variable of the function points to, or an argument."""
        found = self.names.get(place)
        if isinstance(found, Pointer):
            return found
        block, first = self._place(place)
        return Pointer(block, first, "char", 1)

    def _check_read(self, pointer: Pointer, event: Event) -> None:
        """What is read is of this part: a tensor, or what it has written itself."""
        block, at = self.blocks[pointer.block], places(pointer.at, event.size)
        if pointer.block in self.program.arrays:
            following = self.node_at(self.step + 1).get("chooses")
            if pointer.block not in (*self.node.get("arrays", {}), following):
                self._report(f"{event.text}: {pointer.block}, which is not of this part")
            self._cover(pointer.block, block.size, at)
            return
        held = block.ids[at]
        good = held != 0
        if self.node:
            own = [self.ids[name] for name, *_ in self.node.get("reads", ())]
            known = np.concatenate([np.arange(1, FIRST), *own])
            good &= np.isin(held, known) | (block.node[at] == self.step)
        self.seen.append(np.unique(held))
        self._complain(good, at, pointer, event.text)

    def _do_declare(
        self, name: str, kind: str, pointer: bool, dims: list[Tree], value: Tree | None
    ) -> None:
        fields = self._fields_of(kind)
        if pointer or not fields:
            super()._do_declare(name, kind, pointer, dims, value)
            return
        given = [] if value is None else self._value(value)
        self.names[name] = (
            given if isinstance(given, dict) else dict(zip(fields, given, strict=False))
        )

    def _fields_of(self, struct: str) -> dict[str, tuple[str, int]]:
        """The type and the bytes of each field of a struct."""
        rows = self.program.fields.items()
        return {field: row for (name, field), row in rows if name == struct}

    def _struct(self, value: Value) -> Mapping[str, Pointer]:
        """The fields of a struct of the function, or of one that it was given."""
        if isinstance(value, dict):
            return value
        if not isinstance(value, Pointer) or value.block not in STRUCTS:
            raise NotUnderstood("a struct")
        rows = self._fields_of(f"{self.prefix}_{STRUCTS[value.block]}")
        return {f: Pointer(f"{value.block}->{f}", 0, k, ITEMS[k]) for f, (k, _) in rows.items()}

    def _of_member(self, tree: Tree, name: str) -> Pointer:
        held = self.names.get(tree[1])
        return held[name] if isinstance(held, dict) else super()._of_member(tree, name)

    def _of_address(self, tree: Tree) -> Value:
        held = self.names.get(tree[1]) if tree[0] == "name" else None
        return held if isinstance(held, dict) else super()._of_address(tree)

    def _of_deref(self, tree: Tree) -> Value:
        is_struct = tree[0] == "name" and tree[1] in STRUCTS and tree[1] not in self.names
        return dict(self._struct(self._value(tree))) if is_struct else super()._of_deref(tree)

    def _of_set(self, left: Tree, right: Tree) -> None:
        if left[0] == "member" and isinstance(held := self.names.get(left[1][1]), dict):
            held[left[2]] = self._value(right)
            return
        super()._of_set(left, right)

    def _of_call(self, name: str, arguments: Sequence[Tree]) -> Value:
        if name in self.program.facts["functions"]:
            self._apply()
            self._call(name, *(self._value(argument) for argument in arguments))
            return Span(-(2**31), 2**31 - 1)
        if name.endswith("_init") and name in self.program.functions:
            place = self._value(arguments[0])
            self._own_state(place, self.program.prefix(name))
            return place
        if name in self.program.functions[self.name].parameters:
            return Span(-(2**31), 2**31 - 1)  # a function of the caller
        if name == f"{self.prefix}_reset":
            self._reset(self._value(arguments[0]))
            return None
        return super()._of_call(name, arguments)

    def _reset(self, place: Value) -> None:
        """A new stream begins in the state."""
        self._apply()
        if place != self.names["net"] and place != self.names["state"]:
            raise NotUnderstood("a reset of another state")
        for at, size, number in self.facts.get("reset", ()):
            if number != SPENT:
                self.blocks["st"].ids[at : at + size] = number

    def _own_state(self, place: Pointer, prefix: str) -> None:
        """The state of another network lies in the block."""
        size = self.program.sizes[f"{prefix.upper()}_STATE_BYTES"]
        if place.block != "st" or place.at + size > self.blocks["st"].size:
            self._report(f"the state of {prefix} leaves the state")

    def _call(self, name: str, net: Pointer, scratch: Pointer, given: Value, made: Value) -> None:
        """A hop takes tensors and arrays, and leaves its results."""
        self._leave()
        self._enter()
        node, prefix = self.node_at(self.step), self.program.prefix(name)
        if node.get("calls") != name:
            self._report(f"a call of {name}, where {node['node'] or 'the end'} is expected")
            raise NotUnderstood("the order of calls")
        if (net.block, net.at) != ("st", node.get("net", 0)) or scratch[:2] != ("s", 0):
            self._report(f"{name}: another state or work space")
        room = self.program.scratch_bytes(prefix)
        for field, (_, size) in self._fields_of(f"{prefix}_inputs").items():
            operand = self._struct(given).get(field)
            self._take(name, field, operand, size)
            if operand is not None and self._is_of_hop(operand, f"in->{field}", room):
                self._report(f"{name}, {field}: in the memory of the hop")
        self._use_state(name, int(net.at))
        work = self.blocks["s"]
        if room > work.size:
            self._report(f"{name}: {room} bytes of scratch, which has {work.size}")
        work.ids[:room] = 0
        for field, (_, size) in self._fields_of(f"{prefix}_outputs").items():
            self._give(name, field, self._struct(made).get(field), size, room)
        self._enter_part()

    def _take(self, name: str, field: str, pointer: Pointer | None, size: int) -> None:
        """An operand of a hop: a whole tensor, or a place in a constant array."""
        want = self.node["takes"].get(field)
        if pointer is None or want is None:
            self._report(f"{name}, {field}: no operand")
        elif not isinstance(want, str):
            array, first = want
            end = pointer.at + size if isinstance(pointer.at, int) else size
            known = (pointer.block, pointer.at) == (array, first)
            if not known or end > self.program.arrays.get(array, ("", 0))[1]:
                self._report(f"{name}, {field}: not byte {first} of {array}")
        elif len(self.ids[want]) != size:
            self._report(f"{name}, {field}: {size} bytes, where {want!r} has {len(self.ids[want])}")
        elif pointer.block in self.program.arrays:
            self._report(f"{name}, {field}: an array, where {want!r} is expected")
        else:
            self._compare(pointer, self.ids[want], f"{name}, {field}")

    def _use_state(self, name: str, instance: int) -> None:
        """The state of a call lies in the block; what is no state of a stream was left by a call before."""
        facts = self.program.facts["functions"][name]
        rows = [(place, facts["values"][x][0]) for x, place in (*facts["starts"], *facts["ends"])]
        ends = [int(place[3:]) + size for place, size in rows if place.startswith("st+")]
        if instance + max(ends, default=0) > self.blocks["st"].size:
            self._report(f"{name}: its state leaves the state")
        if "ready" in facts and not name.endswith("_process"):
            self._needs_states(name, {(instance, place) for _, place in facts["starts"]})
        self.states |= {(instance, place) for _, place in facts["ends"]}

    def _needs_states(self, name: str, needed: set[tuple[int, str]]) -> None:
        """What a decoder reads was left by a call of the whole network."""
        missing = {place for _, place in needed - self.states if place.startswith("st+")}
        if missing:
            self._report(f"{name}: {', '.join(sorted(missing))} was left by no call")

    def _give(self, name: str, field: str, pointer: Pointer | None, size: int, room: int) -> None:
        """A result of a hop goes to a place of its own."""
        tensor = self.node["gives"].get(field)
        if pointer is None or tensor is None or len(self.ids[tensor]) != size:
            self._report(f"{name}, {field}: no result")
            return
        first, block = int(pointer.at), self._block(pointer.block)
        if first < 0 or first + size > block.size or pointer.block in self.program.arrays:
            self._report(f"{name}, {field}: {size} bytes at {first} of {block_name(pointer.block)}")
            return
        if pointer.block == "st" or self._is_of_hop(pointer, f"out->{field}", room):
            self._report(f"{name}, {field}: in the memory of the hop")
        if self._holds_operand(block.ids[first : first + size]):
            self._report(f"{name}, {field}: over an operand")
        block.ids[first : first + size] = self.ids[tensor]
        block.node[first : first + size] = self.step

    def _holds_operand(self, held: Ids) -> bool:
        """Whether bytes are of an operand of the call."""
        operands = [x for x in self.node["takes"].values() if isinstance(x, str)]
        return any(np.isin(self.ids[x], held).any() for x in operands)

    def _is_of_hop(self, pointer: Pointer, place: str, room: int) -> bool:
        """Whether bytes are the hop's work space, at another place than where the hop was followed with them."""
        known = self.program.pcm_places(self.prefix) if self.name.endswith("_process_s16") else {}
        return pointer.block == "s" and pointer.at < room and known.get(place) != pointer.at

    def _do_if(self, condition: Tree, body: Tree, other: Tree | None = None) -> None:
        inner = body[1] if body[0] == "block" else [body]
        if self.nested and len(inner) == 1 and inner[0][1][:2] == ("call", DRAW):
            self._draw(self._value(condition), inner[0][1][2])
            return
        super()._do_if(condition, body, other)

    def _draw(self, decided: Value, arguments: Sequence[Tree]) -> None:
        """In some turns of a loop four numbers are drawn: note which ones each turn has."""
        _, stream, block, table, z = (self._value(argument) for argument in arguments)
        turns = np.ravel(decided).astype(bool)
        if not isinstance(decided, np.ndarray) or not turns[0] or not isinstance(stream, int):
            raise NotUnderstood("numbers that are drawn in some turns")
        if arguments[0] != ("cast", "int64_t", False, ("name", "seed")) or stream != self.node.get(
            "draws"
        ):
            self._report(f"{DRAW}: another seed, or the stream {stream}")
        size = self._block(table.block).size - int(table.at)
        self.events.append(Event(None, table, size, DRAW))
        self.events.append(Event(z, None, 16, DRAW))
        last = np.maximum.accumulate(np.where(turns, np.arange(turns.size), 0))
        self.drawn = z.block, np.broadcast_to(np.ravel(block), turns.shape)[last]

    def _load(self, tree: Tree) -> Value:
        found, (name, block) = super()._load(tree), self.drawn
        source = self.events[-1].source
        if self.nested and source is not None and source.block == name:
            numbers = 4 * block + np.ravel(source.at) // 4
            self.is_drawn = np.array_equal(numbers, np.arange(block.size))
        return found

    def _do_loop(self, condition: Tree, body: Tree, step: Tree | None) -> None:
        """`while (n < most) { ...; n++; ... }`: a turn, and another one on what the first one leaves."""
        counter = condition[2] if condition[:2] == ("op", "<") else None
        up = ("do", ("set", counter, ("op", "+", counter, ("number", 1))))
        inner = body[1] if body[0] == "block" else []
        if counter is None or step is not None or inner.count(up) != 1:
            super()._do_loop(condition, body, step)
            return
        first = self.step
        for _ in range(2):
            self._leave()
            self.step = first
            self._execute(body)
            self._apply()

    def _has_calls(self, tree: Value) -> bool:
        if not isinstance(tree, tuple | list):
            return False
        if tree and tree[0] == "call":
            own = (*self.program.prototypes, *self.program.functions)
            return tree[1] != DRAW and tree[1] in own
        return any(map(self._has_calls, tree))
