"""A program of `edgekit.peers.program` as a torch module, for peers that take torch's graphs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.peers.workers.operators import OPERATORS, SETTINGS, Node, Value


class Network(nn.Module):
    """Takes the program's inputs in their order, returns a tuple of its outputs."""

    def __init__(self, folder: Path) -> None:
        """Read a program.

        Raises:
            ValueError: names the operators that have no form here.
        """
        super().__init__()
        self.program = json.loads((folder / "program.json").read_text(encoding="utf-8"))
        self.nodes = [Node(**node) for node in self.program["nodes"]]
        if missing := sorted({node.op for node in self.nodes} - set(OPERATORS)):
            raise ValueError(f"operators without a form in torch: {', '.join(missing)}")
        arrays = dict(np.load(folder / "weights.npz"))
        self.known = {name: array for name, array in arrays.items() if array.dtype.kind != "f"}
        self.settings: dict[str, Value] = {}
        self.weights = nn.ParameterDict()
        for number, node in enumerate(self.nodes):
            for index, name in enumerate(node.inputs):
                if name not in arrays or name in self.known:
                    continue
                if node.op in SETTINGS and index > 0:
                    self.settings[name] = arrays[name]
                else:
                    weight = torch.from_numpy(np.array(arrays[name]))
                    self.weights[f"{number}_{index}"] = nn.Parameter(weight, requires_grad=False)

    def examples(self) -> tuple[Tensor, ...]:
        """Return inputs of zeros."""
        return tuple(torch.zeros(given["shape"]) for given in self.program["inputs"])

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        values: dict[str, Value] = {"": None, **self.known, **self.settings}
        values.update(zip((given["name"] for given in self.program["inputs"]), inputs, strict=True))
        for number, node in enumerate(self.nodes):
            operands = [
                self.weights[key] if (key := f"{number}_{index}") in self.weights else values[name]
                for index, name in enumerate(node.inputs)
            ]
            made = OPERATORS[node.op](node, operands)
            values.update(
                zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False)
            )
        outputs: list[Any] = [values[name] for name in self.program["outputs"]]
        return tuple(y.clone() if any(y is x for x in inputs) else y for y in outputs)
