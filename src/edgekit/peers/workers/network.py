"""A program of `edgekit.peers.program` as a torch module, for peers that take torch's graphs."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.peers.workers.operators import OPERATORS, SETTINGS, Node, Value

Later = Callable[[], Tensor]
INTEGERS = ":integers"
PARTS = ("integers", "scale", "zero")  # of such a weight
BY_ROWS = ("Conv", "Linear")  # whose weights have a scale for each of their first axis


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
        integers = {name: name.removesuffix(INTEGERS) for name in arrays if name.endswith(INTEGERS)}
        rows = {
            name: (arrays.pop(key), arrays.pop(f"{name}:scale")) for key, name in integers.items()
        }
        self.known = {name: array for name, array in arrays.items() if array.dtype.kind != "f"}
        self.settings: dict[str, Value] = {}
        self.weights = nn.ParameterDict()
        for number, node in enumerate(self.nodes):
            for index, name in enumerate(node.inputs):
                if name not in arrays or name in self.known:
                    continue
                if node.op in SETTINGS and index > 0:
                    self.settings[name] = arrays[name]
                    continue
                key = f"{number}_{index}"
                if name in rows and node.op in BY_ROWS:
                    q, scale = (torch.from_numpy(np.array(array)) for array in rows[name])
                    zero = torch.zeros(len(scale), dtype=torch.int64)
                    for part, array in zip(PARTS, (q, scale, zero), strict=True):
                        self.register_buffer(f"{part}_{key}", array)
                else:
                    weight = torch.from_numpy(np.array(arrays[name]))
                    self.weights[key] = nn.Parameter(weight, requires_grad=False)

    def examples(self) -> tuple[Tensor, ...]:
        """Return inputs of zeros."""
        return tuple(
            torch.zeros(given["shape"], dtype=getattr(torch, given["dtype"]))
            for given in self.program["inputs"]
        )

    def _weight(self, key: str) -> Tensor | None:
        """A weight; of integers what they stand for, as quantizers of torch say it."""
        if key in self.weights:
            weight: Tensor = self.weights[key]
            return weight
        if not hasattr(self, f"integers_{key}"):
            return None
        rows, scale, zero = (getattr(self, f"{part}_{key}") for part in PARTS)
        made: Tensor = torch.ops.quantized_decomposed.dequantize_per_channel(
            rows, scale, zero, 0, -127, 127, torch.int8
        )
        return made

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        values: dict[str, Value | Later] = {"": None, **self.known, **self.settings}
        values.update(zip((given["name"] for given in self.program["inputs"]), inputs, strict=True))

        def read(name: str) -> Value:
            value = values[name]
            return value() if callable(value) else value

        for number, node in enumerate(self.nodes):
            operands = [
                read(name) if (weight := self._weight(f"{number}_{index}")) is None else weight
                for index, name in enumerate(node.inputs)
            ]
            if (
                node.op == "DequantizeLinear"
            ):  # whoever reads it has one of its own: XNNPACK takes them along
                values[node.outputs[0]] = partial(OPERATORS[node.op], node, operands)
                continue
            made = OPERATORS[node.op](node, operands)
            values.update(
                zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False)
            )
        outputs: list[Any] = [read(name) for name in self.program["outputs"]]
        return tuple(y.clone() if any(y is x for x in inputs) else y for y in outputs)
