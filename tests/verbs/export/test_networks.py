"""Networks that are written, not built."""

from pathlib import Path

import numpy as np
import onnx
from tiny_networks import WIDTH, recurrent

from edgekit.base.progress import silent
from edgekit.verbs.export import networks
from edgekit.verbs.export.network_requests import read_quantize_request


def test_the_file_has_the_operators_of_integers(tmp_path: Path) -> None:
    source, clips = recurrent(tmp_path / "net.onnx"), tmp_path / "clips"
    clips.mkdir()
    noise = np.random.default_rng(0).standard_normal((60, 1, WIDTH)).astype(np.float32)
    np.savez(clips / "noise.npz", x=noise)
    out = tmp_path / "out.onnx"
    request = read_quantize_request(str(source), out, "w8a8", str(clips), None, None, {})
    networks.quantize(request, silent)
    kinds = {node.op_type for node in onnx.load(out).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
