"""The torch form of a network, compared with onnxruntime."""

from pathlib import Path

import numpy as np
import pytest
import torch
from builds import float_model, int8_model, noise
from one_node import network

from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.peers.program import write_program
from edgekit.peers.workers.network import Network

NETWORKS = (
    "attention",
    "conv_recurrent",
    "gru_mask",
    "lstm_vad",
    "raw",
    "tcn",
    "vision",
)


def in_torch(model: Model, folder: Path, hops: int = 6, whole: bool = False) -> tuple[dict, dict]:
    """Outputs of a model in onnxruntime and of its program in torch, (hops, *shape), states carried."""
    write_program(model, folder, {}, whole)
    network, inputs = Network(folder).eval(), noise(model, hops, seed=2)
    states = dict(network.program["states"])
    values = {i["name"]: torch.zeros(i["shape"]) for i in network.program["inputs"]}
    kept: dict[str, list] = {name: [] for name in network.program["outputs"]}
    for hop in range(hops):
        values.update({name: torch.from_numpy(array[hop]) for name, array in inputs.items()})
        with torch.no_grad():
            made = dict(zip(kept, network(*values.values()), strict=True))
        for name, rows in kept.items():
            rows.append(made[name].numpy())
        values.update({name: made[output] for name, output in states.items()})
    return run_hops(model, inputs), {name: np.stack(rows) for name, rows in kept.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_torch_form_is_the_network(name: str, tmp_path: Path) -> None:
    expected, found = in_torch(float_model(name), tmp_path)
    for output, values in expected.items():
        peak = np.abs(values).max()
        np.testing.assert_allclose(found[output], values, atol=1e-5 * peak, rtol=0)


def test_quantizers_do_nothing_in_the_torch_form(tmp_path: Path) -> None:
    expected, found = in_torch(int8_model("conv_recurrent"), tmp_path)
    for output, values in expected.items():
        noise_power = np.sum((found[output] - values) ** 2)
        assert 0 < noise_power < np.sum(values**2) / 100  # rounded to int8, not more


@pytest.mark.parametrize("name", ["conv_recurrent", "vision", "gru_mask"])
def test_with_its_quantizers_the_torch_form_has_the_integers_of_the_network(
    name: str, tmp_path: Path
) -> None:
    expected, found = in_torch(int8_model(name), tmp_path, whole=True)
    for output, values in expected.items():
        error = found[output] - values  # a rounding step here and there
        assert np.sum(error**2) < np.sum(values**2) / 1e4


def test_an_operator_without_a_torch_form_is_named(tmp_path: Path) -> None:
    write_program(network("float[1,4] x", "float[1,4] y", "y = Mish (x)"), tmp_path, {})
    with pytest.raises(ValueError, match="without a form in torch: Mish"):
        Network(tmp_path)
