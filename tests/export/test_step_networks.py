"""Steps that settle: C and Python count the same calls, and the solution is the linear system's."""

import ctypes
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from devices import on_devices, replayable, replayed
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit import api
from edgekit.base.errors import ModelError, UsageError
from edgekit.graph.model import Model
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream

NODES, GAMMA = 12, 0.7
TOLERANCE, MOST = 1e-6, 60


class Graph(nn.Module):
    """One step of the Convergent Graph Solver (Park et al., 2022): z <- gamma A z + b, A of edges and their degrees."""

    def forward(self, logits: Tensor, b: Tensor, z: Tensor) -> dict[str, Tensor]:
        edges = logits.clamp(0, 1)
        degree = edges.sum(1, keepdim=True).clamp(min=1.0)  # of the source, a column
        z_next = GAMMA * (edges / degree) @ z + b
        return {"y": z_next, "change": (z_next - z).abs().amax((1, 2)), "z_next": z_next}


class Equilibrium(nn.Module):
    """A deep equilibrium layer: z <- tanh(W z + U x), W small enough to settle."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.of_x = nn.Linear(6, 8)
        self.of_z = nn.Linear(8, 8, bias=False)
        self.of_z.weight.data *= 0.5 / torch.linalg.matrix_norm(self.of_z.weight.data, 2)

    def forward(self, x: Tensor, z: Tensor) -> dict[str, Tensor]:
        z_next = torch.tanh(self.of_x(x) + self.of_z(z))
        return {"y": z_next, "change": (z_next - z).abs().amax(1), "z_next": z_next}


def graph() -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(1)
    logits = torch.rand(1, NODES, NODES) - 0.3
    return Graph(), {"logits": logits, "b": torch.randn(1, NODES, 1), "z": torch.zeros(1, NODES, 1)}


def equilibrium() -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(2)
    return Equilibrium(), {"x": torch.randn(1, 6), "z": torch.zeros(1, 8)}


def wide() -> tuple[nn.Module, dict[str, Tensor]]:
    class Wide(nn.Module):
        def forward(self, x: Tensor, z: Tensor) -> dict[str, Tensor]:
            return {"change": x + z, "z_next": x}

    return Wide(), {"x": torch.zeros(1, 3), "z": torch.zeros(1, 3)}


def still() -> tuple[nn.Module, dict[str, Tensor]]:
    class Still(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"y": x.sum(1)}

    return Still(), {"x": torch.zeros(1, 3)}


def problem(seed: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float64]]:
    """Random edges and currents, and the solution of (I - gamma A) z = b."""
    random = np.random.default_rng(seed)
    logits = random.uniform(-0.3, 1.2, (1, NODES, NODES)).astype(np.float32)
    b = random.standard_normal((1, NODES, 1)).astype(np.float32)
    edges = np.clip(logits[0].astype(np.float64), 0, 1)
    a = edges / np.maximum(edges.sum(0, keepdims=True), 1)
    return {"logits": logits, "b": b}, np.linalg.solve(np.eye(NODES) - GAMMA * a, b[0])


def in_c(stream: Stream, inputs: dict[str, NDArray[Any]], most: int, tolerance: float) -> int:
    """What ``<name>_iterate`` returns; the outputs stay in the runner."""
    runner = stream.runner
    assert isinstance(runner, NativeRunner)
    function = getattr(runner.library, f"{stream.manifest.c_name}_iterate")
    function.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int32, ctypes.c_float]
    given = [np.ascontiguousarray(inputs[t.name]) for t in stream.manifest.stream_inputs]
    made = [np.zeros(t.shape, t.dtype) for t in stream.manifest.stream_outputs]
    pointers = [
        (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        for arrays in (given, made)
    ]
    _, instance, scratch = runner.addresses
    count: int = function(instance, scratch, *map(ctypes.byref, pointers), most, tolerance)
    stream.last = dict(zip((t.name for t in stream.manifest.stream_outputs), made, strict=True))  # type: ignore[attr-defined]
    return count


def exported(factory: str, folder: Path, **options: Any) -> Stream:
    iterate = options.pop("iterate", f"change:{TOLERANCE}:{MOST}")
    api.export(f"{__name__}:{factory}", "host", folder, iterate=iterate, **options)
    return Stream.open(folder)


@needs_cc
def test_a_graph_settles_on_the_solution_in_as_many_calls_as_it_contracts(tmp_path: Path) -> None:
    stream = exported("graph", tmp_path / "b")
    expected = math.log(TOLERANCE) / math.log(GAMMA)
    for seed in range(4):
        inputs, solution = problem(seed)
        stream.reset()
        outputs, calls = stream.iterate(inputs)
        assert np.abs(outputs["y"][0] - solution).max() < 1e-5
        assert calls < expected + 5 and outputs["change"][0] <= TOLERANCE
        stream.reset()
        assert in_c(stream, inputs, MOST, TOLERANCE) == calls
        assert np.array_equal(stream.last["y"], outputs["y"])  # type: ignore[attr-defined]
        again, few = stream.iterate(inputs)
        assert few == 1 and np.abs(again["y"] - outputs["y"]).max() <= TOLERANCE


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize(
    ("recipe", "tolerance", "error"), [("w8a8", 0.02, 0.03), ("w8a16", 2e-4, 0.005)]
)
def test_integers_settle_within_two_of_their_steps(
    recipe: str, tolerance: float, error: float, tmp_path: Path
) -> None:
    """They stop on a grid point, or go back and forth between two; what is left is the weights' rounding."""
    (tmp_path / "clips").mkdir()
    random = np.random.default_rng(5)
    x = random.standard_normal((200, 1, 6)).astype(np.float32)
    np.savez(tmp_path / "clips" / "x.npz", x=x)
    exact = exported("equilibrium", tmp_path / "float")
    iterate = f"change:{tolerance}:40"
    stream = exported(
        "equilibrium",
        tmp_path / "b",
        recipe=recipe,
        iterate=iterate,
        calibration=str(tmp_path / "clips"),
    )
    for row in x[:6]:
        for each in (exact, stream):
            each.reset()
        solution, _ = exact.iterate({"x": row})
        outputs, calls = stream.iterate({"x": row})
        assert calls < 15 and outputs["change"][0] <= tolerance
        assert np.abs(outputs["y"] - solution["y"]).max() < error
        stream.reset()
        assert in_c(stream, {"x": row}, 40, tolerance) == calls


@needs_cc
@on_devices("cortex-m55")
def test_a_step_is_replayed_on_a_microcontroller(target: str, tmp_path: Path) -> None:
    exported("equilibrium", tmp_path / "b")
    model = Model.from_bytes((tmp_path / "b" / "model.onnx").read_bytes())
    replayable(model, target, tmp_path / "board")
    assert replayed(tmp_path / "board", target)[-1] == "PASS"


@needs_cc
def test_what_does_not_settle_ends_with_the_last_call_that_is_allowed(tmp_path: Path) -> None:
    stream = exported("graph", tmp_path / "b", iterate="change:1e-6:3")
    assert "GRAPH_UNTIL_MOST 3" in (tmp_path / "b" / "graph.h").read_text()
    inputs, _ = problem(0)
    outputs, calls = stream.iterate(inputs)
    assert calls == 3 and outputs["change"][0] > TOLERANCE
    _, calls = stream.iterate(inputs, most=100, tolerance=1e-3)
    assert 3 < calls < 100
    stream.reset()
    assert in_c(stream, inputs, 0, TOLERANCE) == 0
    stream.reset()
    with pytest.raises(UsageError, match="most: 0"):
        stream.iterate(inputs, most=0)


@needs_cc
def test_a_network_that_is_no_step_says_so(tmp_path: Path) -> None:
    api.export(f"{__name__}:equilibrium", "host", tmp_path / "b")
    with pytest.raises(UsageError, match="no step network; allowed: one that is iterated"):
        Stream.open(tmp_path / "b").iterate({"x": np.zeros((1, 6))})


@pytest.mark.parametrize(
    ("factory", "iterate", "said"),
    [
        ("graph", "change", "--iterate 'change': no such limits; allowed: OUTPUT:TOLERANCE:MOST"),
        ("graph", "change:-1:3", "no such limits"),
        ("graph", "change:1e-6:0", "no such limits"),
        ("graph", "rest:1e-6:9", "no output 'rest'; allowed: y, change"),
        ("wide", "change:1e-6:9", "allowed: one float32 number"),
        ("still", "y:1e-6:9", "a network without states"),
    ],
)
def test_limits_that_cannot_be_say_why(
    factory: str, iterate: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, ModelError)) as error:
        api.export(f"{__name__}:{factory}", "host", tmp_path / "b", iterate=iterate)
    assert said in str(error.value)
