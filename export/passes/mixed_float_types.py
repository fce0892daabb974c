"""Converts constants to float32 if ONNX allows their float type to differ from that of the other operands."""

from functools import cache

import numpy as np
import onnx.defs
import onnx_ir as ir

from edgekit.graph.model import OPSET
from edgekit.graph.nodes import add_initializer, array_of, optional

OTHER_FLOATS = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)


class OneFloatType(ir.passes.InPlacePass):
    """Convert a half or double constant that meets float32 to float32: the exponent of Pow, a scale, a grid.

    An operand may have another type if the operator's schema gives it a type variable that neither its first input nor
    an output has.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Widen or narrow in place."""
        modified = False
        for node in model.graph:
            data = optional(node, 0)
            if node.domain or data is None or data.dtype != ir.DataType.FLOAT:
                continue
            for place in _free_places(node.op_type):
                value = optional(node, place)
                array = array_of(value)
                if value is not None and array is not None and value.dtype in OTHER_FLOATS:
                    name, narrow = f"{value.name}_f32", array.astype(np.float32)
                    node.replace_input_with(place, add_initializer(model.graph, name, narrow))
                    modified = True
        return ir.passes.PassResult(model, modified=modified)


@cache
def _free_places(operator: str) -> tuple[int, ...]:
    """Return the inputs of an operator with an independent type."""
    if not onnx.defs.has(operator):
        return ()
    schema = onnx.defs.get_schema(operator, OPSET)
    bound = {schema.inputs[0].type_str, *(output.type_str for output in schema.outputs)}
    return tuple(i for i, given in enumerate(schema.inputs) if given.type_str not in bound)
