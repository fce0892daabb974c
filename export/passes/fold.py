"""Constant folding: values that depend only on constants and static shapes become initializers."""

import math

import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript import optimizer

from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.messages import plain
from edgekit.export.passes.origins import record
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import static_shape

NO_LIMIT = 2**62
MAX_FOLDED = 2**24  # elements that evaluating adds to the constants, in one run of the pass


class FoldConstants(ir.passes.InPlacePass):
    """Fold with onnxscript's folder, without its size limits; constants become initializers.

    This evaluates the slices and concatenations of weights that torch leaves around a GRU, and
    chains of Shape, Gather, Concat on static shapes. Quantize and dequantize nodes stay, and so
    does an expanding node whose output shape is unknown before it runs.

    Raises:
        ModelError: a constant node cannot be evaluated.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in place."""
        budget = _Budget(model.graph)
        made = (output for node in model.graph for output in node.outputs)
        unknown = any(static_shape(output) is None for output in made)
        try:
            optimizer.fold_constants_ir(
                model,
                onnx_shape_inference=unknown,  # node by node, which takes long
                input_size_limit=NO_LIMIT,
                output_size_limit=NO_LIMIT,
                should_fold=budget.should_fold,
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
        if budget.problems:
            raise ModelError(budget.problems)
        lift = common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
        lift(model)
        common.RemoveUnusedNodesPass()(model)
        return ir.passes.PassResult(model, modified=True)


class _Budget:
    """Selects the nodes to evaluate, until the constants have grown by more than `MAX_FOLDED`."""

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.grown = 0
        self.problems: list[Problem] = []

    def should_fold(self, node: ir.Node) -> bool | None:
        if self.problems or _stays(node):
            return False
        if not _has_constant_operands(node):
            return None
        shapes = [static_shape(output) for output in node.outputs]
        if None in shapes:
            return False if facts_of(node).grows else None
        if node.op_type == "Constant":
            return True
        if node.graph is self.graph:
            record(self.graph, node)
        self.grown += max(0, sum(map(_elements, node.outputs)) - sum(map(_elements, node.inputs)))
        if self.grown <= MAX_FOLDED:
            return True
        found = f"constants grow to {self.grown} elements"
        allowed, step = f"at most {MAX_FOLDED}", "compute large values from inputs"
        self.problems.append(Problem(f"{node.op_type} '{node.name}'", found, allowed, step))
        return False


def _stays(node: ir.Node) -> bool:
    """Whether a node is never folded; the folder evaluates one of several outputs and leaves it, with a warning."""
    return bool(node.domain) or facts_of(node).quantizer or len(node.outputs) > 1


def _has_constant_operands(node: ir.Node) -> bool:
    return all(value is None or value.const_value is not None for value in node.inputs)


def _elements(value: ir.Value | None) -> int:
    return math.prod(static_shape(value) or ())
