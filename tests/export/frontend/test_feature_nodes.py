"""Features in the graph: against their formulas, stacked, several in a call, in C and in LiteRT."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from builds import lowered
from offline_features import offline
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model, StreamInfo
from edgekit.runtime.stream import Stream

ALL = (
    "mel:64:24:hann:12",
    "mel:64:24:hann@50:12:300:3900:log:slaney",
    "mel:96:48:hamming_sym:10:db",
    "mel:64:24:hann:12:pcen",
    "mfcc:64:16:hann:12:7",
    "erb:64:32:sqrt_hann:8:log",
)
RATE = 8000


def noise(samples: int, seed: int = 0) -> np.ndarray:
    """Noise that swells from silence."""
    random = np.random.default_rng(seed)
    return (random.normal(size=samples) * np.linspace(0, 0.3, samples)).astype(np.float32)


def identity(shape: tuple[int, ...], hop: int | None = None) -> Model:
    dims = ",".join(map(str, shape))
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[{dims}] x) => (float[{dims}] y) '
        "{ n = Neg (x)  y = Neg (n) }"
    )
    return from_onnx(proto.SerializeToString(), name="net", hop=hop)


def behind(text: str, shape: tuple[int, ...], hop: int | None = None) -> Model:
    return add_frontend(identity(shape, hop), parse_spec(text), RATE)


def width(text: str) -> int:
    return parse_spec(text).width


def streamed(model: Model, pcm: np.ndarray) -> np.ndarray:
    hop = model.stream.hop_samples
    assert hop is not None
    return run_hops(model, {"pcm": pcm.reshape(-1, 1, hop)})["y"]


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("frames", [1, 3])
def test_the_nodes_compute_the_formulas(text: str, frames: int) -> None:
    hop = parse_spec(text).hop
    model = behind(text, (1, frames, width(text)), frames * hop)
    assert model.stream == StreamInfo(frames * hop, RATE, 0)
    pcm = noise(frames * hop * 20)
    found = streamed(model, pcm).reshape(-1, width(text))
    assert_near(found, offline(text, pcm, RATE))


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize(("count", "every"), [(5, 1), (5, 2), (4, 4)])
def test_a_stack_is_of_the_last_frames_and_of_silence_before_them(
    text: str, count: int, every: int
) -> None:
    form = parse_spec(f"{text}:stack:{count}:{every}")
    model = behind(str(form), (1, 1, count, form.width))
    assert model.stream == StreamInfo(every * form.hop, RATE, 0)
    pcm = noise(every * form.hop * 12)
    before = np.zeros((count - every) * form.hop)
    frames = offline(text, np.concatenate([before, pcm]), RATE)
    if "pcen" in text:  # its smoother starts with the stream
        frames[: count - every], frames[count - every :] = 0, offline(text, pcm, RATE)
    stacks = [frames[start : start + count] for start in range(0, len(frames) - count + 1, every)]
    assert_near(streamed(model, pcm).reshape(-1, count, form.width), np.stack(stacks))


def test_full_begins_with_the_first_frame_that_is_full() -> None:
    dims = "float[1,12]"
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net ({dims} x, {dims} h) => ({dims} y, {dims} h_next) '
        "{ h_next = Add (x, h)  y = Neg (h_next) }"
    )
    text = "mel:64:24:hann:12:full"
    model = add_frontend(from_onnx(proto.SerializeToString(), name="net"), parse_spec(text), RATE)
    pcm = noise(24 * 20)
    frames = offline("mel:64:24:hann:12", pcm, RATE)
    frames[:2] = 0
    found = streamed(model, pcm).reshape(-1, 12)[2:]
    assert_near(found, -np.cumsum(frames, axis=0)[2:])


def test_frames_and_bands_may_stand_in_any_order() -> None:
    text = "mel:64:24:hann:12:log:stack:5:2"
    plain, turned = (behind(text, shape) for shape in ((1, 5, 12), (1, 12, 5)))
    pcm = noise(48 * 10)
    np.testing.assert_array_equal(streamed(plain, pcm), streamed(turned, pcm).swapaxes(2, 3))


def test_bands_without_a_bin_are_said() -> None:
    (note,) = behind("mel:64:24:hann:40", (1, 40)).notes
    assert "no bin lies in band 0, 1, 4, 7, which" in note
    assert behind("mel:64:24:hann:12", (1, 12)).notes == ()


@pytest.mark.parametrize(
    ("text", "shape", "hop", "found"),
    [
        ("mel:64:24:hann:12", (1, 13), None, "the features of a frame: (12,)"),
        ("mel:64:24:hann:12:stack:5", (1, 12), None, "(12,), 5 times in a call"),
        ("mel:64:24:hann:12:stack:5:2", (1, 5, 12), 24, "the network's hop is 24; allowed: 48"),
        ("mel:64:24:hann:12", (1, 12), 30, "the network's hop is 30"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    text: str, shape: tuple[int, ...], hop: int | None, found: str
) -> None:
    with pytest.raises(UsageError) as refused:
        behind(text, shape, hop)
    assert found in str(refused.value)


@needs_cc
@pytest.mark.parametrize("target", ["host", "litert"])
def test_builds_compute_them(target: str, tmp_path: Path) -> None:
    texts = ALL[3:5] if target == "host" else ALL[3:4]
    for number, text in enumerate(texts):
        form = parse_spec(f"{text}:stack:5:2")
        model = behind(str(form), (1, 5, form.width))
        folder = tmp_path / str(number)
        lowered(model, folder, target)
        hop = 2 * form.hop
        pcm = noise(hop * 12)
        found = Stream.open(folder).run({"pcm": pcm.reshape(-1, 1, hop)})["y"]
        assert_near(found, streamed(model, pcm))
