"""What migrates from activations to weights, and what does not."""

import onnx_ir as ir
from builds import float_model, noise

from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.migrate import migrate
from edgekit.quantize.prepare.unpack import unpack_states


def test_an_input_that_only_a_sigmoid_writes_is_not_migrated() -> None:
    model = unpack_states(float_model("raw"))  # tanh and a GRU: nothing may scale
    changed = migrate(model, Calibration((noise(model, 20),), "noise"), 0.5)
    assert constants(changed) == constants(model)


def constants(model: Model) -> set[bytes]:
    return {
        v.const_value.numpy().tobytes()
        for v in model.ir.graph.initializers.values()
        if isinstance(v, ir.Value) and v.const_value is not None
    }
