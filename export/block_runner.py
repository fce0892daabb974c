"""Many hops of a network in one call of onnxruntime: ONNX's Scan carries the states.

Where every tensor is an output, calls hop by hop take as long as the network itself. Scan takes half of that time, and
makes the same bits: onnxruntime optimizes its body as it does the network.
"""

from collections.abc import Iterator, Mapping, Sequence

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
START, NEXT, END, HERE, ALL = "/start", "/next", "/end", "/here", "/all"


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
        self._running = in_onnxruntime(_in_scan(model, body).SerializeToString())

    def blocks(self, inputs: Mapping[str, Array], block_hops: int) -> Iterator[Arrays]:
        """Yield the outputs of `run_hops` for every `block_hops` hops, which bounds the memory."""
        hops, model = check_inputs(self._model, inputs), self._model
        constants = {name: inputs[name] for name in model.constants}
        states = zero_states(model)
        for first in range(0, hops, block_hops):
            part = {n: a[first : first + block_hops] for n, a in inputs.items()} | constants
            given = {n if n in constants else n + ALL: array for n, array in part.items()}
            found = self._running(given | {name + START: a for name, a in states.items()})
            states = {pair.input: found[pair.output + END] for pair in model.states}
            rows = min(block_hops, hops - first)
            part |= {n: np.broadcast_to(a, (rows, *a.shape)) for n, a in constants.items()}
            yield {n: part[n] if n in part else found[n + ALL] for n in self._wanted}


def _in_scan(model: Model, network: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network as the body of a Scan over its stream inputs; session constants stay outside of it."""
    graph, states = network.graph, model.states
    inputs = {value.name: value for value in graph.input}
    outputs = {value.name: value for value in graph.output}
    before, after = [pair.input for pair in states], [pair.output for pair in states]
    streams = [n for n in inputs if n not in before and n not in model.constants]

    def of_outside(value: onnx.ValueInfoProto, end: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            value.name + end, value.type.tensor_type.elem_type, None
        )

    body = onnx.GraphProto()
    body.CopyFrom(graph)
    del body.input[:], body.output[:]
    body.name = "hop"
    body.input.extend(inputs[name] for name in (*before, *streams))
    # copies: onnxruntime's logarithm has other bits where its result is not aligned
    for end, names in ((NEXT, after), (HERE, outputs)):
        body.node.extend(helper.make_node("Identity", [name], [name + end]) for name in names)
        body.output.extend(of_outside(outputs[name], end) for name in names)
    scan = helper.make_node(
        "Scan",
        [*(name + START for name in before), *(name + ALL for name in streams)],
        [*(name + END for name in after), *(name + ALL for name in outputs)],
        body=body,
        num_scan_inputs=len(streams),
    )
    whole = onnx.ModelProto()
    whole.CopyFrom(network)
    whole.graph.CopyFrom(
        helper.make_graph(
            [scan],
            "hops",
            [
                *(of_outside(inputs[name], START) for name in before),
                *(of_outside(inputs[name], ALL) for name in streams),
                *(inputs[name] for name in model.constants),
            ],
            [
                *(of_outside(outputs[name], END) for name in after),
                *(of_outside(outputs[name], ALL) for name in outputs),
            ],
        )
    )
    return whole
