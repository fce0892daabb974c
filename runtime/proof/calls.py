"""Calls of kernels, as reads and writes of the bytes that their contracts name."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from edgekit.runtime.proof.contracts import SHAPE, Contract, Count, contract_of, number, time_of
from edgekit.runtime.proof.memory import Event, Memory, block_name
from edgekit.runtime.proof.syntax import NotUnderstood, Tree
from edgekit.runtime.proof.values import (
    WIDE,
    Facts,
    Pointer,
    Span,
    Value,
    add,
    bounds,
    overlap,
    span,
    times,
)

MOST_ROWS = 2**24  # of an argument; places of a window that are compared
Parameter = tuple[str, str, bool]
# By the bytes of a bias: the largest operand, and the largest sum.
SUMS = {4: (2**7, 2**31 - 1), 8: (2**15, 2**47 - 1)}


class Call(NamedTuple):
    """A call of a kernel: its contract, and its arguments by the names of parameters."""

    kernel: str
    contract: Contract
    given: Facts

    def number(self, expression: str, **more: int) -> int:
        """The value of an expression of the contract."""
        return number(expression, self.kernel, {**self.given, **more})

    @property
    def most_added(self) -> int:
        """Instructions that data may add to the fewest."""
        row = time_of(self.kernel)
        return 0 if row is None else self.number(row.most)


class Calls(Memory):
    """Kernels that a function calls."""

    def _kernel(self, name: str, arguments: Sequence[Tree], values: Sequence[Value]) -> None:
        """Turn a call into what its contract says that it reads and writes."""
        self._must_happen(name)
        self.count += self.turns
        contract, parameters = contract_of(name), self.program.prototypes[name]
        if contract is None or len(parameters) != len(arguments):
            raise NotUnderstood(f"a call of {name} with {len(arguments)} arguments")
        self._apply_now()
        given = {row[0]: value for row, value in zip(parameters, values, strict=True)}
        for parameter, kind, _ in parameters:
            if not _is_typed(parameter, kind, given[parameter]):
                raise NotUnderstood(f"the argument {parameter} of {name}")
        if "shape" in given:
            given |= dict(zip(SHAPE, given["shape"], strict=True))
            self._windows(name, given["shape"])
        call = Call(name, contract, given)
        self._add_time(name, call.most_added)
        self._numbers(call, arguments)
        self.parts[name, "calls"] = 1 + self.parts.get((name, "calls"), 0)
        for condition in contract.where:
            if not call.number(condition):
                self._report(f"{name}: not {condition}")
        for bias in contract.within:
            self._sums(call, bias)
        self._touch(call, parameters)

    def _must_happen(self, name: str) -> None:
        """A call stands where data does not decide on it."""
        if self.maybe:
            raise NotUnderstood(f"a call of {name} that data decides")

    def _add_time(self, name: str, most: float) -> None:
        """Note how many instructions data may add where a call or a choice stands."""
        if most:
            key = self.where, name
            self.times[key] = self.times.get(key, 0) + self.turns * most

    def _sums(self, call: Call, bias: str) -> None:
        """Sums and their products with multipliers fit, for any input and any weights, with the biases of the C."""
        prefix = bias.removesuffix("bias")
        pointers = [call.given.get(prefix + part) for part in ("bias", "mult", "shift")]
        blocks = [place.block for place in pointers if isinstance(place, Pointer)]
        if len(blocks) < len(pointers) or not {*blocks} <= {*self.program.texts}:
            return  # floats, a cell without a product, or weights that are not in the C
        name = prefix.removesuffix("_") or "w"
        for text in self._wrong_sums(call, bias, name, *map(self.program.integers, blocks)):
            self._report(f"{call.kernel}, {name}: {text}")

    def _wrong_sums(
        self, call: Call, bias: str, name: str, biases: Value, mults: Value, shifts: Value
    ) -> Iterator[str]:
        highest, most = SUMS[call.given[bias].item]
        largest = 128 * (highest + abs(call.given.get("x_zero", 0)))
        reach = self._taps(call, bias, name) * largest + int(np.abs(biases).max())
        if max(reach - most, reach * int(mults.max()) - 2**62) > 0:
            yield f"sums reach {reach}, multipliers {mults.max()}"
        if min(shifts.min() - 1, 62 - shifts.max(), mults.min()) < 0:
            yield "a shift outside of 1..62, or a negative multiplier"

    def _taps(self, call: Call, bias: str, name: str) -> int:
        """The weights of a sum, at most; of a transposed convolution those whose places agree by the stride."""
        whole = self._block(call.given[name].block).size
        sizes = (call.number(str(call.contract.args[n]), whole=whole) for n in (bias, name))
        outputs, weights = sizes
        if "transpose" in call.kernel:
            height, width = (self._most_met(call, axis) for axis in "hw")
            return int(call.number("in_c // groups")) * height * width
        return -(-weights // outputs) * (2 if call.kernel.endswith("_w4") else 1)

    def _most_met(self, call: Call, axis: str) -> int:
        """How many taps along an axis one output of a transposed convolution meets, at most."""
        taps, stride, dilation = (call.given[f"{part}_{axis}"] for part in ("k", "stride", "dil"))
        return int(-(-taps // (stride // math.gcd(stride, dilation))))

    def _arguments(
        self, call: Call, parameters: Sequence[Parameter]
    ) -> Iterator[tuple[str, Event]]:
        """The reads and writes of all pointer arguments, by parameter."""
        for parameter, kind, written in parameters:
            if kind.endswith("*") and parameter != "shape":
                for event in self._argument(call, parameter, written):
                    yield parameter, event

    def _touch(self, call: Call, parameters: Sequence[Parameter]) -> None:
        """Let a call read and write."""
        self.zeros |= {f"{call.kernel}, {parameter}" for parameter in call.contract.update}
        events = list(self._arguments(call, parameters))
        self._distinct(call, events)
        self._check_order(call.kernel, [e.source for _, e in events if e.source is not None])
        self.events += [event for _, event in events]
        targets = [event.target for _, event in events if event.target is not None]
        self.ranges |= {str(target.value): WIDE for target in targets}
        self._apply_now()

    def _numbers(self, call: Call, arguments: Sequence[Tree]) -> None:
        """Numbers, functions and added operands are those of the graph."""
        wanted = self.node.get("numbers", {})
        for row, argument in zip(self.program.prototypes[call.kernel], arguments, strict=True):
            parameter, kind, _ = row
            if parameter not in wanted or (kind.endswith("*") and parameter != "add"):
                continue
            known, value = _number_of(kind, argument, call.given[parameter]), wanted[parameter]
            value = self._of_this_call(call.kernel, value)
            if known != (np.float32(value) if kind == "float" else value):
                text = f"{known}, where the graph has {value}"
                self._report(f"{call.kernel}, {parameter}: {text}")

    def _of_this_call(self, kernel: str, value: Value) -> Value:
        """A number of the graph; of a list the one that belongs to this call."""
        place = self.parts.get((kernel, "calls"), 0)
        return value[place] if isinstance(value, list) and place < len(value) else value

    def _windows(self, name: str, shape: Sequence[int]) -> None:
        """The windows of a convolution or a pooling are those of the graph."""
        transposed = "transpose" in name
        is_phases = "Transpose" in self.node.get("op", "") and not transposed
        windows = self.node.get("phases" if is_phases else "shape")
        if windows is None:
            self._report(f"{name}: windows that the graph does not have")
        elif not _same_windows(shape, windows, transposed):
            self._report(f"{name}: windows {shape}, where the graph has {windows}")

    def _check_order(self, name: str, sources: Sequence[Pointer]) -> None:
        """Operands come in the order of the graph."""
        order: Sequence[str] = self.node.get("order") or self.node.get("inputs") or ()
        old = {y: x for x, y in self.node.get("updates", ())}
        named = [old.get(p.value, p.value) or p.block for p in sources]
        steps = [order.index(name) for name in dict.fromkeys(named) if name in order]
        if steps != sorted(steps):
            self._report(f"{name}: {', '.join(named)}, where the graph has {', '.join(order)}")

    def _argument(self, call: Call, parameter: str, written: bool) -> list[Event]:
        """Return the read, then the write of one pointer argument."""
        pointer, text = call.given[parameter], f"{call.kernel}, {parameter}"
        role = self.node.get("arrays", {}).get(parameter)
        if role not in (None, pointer.block if isinstance(pointer, Pointer) else ""):
            self._report(f"{text}: another array than {role}")
        runs, size = self._runs(call, parameter, pointer)
        if size < 0:
            raise NotUnderstood(f"the size of {text}")
        self._check_part(text, pointer, size)
        if not isinstance(pointer, Pointer):
            if size and parameter not in call.contract.null:
                self._report(f"{text}: NULL")
            return []
        is_read = not written or parameter in call.contract.update
        events = [Event(None, runs, size, text)] * is_read + [
            Event(runs, None, size, text)
        ] * written
        return events if size else []

    def _check_part(self, text: str, pointer: Value, size: int) -> None:
        """Calls of a node take parts of one size of a tensor or an array."""
        if isinstance(pointer, Pointer) and (pointer.value or pointer.block in self.program.arrays):
            first = self.parts.setdefault((text, pointer.value or pointer.block), size)
            if size != first:
                self._report(f"{text}: {size} bytes, and {first} in a call before")

    def _runs(self, call: Call, parameter: str, pointer: Value) -> tuple[Value, int]:
        """The bytes of an argument: where runs begin, and the size of one."""
        if parameter in call.contract.scratch:
            return pointer, call.number(call.contract.scratch[parameter])
        count = call.contract.args[parameter]
        if not isinstance(pointer, Pointer):
            return pointer, call.number(count, whole=0) if isinstance(count, str) else 1
        whole = self._rest_of_block(pointer, count)
        if isinstance(count, str):
            elements, runs = call.number(count, whole=whole), pointer
        else:
            sizes = {key: call.number(text) for key, text in count.items()}
            starts = self._starts(sizes, call.given, pointer.item)
            elements, runs = sizes["size"], pointer._replace(at=add(pointer.at, starts))
        if pointer.block in self.program.arrays:
            self._check_numbers(call, parameter, pointer.block)
            if parameter in call.contract.packed and self.program.facts["kernels"]:
                elements = max(elements, whole)
        return runs, elements * pointer.item

    def _rest_of_block(self, pointer: Pointer, count: Count) -> int:
        """The elements from a pointer on, if turns of a loop do not decide how many of them count."""
        first, last = bounds(pointer.at)
        is_known = isinstance(count, str) and ("whole" not in count or first == last)
        if self.nested and not is_known:
            raise NotUnderstood("a call whose sizes turns of a loop decide")
        return (self._block(pointer.block).size - first) // pointer.item

    def _starts(self, sizes: Mapping[str, int], given: Facts, item: int) -> Value:
        """The first bytes of runs: rows apart, or frames as the argument `at` lists them."""
        if "rows" in sizes:
            if sizes["rows"] > MOST_ROWS:
                raise NotUnderstood(f"a call with {sizes['rows']} rows")
            return np.arange(sizes["rows"]) * (sizes["step"] * item)
        at = given["at"]
        block = self._block(at.block)
        if block.integers is None:
            numbers = self.program.integers(at.block)
            block.integers = Span(numbers, numbers)
        first = at.at // at.item
        low, high = (part[first : first + sizes["frames"]] for part in span(block.integers))
        return times(low if (low == high).all() else Span(low, high), item)

    def _check_numbers(self, call: Call, parameter: str, array: str) -> None:
        """The numbers of a constant array are in the range of the contract."""
        limit, text = call.contract.below.get(parameter), f"{call.kernel}, {parameter}"
        is_positive = parameter in call.contract.positive and array in self.program.texts
        if limit is None and not is_positive:
            return
        numbers = self.program.integers(array)
        if is_positive and numbers.min() < 0:
            self._report(f"{text}: a negative number")
        if limit is not None and not 0 <= numbers.min() <= numbers.max() < call.number(limit):
            self._report(f"{text}: an index outside of 0..{call.number(limit) - 1}")

    def _distinct(self, call: Call, events: Sequence[tuple[str, Event]]) -> None:
        """Nothing that a call writes is another of its arguments, but where the contract allows one array for both."""
        pairs = ((a, first, b, second) for a, first in events for b, second in events if a != b)
        shared = {
            f"{min(a, b)} and {max(a, b)} share bytes of {block_name(first.target.block)}": None
            for a, first, b, second in pairs
            if first.target is not None and not _is_apart(call.contract, a, first, b, second)
        }
        if shared and self.nested:
            raise NotUnderstood("arguments that may share bytes in some turns of a loop")
        for text in shared:
            self._report(f"{call.kernel}: {text}")


def _is_typed(parameter: str, kind: str, known: Value) -> bool:
    """Whether an argument is of the kind of its parameter."""
    if parameter == "shape":
        return isinstance(known, list) and list(map(type, known)) == [int] * len(SHAPE)
    if isinstance(known, Pointer):
        return kind in ("void*", f"{known.kind}*")
    if kind.endswith("*"):
        return type(known) is int and known == 0
    return type(known) is int or kind != "int32_t" or parameter == "act"


def _number_of(kind: str, argument: Tree, known: Value) -> Value:
    """What an argument is in the facts: the name of a tensor or of a function, or a number."""
    if kind.endswith("*"):
        return known.value if isinstance(known, Pointer) else None
    if kind != "float":
        return argument[1] if argument[0] == "name" else known
    sign, number = (-1, argument[1]) if argument[0] == "minus" else (1, argument)
    return np.float32(sign * (np.inf if number == ("name", "EK_INF") else number[1]))


def _is_apart(contract: Contract, a: str, first: Event, b: str, second: Event) -> bool:
    """Whether what a call writes is no byte of another argument, or both are one array that may be so."""
    target, other = first.target, second.target or second.source
    if target is None or other is None or target.block != other.block:
        return True
    if not overlap(target, first.size, other, second.size):
        return True
    is_one_array = target.item == other.item and np.array_equal(target.at, other.at)
    return is_one_array and bool({(a, b), (b, a)} & set(contract.alias))


def _same_windows(a: Sequence[int], b: Sequence[int], transposed: bool) -> bool:
    """Whether two shapes of a convolution read the same elements of each channel for the same results."""
    if list(a) == list(b):
        return True
    first, second = (_windows(dict(zip(SHAPE, shape, strict=True)), transposed) for shape in (a, b))
    channels = [i for i, name in enumerate(SHAPE) if name in ("in_c", "out_c", "groups")]
    return all(a[i] == b[i] for i in channels) and np.array_equal(first, second)


def _windows(s: Mapping[str, int], transposed: bool) -> Value:
    """For each result the places that its taps read, outside ones -1; taps that are always outside are left out."""
    x, y = ("out", "in") if transposed else ("in", "out")
    if math.prod(s[f"{y}_{axis}"] * s[f"k_{axis}"] for axis in "hw") > MOST_ROWS:
        raise NotUnderstood("a convolution whose windows are so large")
    axes = [
        np.arange(s[f"{y}_{axis}"])[:, None] * s[f"stride_{axis}"]
        + np.arange(s[f"k_{axis}"]) * s[f"dil_{axis}"]
        - s[pad]
        for axis, pad in (("h", "pad_top"), ("w", "pad_left"))
    ]
    rows, columns = (
        np.where((at >= 0) & (at < s[f"{x}_{axis}"]), at, -1)
        for at, axis in zip(axes, "hw", strict=True)
    )
    rows, columns = (at[:, (at >= 0).any(0)] for at in (rows, columns))
    places = rows[:, None, :, None] * s[f"{x}_w"] + columns[None, :, None, :]
    inside = (rows[:, None, :, None] >= 0) & (columns[None, :, None, :] >= 0)
    taps = rows.shape[1] * columns.shape[1]
    return np.where(inside, places, -1).reshape(len(rows) * len(columns), taps)
