"""The variables of a function: scopes, pointers to tensors, local arrays."""

from math import prod

import numpy as np

from edgekit.runtime.proof.expressions import Expressions
from edgekit.runtime.proof.memory import WORK, Block, block_name
from edgekit.runtime.proof.syntax import ITEMS, NotUnderstood, Tree
from edgekit.runtime.proof.values import Pointer, Span, Value

MOST_TURNS = 2**24  # of a loop, and elements of a local array


class Declarations(Expressions):
    """Expressions, and the variables that statements declare."""

    def _begin_scope(self, *names: str) -> None:
        """Refuse variables of a block that hide others."""
        for name in names:
            if self.names.get(name) is not None:
                raise NotUnderstood(f"another variable {name} in a block")

    def _end_scope(self, *names: str) -> None:
        """Forget the variables of a block."""
        for name in names:
            self.names.pop(name, None)
            self.dims.pop(name, None)
            self.kinds.pop(name, None)
            self.sources.pop(name, None)
            self.scalars.discard(name)

    def _do_declare(
        self, name: str, kind: str, pointer: bool, dims: list[Tree], value: Tree | None
    ) -> None:
        if dims or (value is None and kind in ITEMS):
            self._make_local(name, kind, dims, value)
            return
        found = None if value is None else self._value(value)
        if not pointer:
            self.kinds[name] = kind
        elif isinstance(found, Pointer):
            found = found._replace(kind=kind, item=ITEMS.get(kind, 1))
            if name in self.pointers and not self.nested:
                found = self._place_of(name, found)
        self._assign(name, found)
        self._note_source(name, value)

    def _note_source(self, name: str, value: Tree | None) -> None:
        """Note where the value of a variable is read."""
        if value is not None and value[0] in ("index", "deref"):
            self.sources[name] = self._address(value)

    def _make_local(self, name: str, kind: str, dims: list[Tree], value: Tree | None) -> None:
        """An array of a function, or a variable without a value."""
        self.dims[name] = [int(self._value(d)) for d in dims]
        count = prod(self.dims[name])
        if count > MOST_TURNS:
            raise NotUnderstood(f"an array of {count} elements")
        self.blocks[f"local {name}"] = own = Block(count * ITEMS[kind])
        self.names[name] = Pointer(f"local {name}", 0, kind, ITEMS[kind])
        if kind == "int32_t":
            low = np.full(count, -(2**31), np.int64)
            own.integers = Span(low, -1 - low)
        if value is not None:
            own.ids[:] = WORK
            numbers = _numbers(self._value(value))
            if None not in numbers:
                given = np.array(numbers + [0] * (count - len(numbers)), np.int64)
                own.integers = Span(given, given)
        if not dims:
            self.scalars.add(name)
            self.kinds[name] = kind

    def _place_of(self, name: str, pointer: Pointer) -> Pointer:
        """The place of a tensor: in its block, and aligned."""
        tensor = self.pointers[name]
        end, room = pointer.at + len(self.ids[tensor]), self._block(pointer.block).size
        if pointer.at % pointer.item or not 0 <= pointer.at <= end <= room:
            place = f"bytes {pointer.at}..{end} of {block_name(pointer.block)}"
            self._report(f"{name}, a {pointer.kind}, has {place}, which has {room}")
            raise NotUnderstood(f"the place of {name}")
        return pointer._replace(value=tensor, origin=pointer.at)


def _numbers(value: Value) -> list[Value]:
    """The numbers of a list of lists, in order."""
    return [n for row in value for n in _numbers(row)] if isinstance(value, list) else [value]
