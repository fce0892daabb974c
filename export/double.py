"""Networks in double precision, to find which of two different float32 results is wrong."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.file_checks import opset_of
from edgekit.export.onnx_file.messages import plain
from edgekit.export.onnx_file.variance import center

Arrays = dict[str, Array]
SINGLE, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
LAST_PLACE = 2.0**-23

T = TypeVar("T")


def double_runner(data: bytes, nudged: bool = False) -> Callable[[Arrays], Arrays]:
    """Return a runner of an ONNX network with every float32 as float64, in onnx's reference.

    Args:
        data: the network; functions that it calls have their bodies in it.
        nudged: every float32 of its initializers goes up or down by a unit in the last place, at random.

    Raises:
        ModelError: onnx's reference cannot run it; the runner raises it too.
    """
    proto = onnx.load_model_from_string(data)
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        if value.type.tensor_type.elem_type == SINGLE:
            value.type.tensor_type.elem_type = DOUBLE
    random = np.random.default_rng(0) if nudged else None
    for tensor in proto.graph.initializer:
        _widen(tensor, random)
    center(proto.graph.node, opset_of(proto))
    for nodes in (proto.graph.node, *(function.node for function in proto.functions)):
        for node in nodes:
            _widen_node(node)
    evaluator = _result_or_error(lambda: ReferenceEvaluator(proto))

    def run(feed: Arrays) -> Arrays:
        wide = {k: a.astype(np.float64) if a.dtype == np.float32 else a for k, a in feed.items()}
        outputs = _result_or_error(lambda: evaluator.run(None, wide))
        return dict(zip(evaluator.output_names, map(np.asarray, outputs), strict=True))

    return run


def _result_or_error(call: Callable[[], T]) -> T:
    try:
        with np.errstate(all="ignore"):
            return call()
    except Exception as error:  # a network of unknown origin
        found = f"onnx's reference cannot run it in float64: {plain(error)}"
        step = "write it with other operators of the ONNX standard"
        raise ModelError(Problem("the network", found, "operators that it knows", step)) from error


def _widen_node(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            _widen(attribute.t)
        elif attribute.name == "to" and attribute.i == SINGLE:
            attribute.i = DOUBLE
        elif node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
            many = attribute.name == "value_floats"
            array = np.asarray(list(attribute.floats) if many else attribute.f, np.float64)
            attribute.CopyFrom(onnx.helper.make_attribute("value", numpy_helper.from_array(array)))


def _widen(tensor: onnx.TensorProto, nudges: np.random.Generator | None = None) -> None:
    if tensor.data_type == SINGLE:
        array = numpy_helper.to_array(tensor).astype(np.float64)
        if nudges is not None:
            array = nudge_array(array, nudges)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def nudge_array(array: Array, random: np.random.Generator) -> Array:
    """Return the values, each up or down by a unit in the last place of float32, at random."""
    nudged: Array = array * (1 + LAST_PLACE * random.choice((-1, 1), array.shape))
    return np.asarray(nudged)  # a product of arrays without dimensions is none
