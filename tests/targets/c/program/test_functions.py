"""Names of C for tensors: identifiers, all different; what a function does not use is said."""

import onnx_ir as ir
from one_node import hop, network

from edgekit.targets.c.program.functions import field_names, members


def value(name: str, *shape: int, kind: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(kind))


def test_names_that_c_does_not_tell_apart_get_others() -> None:
    names = field_names((value("a.b", 1), value("a_b", 1), value("a/b", 1)))
    assert len(set(names.values())) == 3 and all(name.isidentifier() for name in names.values())


def test_members_say_shapes_and_what_a_truth_value_is() -> None:
    text = members((value("x", 2, 3), value("on", kind=ir.DataType.BOOL)), "const ")
    assert "const float *x; /* [2][3] */" in text and "*on; /* 0 or 1 */" in text


def test_a_result_of_constants_reads_no_input() -> None:
    body = hop(network("float[2] x", "float[2] y, float[2] z", "y = Neg (x)\nz = Abs (y)"))
    assert "(void)in;" not in body and "unsigned char *const s" not in body
