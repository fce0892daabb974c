"""The graph of one hop: names, states and counters."""

import numpy as np
from stream_networks import Net, check

from edgekit.export.hop_runner import in_onnxruntime, zero_states
from edgekit.export.stream.hopgraph import HopGraph


def test_a_count_of_frames_goes_on_beyond_2_to_the_24():
    net = Net()
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    y = net.add("Add", net.add("Mul", "x", net.const(0)), net.add("Cast", places, to=1))
    (model,) = check(net.model([1, 2, "T"], y), (8,))
    running, state = in_onnxruntime(model.to_bytes()), zero_states(model)
    for hops in (2**20 - 2, 2**24 - 2, 2**27 - 2):
        turns, low = divmod(hops, 2**20)
        state["elapsed.low.state"][...], state["elapsed.high.state"][...] = low, turns
        for hop in range(hops, hops + 4):
            results = running(state | {"x": np.zeros((1, 2, 8), np.float32)})
            assert np.allclose(results[y], np.arange(8 * hop, 8 * hop + 8), rtol=2**-23, atol=0)
            state = {pair.input: results[pair.output].copy() for pair in model.states}


def test_every_name_is_taken_once():
    new = HopGraph(4, {"": 21})
    names = [new.constant(n, "number").name for n in range(3)]
    assert names[0] == "number" and len(set(names)) == 3


def test_a_state_is_followed_by_what_is_carried():
    new = HopGraph(4, {"": 21})
    state = new.state("sum", (1, 2))
    new.carry(state, new.one("more", "Add", state, new.constant([[1, 2]], "step")))
    (pair,) = new.states
    assert pair.input == "sum.state" and pair.output == new.graph.outputs[0].name
