"""Where an engine keeps channels: in planes of as many as its lanes, on chip or in DRAM."""

from dataclasses import replace

import numpy as np
import pytest
from fpga_networks import KIND, one_layer, random_layer

from edgekit.fpga.layout import make_layout, slots_layout
from edgekit.fpga.network import Network, StoredTensor, View
from edgekit.fpga.spec import EngineSpec

SPEC = EngineSpec(lanes=8, columns=8)


def of_two_layers() -> Network:
    """A dense layer of 20 channels, and two that read the first 9 and the last 11 of them."""
    random = np.random.default_rng(0)
    first = random_layer(random, "dense", (4, 2, 3), 20)
    tensors = dict(one_layer(first, 8).tensors)
    layers = [first]
    for name, channels in (("left", range(9)), ("right", range(9, 20))):
        layer = random_layer(random, "dense", (len(channels), 2, 3), 5)
        view = View(("y",) * len(channels), tuple(channels), 2, 3)
        layers.append(replace(layer, name=name, x=view, y=name))
        tensors[name] = StoredTensor(name, 5, 2, 3, KIND)
    outputs = {name: View((name,) * 5, tuple(range(5)), 2, 3) for name in ("left", "right")}
    return Network(tensors, tuple(layers), {"x": "x"}, outputs, 8)


def test_channels_of_one_reader_fill_planes_of_their_own() -> None:
    network = of_two_layers()
    layout = slots_layout(network, 8)
    slots = layout.placed["y"].slots
    assert len(set(slots)) == 20 and layout.placed["y"].planes == 3
    planes = [layout.planes_of(layer.x) for layer in network.layers[1:]]
    # 9 and 11 channels: a whole plane each, and one plane that the 1 and the 3 that are left share
    assert [len(each) for each in planes] == [2, 2] and len({*planes[0], *planes[1]}) == 3


def test_an_input_is_in_the_order_of_its_channels() -> None:
    layer = random_layer(np.random.default_rng(0), "dense", (20, 2, 3), 4)
    place = slots_layout(one_layer(layer, 8), 8).placed["x"]
    assert (place.slots, place.planes) == (tuple(range(20)), 3)


@pytest.mark.parametrize(("beats", "on_chip"), [(3 * 6, True), (3 * 6 - 1, False)])
def test_a_tensor_is_on_chip_where_it_fits_and_what_leaves_is_in_dram(
    beats: int, on_chip: bool
) -> None:
    layout = make_layout(of_two_layers(), replace(SPEC, buffer_beats=beats))
    assert layout.placed["y"].on_chip == on_chip
    assert not layout.placed["left"].on_chip and not layout.placed["right"].on_chip
    assert layout.buffer_beats == (18 if on_chip else 0)
    assert layout.dram_beats == 2 * 6 + (0 if on_chip else 18)
