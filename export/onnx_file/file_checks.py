"""Checks of an .onnx file before anything is computed: is it whole, and of a known kind?"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import onnx
import onnx.checker
import onnx.defs
import onnx_ir as ir
from google.protobuf.message import Message  # type: ignore[import-untyped]

from edgekit.base.errors import EdgeKitError, ModelError, Problem
from edgekit.export.onnx_file.dims import forget_open_dims
from edgekit.export.onnx_file.limits import (
    attribute_problems,
    drop_absent,
    node_problems,
    operand_problems,
)
from edgekit.export.onnx_file.messages import plain
from edgekit.export.onnx_file.training_mode import training_problems
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET

P = ParamSpec("P")
T = TypeVar("T")
ONNX_FILE = "the .onnx file"
MAX_BYTES = 512 * 2**20  # of a file and its external files
FIRST_OPSET = 6
NO_OPERATOR = re.compile(r"No Op registered for (\w+) with domain_version")
OTHER_FLOATS = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
INTERFACE_TYPES = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.BOOL,
    onnx.TensorProto.INT8,
    onnx.TensorProto.UINT8,
    onnx.TensorProto.INT32,
    onnx.TensorProto.INT64,
)
_NO_NUMBERS = (ir.DataType.UNDEFINED, ir.DataType.STRING)
_KNOWN_TYPES = frozenset(kind.value for kind in ir.DataType if kind not in _NO_NUMBERS)


def load(data: bytes) -> onnx.ModelProto:
    """Return the protobuf of `data`, whose tensors have the data that they claim.

    Raises:
        ModelError: too large, not ONNX, truncated, of an opset that is too old or too new, with
            tensors whose data is missing, too short or too long, or with too many nodes.
    """
    if len(data) > MAX_BYTES:
        raise unusable(f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        proto = onnx.load_model_from_string(data)
        problems = [*_opset_problems(proto), *_tensor_problems(proto), *node_problems(proto)]
        problems += attribute_problems(proto)
        problems += operand_problems(proto, opset_of(proto) or OPSET)
        problems += training_problems(proto, opset_of(proto) or OPSET)
    except Exception as error:  # protobuf on a file of unknown origin
        raise unusable(f"not a valid ONNX file: {plain(error)}") from error
    if problems:
        raise ModelError(problems)
    return proto


def parse(data: bytes, shapes: Mapping[str, Sequence[object]]) -> onnx.ModelProto:
    """Return the protobuf of a whole, valid network.

    Args:
        data: the content of a file without external files.
        shapes: input name -> dimensions, for inputs that have no rank in the file.

    Raises:
        ModelError: errors of `load`, and of ``onnx.checker``.
    """
    proto = load(data)
    drop_absent(proto)
    try:
        forget_open_dims(proto.graph, shapes)
        for value in proto.graph.output:  # a shape without reader, which the checker requires
            if value.type.HasField("tensor_type"):
                value.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(proto)
    except EdgeKitError:
        raise
    except Exception as error:  # protobuf and a C++ checker on a file of unknown origin
        if unknown := NO_OPERATOR.search(str(error)):
            raise ModelError(_unknown_operator(unknown[1], opset_of(proto))) from error
        raise unusable(f"not a valid ONNX file: {plain(error)}") from error
    return proto


def _unknown_operator(op_type: str, opset: int) -> Problem:
    found, allowed = f"ONNX has no such operator at opset {opset}", "operators of the ONNX standard"
    step = "the exporter left it as it was: write this layer with other operators, or export at a newer opset"
    return Problem(f"operator '{op_type}'", found, allowed, step)


def runnable(data: bytes) -> bytes:
    """Return a file that `parse` accepted without false claims about shapes and without empty last inputs.

    onnxruntime takes an input's size 0 as a size, and believes the shapes of inner values. torch's exporter writes
    these as traced, even if sizes are open.
    """
    proto = onnx.load_model_from_string(data)
    for value in proto.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.WhichOneof("value") == "dim_value" and not dim.dim_value:
                dim.ClearField("dim_value")
    del proto.graph.value_info[:]
    drop_absent(proto)
    return bytes(proto.SerializeToString())


def unusable(found: str) -> ModelError:
    """Return the error of a file that is not a network at all."""
    return ModelError(
        Problem(ONNX_FILE, found, "a complete, valid ONNX model", "export the network again")
    )


def with_file_name(load: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Let the errors of a function name the file, its first argument; functions of its content call it `ONNX_FILE`."""

    @wraps(load)
    def load_file(source: str, /, *arguments: P.args, **options: P.kwargs) -> T:
        try:
            return load(source, *arguments, **options)
        except ModelError as error:
            name = f"file '{source}'"
            if all(problem.where != ONNX_FILE for problem in error.problems):
                raise
            raise ModelError(
                replace(problem, where=name) if problem.where == ONNX_FILE else problem
                for problem in error.problems
            ) from error

    return load_file


def tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield every tensor anywhere in the message: initializers, attributes, subgraphs."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, content in message.ListFields():
        if field.message_type is not None:
            for item in (content,) if isinstance(content, Message) else content:
                if isinstance(item, Message):
                    yield from tensors(item)


def is_external(tensor: onnx.TensorProto) -> bool:
    """Whether a tensor's data is in another file."""
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data)


def bytes_of(tensor: onnx.TensorProto) -> int | None:
    """Return how many bytes the dimensions and the type of a tensor make; None without numbers."""
    if tensor.data_type not in _KNOWN_TYPES:
        return None
    bits = math.prod(tensor.dims) * ir.DataType(tensor.data_type).bitwidth
    return int(-(-bits // 8))


def opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of the standard operators; 0 if the file names none."""
    versions = {entry.domain: entry.version for entry in proto.opset_import}
    return int(versions.get("", versions.get("ai.onnx", 0)))


def _opset_problems(proto: onnx.ModelProto) -> list[Problem]:
    version, last = opset_of(proto), onnx.defs.onnx_opset_version()
    if not proto.opset_import or version == 0 or FIRST_OPSET <= version <= last:
        return []
    return [
        Problem(
            ONNX_FILE,
            f"opset {version}",
            f"opsets {FIRST_OPSET} to {last}",
            f"export the network again with opset_version={OPSET}",
        )
    ]


def _tensor_problems(proto: onnx.ModelProto) -> list[Problem]:
    problems = []
    for tensor in tensors(proto):
        if is_external(tensor):
            found, allowed = "its data lies in another file", "a file next to the .onnx file"
            step = "give the path of the .onnx file, or save the network as one file"
        elif min(tensor.dims, default=0) < 0 or tensor.data_type not in _KNOWN_TYPES:
            found, allowed = _claim(tensor), "sizes from 0, numbers of a type of ONNX"
            step = "export the network again"
        elif tensor.HasField("raw_data") and len(tensor.raw_data) != bytes_of(tensor):
            found = f"{_claim(tensor)} with {len(tensor.raw_data)} bytes of data"
            allowed = f"{bytes_of(tensor)} bytes"
            step = "export the network again"
        else:
            continue
        problems.append(Problem(f"tensor '{tensor.name}'", found, allowed, step))
    return problems


def _claim(tensor: onnx.TensorProto) -> str:
    dims = ",".join(map(str, tensor.dims))
    return f"{_type_text(tensor.data_type)} of shape ({dims})"


def type_problems(graph: onnx.GraphProto) -> list[Problem]:
    """Return the inputs and outputs that are not tensors of `INTERFACE_TYPES`, nor int16 of a front end's node."""
    constants = {tensor.name for tensor in graph.initializer}
    samples = _names_beside_front_ends(graph)
    problems = [
        _type_problem("input", value)
        for value in graph.input
        if value.name not in constants and _element_type(value) not in _types_of(value, samples)
    ]
    problems += [
        _type_problem("output", value)
        for value in graph.output
        if _element_type(value) not in (*_types_of(value, samples), onnx.TensorProto.DOUBLE)
    ]
    if not graph.output:
        problems.append(
            Problem("the network", "no outputs", "at least one output", "name its outputs")
        )
    return problems


def _names_beside_front_ends(graph: onnx.GraphProto) -> set[str]:
    """Return the names of what nodes of our own domain read and make: some of it is sound in int16."""
    nodes = [node for node in graph.node if node.domain == FRONTEND_DOMAIN]
    return {name for node in nodes for name in (*node.input, *node.output)}


def _types_of(value: onnx.ValueInfoProto, samples: set[str]) -> tuple[int, ...]:
    return (*INTERFACE_TYPES, onnx.TensorProto.INT16) if value.name in samples else INTERFACE_TYPES


def _element_type(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _type_problem(kind: str, value: onnx.ValueInfoProto) -> Problem:
    allowed = f"tensors of {', '.join(map(_type_text, INTERFACE_TYPES))}"
    step = "convert inside the network, or take the value out of its interface"
    if _element_type(value) in OTHER_FLOATS:
        step = "make it float32, as module.float() and tensor.float() do"
    return Problem(f"{kind} '{value.name}'", f"type {_type_name(value)}", allowed, step)


def _type_name(value: onnx.ValueInfoProto) -> str:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return str(kind)
    return _type_text(value.type.tensor_type.elem_type)


def _type_text(kind: int) -> str:
    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    name = names.get(kind, f"number {kind}").lower()
    return "float32" if name == "float" else name
