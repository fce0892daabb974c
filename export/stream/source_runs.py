"""The source of an offline network, run as it came: a torch module or a file on whole inputs of any length."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import Arrays, source_runner
from edgekit.export.onnx_file.constants import Constants, bind_constants
from edgekit.export.onnx_file.file_checks import parse, runnable
from edgekit.export.own_operators.functions import with_bodies
from edgekit.export.stream.guards import LARGEST_NUMBER, SMALLEST_NUMBER, LengthNumber
from edgekit.export.torch_calls import leaves
from edgekit.export.torch_source import TorchModule
from edgekit.graph.facts import names

LENGTHS = ("Split", "Range")  # their constants may be lengths, as those of `Facts.compares`
TABLES = ("Slice", "Gather")  # a constant that they read may have rows for so many frames
COMPARISONS = names(lambda row: row.compares)
FEW = 16  # elements of a constant that is a length


def module_run(loaded: TorchModule, feed: Arrays, *, in_double: bool = False) -> Sequence[Array]:
    """Call a module and return its outputs in order. Errors of forward pass through.

    Args:
        loaded: the module, and examples with the types of its inputs.
        feed: one array for each input.
        in_double: in float64.
    """
    import torch

    module = copy.deepcopy(loaded.module).double() if in_double else loaded.module
    tensors = {}
    for name, example in loaded.kwargs.items():
        wide = in_double and example.is_floating_point()
        dtype = torch.float64 if wide else example.dtype
        tensors[name] = torch.from_numpy(feed[name].copy()).to(dtype)
    with torch.no_grad():
        return [one.detach().numpy() for one in leaves(module(**tensors))]


def file_run(
    data: bytes,
    shapes: Mapping[str, Sequence[int]],
    constants: Constants,
    runner: Callable[[bytes], Callable[[Arrays], Arrays]] = source_runner,
) -> Callable[[Arrays], Sequence[Array]]:
    """Return a call that runs a file at any length and returns its outputs in order; arguments as in `from_onnx`."""

    @cache
    def opened() -> tuple[Callable[[Arrays], Arrays], Arrays]:
        return runner(with_bodies(runnable(data))), bind_constants(
            parse(data, shapes).graph, constants
        )

    def run(feed: Arrays) -> Sequence[Array]:
        running, fixed = opened()
        return [np.asarray(array) for array in running(feed | fixed).values()]

    return run


def length_numbers(graph: onnx.GraphProto) -> Sequence[LengthNumber]:
    """Return the constants of a file that may be lengths or places in time, each with the node that reads it."""
    made = {node.output[0]: node for node in graph.node if node.op_type == "Constant"}
    stored = {tensor.name: tensor for tensor in graph.initializer}

    def constant(name: str) -> onnx.TensorProto | None:
        if name in made:
            return next((a.t for a in made[name].attribute if a.name == "value"), None)
        return stored.get(name)

    return [
        LengthNumber(number, f"{node.op_type} '{node.name}'")
        for node in graph.node
        for number in _numbers(node, constant)
        if SMALLEST_NUMBER <= number <= LARGEST_NUMBER
    ]


def _numbers(
    node: onnx.NodeProto, constant: Callable[[str], onnx.TensorProto | None]
) -> Iterator[int]:
    compares = node.op_type in (COMPARISONS | {*LENGTHS, *TABLES})
    for place, name in enumerate(node.input):
        tensor = constant(name) if compares else None
        if tensor is None:
            continue
        if place == 0 and node.op_type in TABLES:
            yield from tensor.dims
        elif node.op_type != "Gather" and np.prod(tensor.dims, dtype=int) <= FEW:
            array = numpy_helper.to_array(tensor)
            if array.dtype.kind in "iuf":
                finite = array[np.isfinite(array)].ravel()
                yield from (abs(int(number)) for number in (*finite, finite.sum()))
