"""GRU, LSTM and RNN: state updated in place, one kernel call for all time steps of all sequences."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.graph.facts import Cell, facts_of
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import dims
from edgekit.operators.pointwise.tables import sigmoid_gate, tanh_gate
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.recurrent.forms import GATE_ARRAYS, hidden_operand, uses_relu
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import (
    SUFFIX,
    Context,
    array_attribute,
    int_attribute,
    int_kernel,
    node_label,
    suffix,
)
from edgekit.targets.c.plan.storage import Traits


@dataclass(frozen=True)
class FloatKernel:
    """A float cell in C: bytes of scratch per unit and row (EK_GRU_F32_SCRATCH and so on), and its activations.

    `other` are activations besides the default ones.
    """

    scratch: int
    other: tuple[tuple[str, ...], ...] = ()


FLOAT_KERNELS = {
    "GRU": FloatKernel(24),
    "LSTM": FloatKernel(16),
    "RNN": FloatKernel(4, other=(("Relu",),)),
}
INT_SCRATCH = {"GRU": 14, "LSTM": 18}  # EK_GRU_S16_SCRATCH and so on; the s8 forms need one less
ROWS, FLOAT_ROWS = (
    4,
    12,
)  # EK_CELL_ROWS and EK_CELL_ROWS_F32: computed at once, each with its own scratch
STATE_TYPES = {"": ("float", "float"), INTEGER_DOMAIN: ("int16_t", "int32_t")}
STATE_BYTES = {"float": 4, "int16_t": 2, "int32_t": 4}


@dataclass(frozen=True)
class _Cell:
    """A recurrent node: its sequence output and, per state, (input position, initial, final)."""

    node: ir.Node
    units: int
    y: int | None
    states: tuple[tuple[int, ir.Value | None, int | None], ...]

    @property
    def steps(self) -> int:
        """Time steps of one hop."""
        return dims(self.node.inputs[0])[0]

    @property
    def batch(self) -> int:
        """Sequences, each with its own states."""
        return dims(self.node.inputs[0])[1]

    @property
    def traits(self) -> Traits:
        """States are updated in place; a single step's Y is Y_h; a state with no output lives in scratch."""
        updates = []
        for order, (position, initial, _) in enumerate(self.states):
            home = self._home(order)
            if home is not None and initial is not None:
                updates.append((position, home))
        final = self.states[0][2]
        same: tuple[tuple[int, int], ...] = ()
        if self.steps == 1 and self.y is not None and final is not None:
            same = ((self.y, final),)
        return Traits(updates=tuple(updates), same=same, scratch=self._places[1])

    def _home(self, order: int) -> int | None:
        """The output where a state lives: its own, or Y of a single step; None of one that lives in scratch."""
        final = self.states[order][2]
        return self.y if final is None and order == 0 and self.steps == 1 else final

    @property
    def _places(self) -> tuple[list[int], int]:
        """Return the place in scratch, after the cell's, of each state without other storage; and the end."""
        places = []
        op, rows = self.node.op_type, self.batch if self.batch > 1 else self.steps
        if self.node.domain:
            end = INT_SCRATCH[op] * self.units * min(rows, ROWS)
        else:
            end = FLOAT_KERNELS[op].scratch * self.units * min(rows, FLOAT_ROWS)
        for order in range(len(self.states)):
            item = STATE_BYTES[STATE_TYPES[self.node.domain][order]]
            start = -(-end // item) * item
            places.append(start)
            is_homeless = self._home(order) is None
            end = start + self.batch * self.units * item if is_homeless else end
        return places, end

    def settle(self, ctx: Context) -> tuple[list[str], str]:
        """Bring the states to their homes; return these, and where Y is to be written, or nothing."""
        size, homes = self.batch * self.units, []
        for order, (_, initial, _) in enumerate(self.states):
            number = self._home(order)
            value = None if number is None else self.node.outputs[number]
            home = self._scratch_home(ctx, order) if value is None else ctx.pointer(value)
            if initial is None:
                ctx.line(f"memset({home}, 0, {size} * sizeof *({home}));")
            elif not ctx.same_place(initial, value):
                ctx.line(f"memcpy({home}, {ctx.pointer(initial)}, {size} * sizeof *({home}));")
            homes.append(home)
        y = "" if self.y is None else ctx.pointer(self.node.outputs[self.y])
        return homes, "" if self.steps == 1 and homes[0] == y else y

    def _scratch_home(self, ctx: Context, order: int) -> str:
        """Return the place of a state without an output."""
        ctype = STATE_TYPES[self.node.domain][order]
        place = self._places[0][order] // STATE_BYTES[ctype]
        return f"{ctx.scratch(self.node, ctype)} + {place}"

    def emit(
        self, ctx: Context, kernel: str, arrays: list[str], sizes: list[int], ctype: str
    ) -> None:
        """Emit the call: `arrays` are constants, `sizes` follow steps and batch, the scratch has type `ctype`."""
        homes, y = self.settle(ctx)
        arguments = [ctx.pointer(self.node.inputs[0]), *homes, *arrays, y or "NULL"]
        arguments += [*map(str, [self.steps, self.batch, *sizes]), ctx.scratch(self.node, ctype)]
        ctx.kernels.add(kernel)
        ctx.line(f"{kernel}({', '.join(arguments)});")


def _int_cell(node: ir.Node) -> _Cell:
    used = list(node.attributes["outputs"].as_ints())
    position = {original: place for place, original in enumerate(used)}
    units = array_attribute(node, "r").shape[1]
    states = tuple((i, v, position.get(i)) for i, v in enumerate(node.inputs) if i > 0)
    return _Cell(node, units, position.get(0), states)


def _float_cell(node: ir.Node) -> _Cell:
    def output(index: int) -> int | None:
        value = node.outputs[index] if index < len(node.outputs) else None
        used = value is not None and value.name and (value.uses() or value.is_graph_output())
        return index if used else None

    count = 2 if node.op_type == "LSTM" else 1
    states = tuple((5 + i, _input(node, 5 + i), output(1 + i)) for i in range(count))
    return _Cell(node, dims(node.inputs[2])[2], output(0), states)


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def traits_int(node: ir.Node) -> Traits:
    """Return the traits of an integer GRU or LSTM."""
    return _int_cell(node).traits


def traits_float(node: ir.Node) -> Traits:
    """Return the traits of a float GRU, LSTM or RNN."""
    return _float_cell(node).traits


def _is_whole(node: ir.Node) -> bool:
    """Whether the recurrent product is one: a GRU that resets before it takes its last third apart."""
    return node.op_type != "GRU" or bool(int_attribute(node, "linear_before_reset", 0))


def emit_int(ctx: Context, node: ir.Node) -> None:
    """Integer GRU or LSTM."""
    cell = _int_cell(node)
    operand = SUFFIX[ir.DataType[hidden_operand(node).upper()]]
    packed = {name: array_attribute(node, name) for name in GATE_ARRAYS[:4]}
    bits = [8 if dtype == "int8" else 16 for dtype, _ in products(node)]
    patterns = ctx.patterns(node, {name: packed[name] for name in GATE_ARRAYS[:2]}, bits, 1)
    kernel = int_kernel(f"ek_{node.op_type.lower()}", node, operand, any(patterns))
    arrays = ctx.weights(node, kernel, packed, _is_whole(node), patterns)
    arrays += [
        ctx.constant(f"{node.name}_{name}", array_attribute(node, name)) for name in GATE_ARRAYS[4:]
    ]
    tables = [
        ctx.constant(name, table()[0])
        for name, table in (("sigmoid_gate", sigmoid_gate), ("tanh_gate", tanh_gate))
    ]
    sizes = [
        array_attribute(node, "w").shape[1],
        cell.units,
        int_attribute(node, "linear_before_reset" if node.op_type == "GRU" else "c_bits"),
    ]
    cell.emit(ctx, kernel, [*arrays, *tables], sizes, "int16_t")


def emit_float(ctx: Context, node: ir.Node) -> None:
    """Float GRU, LSTM or RNN: weights packed [inputs][gates * units]."""
    cell, gates = _float_cell(node), _cell_of(node).gates
    w, r = (np.asarray(constant(node.inputs[i]))[0] for i in (1, 2))
    rows = gates * cell.units
    bias = constant(_input(node, 3))
    both = np.zeros(2 * rows, np.float32) if bias is None else bias[0]
    kernel = f"ek_{node.op_type.lower()}_f32"
    arrays = ctx.weights(node, kernel, {"w": w.T, "r": r.T}, _is_whole(node))
    numbers = [w.shape[1], cell.units]
    if node.op_type == "GRU":
        arrays += [
            ctx.constant(f"{node.name}_w_bias", both[:rows]),
            ctx.constant(f"{node.name}_r_bias", both[rows:]),
        ]
        numbers.append(int_attribute(node, "linear_before_reset", 0))
    else:
        arrays.append(ctx.constant(f"{node.name}_bias", both[:rows] + both[rows:]))
    if node.op_type == "RNN":
        numbers.append(uses_relu(node))
    cell.emit(ctx, kernel, arrays, numbers, "float")


def sizes_float(node: ir.Node) -> JsonObject:
    """Whether a simple cell has relu; others have no such number."""
    return {"relu": int(uses_relu(node))} if node.op_type == "RNN" else {}


def _cell_of(node: ir.Node) -> Cell:
    cell = facts_of(node).cell
    assert cell is not None
    return cell


def check_float_cell(node: ir.Node) -> list[Problem]:
    """Constant weights, whole sequences, default activations (RNN also Relu), no peepholes, no clip."""
    found = []
    if any(_input(node, i) is not None and constant(_input(node, i)) is None for i in (1, 2, 3)):
        found.append(("computed weights", "constant weights", "make them parameters"))
    if _input(node, 4) is not None:
        found.append(("sequence_lens", "the full sequence", "remove the lengths"))
    if node.op_type == "LSTM" and _input(node, 7) is not None:
        found.append(("peepholes", "none", "use a plain LSTM"))
    for name, allowed in _unusual_attributes(node):
        found.append((f"attribute {name}", allowed, "use the default cell"))
    return [Problem(node_label(node), *parts) for parts in found]


def _unusual_attributes(node: ir.Node) -> Iterator[tuple[str, str]]:
    """Yield attributes that the kernels do not take, and the values that they take."""
    allowed = (_cell_of(node).activations, *FLOAT_KERNELS[node.op_type].other)
    names = ["activations", "clip", "activation_alpha", "activation_beta", "input_forget"]
    if _input(node, 4) is None:  # layers of whole sequences come forward and time first
        names += ["direction", "layout"]
    for name in names:
        value = attribute(node, name, 0)
        if value in (0, (), "forward") or (name == "activations" and tuple(value) in allowed):
            continue
        text = " or ".join(", ".join(functions) for functions in allowed)
        yield name, text if name == "activations" else "its default"


def macs_int(node: ir.Node) -> int:
    """Return the multiply-accumulates of both products, every time step."""
    return sum(macs for _, macs in products(node))


def products(node: ir.Node) -> list[tuple[str, int]]:
    """Type of the computed operand and multiply-accumulates, of the input's product and the recurrent one."""
    steps, batch = dims(node.inputs[0])[:2]
    types = "int8" if suffix(node.inputs[0]) == "s8" else "int16", hidden_operand(node)
    sizes = (array_attribute(node, name).size for name in ("w", "r"))
    return [(dtype, steps * batch * n) for dtype, n in zip(types, sizes, strict=True)]


def macs_float(node: ir.Node) -> int:
    """Return those of both products, every time step; float cells do that with the identity, too."""
    steps, batch = dims(node.inputs[0])[:2]
    return steps * batch * sum(int(np.prod(dims(node.inputs[i]))) for i in (1, 2))
