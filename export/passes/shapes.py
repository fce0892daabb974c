"""Shapes from the inputs alone: what an exporter claims about other values is not believed."""

import math

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

    Outputs of our own function nodes keep the shapes that were recorded for them, because inference
    does not always see through a function; those of marked layers are their first input's.

    Raises:
        ModelError: inference contradicts the graph, or a value is larger than `MAX_ELEMENTS`, or smaller than none.
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
        layers = [n for n in model.graph if n.domain == FRONTEND_DOMAIN and n.op_type in LAYERS]
        while True:
            for name, (elem_type, shape) in _infer(_without_weights(model)).items():
                if name in values:
                    values[name].dtype = ir.DataType(elem_type)
                    values[name].shape = shape
            wrong = [n for n in layers if n.inputs[0] and n.inputs[0].shape != n.outputs[0].shape]
            if not wrong:
                break
            layers.remove(wrong[0])
            _as_its_input(wrong[0])
        _refuse_huge(model.graph)
        return ir.passes.PassResult(model, modified=True)


def _without_weights(model: ir.Model) -> onnx.ModelProto:
    """The model with types and shapes, but not the values, of what is too large to be a shape or scale of one."""
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
    """A tensor whose values are in no file: inference reads its type and shape."""
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
    """Whether the values that ONNX follows are few: it takes 150 bytes for each element."""
    sizes = {value.name: _shape(value.type.tensor_type) for value in graph.value_info}
    sizes |= {value.name: _shape(value.type.tensor_type) for value in graph.output}
    expanded = [sizes.get(node.output[0]) for node in graph.node if node.op_type == "Expand"]
    lines = [shape for shape in sizes.values() if shape is not None and len(shape) == 1]
    return all(
        shape is not None and shape.is_static() and math.prod(shape.numpy()) <= MAX_PROPAGATED
        for shape in (*expanded, *(line for line in lines if line.is_static()))
    )


def _shape(tensor: onnx.TypeProto.Tensor) -> ir.Shape | None:
    if not tensor.HasField("shape"):
        return None
    return ir.Shape(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in tensor.shape.dim
    )


def _refuse_huge(graph: ir.Graph) -> None:
    problems, borders = [], 0
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        dims = [dim for dim in value.shape or () if isinstance(dim, int)]
        size, rank = math.prod(dims), len(value.shape or ())
        borders += size * (value.is_graph_input() + value.is_graph_output())
        if size > MAX_ELEMENTS or rank > MAX_RANK:
            large = size > MAX_ELEMENTS
            found = f"{size} elements" if large else f"{rank} dimensions"
            allowed = f"at most {MAX_ELEMENTS} elements, {MAX_RANK} dimensions in one tensor"
            step = "give smaller input shapes" if large else "give fewer dimensions"
            problems.append(Problem(f"value '{value.name}'", found, allowed, step))
    if not problems and borders > MAX_ELEMENTS:
        found, allowed = f"{borders} elements together", f"at most {MAX_ELEMENTS}"
        problems.append(Problem("inputs and outputs", found, allowed, "give smaller input shapes"))
    if problems:
        raise ModelError(problems)
