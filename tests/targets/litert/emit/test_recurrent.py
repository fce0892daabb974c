"""Recurrent layers are unrolled: their steps give what torch gives."""

import numpy as np
import pytest
import torch
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_an_lstm_gives_what_torch_gives() -> None:
    layer = torch.nn.LSTM(4, 5)
    x = np.random.default_rng(0).standard_normal((3, 1, 4)).astype(np.float32)

    def onnx_gates(name: str) -> np.ndarray:
        i, f, g, o = getattr(layer, name).detach().chunk(4)
        return torch.cat([i, o, f, g]).numpy()[None]

    weights = {"w": onnx_gates("weight_ih_l0"), "r": onnx_gates("weight_hh_l0")}
    weights["b"] = np.concatenate([onnx_gates("bias_ih_l0"), onnx_gates("bias_hh_l0")], axis=1)
    node = "y, h = LSTM <hidden_size = 5> (x, w, r, b)"
    model = network("float[3,1,4] x", "float[3,1,1,5] y", node, **weights)
    exact = layer(torch.tensor(x))[0].detach().numpy()[:, None]
    np.testing.assert_allclose(run(model, {"x": x})["y"], exact, atol=1e-5)
    assert builtins(model).count("LOGISTIC") == 3 and "CONCATENATION" in builtins(model)
