"""The weights of the demo's networks in files: half precision, float32 in the network."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgekit.base.npz import read_npz, write_npz
from edgekit.demos.data_wheel import require_data


def save(network: nn.Module, out: Path) -> None:
    """Write all weights of a network, one array for each name."""
    state = network.state_dict()
    write_npz(out, {k: v.contiguous().numpy().astype(np.float16) for k, v in state.items()})


def load(network: nn.Module, stored: Path) -> None:
    """Load the weights that `save` wrote into a network.

    Raises:
        ToolError: they are those of a demo, whose data are not installed.
    """
    require_data(stored)
    weights = read_npz(stored)
    network.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in weights.items()})
