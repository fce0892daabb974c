"""`DiagonalSSM`: one layer as convolution in torch, as ONNX function, as recurrence in a stream and in C."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from near import assert_near
from quick_build import load_kernels, quick_build
from stream_modules import StateSpace, exported
from stream_networks import check

from edgekit import api
from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.own_operators.ssm import DiagonalSSM, legs, ptd
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import SSM
from edgekit.verbs.export.importing import ImportOptions, with_surroundings


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_its_numbers_are_the_same_in_float64(method: str) -> None:
    torch.manual_seed(2)
    layer = DiagonalSSM(16, 32, method=method)
    wide = copy.deepcopy(layer).double()
    for numbers, exact in zip(layer.discretized(), wide.discretized(), strict=True):
        assert torch.equal(numbers.double(), exact)


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


@pytest.mark.rows(1)
def test_a_block_streams_as_it_runs_offline(block: bytes) -> None:
    models = check(block, (1, 2, 3, 7), samples=300)
    assert [model.streaming.outputs[0].delay_samples for model in models] == [1] * 4
    shapes = {pair.input: pair for pair in models[0].states}
    kept = [
        v for v in models[0].ir.graph.inputs if v.name in shapes and v.name.startswith("node_diag")
    ]
    assert len(kept) == 2  # a complex number per state
    assert not any(node.op_type in (SSM, "Conv") for node in models[0].ir.graph if node.domain)


@pytest.mark.slow
@needs_cc
def test_in_c_the_block_is_the_whole_after_a_long_time(block: bytes) -> None:
    load_kernels()
    model = with_surroundings(stream(onnx_offline(block, name="ssm"), hop=4), ImportOptions())
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


@pytest.mark.slow
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
    assert (
        checked is not None and checked["bit_exact_with_oracle"] and checked["example_snr_db"] > 30
    )
    assert any("MatMul" in note for note in exported_.notes)


def test_several_recordings_at_once_are_refused() -> None:
    data = exported(torch.nn.Sequential(DiagonalSSM(4, 3)), (2, 4, 30), 2)
    with pytest.raises(
        ModelError, match=f"{SSM} .*: .*its batch is not 1; .*one stream per network"
    ):
        stream(onnx_offline(data, name="ssm"))


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_each_state_may_have_its_own_step(method: str) -> None:
    layer = DiagonalSSM(3, 4, mixing=True, per_state_step=True, method=method, init="legs")
    a, b = (torch.complex(*part.double()) for part in layer.discretized())
    step = layer.log_step.double().exp()
    assert step.shape == (1, 4)
    rate = torch.complex(-layer.log_decay.double().exp(), layer.frequency.double())
    drive = torch.view_as_complex(layer.drive.double())
    if method == "zoh":
        expected, scale = torch.exp(step * rate), (torch.exp(step * rate) - 1) / rate
    else:
        expected = (1 + step * rate / 2) / (1 - step * rate / 2)
        scale = step / (1 - step * rate / 2)
    torch.testing.assert_close(a, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(b, scale[..., None] * drive, atol=1e-6, rtol=0)


def test_legs_are_the_eigenvalues_of_the_normal_matrix_of_hippo() -> None:
    """A + p p^T with p = sqrt(n + 1/2): real parts -1/2, imaginary ones those of `legs` and their negatives."""
    n = np.arange(16)
    root = np.sqrt(2 * n + 1)
    hippo = -(np.tril(np.outer(root, root), -1) + np.diag(n + 1))
    values = np.linalg.eigvals(hippo + np.outer(np.sqrt(n + 0.5), np.sqrt(n + 0.5)))
    np.testing.assert_allclose(values.real, -0.5, atol=1e-9)
    np.testing.assert_allclose(np.sort(values.imag[values.imag > 0]), legs(8), rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 3])
def test_a_layer_of_given_numbers(groups: int) -> None:
    draw, width = np.random.default_rng(0), 3 // groups
    a = 0.9 * np.exp(1j * draw.uniform(0, 3, (groups, 4)))
    b, c = (
        draw.normal(size=(*shape, 2)).view(complex)[..., 0]
        for shape in ((groups, 4, width), (groups, width, 4))
    )
    d, u = draw.normal(size=3), draw.normal(size=(1, 3, 50))
    x, y = np.zeros((groups, 4), complex), []
    for frame in u[0].T:
        x = a * x + np.einsum("gsi,gi->gs", b, frame.reshape(groups, width))
        y.append(2 * np.einsum("gos,gs->go", c, x).real.ravel() + d * frame)
    layer = DiagonalSSM.from_discrete(a, b, c, d)
    found = layer(torch.from_numpy(u).float()).detach()[0].T
    assert_near(found, y, 50)  # a sum of as many frames
    with pytest.raises(ValueError, match="wanted"):
        DiagonalSSM.from_discrete(a, b, c, d[:2])


class Chunks(torch.nn.Module):
    """Frames of 5 samples, each from zero state, and a recurrent layer over them: the low level of HiSS."""

    def __init__(self, *, mixing: bool) -> None:
        super().__init__()
        self.low, self.high = DiagonalSSM(4, 3, mixing=mixing), torch.nn.GRU(4, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        chunks = x.reshape(-1, 5, 4).transpose(1, 2)
        return self.high(self.low(chunks)[..., -1].unsqueeze(0))[0]


def own_chunks() -> tuple[torch.nn.Module, tuple[torch.Tensor]]:
    return Chunks(mixing=False), (torch.randn(1, 60, 4),)


def shared_chunks() -> tuple[torch.nn.Module, tuple[torch.Tensor]]:
    return Chunks(mixing=True), (torch.randn(1, 60, 4),)


@pytest.mark.parametrize(
    "factory", ["own_chunks", pytest.param("shared_chunks", marks=pytest.mark.slow)]
)
def test_chunks_that_start_from_zero_keep_nothing(factory: str) -> None:
    offline = torch_offline(f"{__name__}:{factory}", name="chunks", time_axes={"x": 1})
    model = stream(offline)  # proves it
    assert model.stream.hop_samples == 5 and model.stream.delay_samples == 0
    assert [pair.input for pair in model.states if "diag" in pair.input] == []


def test_perturbed_rates_are_stable_and_their_eigenvectors_can_be_held() -> None:
    """Perturb, then diagonalize: without the perturbation the condition number of 16 states is 8e10."""
    torch.manual_seed(0)
    rates = ptd(16)
    assert rates.shape == (16,) and rates.real.max() <= -1e-4
    n = torch.arange(16, dtype=torch.float64)
    root = torch.sqrt(2 * n + 1)
    hippo = -(torch.tril(root[:, None] * root, -1) + torch.diag(n + 1))
    conditions = []
    for size in (0.0, 1e-3):
        drawn = torch.randn(16, 16, dtype=torch.complex128)
        scale = torch.linalg.matrix_norm(hippo, 2) / torch.linalg.matrix_norm(drawn, 2)
        vectors = torch.linalg.eig(hippo + size * scale * drawn).eigenvectors
        conditions.append(float(torch.linalg.cond(vectors)))
    assert conditions[0] > 1e9 and conditions[1] < 1e4
    assert rates.imag.abs().max() > 1  # its own eigenvalues are real
