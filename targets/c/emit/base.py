"""The base of all emitters: the context that collects C lines, constants and kernels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.graph.sparsity import Pattern
from edgekit.operators.geometry import dims
from edgekit.runtime.build_folder.manifest import c_identifier
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Choice
from edgekit.targets.c.emit.kernels import Kernel, Selection, choose
from edgekit.targets.c.packing.sparse import SparseLayer, sparse_layer
from edgekit.targets.c.packing.weights import INT4, SPARSE, pack
from edgekit.targets.c.plan.storage import ITEM_BYTES, Layout, Slot, Traits, item_bytes
from edgekit.targets.c.stubs import form
from edgekit.targets.instruction_sets import Packing, packing_of

C_TYPES = {
    ir.DataType.FLOAT: "float",
    ir.DataType.INT8: "int8_t",
    ir.DataType.INT16: "int16_t",
    ir.DataType.BOOL: "uint8_t",
    ir.DataType.UINT8: "uint8_t",
    ir.DataType.INT32: "int32_t",
    ir.DataType.INT64: "int64_t",
}
C_ARRAYS = {
    "bool": "uint8_t",
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
}
SUFFIX = {
    ir.DataType.FLOAT: "f32",
    ir.DataType.INT8: "s8",
    ir.DataType.INT16: "s16",
    ir.DataType.INT32: "s32",
}
POOLED = frozenset(SUFFIX) - {ir.DataType.INT32}
LIMITS = (
    "y_zero",
    "y_min",
    "y_max",
)  # attributes: the zero point of a result, and its bounds


FLOAT = frozenset({ir.DataType.FLOAT})
BOOL = frozenset({ir.DataType.BOOL})
INT64 = frozenset({ir.DataType.INT64})
ANY = frozenset(ITEM_BYTES)  # data movement carries every type that the planner knows
NUMBERS = frozenset(C_TYPES) - BOOL - {ir.DataType.INT16}
ORDERED = NUMBERS | {ir.DataType.INT16}  # for operators that select among their operands
INTEGERS = NUMBERS - FLOAT


def no_traits(_: ir.Node) -> Traits:
    """Return the traits of an operator with separate storage for its result and no work space."""
    return Traits()


def view(_: ir.Node) -> Traits:
    """The result is the operand under another shape."""
    return Traits(view=(0, 0))


def elementwise(_: ir.Node) -> Traits:
    """The result may take an operand's place."""
    return Traits(elementwise=True)


@dataclass(frozen=True)
class Emitter:
    """The translation of one operator to C.

    Attributes:
        emit: appends the operator's lines to the context.
        traits: the facts that the planner needs.
        check: problems of one node against the C target, all of them.
        macs: multiply-accumulates of one hop.
        reads: element types that its computed operands may have.
        writes: element types that its results may have; None: those it reads.
        kernels: for operators that several kernels compute, the list; `emit` takes one of them.
        sizes: arguments of the kernel by name, where its arrays have the same bytes if two sizes change places.
    """

    emit: Callable[["Context", ir.Node], None]
    traits: Callable[[ir.Node], Traits] = no_traits
    check: Callable[[ir.Node], list[Problem]] = lambda node: []
    macs: Callable[[ir.Node], int] = lambda node: 0
    reads: Collection[ir.DataType] = FLOAT
    writes: Collection[ir.DataType] | None = None
    kernels: Sequence[Kernel] = ()
    sizes: Callable[[ir.Node], JsonObject] = lambda node: {}


@dataclass
class Context:
    """Collects the body of ``<name>_process`` and the constants it reads.

    `selection` lists the kernels. In an integer recipe (`fixed_order`) float kernels are the portable ones. So every
    core has the oracle's bits, even without integer layers. `external` weights are replaced at run time.
    """

    prefix: str
    layout: Layout
    fields: Mapping[str, str]
    selection: Selection
    external: bool = False
    lines: list[str] = field(default_factory=list)
    constants: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    kernels: set[str] = field(default_factory=set)
    locals: dict[str, str] = field(default_factory=dict)
    declarations: list[str] = field(default_factory=list)
    layers: list[ir.Value] = field(default_factory=list)  # by the number of their EK_LAYER
    moved_bytes: int = 0  # that copies read and write, and fills write
    used: list[tuple[str, str]] = field(default_factory=list)  # by the node: wanted name, constant
    facts: JsonObject = field(default_factory=dict)  # for `proof.json`
    reads: dict[str, float] = field(default_factory=dict)  # of each byte of a constant in a hop
    first_reader: dict[str, str] = field(default_factory=dict)  # of a constant: the node
    choices: dict[str, Choice] = field(default_factory=dict)  # by layer
    sparse: list[SparseLayer] = field(default_factory=list)
    _by_content: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def sibling(self, layout: Layout, fields: Mapping[str, str]) -> "Context":
        """A context for another function of the same build: constants and kernels are shared."""
        return Context(
            self.prefix,
            layout,
            fields,
            self.selection,
            self.external,
            constants=self.constants,
            kernels=self.kernels,
            choices=self.choices,
            sparse=self.sparse,
            _by_content=self._by_content,
        )

    @property
    def profile(self) -> Profile:
        """The device."""
        return self.selection.profile

    @property
    def float_packing(self) -> Packing:
        """The order in which float kernels read weights."""
        return self.selection.float_packing

    def emit(self, kernels: Sequence[Kernel], node: ir.Node) -> None:
        """Emit a layer by the one of some kernels that is chosen, and remember the choice."""
        kernel, self.choices[str(node.name)] = choose(kernels, self.selection, node)
        kernel.emit(self, node)

    def line(self, text: str) -> None:
        """Append one line of C, indented by the caller's nesting only."""
        self.lines.append(f"    {text}")

    def call(self, kernel: str, *arguments: object) -> None:
        """Append a kernel call and remember that the build needs the kernel."""
        self.kernels.add(kernel)
        self.line(f"{kernel}({', '.join(str(a) for a in arguments)});")

    def look(self, node: ir.Node) -> None:
        """Mark where the results of a node are complete, so that a replay can look at them."""
        for value in node.outputs:
            used = bool(value.uses()) or value.is_graph_output()
            if used and str(value.name) in self.layout.slots:
                self.line(f"EK_LAYER({len(self.layers)}, {self.pointer(value)});")
                self.layers.append(value)

    def pointer(self, value: ir.Value | None) -> str:
        """The C name of a tensor: a constant array, or a local pointer into its storage."""
        assert value is not None and value.dtype is not None
        if value.const_value is not None and not value.is_graph_input():
            return self.constant(str(value.name), value.const_value.numpy())
        key = str(value.name)
        if key not in self.locals:
            name = free_name(f"v_{c_identifier(key)}", set(self.locals.values()))
            self.locals[key] = name
            self.declarations.append(self._declaration(name, value))
        return self.locals[key]

    def same_place(self, a: ir.Value | None, b: ir.Value | None) -> bool:
        """Whether two computed tensors share their storage."""
        return (
            a is not None
            and b is not None
            and self.slot(a) is not None
            and self.slot(a) == self.slot(b)
        )

    def slot(self, value: ir.Value) -> Slot | None:
        """A computed tensor's slot; None for a constant."""
        if value.const_value is not None and not value.is_graph_input():
            return None
        return self.layout.slots.get(str(value.name))

    def copy(self, source: ir.Value, destination: ir.Value, count: int | None = None) -> None:
        """Append a memcpy between tensors, unless they share their storage."""
        if not self.same_place(source, destination):
            n = size(source) if count is None else count
            a, b = self.pointer(source), self.pointer(destination)
            self.line(f"memcpy({b}, {a}, {n} * sizeof *{b});")
            self.count_moved(destination, n)

    def count_moved(self, y: ir.Value, count: int, sides: int = 2) -> None:
        """Add elements that are read and written, or (`sides` 1) only written."""
        self.moved_bytes += count * sides * item_bytes(y)

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """Add an array to the constants (once per content) and return its C name; of an empty one NULL."""
        if not array.size:
            return "NULL"
        array = np.ascontiguousarray(array)
        kind = f"{array.dtype.name}{array.size}"
        # arrays that are replaced later are equal today by chance
        key = (f"{name}:{kind}" if self.external else kind, sha256(array.tobytes()).digest())
        if key not in self._by_content:
            identifier = free_name(f"{self.prefix}_{c_identifier(name)}", set(self.constants))
            self.constants[identifier] = array
            self._by_content[key] = identifier
        self.used.append((name, self._by_content[key]))
        return self._by_content[key]

    def count_reads(self, node: ir.Node, macs: int) -> None:
        """Add the emitted node's reads of its constants: once, or for each multiply-accumulate."""
        used = list(dict.fromkeys(constant for _, constant in self.used))
        elements = sum(self.constants[name].size for name in used)
        for name in used:
            self.first_reader.setdefault(name, str(node.name))
            self.reads[name] = self.reads.get(name, 0) + max(1.0, macs / elements)
        self.used.clear()

    def weights(
        self,
        node: ir.Node,
        kernel: str,
        arrays: Mapping[str, NDArray[np.generic]],
        whole: bool = True,
        patterns: Sequence[Pattern | None] = (),
    ) -> list[str]:
        """Add a kernel's weights and biases, packed as the device reads them; see `pack`."""
        own = self.float_packing if kernel.endswith("_f32") else packing_of(self.profile.kernels)
        packed = pack(own, kernel, list(arrays.values()), whole, patterns)
        return [self.constant(f"{node.name}_{n}", a) for n, a in zip(arrays, packed, strict=True)]

    def patterns(
        self,
        node: ir.Node,
        matrices: Mapping[str, NDArray[np.generic]],
        bits: Sequence[int],
        positions: int,
        own: Packing | None = None,
    ) -> list[Pattern | None]:
        """Return the patterns of the matrices (outputs, inputs) that are stored sparse, None for dense ones.

        The result for each matrix with a pattern is kept for the manifest.

        Args:
            node: the layer.
            matrices: its weights by name.
            bits: of the operand of each.
            positions: vectors in one call.
            own: a packing other than the device's.
        """
        own = own or packing_of(self.profile.kernels)
        scheduled = self.selection.schedule.get(str(node.name), SPARSE)
        dense = self.selection.dense or not scheduled.endswith(SPARSE)
        found = []
        for (name, w), width in zip(matrices.items(), bits, strict=True):
            layer, pattern = sparse_layer(own, str(node.name), name, w, width, positions)
            if layer is not None and not dense:
                self.sparse.append(layer)
            found.append(None if dense else pattern)
        return found

    def scratch(self, node: ir.Node, ctype: str) -> str:
        """The node's work space as a pointer expression."""
        return f"({ctype} *)(void *)(s + {self.layout.node_scratch[str(node.name)]})"

    def _declaration(self, name: str, value: ir.Value) -> str:
        assert value.dtype is not None
        slot, ctype = self.layout.slots[str(value.name)], C_TYPES[value.dtype]
        shape = "".join(f"[{d}]" for d in dims(value))
        place = self.place(slot)
        const = "const " if slot.block == "input" else ""
        if slot.block in ("state", "scratch") or slot.offset:
            place = f"({const}{ctype} *)({const}void *)({place})"
        return f"{const}{ctype} *const {name} = {place}; /* {shape} */"

    def place(self, slot: Slot) -> str:
        """The address of a slot: bytes of a block, or the caller's pointer."""
        if slot.block in ("input", "output"):
            const, struct = ("const ", "in") if slot.block == "input" else ("", "out")
            start = f"{struct}->{self.fields[slot.name]}"
            return f"&(({const}unsigned char *){start})[{slot.offset}]" if slot.offset else start
        return f"{'st' if slot.block == 'state' else 's'} + {slot.offset}"


def free_name(stem: str, taken: Collection[str]) -> str:
    """Return `stem`, or `stem` followed by the first free number."""
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name


def call_emitter(
    kernel: str, numbers: Callable[[ir.Node], Sequence[int | float]]
) -> Callable[[Context, ir.Node], None]:
    """Return an emitter of one call: the inputs, the output, and numbers from the node."""

    def emit(ctx: Context, node: ir.Node) -> None:
        arrays = [ctx.pointer(value) for value in (*node.inputs, node.outputs[0])]
        texts = [float_literal(n) if isinstance(n, float) else str(n) for n in numbers(node)]
        ctx.call(kernel, *arrays, *texts)

    return emit


def size(value: ir.Value | None) -> int:
    """Elements of a tensor."""
    return int(np.prod(dims(value), dtype=np.int64))


def c_type(value: ir.Value | None) -> str:
    """The C type of a tensor's elements."""
    assert value is not None and value.dtype is not None
    return C_TYPES[value.dtype]


def int_kernel(name: str, node: ir.Node, y_type: str | None = None, sparse: bool = False) -> str:
    """Return the form of a kernel for an integer operator's types (or `y_type`) and for its weights."""
    int4 = "w" in node.attributes and array_attribute(node, "w").dtype == ir.DataType.INT4.numpy()
    tail = SPARSE if sparse else INT4 if int4 else ""
    return form(name, suffix(node.inputs[0]), y_type or suffix(node.outputs[0]), tail)


def suffix(value: ir.Value | None) -> str:
    """``f32``, ``s8``, ``s16`` or ``s32``."""
    assert value is not None and value.dtype is not None
    return SUFFIX[value.dtype]


def array_attribute(node: ir.Node, name: str) -> NDArray[np.generic]:
    """A tensor attribute of an integer operator."""
    return np.asarray(node.attributes[name].as_tensor().numpy())


def int_attribute(node: ir.Node, name: str, default: int | None = None) -> int:
    """An integer attribute, or its default."""
    attribute = node.attributes.get(name)
    if attribute is None:
        assert default is not None, f"{node.name}: no attribute {name}"
        return default
    return attribute.as_int()


def int_attributes(node: ir.Node, *names: str) -> list[int]:
    """Several integer attributes."""
    return [int_attribute(node, name) for name in names]


def float_literal(value: float) -> str:
    """A C float literal with the value's exact float32 bits."""
    number = np.float32(value)
    if not np.isfinite(number):
        return "EK_NAN" if np.isnan(number) else "EK_INF" if number > 0 else "-EK_INF"
    text = repr(float(number)) if float(repr(float(number))) == number else ""
    short = np.format_float_scientific(number, unique=True, trim="0")
    return f"{short}f" if text or short else "0.0f"


def node_label(node: ir.Node) -> str:
    """Return the name of a node for messages."""
    return f"{node.op_type} {node.name!r}"
