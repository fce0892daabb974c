"""First frames that are final later than others: which hop they wait for, and what they cost no one else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_chains import chains
from stream_layers import network_of
from stream_networks import Net, check, delays, least_delay

from edgekit.base.errors import ModelError
from edgekit.export.stream.late import KNOWN, Window, again, late_blocks, late_windows, latest_of


def test_a_frame_is_held_until_the_hop_in_which_it_is_final():
    """Frame 0 is in hop 0 at a delay of 1 and hops of 2, and final in hop 3: then frames 5 and 6 are new."""
    assert again((3,), 1, 2) == 3 * 2 - 1
    assert again((KNOWN, 3), 1, 2) == 3 * 2 - 1 - 1
    assert again((3,), 6, 2) == again((), -4, 2) == again((KNOWN,), -4, 2) == 0


def test_windows_are_final_with_the_last_frame_that_they_read():
    late = (4, 3, 2, 1)
    assert late_windows(late, Window(1, 1, 0, 0)) == (4, 3, 2, 1)
    assert late_windows(late, Window(1, 2, 0, 0)) == (4, 2)
    assert late_windows(late, Window(2, 1, 2, 0)) == (4, 4, 4, 3, 2, 1)
    assert late_windows(late, Window(1, 1, 0, 0, unheard=1)) == (3, 2, 1)
    assert late_windows(late, Window(2, 3, 1, 0, step=2)) == (3, 2)
    assert late_windows(late, Window(1, 1, 0, 0, first=2)) == (KNOWN, KNOWN, 2, 1)
    assert late_windows((), Window(1, 1, 3, 0)) == ()


def test_blocks_and_several_streams():
    assert late_blocks((4, 1), 3, 2, 0) == (4, 1, 1, 1)
    assert late_blocks((4, 1), 2, 0, 1) == (KNOWN, 4, 1, 1)
    assert latest_of([(4, 1), (), (2, 3, 5)]) == (4, 3, 5)


def pad(net, x, left, right, mode="reflect"):
    return net.add("Pad", x, net.const([0, 0, left, 0, 0, right], "int64"), mode=mode)


def causal(net):
    """Reflected twice, as a chain of causal convolutions: the second waits for frames that the first has anyway."""
    y = net.conv(pad(net, "x", 6, 0), 1, 2, 7)
    return net.conv(pad(net, net.add("Tanh", y), 4, 0), 2, 2, 5)


def ahead(net):
    """What looks ahead behind a causal convolution loses nothing."""
    y = net.add("Tanh", net.conv(pad(net, "x", 4, 0), 1, 2, 5))
    return net.conv(y, 2, 2, 5, right=4)


def raised(net):
    """Held before a transposed convolution that is cropped, as in an upsampler without aliasing."""
    y = net.add("Mul", net.transposed(pad(net, "x", 5, 5, "edge"), 1, 2, 12, 2), net.const(2))
    return net.cut(y, 15, -15)


def met(net):
    """Streams that are late by different frames meet."""
    one = net.conv(pad(net, "x", 5, 0), 1, 2, 6)
    other = net.conv(pad(net, "x", 2, 2, "edge"), 1, 2, 5)
    return net.conv(net.add("Mul", one, other), 2, 2, 4, right=3)


def zeros_in_front(net):
    """Zeros come before frames that are held again, in which none were."""
    y = net.pad(net.cut(pad(net, net.conv("x", 1, 2, 1), 1, 0), 0, -2), 4, 0)
    return net.cut(net.transposed(y, 2, 2, 7, 2), 2, -9)


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("build", "delay"),
    [(causal, 6), (ahead, 4), (raised, 3), (met, 5), (zeros_in_front, 0)],
    ids=["causal", "ahead", "raised", "met", "zeros in front"],
)
def test_what_repeats_frames_to_come_delays_no_more_than_it_must(build, delay):
    net = Net()
    data = net.model([1, 1, "T"], build(net))
    models = check(data, (1, 2, 3, 7))
    found = [delays(model)[0] for model in models]
    assert found[0] == delay
    assert found == [least_delay(data, hop, 8 * hop + 40, least=1) for hop in (1, 2, 3, 7)]


def test_what_gains_nothing_holds_nothing_again():
    """One causal convolution waits for the frame that is reflected to its start, whatever it holds."""
    net = Net()
    (model,) = check(net.model([1, 1, "T"], net.conv(pad(net, "x", 4, 0), 1, 2, 5)), (1,))
    (conv,) = (node for node in model.ir.graph if node.op_type == "Conv")
    assert conv.inputs[0].shape == (1, 1, 5) and delays(model) == [4]


@pytest.mark.slow
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chains(), st.integers(0, 99), st.integers(1, 2))
def test_chains_that_pad_crop_and_resample_have_the_least_delay(build, seed, times):
    data = network_of(build, seed)
    try:
        (model,) = check(data, (times,))
    except ModelError:
        return
    hop, delay = model.stream.hop_samples, delays(model)[0]
    samples = hop * -(-(2 * delay + 8 * hop + 60) // hop)
    assert delay == least_delay(data, hop, samples, least=hop // times)
