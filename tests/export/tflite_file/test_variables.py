"""States of a .tflite start at zero."""

from pathlib import Path

import numpy as np
import pytest
from builds import float_model

from edgekit.base.errors import ModelError
from edgekit.export.from_tflite import from_tflite

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

from edgekit.targets.litert import lower_stateful


def test_a_state_that_does_not_start_at_zero_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    data = bytearray(lower_stateful(float_model("tcn"), "litert").files["model.tflite"])
    file.write_bytes(data)
    found = from_tflite(file, name="tcn")
    zeros = next(
        np.zeros(shape, np.float32).tobytes()
        for pair in found.states
        for value in found.ir.graph.inputs
        if value.name == pair.input and (shape := tuple(value.shape or ()))
    )
    place = bytes(data).find(zeros)
    assert place > 0
    data[place : place + 4] = np.float32(1).tobytes()
    file.write_bytes(data)
    with pytest.raises(ModelError, match="not zero"):
        from_tflite(file, name="tcn")
