"""How far values are read, found from the end of a network."""

from stream_networks import Net

from edgekit.export.stream.convert import analyse
from edgekit.export.stream.sources import onnx_offline


def needs(net: Net, output: str) -> dict[str, int]:
    data = net.model([1, 2, "T"], output)
    return {str(v.name): n.end for v, n in analyse(onnx_offline(data, name="net")).needs.items()}


def test_a_crop_behind_a_convolution_is_not_read():
    """Without its last frames a convolution padded on both sides looks nothing ahead."""
    net = Net()
    wide = net.conv("x", 2, 2, 4, left=3, right=3)
    y = net.cut(wide, 0, -3)
    found = needs(net, y)
    assert found[y] == 0
    assert found[wide] == 0 and found["x"] == 0


def test_who_reads_farthest_counts():
    net = Net()
    ahead = net.cut("x", 2)
    y = net.add("Concat", ahead, net.cut("x", 0, -2), axis=1)
    assert needs(net, y)["x"] == 0
    net = Net()
    y = net.add("Concat", net.cut("x", 0, -3), net.cut("x", 1, -2), axis=1)
    assert needs(net, y)["x"] == -2
