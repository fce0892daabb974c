"""Writes the .onnx of the picture systems from trained weights, which stay in half precision there, too.

    python -m edgekit.demos.pictures.export rddm WEIGHTS-FOLDER

The folder holds what `edgekit.demos.pictures.train` wrote: rddm.npz for rddm.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from edgekit.demos.export_digits import halve
from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.pictures import networks
from edgekit.demos.pictures.train import TRAININGS, Autoencoder, Refinement
from edgekit.demos.weights import load

HERE = Path(__file__).parent
PICTURE = torch.zeros(1, 1, 28, 28)
# one tensor twice would become one input
TIMED = {"x": PICTURE, "t": torch.tensor([500.0]), "y": torch.ones(1, 1, 28, 28)}


class Estimate(nn.Module):
    """The picture alone of a network that returns its score, too."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network of Noise2Score."""
        super().__init__()
        self.network = network

    def forward(self, y: Tensor) -> Tensor:
        """Return the estimate."""
        picture: Tensor = self.network(y)["gauss"]
        return picture


def decoder_of(network: nn.Module) -> nn.Module:
    """Return the part of an autoencoder that runs."""
    assert isinstance(network, Autoencoder)
    return network.decoder


def refiner_of(network: nn.Module) -> nn.Module:
    """Return the part of a refinement that runs."""
    assert isinstance(network, Refinement)
    return network.refiner


# of a row of `TRAININGS`, where not the whole runs
PARTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "noise2score": Estimate,
    "diffusevae-code": decoder_of,
    "diffusevae": refiner_of,
}
# name -> inputs and outputs
FORMS: dict[str, tuple[dict[str, Tensor], tuple[str, ...]]] = {
    "rddm": (TIMED, ("residual", "noise")),
    "idm": ({"y": torch.zeros(1, 49, 2, 2)}, ("picture",)),
    "c-bsn": ({"y": PICTURE}, ("picture",)),
    "noise2score": ({"y": PICTURE}, ("picture",)),
    "bf-cnn": ({"y": PICTURE}, ("picture",)),
    "low-light": ({"raw": torch.zeros(1, 4, 48, 48)}, ("clean",)),
    "diffusevae-code": ({"code": torch.zeros(1, networks.Decoder.CODE)}, ("picture",)),
    "diffusevae": (TIMED, ("v",)),
}


def part_of(name: str) -> tuple[nn.Module, nn.Module]:
    """Return a system's module of the weights with random ones, and the part of it that runs."""
    whole = TRAININGS[name].network()
    return whole, PARTS[name](whole) if name in PARTS else whole


def one_call(name: str, weights: Path) -> onnx.ModelProto:
    """Return the network of a system, with a Cast after every large weight."""
    example, outputs = FORMS[name]
    network, part = part_of(name)
    load(network, weights)
    model = export_onnx(part.eval(), tuple(example.values()), list(example), list(outputs))
    halve(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2])
    file = HERE / f"{name}.onnx"
    onnx.save(one_call(name, folder / f"{name}.npz"), file)
    print(f"{file.name}: {file.stat().st_size} bytes")
