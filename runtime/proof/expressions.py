"""Values of C expressions: numbers, bounds where data decides, and pointers; reads and writes are collected."""

from collections.abc import Sequence
from math import inf
from operator import eq, ge, gt, le, lt, ne

import numpy as np

from edgekit.runtime.proof.calls import Calls
from edgekit.runtime.proof.contracts import time_of
from edgekit.runtime.proof.formulas import elements_by_place, formula_tree, taken_operands
from edgekit.runtime.proof.memory import BYTE, WORK, Block, Event, constant_bytes
from edgekit.runtime.proof.syntax import ITEMS, NotUnderstood, Tree
from edgekit.runtime.proof.trees import has_effects
from edgekit.runtime.proof.values import (
    ARITHMETIC,
    LIMITS,
    WIDE,
    Pointer,
    Span,
    Value,
    add,
    at_least,
    bounds,
    exact,
    is_none,
    is_one,
    join,
    span,
    span_below,
    times,
)

COMPARE = {"==": eq, "!=": ne, "<": lt, ">": gt, "<=": le, ">=": ge}


class Expressions(Calls):
    """Expressions of a function."""

    unknown: tuple[str, ...] = (
        "float",
        "int8_t",
    )  # types of constant arrays whose numbers are not read

    def _value(self, tree: Tree) -> Value:
        return getattr(self, f"_of_{tree[0]}")(*tree[1:])

    def _of_number(self, value: int) -> int:
        return value

    def _of_float(self, value: float) -> None:
        return None

    def _of_name(self, name: str) -> Value:
        if name in self.scalars:
            return self._load(("deref", ("address", ("name", name))))
        if name in self.names:
            return self.names[name]
        if name in self.program.arrays:
            kind, _ = self.program.arrays[name]
            return Pointer(name, 0, kind, ITEMS[kind])
        if name in self.program.sizes:
            return self.program.sizes[name]
        return None if name.startswith("EK_") else Pointer(name, 0, "char", 1)

    def _of_cast(self, kind: str, pointer: bool, tree: Tree) -> Value:
        found = self._value(tree)
        if isinstance(found, Pointer) and pointer:
            return found._replace(kind=kind, item=ITEMS.get(kind, 1))
        if isinstance(found, Pointer):
            return WIDE
        return None if kind == "float" else _within_type(kind, found)

    def _of_sizeof(self, tree: Tree) -> int:
        if tree[0] == "type":
            return ITEMS[tree[1]]
        if tree[0] == "name" and tree[1] in self.scalars:
            return self.names[tree[1]].item  # type: ignore[no-any-return]
        if tree[0] == "name" and isinstance(self.names.get(tree[1]), Pointer):
            return self._block(self.names[tree[1]].block).size
        return 4 if tree[0] == "name" else self._address(tree).item

    def _of_fields(self, values: Sequence[Tree]) -> list[Value]:
        return [self._value(value) for value in values]

    def _of_member(self, tree: Tree, name: str) -> Pointer:
        side = tree[1]
        block, first = self._place(f"{side}->{name}")
        kind = next(
            k
            for (s, f), (k, _) in self.program.fields.items()
            if f == name and s.startswith(self.prefix)
        )
        return Pointer(block, first, kind, ITEMS[kind])

    def _of_address(self, tree: Tree) -> Value:
        if tree[0] == "fields":
            return self._value(tree)
        if tree[0] == "name" and not isinstance(self.names[tree[1]], Pointer):
            self.blocks[f"local {tree[1]}"] = own = Block(8)
            own.ids[:] = WORK
            value, size = self.names[tree[1]], ITEMS.get(self.kinds.get(tree[1], ""), 8)
            if isinstance(value, int):
                own.ids[:size] = constant_bytes(value, size)
            return Pointer(f"local {tree[1]}", 0, "char", 1)
        return self.names[tree[1]] if tree[0] == "name" else self._address(tree)

    def _address(self, tree: Tree) -> Pointer:
        """Where an element is."""
        base, at = (tree[1], 0) if tree[0] == "deref" else (tree[1], self._value(tree[2]))
        if tree[0] == "index" and base[0] == "index" and len(self.dims.get(base[1][1], ())) == 2:
            row = times(self._value(base[2]), self.dims[base[1][1]][1])
            base, at = base[1], add(row, at)
        pointer = self._value(base)
        if tree[0] not in ("deref", "index") or not isinstance(pointer, Pointer):
            raise NotUnderstood("an address")
        return self._move(pointer, at, 1)

    def _move(self, pointer: Pointer, count: Value, sign: int) -> Pointer:
        if count is None:
            raise NotUnderstood("an index that is no integer")
        moved = pointer._replace(at=add(pointer.at, times(count, sign * pointer.item)))
        is_work = pointer.block == "s" and pointer.value is None and pointer.origin == 0
        if is_work and not is_one(moved.at):
            raise NotUnderstood("work space where a turn of a loop decides")
        return moved._replace(origin=1 + moved.at) if is_work else moved

    def _load(self, tree: Tree) -> Value:
        """What is read from an element."""
        pointer = self._address(tree)
        self.events.append(Event(None, pointer, pointer.item, "is read"))
        return self._held(pointer)

    def _held(self, pointer: Pointer) -> Value:
        """The number that an element holds, as far as it is known."""
        known = self._known_integers(pointer)
        if known is not None:
            return known
        if is_one(pointer.at) and (pointer.block, pointer.at) in self.cells:
            return self.cells[pointer.block, pointer.at]
        if pointer.value in self.node.get("outputs", ()) and pointer.value in self.ranges:
            return self.ranges[pointer.value]
        return None if pointer.kind == "float" else LIMITS.get(pointer.kind, WIDE)

    def _known_integers(self, pointer: Pointer) -> Value:
        """The numbers of a constant or local array at a place; None where they are not known."""
        block = self._block(pointer.block)
        is_index = pointer.block in self.program.arrays and pointer.kind not in self.unknown
        if is_index and block.integers is None:
            numbers = self.program.integers(pointer.block)
            block.integers = Span(numbers, numbers)
        if block.integers is None or isinstance(pointer.at, Span):
            return None
        at = np.asarray(pointer.at) // pointer.item
        if (at < 0).any() or (at >= len(block.integers.low)).any():
            return None
        low, high = (part[at] for part in span(block.integers))
        return low if (low == high).all() else Span(low, high)

    def _of_index(self, base: Tree, at: Tree) -> Value:
        return self._load(("index", base, at))

    def _of_deref(self, tree: Tree) -> Value:
        return self._load(("deref", tree))

    def _of_minus(self, tree: Tree) -> Value:
        found = self._value(tree)
        return None if found is None else times(found, -1)

    def _of_flip(self, tree: Tree) -> Value:
        found = self._value(tree)
        return None if found is None else add(times(found, -1), -1)

    def _of_not(self, tree: Tree) -> Value:
        return Span(0, 1) if self._value(tree) is not None else None

    def _of_choose(self, condition: Tree, yes: Tree, no: Tree) -> Value:
        """Either value; where a name is compared with a number, each side knows the result."""
        decided = self._value(condition)
        if isinstance(decided, int):
            return self._value(yes if decided else no)
        self._add_time_of("?")
        return self._either(condition, yes, no)

    def _either(self, condition: Tree, yes: Tree, no: Tree) -> Value:
        """What data chooses of two values."""
        self._refuse_changes(yes)
        self._refuse_changes(no)
        named = condition[0] == "op" and condition[1] == "<" and condition[2][0] == "name"
        name = condition[2][1] if named else ""
        before, limit = self.names.get(name), exact(self._value(condition[3])) if named else None
        if not isinstance(before, Span | int | np.ndarray) or not isinstance(limit, int):
            first, second = self._value(yes), self._value(no)
            return None if is_none(first, second) else join(first, second)
        low, high = span(before)
        self.names[name] = span_below(before, limit)
        first = self._value(yes)
        self.names[name] = at_least(before, limit)
        second = self._value(no)
        self.names[name] = before
        if is_none(first, second):
            return None
        (a, b), (c, d), is_below, is_above = span(first), span(second), low < limit, high >= limit
        lows = np.where(is_below, np.where(is_above, np.minimum(a, c), a), c)
        return Span(lows, np.where(is_below, np.where(is_above, np.maximum(b, d), b), d))

    def _refuse_changes(self, tree: Tree) -> None:
        """Refuse calls and changes in an expression that C may leave out."""
        if has_effects(tree, {*self.program.inline, *self.program.functions[self.name][0]}):
            raise NotUnderstood("a call or a change that a condition decides")

    def _add_time_of(self, name: str) -> None:
        """Note what data may add in a function of edgekit.h or a choice; without a row there is no bound."""
        row = time_of(name)
        self._add_time(name, inf if row is None else int(row.most))

    def _of_op(self, sign: str, left: Tree, right: Tree) -> Value:
        a = self._value(left)
        if sign in ("&&", "||"):
            return self._either_truth(sign, a, right)
        b = self._value(right)
        if sign in COMPARE:
            return _comparison(sign, a, b)
        if isinstance(a, Pointer) and sign in "+-":
            return self._move(a, b, 1 if sign == "+" else -1)
        if is_none(a, b):
            return WIDE if isinstance(a, Pointer) and isinstance(b, Pointer) else None
        return ARITHMETIC[sign](a, b) if sign in ARITHMETIC else WIDE

    def _either_truth(self, sign: str, a: Value, right: Tree) -> Value:
        """`a && b` or `a || b`; C leaves b out if a decides."""
        if isinstance(a, int) and bool(a) == (sign == "||"):
            return int(bool(a))
        self._refuse_changes(right)
        b = self._value(right)
        return None if is_none(a, b) else ARITHMETIC[sign](a, b)

    def _of_set(self, left: Tree, right: Tree) -> None:
        if left[0] == "name":
            self._assign(left[1], self._value(right))
            return
        target = self._address(left)
        self._compare_formula(target, right)
        if right[0] in ("index", "deref"):
            source = self._address(right)
            if source.kind == target.kind:
                self.events.append(Event(target, source, target.item, "is copied"))
                self._add_range(target, self._held(source))
                return
        found, number = self._value(right), _literal(right)
        is_bytes = number is not None and (target.kind != "float" or number == 0)
        content = constant_bytes(int(number or 0), target.item) if is_bytes else None
        self.events.append(Event(target, None, target.item, "is written", content))
        self._remember(target, found)

    def _compare_formula(self, target: Pointer, right: Tree) -> None:
        """A result is the graph's function of elements at its place, where the graph has a formula."""
        formula = self.node.get("formula")
        if formula is None or target.value is None:
            return
        operands = taken_operands(right, formula_tree(formula["each"]))
        if operands is None:
            self._report(f"another expression than {formula['each']}")
            return
        for number, trees in operands.items():
            name, of = formula["of"][number]
            wanted = elements_by_place(tuple(formula["dims"]), tuple(of))
            for tree in trees:
                self._compare_element(target, self._element(tree), name, wanted)

    def _element(self, tree: Tree) -> Pointer:
        """Where an operand of a formula is read, or was read before."""
        if tree[0] == "name" and tree[1] in self.sources:
            return self.sources[tree[1]]
        return self._address(tree)

    def _compare_element(self, target: Pointer, source: Pointer, name: str, wanted: Value) -> None:
        """An operand is the one of the graph, at the place that belongs to a result."""
        if isinstance(source.at, Span) or isinstance(target.at, Span):
            raise NotUnderstood("an element that data decides")
        places = (np.asarray(p.at - p.origin) // p.item for p in (target, source))
        at, found = np.broadcast_arrays(*places)
        if ((at < 0) | (at >= wanted.size)).any():
            return  # outside of the result, which is refused
        holder = source.value or source.block
        if holder != name or not np.array_equal(wanted[at], found):
            self._report(f"elements of {holder!r}, where the graph has others of {name!r}")

    def _assign(self, name: str, found: Value) -> None:
        """Let a variable have a value, as its type can hold it."""
        kind = self.kinds.get(name)
        if kind in ITEMS and not isinstance(found, Pointer):
            if found is None and kind != "float":
                raise NotUnderstood(f"a number that is no integer, in {name}, which")
            found = None if kind == "float" else _within_type(kind, found)
        self.names[name] = found
        self.sources.pop(name, None)
        self.scalars.discard(name)

    def _remember(self, target: Pointer, found: Value) -> None:
        """Keep an integer that is written to a local array, or to one place."""
        block = self._block(target.block)
        self._add_range(target, found)
        if self.maybe or isinstance(target.at, Span):
            self._forget(target.block, block)
        elif block.integers is not None and found is not None:
            at = np.asarray(target.at) // target.item
            for part, known in zip(span(block.integers), span(found), strict=True):
                if (at >= 0).all() and (at < len(part)).all():
                    part[at] = known
        elif isinstance(target.at, int | np.integer) and target.kind == "int32_t":
            self._keep_cell(target, found)

    def _keep_cell(self, target: Pointer, found: Value) -> None:
        """Keep an integer that is written to one place outside of local arrays."""
        if self.nested:
            raise NotUnderstood("a number that turns of a loop write")
        self._apply()
        self.cells[target.block, int(target.at)] = WIDE if found is None else found

    def _forget(self, name: str, block: Block) -> None:
        """Integers of a block may change."""
        if block.integers is not None:
            raise NotUnderstood("a local array that data decides to change")
        self.cells = {key: known for key, known in self.cells.items() if key[0] != name}

    def _add_range(self, target: Pointer, found: Value) -> None:
        """Note an integer that a node writes to a result."""
        if target.value is not None:
            low, high = bounds(WIDE if is_none(found) else found)
            before = self.ranges.get(target.value, Span(low, high))
            low, high = min(low, before.low), max(high, before.high)
            self.ranges[target.value] = Span(max(low, WIDE.low), min(high, WIDE.high))

    def _of_call(self, name: str, arguments: Sequence[Tree]) -> Value:
        values = [self._value(argument) for argument in arguments]
        self._note_call(name)
        if name in ("memcpy", "memmove", "memset"):
            self._copy(name, *values)
        elif name == "EK_LAYER":
            self._apply()
            self._complete()
            if values[1].value is not None:
                text = f"the layer {values[1].value!r}"
                self._compare(values[1], self.ids[values[1].value], text)
        elif name in self.program.prototypes:
            self._kernel(name, arguments, values)
        elif name in self.program.inline:
            self._add_time_of(name)
            is_float = self.program.inline[name] == "float"
            return None if is_float or is_none(*values) else WIDE
        else:
            raise NotUnderstood(f"a call of {name}")
        return None

    def _note_call(self, name: str) -> None:
        """A node calls the functions of the graph alone."""
        self.called.add(name)
        if name not in (*self.node.get("uses", [name]), "EK_LAYER"):
            self._report(f"a call of {name}, which the graph does not have here")

    def _copy(self, name: str, target: Pointer, second: Value, size: Value) -> None:
        """Copy or fill a run."""
        if not isinstance(size, int) or size < 0:
            raise NotUnderstood("a copy whose length data decides")
        self._add_range(target, None)
        if name != "memset":
            self.events.append(Event(target, second, size, "is copied"))
            return
        known = isinstance(second, int) and size <= self._block(target.block).size
        content = np.full(size, BYTE + (second & 255), np.int32) if known else None
        self.events.append(Event(target, None, size, "is filled", content))


def _within_type(kind: str, value: Value) -> Value:
    """A number as an integer type has it: any of the type if it does not fit."""
    limits = LIMITS.get(kind, WIDE)
    if value is None:
        return limits
    low, high = bounds(value)
    return value if limits.low <= low and high <= limits.high else limits


def _comparison(sign: str, a: Value, b: Value) -> Value:
    """1 or 0 where both are known; of a pointer that a caller gave NULL was refused."""
    if isinstance(a, Pointer) and isinstance(b, int):
        return int(sign == "!=")
    are_known = all(isinstance(value, int | np.integer | np.ndarray) for value in (a, b))
    return exact(1 * np.asarray(COMPARE[sign](a, b))) if are_known else Span(0, 1)


def _literal(tree: Tree) -> float | None:
    """The value of a number, with its sign."""
    if tree[0] == "minus":
        found = _literal(tree[1])
        return None if found is None else -found
    return tree[1] if tree[0] in ("number", "float") else None
