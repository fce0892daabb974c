"""Read an ONNX file of unknown origin into a simplified static graph, or say why not."""

from collections.abc import Mapping, Sequence

import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.base.errors import EdgeKitError, ModelError, Problem
from edgekit.export.loops.node import is_loop
from edgekit.export.loops.onnx_loop import unroll_loops
from edgekit.export.loops.onnx_scan import adopt_scans
from edgekit.export.onnx_file.constants import Arrays, Constants, bind_constants
from edgekit.export.onnx_file.dims import fix_dims
from edgekit.export.onnx_file.file_checks import parse, type_problems, unusable
from edgekit.export.onnx_file.messages import plain
from edgekit.export.onnx_file.opsets import at_opset, forget_shapes
from edgekit.export.own_operators.functions import FUNCTIONS, define_functions
from edgekit.export.passes import simplify
from edgekit.export.passes.doubles import narrow_doubles
from edgekit.export.passes.foreign_integers.grids import is_dequantizer, is_quantizer
from edgekit.export.passes.foreign_integers.qlinear import UnpackQuantized
from edgekit.export.passes.learners import LEARNERS, UnpackLearners
from edgekit.graph.facts import facts_of
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import attribute, static_shape

IR_VERSION = 10
CUSTOM = "export the network without custom operators, before a runtime's optimizer"
TREES = (
    "train an MLP in its place, whose layers all run; trees in C are what emlearn and m2cgen write"
)


def read_graph(
    data: bytes,
    shapes: Mapping[str, Sequence[int]],
    constants: Constants,
    *,
    offline: bool = False,
) -> tuple[ir.Model, Arrays, list[str]]:
    """Return the network of an ONNX file: checked, at `OPSET`, with static shapes, simplified.

    The second value is the arrays of the inputs that became constants, the third the assumptions.

    Args:
        data: the content of the file.
        shapes: input name -> dimensions, for inputs that the file leaves open.
        constants: input name -> value, for inputs that become constants.
        offline: it will be streamed, so a Scan may be a loop along time.

    Raises:
        ModelError: all problems of the file.
    """
    proto = parse(data, shapes)
    try:
        arrays = bind_constants(proto.graph, constants)
        model, notes = _static_graph(proto, shapes, offline)
        return model, arrays, notes
    except EdgeKitError:
        raise
    except (
        Exception
    ) as error:  # protobuf does not check strings and sizes, libraries trip over them
        raise unusable(f"cannot be processed: {plain(error)}") from error


def with_turns(data: bytes, shapes: Mapping[str, Sequence[int]]) -> bytes:
    """Return an ONNX file with inputs of these dimensions, and the turns of its Loops written out.

    Raises:
        ModelError: all problems of the file.
    """
    model, _ = _at_sizes(parse(data, shapes), shapes)
    unroll_loops(model)
    return bytes(ir.to_proto(model).SerializeToString())


def _at_sizes(
    proto: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]
) -> tuple[ir.Model, list[str]]:
    """Return a file at `OPSET` with fixed dimensions and without functions of others, and the assumptions."""
    if problems := type_problems(proto.graph):
        raise ModelError(problems)
    notes = fix_dims(proto.graph, shapes)
    forget_shapes(proto.graph)
    model = ir.from_proto(at_opset(proto))
    model.ir_version = IR_VERSION
    common.InlinePass(criteria=lambda function: function.domain != FRONTEND_DOMAIN)(model)
    return model, notes


def _static_graph(
    proto: onnx.ModelProto, shapes: Mapping[str, Sequence[int]], offline: bool
) -> tuple[ir.Model, list[str]]:
    model, notes = _at_sizes(proto, shapes)
    UnpackQuantized()(model)
    UnpackLearners()(model)
    if offline:
        adopt_scans(model)
    _check_operators(model)
    define_functions(model)
    simplify(model)
    if narrowed := narrow_doubles(model):
        notes += narrowed
        simplify(model)
    _check_shapes(model)
    _check_scales(model)
    _check_halves(model)
    return model, notes


def _check_operators(model: ir.Model) -> None:
    problems = []
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        where = f"{node.op_type} '{node.name}'"
        if node.domain and not _is_own(model, node):
            found, allowed = f"operator of domain '{node.domain}'", "operators of the ONNX standard"
            step = TREES if node.domain == LEARNERS else CUSTOM
            problems.append(Problem(where, found, allowed, step))
        elif facts_of(node).loops:
            found, allowed = "a loop in the network", "operators that run once in a call"
            step = "export one turn with its state as input and output, or unroll it"
            problems.append(Problem(where, found, allowed, step))
    if problems:
        raise ModelError(problems)


def _is_own(model: ir.Model, node: ir.Node) -> bool:
    """Whether EdgeKit knows an operator of its domain; a loop brings its body."""
    known = node.op_type in FUNCTIONS or (is_loop(node) and node.op_identifier() in model.functions)
    return node.domain == FRONTEND_DOMAIN and known


def _check_shapes(model: ir.Model) -> None:
    problems = [
        Problem(
            f"{node.op_type} '{node.name}'",
            f"the shape of its output '{value.name}' depends on data",
            "shapes that follow from the input shapes",
            "replace the operator by one with a fixed output shape",
        )
        for node in model.graph
        for value in node.outputs
        if static_shape(value) is None and (value.uses() or value.is_graph_output())
    ]
    if problems:
        raise ModelError(problems)


def _check_scales(model: ir.Model) -> None:
    """Check the axis of scales, which ONNX's shape inference ignores."""
    nodes = (node for node in model.graph if is_quantizer(node) or is_dequantizer(node))
    if problems := list(filter(None, map(_scale_problem, nodes))):
        raise ModelError(problems)


def _scale_problem(node: ir.Node) -> Problem | None:
    shape, scales = static_shape(node.inputs[0]) or (), static_shape(node.inputs[1]) or ()
    axis = int(attribute(node, "axis", 1))
    if len(scales) != 1 or scales == (1,):
        return None
    if -len(shape) <= axis < len(shape) and shape[axis] == scales[0]:
        return None
    found = f"{scales[0]} scales along axis {axis} of {list(shape)}"
    allowed = "one scale, or one for each index of an axis"
    where = f"{node.op_type} '{node.name}'"
    return Problem(where, found, allowed, "export the network again")


def _check_halves(model: ir.Model) -> None:
    """Refuse half precision between operators: no target rounds to it, and onnxruntime does so in places."""
    halves = [
        node
        for node in model.graph
        if any(value.dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16) for value in node.outputs)
    ]
    if halves:
        others = f", and {len(halves) - 1} more" if len(halves) > 1 else ""
        where = f"{halves[0].op_type} '{halves[0].name}'{others}"
        kind = str(halves[0].outputs[0].dtype).lower()
        found, step = f"computes in {kind}", "export the network in float32, as module.float() does"
        raise ModelError(
            Problem(where, found, "float32 between operators; constants may be halves", step)
        )
