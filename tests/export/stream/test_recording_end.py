"""Tables of positions end: a stream needs the declared end of recordings, and its table a row for each sample."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from stream_networks import Net

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.prove import run_stream
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import onnx_offline

ROWS = 90


def frames(net: Net, x: str) -> str:
    return net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))


def places(net: Net, x: str) -> str:
    return net.add("Range", net.const(0, np.int64), frames(net, x), net.const(1, np.int64))


def gathered(net: Net, x: str) -> str:
    return net.add("Add", x, net.add("Gather", net.weight(ROWS), places(net, x)))


def cut(net: Net, x: str) -> str:
    """As ``x + pe[:, 5 : 5 + x.shape[1]]``."""
    end = net.add("Add", net.add("Shape", x, start=2), net.const([5], np.int64))
    bounds = net.const([5], np.int64), end, net.const([0], np.int64)
    return net.add("Add", x, net.add("Slice", net.weight(ROWS), *bounds))


def every_fourth(net: Net, x: str) -> str:
    """A row for four frames."""
    row = net.add("Div", places(net, x), net.const(4, np.int64))
    return net.add("Add", x, net.add("Gather", net.weight(ROWS), row))


def behind_a_stride(net: Net, x: str) -> str:
    """Three samples a frame."""
    return gathered(net, net.add("Tanh", net.conv(x, 2, 2, 3, stride=3)))


def behind_a_window(net: Net, x: str) -> str:
    """Two frames fewer than samples, and each waits for two samples."""
    return gathered(net, net.conv(x, 2, 2, 3))


def clipped(net: Net, x: str) -> str:
    row = net.add("Min", places(net, x), net.const(ROWS - 1, np.int64))
    return net.add("Add", x, net.add("Gather", net.weight(ROWS), row))


def repeated(net: Net, x: str) -> str:
    """After 300 frames from the start."""
    row = net.add(
        "Div", net.add("Mod", places(net, x), net.const(180, np.int64)), net.const(2, np.int64)
    )
    return net.add("Add", x, net.add("Gather", net.weight(ROWS), row))


Layer = Callable[[Net, str], str]
LAST: list[tuple[Layer, int]] = [
    (gathered, 90),
    (cut, 85),
    (every_fourth, 360),
    (behind_a_stride, 270),
    (behind_a_window, 92),
]


def network(layer: Layer) -> bytes:
    net = Net()
    return net.model([1, 2, "T"], layer(net, "x"))


@pytest.mark.parametrize(("layer", "last"), LAST)
def test_a_table_needs_the_declared_end_of_recordings(layer: Layer, last: int) -> None:
    offline = onnx_offline(network(layer), name="net")
    for end, words in (
        (RecordingEnd(), f"{ROWS} rows, which end after {last} samples; .*--until {last}, or"),
        (RecordingEnd(None, 100.0), f"samples \\({last / 100:.3g} s\\)"),
        (
            RecordingEnd(last + 1),
            f"allowed: rows for the {last + 1} samples of --until; next: .* {last} at",
        ),
    ):
        with pytest.raises(ModelError, match=words):
            stream(replace(offline, end=end))


@pytest.mark.parametrize(("layer", "last"), LAST)
def test_up_to_the_declared_end_the_stream_is_its_source(layer: Layer, last: int) -> None:
    data = network(layer)
    model = stream(replace(onnx_offline(data, name="net"), end=RecordingEnd(last)))
    hop = int(model.stream.hop_samples or 0)
    x = np.random.default_rng(0).normal(size=(1, 2, last // hop * hop)).astype(np.float32)
    (whole,) = in_onnxruntime(data)({"x": x}).values()
    (found,) = run_stream(model, {"x": x}, x.shape[2]).values()
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert f"after {last} samples, positions keep the last of the {ROWS} rows" in model.notes[0]
    assert model.most_hops == -(-last // hop)


def test_after_the_end_the_last_row_is_used() -> None:
    model = stream(replace(onnx_offline(network(gathered), name="net"), end=RecordingEnd(ROWS)))
    x = np.zeros((1, 2, 3 * ROWS), np.float32)
    (found,) = run_stream(model, {"x": x}, x.shape[2]).values()
    np.testing.assert_array_equal(
        found[:, :, ROWS:], np.repeat(found[:, :, ROWS - 1 : ROWS], 2 * ROWS, 2)
    )


@pytest.mark.parametrize("layer", [clipped, repeated])
def test_a_table_that_no_index_leaves_needs_no_end(layer: Layer) -> None:
    model = stream(onnx_offline(network(layer), name="net"))
    assert (model.notes, model.most_hops) == ((), None)
