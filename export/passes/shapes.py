"""Infers shapes from the inputs alone, as an exporter's claims about other values may be wrong."""

import math
from collections.abc import Mapping

import onnx
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.messages import plain
from edgekit.export.onnx_file.sizes import refuse_inferred_sizes
from edgekit.export.own_operators.functions import LAYERS
from edgekit.graph.model import FRONTEND_DOMAIN

MAX_ELEMENTS = 2**26  # of one value: refuses a bomb before anything is evaluated
MAX_RANK = 32
MAX_PROPAGATED = 2**16
MAX_READ = 2**12  # elements of a constant whose values inference may need


class InferShapes(ir.passes.InPlacePass):
    """Recompute every shape and type with ONNX shape inference; graph outputs too.

    Outputs of EdgeKit's function nodes keep their recorded shapes, because inference does not support every function;
    those of marked layers have their first input's.

    Raises:
        ModelError: inference contradicts the graph, or a value is larger than `MAX_ELEMENTS`, or has a size below
            zero.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Infer in place."""
        values = {
            value.name: value
            for node in model.graph
            for value in node.outputs
            if value.name and node.domain != FRONTEND_DOMAIN
        }
        for value in values.values():
            value.shape = None
        _set_inferred(model, values)
        layers = [n for n in model.graph if n.domain == FRONTEND_DOMAIN and n.op_type in LAYERS]
        while (layer := next(filter(_differs_from_its_input, layers), None)) is not None:
            layers.remove(layer)
            _as_its_input(layer)
            _set_inferred(model, values)
        _refuse_huge(model.graph)
        return ir.passes.PassResult(model, modified=True)


def _set_inferred(model: ir.Model, values: Mapping[str, ir.Value]) -> None:
    """Set the types and shapes that ONNX infers."""
    for name, (elem_type, shape) in _infer(_without_weights(model)).items():
        if name in values:
            values[name].dtype = ir.DataType(elem_type)
            values[name].shape = shape


def _differs_from_its_input(layer: ir.Node) -> bool:
    source = layer.inputs[0]
    return source is not None and source.shape != layer.outputs[0].shape


def _without_weights(model: ir.Model) -> onnx.ModelProto:
    """Return the model without the values of tensors too large to be a shape or scale of one."""
    kept: list[tuple[ir.Value, ir.TensorProtocol]] = []
    try:
        for value in model.graph.initializers.values():
            array = value.const_value
            if array is not None and array.size > MAX_READ and array.dtype != ir.DataType.STRING:
                kept.append((value, array))
                value.const_value = _elsewhere(array)
        return ir.to_proto(model)
    finally:
        for value, array in kept:
            value.const_value = array


def _elsewhere(array: ir.TensorProtocol) -> ir.ExternalTensor:
    """Return a tensor whose values are in no file: inference reads its type and shape."""
    assert isinstance(array.shape, ir.Shape)
    name = array.name or ""
    return ir.ExternalTensor("-", 0, array.nbytes, array.dtype, shape=array.shape, name=name)


def _as_its_input(layer: ir.Node) -> None:
    source, result = layer.inputs[0], layer.outputs[0]
    assert source is not None
    result.shape, result.type = source.shape, source.type


def _infer(proto: onnx.ModelProto) -> dict[str, tuple[int, ir.Shape | None]]:
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
        if _may_propagate(inferred.graph):
            inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)
    except Exception as error:  # a C++ library on a file of unknown origin
        raise ModelError(
            Problem(
                "the network's shapes",
                f"they do not fit together: {plain(error)}",
                "a graph whose shapes follow from its inputs",
                "check the input shapes (--shape INPUT=DIMS) and the exporter",
            )
        ) from error
    refuse_inferred_sizes(inferred.graph)
    found: dict[str, tuple[int, ir.Shape | None]] = {}
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        if value.type.HasField("tensor_type"):
            tensor = value.type.tensor_type
            found[value.name] = (tensor.elem_type, _shape(tensor))
    return found


def _may_propagate(graph: onnx.GraphProto) -> bool:
    """Whether ONNX follows few values: it needs 150 bytes for each element."""
    values = (*graph.value_info, *graph.output)
    sizes = {value.name: _shape(value.type.tensor_type) for value in values}
    expanded = [sizes.get(node.output[0]) for node in graph.node if node.op_type == "Expand"]
    lines = [shape for shape in sizes.values() if shape is not None and len(shape) == 1]
    return all(map(_is_small, (*expanded, *(line for line in lines if line.is_static()))))


def _is_small(shape: ir.Shape | None) -> bool:
    if shape is None or not shape.is_static():
        return False
    return math.prod(shape.numpy()) <= MAX_PROPAGATED


def _shape(tensor: onnx.TypeProto.Tensor) -> ir.Shape | None:
    if not tensor.HasField("shape"):
        return None
    return ir.Shape(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in tensor.shape.dim
    )


def _refuse_huge(graph: ir.Graph) -> None:
    values = [*graph.inputs, *(output for node in graph for output in node.outputs)]
    problems = [problem for value in values if (problem := _size_problem(value)) is not None]
    borders = sum(
        _known_elements(value) * (value.is_graph_input() + value.is_graph_output())
        for value in values
    )
    if not problems and borders > MAX_ELEMENTS:
        found, allowed = f"{borders} elements together", f"at most {MAX_ELEMENTS}"
        problems.append(Problem("inputs and outputs", found, allowed, "give smaller input shapes"))
    if problems:
        raise ModelError(problems)


def _known_elements(value: ir.Value) -> int:
    """Return the elements of a tensor as far as its sizes are known."""
    return math.prod(dim for dim in value.shape or () if isinstance(dim, int))


def _size_problem(value: ir.Value) -> Problem | None:
    size, rank = _known_elements(value), len(value.shape or ())
    if size <= MAX_ELEMENTS and rank <= MAX_RANK:
        return None
    large = size > MAX_ELEMENTS
    found = f"{size} elements" if large else f"{rank} dimensions"
    allowed = f"at most {MAX_ELEMENTS} elements, {MAX_RANK} dimensions in one tensor"
    step = "give smaller input shapes" if large else "give fewer dimensions"
    return Problem(f"value '{value.name}'", found, allowed, step)
