"""`DiagonalSSM`: one layer as convolution in torch, as ONNX function, as recurrence in a stream and in C."""

from pathlib import Path

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_modules import StateSpace, exported
from stream_networks import check

from edgekit import api
from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.own_operators.ssm import DiagonalSSM
from edgekit.export.running import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare
from edgekit.graph.model import SSM
from edgekit.verbs.export.importing import ImportOptions, surrounded


@pytest.mark.parametrize("mixing", [False, True])
def test_the_convolution_is_the_recurrence(mixing: bool) -> None:
    torch.manual_seed(1)
    layer, u = DiagonalSSM(6, 5, mixing=mixing), torch.randn(2, 6, 200)
    a, b = (torch.complex(*part.double()) for part in layer.discretized())
    c = torch.view_as_complex(layer.readout.double())
    x, frames = torch.zeros(2, *a.shape, dtype=torch.complex128), []
    for frame in u.double().unbind(-1):
        read = frame.reshape(2, layer.groups, -1).to(x.dtype)
        x = a * x + torch.einsum("gsi,ngi->ngs", b, read)
        frames.append(2 * torch.einsum("gos,ngs->ngo", c, x).real.reshape(2, 6))
    expected = torch.stack(frames, -1) + layer.skip[:, None] * u
    torch.testing.assert_close(layer(u).double(), expected, atol=1e-5, rtol=0)
    layer(u).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in layer.parameters())


def test_zero_order_hold_is_that_of_the_continuous_layer() -> None:
    layer = DiagonalSSM(3, 4)
    a, b = (torch.complex(*part.double()) for part in layer.discretized())
    step = layer.log_step.double().exp()
    rate = torch.complex(-layer.log_decay.double().exp(), layer.frequency.double())
    torch.testing.assert_close(a, torch.exp(step * rate), atol=1e-6, rtol=0)
    torch.testing.assert_close(b[..., 0], (a - 1) / rate, atol=1e-6, rtol=0)


@pytest.fixture(scope="module", params=[False, True], ids=["own states", "shared states"])
def block(request: pytest.FixtureRequest) -> bytes:
    torch.manual_seed(0)
    return exported(StateSpace(mixing=request.param), (1, 60, 8), 1)


def test_a_block_streams_as_it_runs_offline(block: bytes) -> None:
    models = check(block, (1, 2, 3, 7), samples=300)
    assert [model.streaming.outputs[0].delay_samples for model in models] == [1] * 4
    shapes = {pair.input: pair for pair in models[0].states}
    kept = [
        v for v in models[0].ir.graph.inputs if v.name in shapes and v.name.startswith("node_diag")
    ]
    assert len(kept) == 2  # a complex number per state
    assert not any(node.op_type in (SSM, "Conv") for node in models[0].ir.graph if node.domain)


@needs_cc
def test_in_c_the_block_is_the_whole_after_a_long_time(block: bytes) -> None:
    load_kernels()
    model = surrounded(stream(onnx_offline(block, name="ssm"), hop=4), ImportOptions())
    x = np.random.default_rng(0).standard_normal((1, 4001, 8)).astype(np.float32)
    compare(in_onnxruntime(block)({"x": x}), quick_build(model).clip({"x": x}), what="in C it")


def test_a_file_need_not_hold_the_body_and_its_own_body_does_not_count(block: bytes) -> None:
    import onnx

    proto = onnx.load_model_from_string(block)
    shapes = {"x": (1, 40, 8)}
    whole = from_onnx(block, name="ssm", shapes=shapes)
    del proto.functions[:]
    bare = from_onnx(proto.SerializeToString(), name="ssm", shapes=shapes)
    assert [n.op_type for n in bare.ir.graph] == [n.op_type for n in whole.ir.graph]
    assert SSM in {node.op_type for node in bare.ir.graph}


def factory() -> tuple[torch.nn.Module, tuple[torch.Tensor]]:
    return torch.nn.Sequential(DiagonalSSM(4, 3)), (torch.randn(1, 4, 30),)


@needs_cc
def test_a_factory_becomes_a_verified_integer_build_with_the_layer_in_float(tmp_path: Path) -> None:
    exported_ = api.export(
        f"{__name__}:factory",
        "host",
        tmp_path / "build",
        hop=2,
        time_axes={"input": 2},
        recipe="w8a8",
    )
    checked = exported_.manifest.verification
    assert checked is not None and checked["bit_exact_with_oracle"] and checked["snr_db"] > 30
    assert any("MatMul" in note for note in exported_.notes)


def test_several_recordings_at_once_are_refused() -> None:
    data = exported(torch.nn.Sequential(DiagonalSSM(4, 3)), (2, 4, 30), 2)
    with pytest.raises(
        ModelError, match=f"{SSM} .*: .*its batch is not 1; .*one stream per network"
    ):
        stream(onnx_offline(data, name="ssm"))
