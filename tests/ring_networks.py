"""Offline networks with long dilated layers, and their streams."""

from stream_networks import Net

from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import Model
from edgekit.verbs.export.importing import ImportOptions, surrounded

CHANNELS, HIDDEN, BLOCKS = 8, 12, 8


def dilated() -> bytes:
    """Eight blocks of depthwise convolutions, dilated by 1 to 128."""
    net, x = Net(1), "x"
    for block in range(BLOCKS):
        y = net.add("Relu", net.conv(x, CHANNELS, HIDDEN, 1))
        reach = 2 * 2**block
        y = net.conv(y, HIDDEN, HIDDEN, 3, left=reach, dilation=2**block, group=HIDDEN)
        x = net.add("Add", x, net.conv(net.add("Relu", y), HIDDEN, CHANNELS, 1))
    return net.model([1, CHANNELS, "T"], x)


def mixed(time: int) -> bytes:
    """Two axes, time the first or second: convolutions both ways, dilated in time, and a residual."""
    net = Net(2)
    shape = [1, 2, "T", 5] if time == 2 else [1, 2, 5, "T"]

    def order(in_time: int, other: int) -> list[int]:
        return [in_time, other] if time == 2 else [other, in_time]

    def both(before: int, behind: int) -> list[int]:
        return [*order(before, 1), *order(behind, 1)]

    kernel, dilations = order(3, 3), order(20, 1)
    y = net.add(
        "Conv", "x", net.weight(4, 2, *kernel), net.weight(4), pads=both(40, 0), dilations=dilations
    )
    # causal: the frames that a transposed convolution gives behind the end are cut off
    y = net.add(
        "ConvTranspose",
        net.add("Tanh", y),
        net.weight(4, 4, *kernel),
        net.weight(4),
        pads=both(0, 40),
        dilations=dilations,
    )
    ahead = net.add(
        "Conv",
        y,
        net.weight(2, 4, *order(2, 1)),
        net.weight(2),
        pads=[*order(0, 0), *order(30, 0)],
        dilations=order(30, 1),
    )
    return net.model(shape, net.add("Add", "x", ahead))


def streamed(data: bytes, times: int = 1) -> Model:
    analysis = analyse(onnx_offline(data, name="net"))
    return surrounded(rewrite(analysis, times * analysis.facts.minimum_hop()), ImportOptions())
