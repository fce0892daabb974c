"""MatMul with a constant matrix and Add of a constant vector, on 2-D data: one Gemm."""

import onnx_ir as ir

from edgekit.export.passes.graph import (
    add_initializer,
    array_of,
    replace,
    sole_user,
    static_shape,
)


class MatMulAddToGemm(ir.passes.InPlacePass):
    """Rewrite ``Add(MatMul(x, W), b)`` as ``Gemm(x, W, b)`` where x is (rows, in) and b has `out` elements.

    With more than two axes the pair stays: Gemm has no leading axes.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place."""
        modified = False
        for node in list(model.graph):
            if node.op_type == "MatMul" and not node.domain:
                modified |= _fuse(model.graph, node)
        return ir.passes.PassResult(model, modified=modified)


def _fuse(graph: ir.Graph, matmul: ir.Node) -> bool:
    data, weight = matmul.inputs
    matrix, shape, add = array_of(weight), static_shape(data), sole_user(matmul.outputs[0])
    if matrix is None or matrix.ndim != 2 or shape is None or len(shape) != 2:
        return False
    if add is None or add.op_type != "Add" or add.domain:
        return False
    other = add.inputs[0] if add.inputs[1] is matmul.outputs[0] else add.inputs[1]
    vector = array_of(other)
    if other is None or vector is None or vector.size != matrix.shape[1]:
        return False
    if vector.ndim > 2 or (vector.ndim == 2 and vector.shape[0] != 1):
        return False
    if vector.ndim == 2:
        other = add_initializer(graph, f"{other.name}_vector", vector.reshape(-1))
    gemm = ir.node("Gemm", [data, weight, other], name=matmul.name)
    gemm.metadata_props.update(matmul.metadata_props)
    replace(graph, add, [gemm])
    graph.remove(matmul, safe=True)
    return True
