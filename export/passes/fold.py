"""Constant folding: what depends on constants and static shapes alone becomes an initializer."""

import math

import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript import optimizer

from edgekit.errors import ModelError, Problem
from edgekit.export.passes.graph import static_shape
from edgekit.export.passes.shapes import MAX_ELEMENTS
from edgekit.export.words import plain

EXPANDING = ("ConstantOfShape", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile")
KEPT = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
NO_LIMIT = 2**62


class FoldConstants(ir.passes.InPlacePass):
    """Fold with onnxscript's folder, without its size limits; constants become initializers.

    This evaluates the slices and concatenations of weights that torch leaves around a GRU, and
    chains of Shape, Gather, Concat behind static shapes. Quantize and dequantize nodes stay, and so
    does an expanding node whose output shape is unknown before it runs.

    Raises:
        ModelError: a constant node cannot be evaluated.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in place."""
        try:
            optimizer.fold_constants_ir(
                model,
                onnx_shape_inference=True,
                input_size_limit=NO_LIMIT,
                output_size_limit=NO_LIMIT,
                should_fold=_should_fold,
            )
        except Exception as error:  # the folder evaluates nodes of a file of unknown origin
            raise ModelError(
                Problem(
                    "the network's constants",
                    f"evaluating them failed: {plain(error)}",
                    "constant nodes that can be evaluated",
                    "check the file with onnxruntime",
                )
            ) from error
        lift = common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
        lift(model)
        common.RemoveUnusedNodesPass()(model)
        return ir.passes.PassResult(model, modified=True)


def _should_fold(node: ir.Node) -> bool | None:
    if node.domain or node.op_type in KEPT:
        return False
    if any(value.const_value is None for value in node.inputs if value is not None):
        return None
    shapes = [static_shape(output) for output in node.outputs]
    if any(shape is None for shape in shapes):
        return False if node.op_type in EXPANDING else None
    return all(math.prod(shape or ()) <= MAX_ELEMENTS for shape in shapes)
