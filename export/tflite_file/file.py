"""The content of a .tflite: tensors, operators, graphs and signatures, checked before they are used."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import ModelError, Problem

Table: TypeAlias = Any  # of the schema: its accessors have no types
MAGIC = b"TFL3"
MAX_RANK = 8
MAX_ELEMENTS = 2**28  # of a tensor: more is damage
AGAIN = "copy or export it again"
# what a reader of an operator raises if a damaged file gives it any number of operands of any shape
MISFITS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(NotImplementedError, TypeError, ValueError, struct.error),
)
CUSTOM = "custom"  # before the name of an operator that is not built in
TYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "RESOURCE": "resource",
}


@dataclass(frozen=True)
class Grid:
    """``real = scale * (q - zero)``: one scale, or one for each index of `axis`."""

    scale: Float32
    zero: Array
    axis: int


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph: `data` is the content of a constant; `dtype` is NumPy's name, or ``resource``."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    grid: Grid | None
    data: Array | None
    is_variable: bool
    open_axes: tuple[int, ...] = ()  # the sizes as the file states them, if one but the batch is -1
    open_batch: bool = (
        False  # the file states -1 as the first size, and `shape` has an example of it
    )
    is_resized: bool = False  # `shape` is not the one that the file states

    @property
    def is_integer(self) -> bool:
        """Whether its integers stand for real numbers."""
        return self.grid is not None and self.dtype in ("int8", "uint8", "int16", "int32", "int64")


@dataclass(frozen=True)
class Operator:
    """A builtin operator: `inputs` and `outputs` are tensor numbers, -1 for an input left out."""

    builtin: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table = None  # an accessor of the schema; None where the operator has none

    def option(self, name: str, default: Table = 0) -> Table:
        """Return an option by its name in the schema, as ``StrideW``.

        Raises:
            ModelError: the options are those of another operator, or damaged.
        """
        if self.options is None:
            return default
        try:
            return getattr(self.options, name)()
        except (AttributeError, struct.error) as error:
            step, found = AGAIN, f"no option {name}: {error}"
            refuse(f"operator {self.builtin}", found, "the options of the operator", step)


@dataclass(frozen=True)
class Graph:
    """A graph of the file, in the order of its operators."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A name for a graph, and names for its inputs and outputs by tensor number."""

    key: str
    graph: int
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TfliteFile:
    """All graphs of a .tflite, its signatures and its description."""

    graphs: tuple[Graph, ...]
    signatures: tuple[Signature, ...]
    description: str


def read_tflite(data: bytes) -> TfliteFile:
    """Return the content of a .tflite, whose offsets, sizes and numbers are checked.

    Args:
        data: the file.

    Raises:
        ModelError: no .tflite, damaged, or with a part that EdgeKit has no form of.
    """
    if data[4:8] != MAGIC:
        refuse("file", "not a .tflite", f"a file with {MAGIC.decode()} at byte 4", "check the path")
    try:
        return _Reader(data).read()
    except ModelError:
        raise
    except Exception as error:  # flatbuffers does not check offsets: anything may be raised
        found = f"damaged: {type(error).__name__} while it was read"
        raise ModelError(
            Problem("file", found, "a complete .tflite", "copy or export it again")
        ) from error


def refuse(where: str, found: str, allowed: str, step: str) -> NoReturn:
    """Raise a `ModelError` of one problem."""
    raise ModelError(Problem(where, found, allowed, step))


def misfit(operator: Operator, error: Exception) -> ModelError:
    """Return the error of an operator whose reader raised one of `MISFITS`."""
    found = f"inputs, outputs or options that do not fit: {error or type(error).__name__}"
    allowed = "those that the operator takes"
    return ModelError(Problem(f"operator {operator.builtin}", found, allowed, AGAIN))


class _Reader:
    """Reads tables of the schema, with the lengths of lists bounded by the size of the file."""

    def __init__(self, data: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.data = schema, data
        self.root = schema.Model.GetRootAs(data, 0)
        self.builtins = _names(schema.BuiltinOperator)
        self.options = _names(schema.BuiltinOptions)
        self.types = _names(schema.TensorType)

    def read(self) -> TfliteFile:
        root = self.root
        if root.Version() != 3:
            refuse("file", f"version {root.Version()}", "version 3", "convert the network again")
        codes = [
            self.code(root.OperatorCodes(i)) for i in self.count_entries(root.OperatorCodesLength())
        ]
        graphs = tuple(
            self.graph(root.Subgraphs(i), codes, i)
            for i in self.count_entries(root.SubgraphsLength())
        )
        if not graphs:
            refuse("file", "no graph", "one graph or more", "convert the network again")
        signatures = tuple(
            self.signature(root.SignatureDefs(i), graphs)
            for i in self.count_entries(root.SignatureDefsLength())
        )
        return TfliteFile(graphs, signatures, _text(root.Description()))

    def count_entries(self, length: int) -> range:
        """Count to the length of a list, which needs four bytes for each entry."""
        if not 0 <= length <= len(self.data) // 4:
            found = f"a list of {length} entries in {len(self.data)} bytes"
            refuse("file", found, "lists that fit into the file", "copy or export it again")
        return range(length)

    def code(self, code: Table) -> tuple[str, int]:
        """Return an operator's name and version; old files fill the 8-bit field alone."""
        number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
        name = self.builtins.get(number, f"builtin {number}")
        if name == "CUSTOM":
            name = f"{CUSTOM} {_text(code.CustomCode())}"
        return name, int(code.Version())

    def graph(self, table: Table, codes: list[tuple[str, int]], index: int) -> Graph:
        name = _text(table.Name()) or f"graph_{index}"
        tensors: list[Tensor] = []
        used: set[str] = set()
        for i in self.count_entries(table.TensorsLength()):
            tensors.append(self.tensor(table.Tensors(i), i, used))
            used.add(tensors[-1].name)
        count = len(tensors)
        inputs, outputs = (
            _numbers(part, count, f"graph '{name}'")
            for part in (table.InputsAsNumpy(), table.OutputsAsNumpy())
        )
        operators = tuple(
            self.operator(table.Operators(i), codes, count)
            for i in self.count_entries(table.OperatorsLength())
        )
        _check_order(name, tensors, operators, inputs, outputs)
        return Graph(name, tuple(tensors), operators, inputs, outputs)

    def tensor(self, table: Table, index: int, used: set[str]) -> Tensor:
        name = _text(table.Name()) or f"tensor_{index}"
        if name in used:
            name = f"{name}_{index}"
        where, step = f"tensor '{name}'", "convert the network without it"
        kind = self.kind(table, where, step)
        if table.Sparsity() is not None:
            refuse(where, "a sparse tensor", "dense tensors", step)
        shape = self.shape(table, where, step)
        data = self.content(table, where, shape, kind)
        grid = self.grid(table.Quantization(), where, shape, kind)
        open_axes = tuple(int(n) for n in _list(table.ShapeSignatureAsNumpy()))
        left = open_axes if -1 in open_axes[1:] and data is None else ()
        is_open = open_axes[:1] == (-1,) and data is None
        return Tensor(name, shape, kind, grid, data, bool(table.IsVariable()), left, is_open)

    def shape(self, table: Table, where: str, step: str) -> tuple[int, ...]:
        """Return the sizes of a tensor; that of an open batch is in the file too."""
        shape = tuple(int(n) for n in _list(table.ShapeAsNumpy()))
        if len(shape) > MAX_RANK or min(shape, default=1) < 0:
            found = f"shape {list(shape)}"
            refuse(where, found, f"fixed sizes of at most {MAX_RANK} axes", step)
        if (count := math.prod(shape)) > MAX_ELEMENTS:
            refuse(where, f"{count} elements", f"at most {MAX_ELEMENTS}", step)
        return shape

    def kind(self, table: Table, where: str, step: str) -> str:
        """Return NumPy's name of a tensor's type."""
        name = self.types.get(table.Type(), f"type {table.Type()}")
        if name not in TYPES:
            refuse(where, name.lower(), ", ".join(TYPES.values()), step)
        return TYPES[name]

    def content(self, table: Table, where: str, shape: tuple[int, ...], kind: str) -> Array | None:
        """Return the data of a constant."""
        number = table.Buffer()
        if not 0 <= number < self.root.BuffersLength():
            step = "copy or export it again"
            refuse(where, f"buffer {number}", "a buffer of the file", step)
        buffer = self.root.Buffers(number)
        if buffer.Offset() > 1:
            found, step = "data outside of the flatbuffer", "convert a network below 2 GB"
            refuse(where, found, "data inside of it", step)
        if buffer.DataIsNone() or not buffer.DataLength():
            return None
        item = np.dtype(kind)
        size = math.prod(shape) * item.itemsize
        if buffer.DataLength() != size:
            found = f"{buffer.DataLength()} bytes for {list(shape)} of {kind}"
            refuse(where, found, f"{size} bytes", "copy or export it again")
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), item).reshape(shape)

    def grid(self, table: Table, where: str, shape: tuple[int, ...], kind: str) -> Grid | None:
        """Return what the integers stand for; None of a tensor that was never quantized."""
        if table is None or table.ScaleIsNone() or not table.ScaleLength():
            return None
        scale = np.asarray(table.ScaleAsNumpy(), np.float32)
        if scale.size == 1 and scale[0] == 0:
            return None
        zero = np.asarray([*_list(table.ZeroPointAsNumpy())] or [0], np.int64)
        zero = zero if zero.size == scale.size else np.broadcast_to(zero[:1], scale.shape)
        axis = int(table.QuantizedDimension()) if len(shape) > 1 else 0
        if not _fits(scale, axis, shape):
            found = f"{scale.size} scales from {scale.min()} along axis {axis} of {list(shape)}"
            refuse(where, found, "one positive scale, or one for each index of an axis", AGAIN)
        _check_zero_points(zero, where, kind)
        return Grid(scale, zero, axis)

    def operator(self, table: Table, codes: list[tuple[str, int]], count: int) -> Operator:
        if not 0 <= table.OpcodeIndex() < len(codes):
            found, step = f"operator code {table.OpcodeIndex()}", "copy or export it again"
            refuse("file", found, f"0 to {len(codes) - 1}", step)
        name, version = codes[table.OpcodeIndex()]
        where = f"operator {name}"
        inputs = _numbers(table.InputsAsNumpy(), count, where, least=-1)
        outputs = _numbers(table.OutputsAsNumpy(), count, where)
        return Operator(name, version, inputs, outputs, self.chosen(table))

    def chosen(self, table: Table) -> Table:
        """Return the options of an operator; None where it has none."""
        name = self.options.get(table.BuiltinOptionsType(), "NONE")
        inner = table.BuiltinOptions()
        if name == "NONE" or inner is None:
            return None
        options = getattr(self.schema, name)()
        options.Init(inner.Bytes, inner.Pos)
        return options

    def signature(self, table: Table, graphs: tuple[Graph, ...]) -> Signature:
        number = int(table.SubgraphIndex())
        key = _text(table.SignatureKey())
        if number >= len(graphs):
            found, step = f"graph {number}", "copy or export it again"
            refuse(f"signature '{key}'", found, f"0 to {len(graphs) - 1}", step)
        names: dict[int, str] = {}
        for length, entry in (
            (table.InputsLength(), table.Inputs),
            (table.OutputsLength(), table.Outputs),
        ):
            for i in self.count_entries(length):
                names.setdefault(int(entry(i).TensorIndex()), _text(entry(i).Name()))
        return Signature(key, number, names)


def _check_zero_points(zero: Array, where: str, kind: str) -> None:
    """Refuse zero points that are no number of the type."""
    if not kind.strip("u").startswith("int"):
        return
    limits = np.iinfo(kind)
    if outside := [int(n) for n in zero if not limits.min <= n <= limits.max]:
        refuse(where, f"zero point {outside[0]}", f"a number of type {kind}", AGAIN)


def _fits(scale: Float32, axis: int, shape: tuple[int, ...]) -> bool:
    """Whether scales are positive normal numbers: one, or one for each index of an axis."""
    positive = bool(np.all(np.isfinite(scale)) and np.all(scale >= np.finfo(np.float32).tiny))
    return positive and (scale.size == 1 or scale.size in shape[axis : axis + 1])


def _names(enumeration: Table) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if name[:1] != "_"}


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")


def _list(content: Table) -> Table:
    """Return the entries of a list, none where it is left out: accessors give 0 then."""
    return [] if isinstance(content, int) else content


def _numbers(content: Table, count: int, where: str, least: int = 0) -> tuple[int, ...]:
    numbers = tuple(int(n) for n in _list(content))
    if wrong := [n for n in numbers if not least <= n < count]:
        step = "copy or export it again"
        refuse(where, f"tensor {wrong[0]}", f"{least} to {count - 1}", step)
    return numbers


def _check_order(
    name: str,
    tensors: list[Tensor],
    operators: tuple[Operator, ...],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
) -> None:
    """Refuse operators that read what is not yet computed, and tensors that are written twice."""
    known = {i for i, t in enumerate(tensors) if t.data is not None or t.is_variable} | {*inputs}
    written: set[int] = set()
    for operator in operators:
        if operator.builtin.startswith(CUSTOM):  # refused by its name later
            return
        where = f"operator {operator.builtin} of '{name}'"
        for number in sorted({*operator.inputs} - known - {-1}):
            found = f"reads '{tensors[number].name}' before it is computed"
            refuse(where, found, "operators in the order of their data", AGAIN)
        for number in operator.outputs:
            if number in written or tensors[number].data is not None:
                found = f"writes '{tensors[number].name}', which has a value"
                refuse(where, found, "one operator for each tensor", AGAIN)
            written.add(number)
        known |= written
    for number in sorted({*outputs} - known):
        refuse(f"output '{tensors[number].name}'", "never computed", "a computed tensor", AGAIN)
