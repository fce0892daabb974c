"""ONNX files of one node."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def file(
    operator,
    constants=(),
    size=(1, 3, 4),
    opset=18,
    inputs=None,
    kind=FLOAT,
    more=(),
    back=None,
    outputs=("y",),
    **attributes,
):
    """One node of a float input and constants, of `more` inputs of other types, cast back to a type if need be."""
    names = [f"c{i}" for i in range(len(constants))]
    given = ["x", *names] if inputs is None else inputs
    nodes = [helper.make_node(operator, given, outputs, name="it", **attributes)]
    if back is not None:
        nodes.append(helper.make_node("Cast", ["y"], ["z"], to=back, name="it"))
    borders = [helper.make_tensor_value_info("x", FLOAT, size)]
    borders += [helper.make_tensor_value_info(name, of, []) for name, of in dict(more).items()]
    graph = helper.make_graph(
        nodes,
        "net",
        borders,
        [helper.make_tensor_value_info("y" if back is None else "z", kind, None)],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for array, name in zip(constants, names, strict=True)
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    ).SerializeToString()
