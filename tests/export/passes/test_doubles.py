"""float64 inside of a network becomes float32, and a note says so."""

import numpy as np
from onnx_texts import network

from edgekit.export.from_onnx import from_onnx
from edgekit.targets.c.lower import check_c


def test_float64_inside_and_in_outputs_becomes_float32_with_a_note():
    proto = network(
        """(float[1,4] x, float[1,4] h) => (double[1,4] y, float[1,4] h_next, double[2] k, double[2,2] z) {
          wide = Cast <to = 11> (x)
          sum = CumSum (wide, axis)
          half = Constant <value = double {0.5}> ()
          y = Mul (sum, half)
          below = Cast <to = 1> (y)
          h_next = Add (below, h)
          k = Identity (held)
          dims = Constant <value = int64[2] {2, 2}> ()
          z = Reshape (y, dims)
        }""",
        axis=np.array(1),
        held=np.array([0.25, 1e-3]),
    )
    model = from_onnx(proto.SerializeToString(), name="net")
    assert {value.dtype.name for value in model.ir.graph.outputs} == {"FLOAT"}
    assert [value.name for value in model.ir.graph.outputs] == ["y", "h_next", "k", "z"]
    assert check_c(model) == []
    said = [note for note in model.notes if "float64" in note]
    assert said[:3] == [
        f"output '{name}' is float64 in the source: the build gives float32" for name in "ykz"
    ]
    assert said[3].startswith("float64 is computed as float32: sum")
