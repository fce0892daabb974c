"""A loop written by hand runs in onnxruntime, first turn and all."""

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.body import Body
from edgekit.export.loops.node import LoopNode, is_loop, loop_name

TEXT = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, 5] x, float[2] gain) => (float[2, 5] y) <float[2] start = {3, -1}> { y = Identity (x) }"""


def test_a_loop_with_a_state_a_shared_tensor_and_another_first_turn():
    """``h = gain * h + x``, but the first turn leaves its frame."""
    model = ir.from_proto(onnx.parser.parse_model(TEXT))
    (x, gain), start, body = model.graph.inputs, model.graph.initializers["start"], Body()
    state, item = body.input(start, "state"), body.input(start, "frame")
    decayed = body.add("Mul", state, body.outside(gain), like=start)
    later = body.add("Add", decayed, item, like=start)
    result = body.add("Where", body.first(), item, later, like=start)
    (place,) = model.graph
    assert loop_name(model.graph) == "Loop.0"
    loop = LoopNode(body, [(state, start, result)], [(item, x, 1)], [(result, 1)])
    (frames,) = loop.write(model, place)
    place.replace_input_with(0, frames)
    assert [is_loop(node) for node in model.graph] == [True, False]
    assert loop_name(model.graph) == "Loop.1"
    random = np.random.default_rng(0)
    feed = {"x": random.standard_normal((2, 5)), "gain": random.uniform(0, 1, 2)}
    feed = {name: array.astype(np.float32) for name, array in feed.items()}
    (y,) = in_onnxruntime(ir.to_proto(model).SerializeToString())(feed).values()
    expected = [feed["x"][:, 0]]
    for n in range(1, 5):
        expected.append(feed["gain"] * expected[-1] + feed["x"][:, n])
    np.testing.assert_allclose(y, np.stack(expected, 1), rtol=1e-6, atol=1e-6)
