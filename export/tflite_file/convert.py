"""`to_onnx`: a graph of a .tflite as one ONNX network, with its states as inputs and outputs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from edgekit.base.errors import ModelError, Problem
from edgekit.export.tflite_file.blocks import fold_dilations
from edgekit.export.tflite_file.file import (
    AGAIN,
    MISFITS,
    Graph,
    Operator,
    Signature,
    Tensor,
    TfliteFile,
    misfit,
    refuse,
)
from edgekit.export.tflite_file.movement import same_grid
from edgekit.export.tflite_file.network import CHANNELS_SECOND, Network
from edgekit.export.tflite_file.open_shapes import resolve_shapes
from edgekit.export.tflite_file.shapes import check_shapes
from edgekit.export.tflite_file.table import ONE_GRID, ONE_TYPE, READERS, REFUSALS
from edgekit.export.tflite_file.variables import check_initial_values


@dataclass(frozen=True)
class TfliteNetwork:
    """The network, its state pairs, and the graph of the file, with the names that the network uses."""

    proto: onnx.ModelProto
    states: tuple[tuple[str, str], ...]
    graph: Graph

    @property
    def content(self) -> bytes:
        """The network as an .onnx file holds it."""
        return bytes(self.proto.SerializeToString())


def to_onnx(file: TfliteFile, signature: str | None = None) -> TfliteNetwork:
    """Return one graph of a .tflite as an ONNX network.

    Integers that stand for reals are between QuantizeLinear and DequantizeLinear. Inputs and outputs are float32 where
    the file has such integers, and have the axes of the file; states have the axes of the network.

    Args:
        file: the content of the file.
        signature: the name of the graph's signature, where the file has several.

    Raises:
        ModelError: all operators that EdgeKit cannot read, or the first other problem.
    """
    graph = resolve_shapes(_fold_halves(_with_names(file, choose_graph(file, signature))))
    graph = fold_dilations(graph)
    _check_operators(graph)
    check_initial_values(file, graph)
    network = Network(graph)
    for number in graph.inputs:
        _add_input(network, number)
    for operator in graph.operators:
        _add_operator(network, operator)
    streams: list[onnx.ValueInfoProto] = []
    for number in graph.outputs:
        streams.append(_output(network, number))
    network.outputs = [*streams, *network.outputs]
    proto = network.proto()
    check_shapes(network, proto)
    return TfliteNetwork(proto, tuple(network.states), graph)


def _add_operator(network: Network, operator: Operator) -> None:
    """Add an operator; a damaged file may give one any number of operands of any shape."""
    _check_operands(network, operator)
    try:
        READERS[operator.builtin](network, operator)
    except MISFITS as error:
        raise misfit(operator, error) from error


def _check_operands(network: Network, operator: Operator) -> None:
    """Refuse operands on several scales or types, between which runtimes do not convert."""
    stored = _stored_operands(network, operator)
    other = next((held for held in stored[1:] if not _fit(stored[0], held, operator)), None)
    if other is not None:
        found = f"'{stored[0].name}' and '{other.name}' on other scales or types"
        refuse(f"operator {operator.builtin}", found, "one scale and type", AGAIN)


def _stored_operands(network: Network, operator: Operator) -> list[Tensor]:
    """Return the integers that must have one type: computed ones, and constants where all have one scale."""
    numbers = [number for number in (*operator.inputs, *operator.outputs) if number >= 0]
    stored = [held for held in map(network.tensor, numbers) if held.is_integer]
    if operator.builtin in ONE_GRID:
        return stored
    if operator.builtin not in ONE_TYPE:
        return []
    computed = [held for held in stored if held.data is None]
    _check_symmetry(computed, operator)
    return computed


def _fit(one: Tensor, other: Tensor, operator: Operator) -> bool:
    """Whether two operands have the same type, and scale where the operator leaves integers as they are."""
    same = operator.builtin not in ONE_GRID or same_grid(one, other)
    return same and one.dtype == other.dtype


def _check_symmetry(stored: Sequence[Tensor], operator: Operator) -> None:
    """Refuse int16 around another number than 0, which runtimes ignore."""
    for held in stored:
        if held.dtype == "int16" and held.grid is not None and np.any(held.grid.zero):
            found = f"int16 of '{held.name}' around {held.grid.zero[0]}"
            refuse(f"operator {operator.builtin}", found, "int16 around 0", AGAIN)


def choose_graph(file: TfliteFile, signature: str | None) -> tuple[Graph, Signature | None]:
    """Return the graph to read.

    Raises:
        ModelError: no signature has this name, or several graphs have signatures and none was named.
    """
    keys = {entry.key: entry for entry in file.signatures}
    allowed = ", ".join(keys) or "none: the file has no signatures"
    if signature is not None:
        if signature not in keys:
            refuse("--signature", f"'{signature}'", allowed, "name one of these")
        return file.graphs[keys[signature].graph], keys[signature]
    if len({entry.graph for entry in file.signatures}) > 1:
        found = f"{len(keys)} signatures"
        refuse("file", found, f"one of {allowed}", "add --signature NAME")
    if file.signatures:
        return file.graphs[file.signatures[0].graph], file.signatures[0]
    return file.graphs[0], None


def _with_names(file: TfliteFile, chosen: tuple[Graph, Signature | None]) -> Graph:
    """Return the graph with names that C and the command line can take, the signature's before its own."""
    graph, signature = chosen
    given = {} if signature is None else signature.names
    used: set[str] = set()
    tensors = []
    for number, held in enumerate(graph.tensors):
        name = given.get(number) or held.name
        name = re.sub(r"\W+", "_", name).strip("_") or f"tensor_{number}"
        while name in used:
            name = f"{name}_{number}"
        used.add(name)
        tensors.append(replace(held, name=name))
    return replace(graph, tensors=tuple(tensors))


def _fold_halves(graph: Graph) -> Graph:
    """Return the graph with constants in place of what DEQUANTIZE makes of float16 constants."""
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        held = tensors[operator.inputs[0]] if operator.inputs[:1] > (-1,) else None
        if operator.builtin == "DEQUANTIZE" and held and held.dtype == "float16":
            number = operator.outputs[0]
            if held.data is not None:
                tensors[number] = replace(tensors[number], data=held.data.astype(np.float32))
                continue
        operators.append(operator)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _check_operators(graph: Graph) -> None:
    names = dict.fromkeys(o.builtin for o in graph.operators if o.builtin not in READERS)
    problems = [
        Problem(
            f"operator {name}",
            "not read from a .tflite",
            "the operators of `edgekit help tflite`",
            REFUSALS.get(name, "convert the network without it, or export it to .onnx"),
        )
        for name in names
    ]
    if problems:
        raise ModelError(problems)


def _add_input(network: Network, number: int) -> None:
    held = network.tensor(number)
    if held.dtype == "resource":
        refuse(f"input '{held.name}'", "a state", "tensors of numbers", AGAIN)
    plain = not held.is_integer
    dtype = np.dtype(held.dtype if plain else "float32")
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    network.inputs.append(helper.make_tensor_value_info(held.name, kind, held.shape))
    value = network.round_to_grid(held.name, held)
    if len(held.shape) == 4:
        network.in_file_order[number] = value
        value = network.permute(value, held, CHANNELS_SECOND)
    network.values[number] = value


def _output(network: Network, number: int) -> onnx.ValueInfoProto:
    held = network.tensor(number)
    if held.dtype == "resource":
        refuse(f"output '{held.name}'", "a state", "tensors of numbers", AGAIN)
    if held.is_integer and held.grid is not None and held.grid.scale.size > 1:
        refuse(f"output '{held.name}'", "several scales", "one scale", AGAIN)
    value = network.as_in_file(number)
    network.nodes.append(helper.make_node("Identity", [value], [held.name], name=held.name))
    dtype = np.dtype("float32" if held.is_integer else held.dtype)
    return helper.make_tensor_value_info(
        held.name, helper.np_dtype_to_tensor_dtype(dtype), held.shape
    )
