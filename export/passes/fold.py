"""Constant folding: what depends on constants and static shapes alone becomes an initializer."""

import math

import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript import optimizer

from edgekit.errors import EdgeKitError, ModelError, Problem
from edgekit.export.passes.graph import static_shape
from edgekit.export.words import plain

EXPANDING = ("ConstantOfShape", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile")
KEPT = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
NO_LIMIT = 2**62
MAX_FOLDED = 2**25  # elements of all constants that one run of the pass computes


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
                should_fold=_Budget().should_fold,
            )
        except EdgeKitError:
            raise
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


class _Budget:
    """Counts what is evaluated, and ends it when all constants together become too large."""

    def __init__(self) -> None:
        self.elements = 0

    def should_fold(self, node: ir.Node) -> bool | None:
        if node.domain or node.op_type in KEPT:
            return False
        if any(value.const_value is None for value in node.inputs if value is not None):
            return None
        shapes = [static_shape(output) for output in node.outputs]
        if any(shape is None for shape in shapes):
            return False if node.op_type in EXPANDING else None
        self.elements += sum(math.prod(shape or ()) for shape in shapes)
        if self.elements > MAX_FOLDED:
            raise ModelError(
                Problem(
                    f"{node.op_type} '{node.name}'",
                    f"constants of {self.elements} elements",
                    f"at most {MAX_FOLDED} elements in all constants that are computed",
                    "compute large values from inputs, or leave them out",
                )
            )
        return True
