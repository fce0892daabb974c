"""An hour of audio through a streamed recurrent network: the error does not grow."""

import numpy as np
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_networks import Net

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline

FRAME, HOP = 160, 1600
MINUTE, LEAD = 60 * 16000, 5 * 16000  # samples; the network forgets within the lead
MINUTES = 60


def network() -> bytes:
    """Frames of samples, symmetric convolutions around a GRU, and samples again."""
    net = Net(3)
    x = net.add("Tanh", net.conv("x", 1, 8, FRAME, stride=FRAME))
    x = net.add("Tanh", net.conv(x, 8, 8, 3, left=1, right=1))
    x = net.conv(net.recurrent(x, 8), 8, 8, 3, left=1, right=1)
    return net.model([1, 1, "T"], net.transposed(x, 8, 1, FRAME, FRAME))


@needs_cc
def test_the_error_of_the_last_minute_is_that_of_the_first() -> None:
    data = network()
    model = rewrite(analyse(onnx_offline(data, name="net")), HOP)
    delay = model.stream.delay_samples
    load_kernels()
    stream = quick_build(model)
    whole, errors = in_onnxruntime(data), []
    before = np.zeros((1, 1, 0), np.float32)
    for minute in range(MINUTES):
        random = np.random.default_rng(minute)
        audio = random.standard_normal((1, 1, MINUTE), np.float32)
        (found,) = stream.push({"x": audio}).values()
        (expected,) = whole({"x": np.concatenate([before, audio], axis=2)}).values()
        expected = expected[:, :, before.shape[2] :][:, :, :-delay]
        peak = np.abs(expected).max()
        errors.append(np.abs(found[:, :, delay:] - expected).max() / peak)
        assert errors[-1] <= 1e-5
        before = audio[:, :, -LEAD:]
    assert max(errors[-10:]) <= 2 * max(errors[:10])
