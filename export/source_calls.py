"""The source of a network, called with inputs of other shapes than its example's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import onnx

from edgekit.export.from_onnx import read_file
from edgekit.export.hop_runner import Arrays, source_runner
from edgekit.export.onnx_file.constants import Constants, bind_constants
from edgekit.export.onnx_file.file_checks import parse
from edgekit.export.onnx_file.opsets import forget_shapes
from edgekit.export.own_operators.functions import with_bodies
from edgekit.graph.model import Model

Call = Callable[[Arrays], Arrays]


def torch_call(source: str, model: Model, shapes: Mapping[str, Sequence[int]]) -> Call:
    """Return a call of a factory's module, or of the program of a .pt2.

    Args:
        source: ``package.module:factory`` or a path to a .pt2.
        model: the imported form, whose names inputs and outputs have.
        shapes: input name -> dimensions, if the factory returns no example inputs.
    """
    from edgekit.export.from_torch import TorchReference, quiet
    from edgekit.export.torch_source import load_module, load_source

    with quiet():
        is_program = Path(source).suffix.lower() == ".pt2"
        loaded = load_source(source, shapes) if is_program else load_module(source, shapes)
        return TorchReference(loaded, model)


def onnx_call(
    source: str, model: Model, shapes: Mapping[str, Sequence[int]], constants: Constants
) -> Call:
    """Return a call that runs an .onnx with inputs of any sizes, whatever sizes the file states.

    A file whose nodes hold its sizes does not run with others.

    Args:
        source: path of the file.
        model: the imported form, whose names inputs and outputs have.
        shapes: input name -> dimensions, of inputs whose rank the file does not state.
        constants: input name -> value: these inputs are constants.
    """
    proto = parse(read_file(Path(source)), shapes)
    bind_constants(proto.graph, constants)
    return _of_any_sizes(proto, model)


def graph_call(model: Model) -> Call:
    """Return a call that runs an imported network with inputs of any sizes, as `onnx_call` does."""
    return _of_any_sizes(onnx.load_model_from_string(model.to_bytes()), model)


def _of_any_sizes(proto: onnx.ModelProto, model: Model) -> Call:
    forget_shapes(proto.graph)
    for value in proto.graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.dim_param = f"{value.name}.{axis}"
    running = source_runner(with_bodies(bytes(proto.SerializeToString())))
    names = [str(value.name) for value in model.ir.graph.outputs]
    # by place: an output of the file that is an input has another name in the model
    return lambda feed: dict(zip(names, running(feed).values(), strict=False))


def open_axes(source: str, shapes: Mapping[str, Sequence[int]]) -> dict[str, set[int]]:
    """Return input name -> the axes whose sizes an .onnx leaves open."""
    return _axes(source, shapes, are_stated=False)


def fixed_axes(source: str) -> dict[str, set[int]]:
    """Return input name -> the axes whose sizes an .onnx states."""
    return _axes(source, {}, are_stated=True)


def _axes(
    source: str, shapes: Mapping[str, Sequence[int]], are_stated: bool
) -> dict[str, set[int]]:
    graph = parse(read_file(Path(source)), shapes).graph
    return {
        value.name: {
            axis
            for axis, dim in enumerate(value.type.tensor_type.shape.dim)
            if dim.HasField("dim_value") is are_stated
        }
        for value in graph.input
    }
