"""The lengths of a proof: several times the example and the longest window, behind numbers, within memory."""

from collections.abc import Sequence

from stream_networks import Net

from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.guards import LengthNumber
from edgekit.export.stream.run_lengths import ELEMENTS, LARGEST, ComparisonLengths
from edgekit.export.stream.sources import onnx_offline


def lengths_of(
    net: Net, y: str, example: int = 0, numbers: Sequence[LengthNumber] = ()
) -> ComparisonLengths:
    analysis = analyse(onnx_offline(net.model([1, 2, "T"], y), name="net"))
    model = rewrite(analysis, analysis.facts.minimum_hop())
    lengths = ComparisonLengths(
        onnx_offline(net.model([1, 2, "T"], y), name="net"),
        analysis.short.graph,
        analysis.facts,
        model,
        numbers,
    )
    object.__setattr__(lengths, "example", example)
    return lengths


def strided(net: Net) -> str:
    return net.conv("x", 2, 2, 4, stride=4)


def test_ten_times_the_example_or_what_was_read():
    net = Net()
    lengths = lengths_of(net, strided(net), example=400)
    assert (lengths.step, lengths.long) == (4, 4000)
    net = Net()
    lengths = lengths_of(net, strided(net))
    assert lengths.long == 10 * lengths.read


def test_four_times_the_longest_window():
    net = Net()
    y = net.conv("x", 2, 2, 2, left=4999, dilation=4999)
    assert lengths_of(net, y).long == 4 * 4999


def test_behind_numbers():
    net = Net()
    assert lengths_of(net, strided(net), numbers=[LengthNumber(80_000, "")]).long == 100_000


def test_memory_bounds_all_but_the_example():
    net = Net()
    y = net.conv("x", 2, 64, 1)
    lengths = lengths_of(net, y, example=300_000)
    assert 64 * lengths.long <= LARGEST and 66 * lengths.long <= ELEMENTS
    assert 300_000 < lengths.long < 3_000_000
    net = Net()
    assert lengths_of(net, net.conv("x", 2, 64, 1), example=10**6).long == 10**6


def test_a_ladder_has_all_small_remainders():
    net = Net()
    steps = [samples // 4 for samples in lengths_of(net, strided(net)).ladder()]
    for divisor in range(2, 6):
        assert {step % divisor for step in steps} == set(range(divisor))
