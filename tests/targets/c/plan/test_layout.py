"""States that are used in unusual ways keep their values, in float and in integers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered, noise
from c_kernels import needs_cc
from slices import slow_except
from torch import Tensor, nn

from edgekit.export.from_torch import from_torch
from edgekit.export.frontend.guard import guard_inputs
from edgekit.export.hop_runner import snr_db
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream

pytestmark = needs_cc

Step = Callable[..., tuple[Tensor, ...]]


class Net(nn.Module):
    """A step function as a module of two states, each (1, 6)."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
        return self.step(x, h, g)


def old_value_read_late(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    n = x + 0.5 * h
    return torch.relu(n) + torch.tanh(h), n, 0.9 * g + n


def split_next(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    a, b = torch.chunk(torch.cat([x * 0.5 + h, x - 0.3 * g], 1), 2, 1)
    return torch.relu(a) * 0.5 + b, a * 0.5, b * 0.5


def swapped(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return x + h - g, g, h


def swapped_and_written(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return h + g, g, 0.5 * h + x


def chain(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return g, x, h


def untouched(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return x + h, h, x


def one_next_for_both(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    n = torch.tanh(x + h)
    return n + g, n, n


def reversed_view(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return x + h, g.reshape(1, 2, 3).transpose(1, 2).reshape(1, 6), x + 0.0


def constant_next(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return x + h + g, torch.full((1, 6), 0.25), 0.5 * g + x


def dead(x: Tensor, h: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    zero = torch.relu(torch.tanh(x) - 5.0)
    return x + zero * h, zero, 0.5 * g + zero


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        old_value_read_late,
        split_next,
        swapped,
        swapped_and_written,
        chain,
        untouched,
        one_next_for_both,
        reversed_view,
        constant_next,
        dead,
    )
}


def build(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Net(STEPS[name]).eval(), (torch.randn(1, 6), torch.zeros(1, 6), torch.zeros(1, 6))


def __getattr__(name: str) -> Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]:
    """Factories ``make_<step>`` for the importer, which takes ``module:factory``."""
    if name.removeprefix("make_") in STEPS:
        return lambda: build(name.removeprefix("make_"))
    raise AttributeError(name)


def expected(name: str, inputs: np.ndarray) -> np.ndarray:
    module, (_, h, g) = build(name)
    rows = []
    with torch.no_grad():
        for hop in inputs:
            y, h, g = module(torch.from_numpy(hop), h, g)
            rows.append(y.numpy())
    return np.stack(rows)


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    "name",
    slow_except(
        lambda name: name in ("chain", "swapped", "split_next", "one_next_for_both"), STEPS
    ),
)
def test_states_keep_their_values(name: str, tmp_path: Path) -> None:
    model, _ = from_torch(f"{__name__}:make_{name}", name=name)
    model = guard_inputs(model)
    assert len(model.states) == 2
    inputs = noise(model, 120)
    reference = expected(name, inputs["x"])
    lowered(model, tmp_path / "float")
    (got,) = Stream.open(tmp_path / "float").run(inputs).values()
    assert snr_db(reference, got) >= 100
    quantized = quantize(model, Calibration((noise(model, 200, seed=1),), "noise"), "w8a8")
    lowered(quantized, tmp_path / "int8")
    (integer,) = Stream.open(tmp_path / "int8").run(inputs).values()
    (oracle,) = Oracle(quantized).run_hops(inputs).values()
    np.testing.assert_array_equal(integer, oracle)
    assert snr_db(reference, integer) >= 25
