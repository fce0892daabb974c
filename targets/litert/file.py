"""A .tflite in the making: tensors, constants and operators of LiteRT's schema."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgekit.base.arrays import Array

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "complex64": schema.TensorType.COMPLEX64,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}
SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"
VERSIONS = {"BROADCAST_TO": 2}  # of operators whose first version LiteRT no longer has
MIN_RUNTIME = "2.14.0"  # written as metadata, as TensorFlow's converter does


@dataclass(frozen=True)
class Scales:
    """Quantization of a tensor: one scale and zero point, or one scale per index of `axis`."""

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    """The description of a tensor in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: Scales | None


@dataclass(frozen=True)
class OperatorCall:
    """A builtin operator with the numbers of its inputs and outputs; -1 is an input that is left out."""

    builtin: str
    inputs: list[int]
    outputs: list[int]
    options: object


class Graph:
    """One subgraph."""

    def __init__(self, name: str) -> None:
        """Start empty; `name` is for people."""
        self.name = name
        self.tensors: list[Tensor] = []
        self.data: dict[int, bytes] = {}
        self.operators: list[OperatorCall] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.variables: set[int] = set()  # tensors that keep their content from call to call
        self._constants: dict[tuple[object, ...], int] = {}

    def tensor(
        self, name: str, shape: Sequence[int], dtype: str, scales: Scales | None = None
    ) -> int:
        """Add a computed tensor; return its number."""
        self.tensors.append(Tensor(name, tuple(int(n) for n in shape), dtype, scales))
        return len(self.tensors) - 1

    def constant(self, name: str, array: Array, scales: Scales | None = None) -> int:
        """Return the constant of this content, type and quantization."""
        data = np.ascontiguousarray(array).tobytes()
        key = (array.dtype.name, array.shape, scales, data)
        if key not in self._constants:
            number = self.tensor(name, array.shape, array.dtype.name, scales)
            self.data[number], self._constants[key] = data, number
        return self._constants[key]

    def operator(
        self, builtin: str, inputs: Sequence[int], outputs: Sequence[int], options: object = None
    ) -> None:
        """Append an operator; -1 is an input that is left out."""
        self.operators.append(OperatorCall(builtin, list(inputs), list(outputs), options))

    def drop_unread(self) -> dict[int, int]:
        """Remove constants that no operator reads; return the new number of every other tensor."""
        read = {number for operator in self.operators for number in operator.inputs}
        read.update(self.outputs)
        left = [n for n in range(len(self.tensors)) if n in read or n not in self.data]
        places = {-1: -1} | {old: new for new, old in enumerate(left)}

        def renumber(numbers: Iterable[int]) -> list[int]:
            return [places[number] for number in numbers]

        self.tensors = [self.tensors[number] for number in left]
        self.data = {places[n]: data for n, data in self.data.items() if n in places}
        self._constants = {key: places[n] for key, n in self._constants.items() if n in places}
        self.operators = [
            replace(op, inputs=renumber(op.inputs), outputs=renumber(op.outputs))
            for op in self.operators
        ]
        self.inputs, self.outputs = renumber(self.inputs), renumber(self.outputs)
        return places

    def separate_views(self) -> None:
        """Let a RESHAPE of a tensor that others read too work on a copy.

        LiteRT 2.3 lets a RESHAPE share memory with its input. A later operator may write there, even if the input is
        still to be read.
        """
        reads = Counter(self.outputs)
        reads.update(number for operator in self.operators for number in set(operator.inputs))
        calls, self.operators = self.operators, []
        for call in calls:
            source = call.inputs[0]
            if call.builtin == "RESHAPE" and reads[source] > 1 and source not in self.data:
                copy = self._slice_whole(source)
                call = replace(call, inputs=[copy, *call.inputs[1:]])
            self.operators.append(call)

    def _slice_whole(self, source: int) -> int:
        """Append a copy of a tensor; return its number."""
        held = self.tensors[source]
        copy = self.tensor(f"{held.name}_copy", held.shape, held.dtype, held.scales)
        begin = self.constant("begin", np.zeros(len(held.shape), np.int32))
        size = self.constant("size", np.array(held.shape, np.int32))
        self.operator("SLICE", [source, begin, size], [copy], options("Slice"))
        return copy


def options(name: str, **fields: object) -> object:
    """Builtin options of a kind of the schema, as ``Conv2D``, with these fields."""
    made = getattr(schema, f"{name}OptionsT")()
    for field, value in fields.items():
        assert hasattr(made, field), f"{name}.{field}"
        setattr(made, field, value)
    return made


def has_activation(made: object) -> bool:
    """Whether options can name an activation that the operator ends with."""
    return hasattr(made, "fusedActivationFunction")


def set_activation(made: object, activation: int) -> None:
    """Name the activation that the operator of some options ends with."""
    assert has_activation(made)
    vars(made)["fusedActivationFunction"] = activation


@dataclass(frozen=True)
class Signature:
    """The names for a caller: tensors of the first subgraph by name."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def to_bytes(
    graphs: Sequence[Graph], signature: Signature, description: str, metadata: Mapping[str, bytes]
) -> bytes:
    """Return the file; the same graphs give the same bytes."""
    model = schema.ModelT()
    model.version, model.description = SCHEMA_VERSION, description
    model.buffers = [schema.BufferT()]  # by convention the first is empty
    codes: dict[str, int] = {}
    model.subgraphs = [_subgraph(graph, model.buffers, codes) for graph in graphs]
    model.operatorCodes = [_code(name) for name in codes]
    model.signatureDefs = [_signature(signature)]
    model.metadata = []
    for name, content in {"min_runtime_version": MIN_RUNTIME.encode(), **metadata}.items():
        row = schema.MetadataT()
        row.name, row.buffer = name, _buffer(model.buffers, content)
        model.metadata.append(row)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _subgraph(graph: Graph, buffers: list[object], codes: dict[str, int]) -> object:
    made = schema.SubGraphT()
    made.name, made.inputs, made.outputs = graph.name, graph.inputs, graph.outputs
    made.tensors = [
        _tensor(
            tensor,
            0 if n not in graph.data else _buffer(buffers, graph.data[n]),
            n in graph.variables,
        )
        for n, tensor in enumerate(graph.tensors)
    ]
    made.operators = []
    for call in graph.operators:
        row = schema.OperatorT()
        row.opcodeIndex = codes.setdefault(call.builtin, len(codes))
        row.inputs, row.outputs = call.inputs, call.outputs
        if call.options is not None:
            row.builtinOptions = call.options
            kind = type(call.options).__name__.removesuffix("T")
            row.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        made.operators.append(row)
    return made


def _tensor(tensor: Tensor, buffer: int, is_variable: bool) -> object:
    made = schema.TensorT()
    made.isVariable = is_variable
    made.name, made.type, made.buffer = tensor.name, TYPES[tensor.dtype], buffer
    made.shape, made.hasRank = list(tensor.shape), True
    if tensor.scales is not None:
        facts = schema.QuantizationParametersT()
        facts.scale = list(tensor.scales.scale)
        facts.zeroPoint = [tensor.scales.zero_point] * len(tensor.scales.scale)
        facts.quantizedDimension = tensor.scales.axis
        made.quantization = facts
    return made


def _buffer(buffers: list[object], content: bytes) -> int:
    made = schema.BufferT()
    made.data = np.frombuffer(content, np.uint8)
    buffers.append(made)
    return len(buffers) - 1


def _code(name: str) -> object:
    made = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, name)
    made.builtinCode, made.version = number, VERSIONS.get(name, 1)
    made.deprecatedBuiltinCode = min(number, 127)  # the value for readers of old schemas
    return made


def _signature(signature: Signature) -> object:
    def named(tensors: Mapping[str, int]) -> list[object]:
        rows = []
        for name, number in tensors.items():
            row = schema.TensorMapT()
            row.name, row.tensorIndex = name, number
            rows.append(row)
        return rows

    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = "serving_default", 0
    made.inputs, made.outputs = named(signature.inputs), named(signature.outputs)
    return made
