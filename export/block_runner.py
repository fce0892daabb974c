"""Many hops of a network in one call of onnxruntime: ONNX's Scan carries the states.

Where every tensor is an output, calls hop by hop take as long as the network itself. Scan takes half of that time, and
makes the same bits: onnxruntime optimizes its body as it does the network.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import (
    Arrays,
    check_inputs,
    in_onnxruntime,
    with_outputs,
    zero_states,
)
from edgekit.export.own_operators.precise import with_exact_dft, with_exact_sigmoid
from edgekit.graph.model import Model

# Ends of names: a state before the first hop, after one hop and after all; an output of one hop and of all.
START, NEXT, END, HERE, ALL = (f"/edgekit.{end}" for end in ("start", "next", "end", "here", "all"))


class BlockRunner:
    """A model opened in onnxruntime once, for one recording after another, each from zero states."""

    def __init__(self, model: Model, tap: Sequence[str] = ()) -> None:
        """Prepare the runs; arguments and errors are those of `run_hops`, but no tap is the input of a state."""
        self._model = model
        self._wanted = [
            *dict.fromkeys([*(str(value.name) for value in model.stream_outputs), *tap])
        ]
        fed = {str(value.name) for value in model.ir.graph.inputs}
        tapped = with_outputs(model, [name for name in self._wanted if name not in fed])
        body = onnx.load_model_from_string(with_exact_sigmoid(with_exact_dft(tapped.to_bytes())))
        self._running = in_onnxruntime(_in_scan(model, body, self._wanted).SerializeToString())

    def blocks(self, inputs: Mapping[str, Array], block_hops: int) -> Iterator[Arrays]:
        """Yield the outputs of `run_hops` for every `block_hops` hops, which bounds the memory."""
        hops, states = check_inputs(self._model, inputs), zero_states(self._model)
        constants = {name: inputs[name] for name in self._model.constants}
        for first in range(0, hops, block_hops):
            part = {
                n: a[first : first + block_hops] for n, a in inputs.items() if n not in constants
            }
            found = self._running(_add_end(part, ALL) | _add_end(states, START) | constants)
            states = {pair.input: found[pair.output + END] for pair in self._model.states}
            rows = min(block_hops, hops - first)
            part |= {n: np.broadcast_to(a, (rows, *a.shape)) for n, a in constants.items()}
            yield {name: part[name] if name in part else found[name + ALL] for name in self._wanted}


def _add_end(arrays: Arrays, end: str) -> Arrays:
    return {name + end: array for name, array in arrays.items()}


def _in_scan(model: Model, network: onnx.ModelProto, wanted: Sequence[str]) -> onnx.ModelProto:
    """Return the network as the body of a Scan over its stream inputs; session constants stay outside of it."""
    graph, constants = network.graph, model.constants
    before, after = [pair.input for pair in model.states], [pair.output for pair in model.states]
    streams = [str(value.name) for value in model.stream_inputs]
    kept = [name for name in _names(graph.output) if name in wanted]
    inputs = [*_values(graph.input, before, START), *_values(graph.input, streams, ALL)]
    outputs = [*_values(graph.output, after, END), *_values(graph.output, kept, ALL)]
    whole = onnx.ModelProto(ir_version=network.ir_version)
    whole.opset_import.extend(network.opset_import)
    whole.functions.extend(network.functions)
    whole.graph.name = "hops"
    whole.graph.input.extend([*inputs, *(v for v in graph.input if v.name in constants)])
    whole.graph.output.extend(outputs)
    scan = whole.graph.node.add(op_type="Scan", input=_names(inputs), output=_names(outputs))
    scan.attribute.append(helper.make_attribute("num_scan_inputs", len(streams)))
    body = scan.attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g
    body.CopyFrom(graph)  # the only copy of the weights
    _make_one_hop(body, graph, [*before, *streams], {NEXT: after, HERE: kept})
    return whole


def _make_one_hop(
    body: onnx.GraphProto,
    graph: onnx.GraphProto,
    given: Sequence[str],
    outputs: Mapping[str, Sequence[str]],
) -> None:
    """Give a copy of the graph its inputs in this order, and `outputs` by the end of their names."""
    del body.input[:], body.output[:]
    body.name = "hop"
    inputs = {value.name: value for value in graph.input}
    body.input.extend(inputs[name] for name in given)
    # copies: onnxruntime's logarithm has other bits where its result is not aligned
    for end, names in outputs.items():
        body.node.extend(helper.make_node("Identity", [name], [name + end]) for name in names)
        body.output.extend(_values(graph.output, names, end))


def _values(
    values: Iterable[onnx.ValueInfoProto], names: Sequence[str], end: str
) -> list[onnx.ValueInfoProto]:
    """Return values of the types of those with these names, without a shape."""
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return [helper.make_tensor_value_info(name + end, types[name], None) for name in names]


def _names(values: Iterable[onnx.ValueInfoProto]) -> list[str]:
    return [value.name for value in values]
