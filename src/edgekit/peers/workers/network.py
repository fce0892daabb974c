"""A program of `edgekit.peers.program` as a torch module, for peers that take torch's graphs."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.arrays import Array
from edgekit.peers.workers.operators import OPERATORS, SETTINGS, Made, Node, Operands, Value

Later = Callable[[], Made]
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
        arrays, rows = _read_weights(folder / "weights.npz")
        self.known = {name: array for name, array in arrays.items() if array.dtype.kind != "f"}
        self.settings: dict[str, Value] = {}
        self.weights = nn.ParameterDict()
        for number, index, node, name in self._operands():
            if name not in arrays or name in self.known:
                continue
            if node.op in SETTINGS and index > 0:
                self.settings[name] = arrays[name]
            elif name in rows and node.op in BY_ROWS:
                self._add_integers(f"{number}_{index}", *rows[name])
            else:
                weight = torch.from_numpy(np.array(arrays[name]))
                self.weights[f"{number}_{index}"] = nn.Parameter(weight, requires_grad=False)

    def _operands(self) -> Iterator[tuple[int, int, Node, str]]:
        """Yield, for each input of each node, the numbers of node and input, the node, and the input's name."""
        for number, node in enumerate(self.nodes):
            for index, name in enumerate(node.inputs):
                yield number, index, node, name

    def _add_integers(self, key: str, q: Array, scale: Array) -> None:
        """A weight by its integers (rows, ...) and their scale (rows,)."""
        zero = np.zeros(len(scale), np.int64)
        for part, array in zip(PARTS, (q, scale, zero), strict=True):
            self.register_buffer(f"{part}_{key}", torch.from_numpy(np.array(array)))

    def examples(self) -> tuple[Tensor, ...]:
        """Return inputs of zeros."""
        return tuple(
            torch.zeros(given["shape"], dtype=getattr(torch, given["dtype"]))
            for given in self.program["inputs"]
        )

    def _weight(self, key: str) -> Tensor | None:
        """Return a weight; integers as their float values, through torch's quantizers."""
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
        names = [given["name"] for given in self.program["inputs"]]
        values: dict[str, Value | Later] = {"": None, **self.known, **self.settings}
        values.update(zip(names, inputs, strict=True))
        for number, node in enumerate(self.nodes):
            compute = partial(OPERATORS[node.op], node, self._operands_of(number, node, values))
            if node.op == "DequantizeLinear":
                # each reader has a separate copy: XNNPACK takes them along
                values[node.outputs[0]] = compute
                continue
            made = compute()
            values.update(
                zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False)
            )
        outputs = Operands(map(_compute, map(values.__getitem__, self.program["outputs"])))
        return tuple(
            y.clone() if any(y is x for x in inputs) else y
            for y in map(outputs.tensor, range(len(outputs)))
        )

    def _operands_of(
        self, number: int, node: Node, values: Mapping[str, Value | Later]
    ) -> Operands:
        """The weights of a node, and of its other inputs the values."""
        weights = [self._weight(f"{number}_{index}") for index in range(len(node.inputs))]
        return Operands(
            _compute(values[name]) if weight is None else weight
            for name, weight in zip(node.inputs, weights, strict=True)
        )


def _read_weights(path: Path) -> tuple[dict[str, Array], dict[str, tuple[Array, Array]]]:
    """Return the weights of a program, and for quantized ones the integers and their scale."""
    arrays = dict(np.load(path))
    names = [key.removesuffix(INTEGERS) for key in arrays if key.endswith(INTEGERS)]
    rows = {n: (arrays.pop(f"{n}{INTEGERS}"), arrays.pop(f"{n}:scale")) for n in names}
    return arrays, rows


def _compute(value: "Value | Later") -> Value:
    if value is None or isinstance(value, Tensor | np.ndarray):
        return value
    made = value()
    assert isinstance(made, Tensor)
    return made
