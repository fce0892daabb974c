"""Front ends of several channels and streams: identities, gains and delays, against the samples themselves."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.base.layout import parse_layout
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.spec import parse_spec
from edgekit.graph.layouts import with_layouts
from edgekit.graph.model import Model
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c
from edgekit.verbs.export.importing import ImportOptions, load_model, with_surroundings

N_FFT, HOP = 64, 32
BINS = N_FFT // 2 + 1
SOUND = (0.3 * np.random.default_rng(0).standard_normal((3, 500))).astype(np.float32)
Arrays = dict[str, NDArray[np.generic]]


def proto(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list],
    outputs: dict[str, list],
    constants: Arrays | None = None,
) -> bytes:
    sides = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in side.items()]
        for side in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()]
    graph = helper.make_graph(nodes, "net", *sides, tensors)
    opset = [helper.make_opsetid("", 21)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def fronted(data: bytes, layouts: dict[str, str], kind: str = "", frames: int = 1) -> Model:
    model = from_onnx(data, name="net", hop=frames * HOP)
    model = with_layouts(model, {name: parse_layout(text) for name, text in layouts.items()})
    form = parse_spec(f"stft:{N_FFT}:{HOP}:sqrt_hann{kind}")
    return with_surroundings(model, ImportOptions(frontend=form, sample_rate=16000))


def opened(model: Model, folder: Path) -> Stream:
    write_build(lower_c(model, "c99"), folder)
    return Stream.open(folder)


# re L, re R, im L, im R in; re L, im L, re R, im R out
ORDERS = proto(
    [helper.make_node("Gather", ["x", "order"], ["y"], axis=1)],
    {"x": [1, 4, 1, BINS]},
    {"y": [1, 4, 1, BINS]},
    {"order": np.array([0, 2, 1, 3])},
)
TURNED = proto(
    [helper.make_node("Transpose", ["x"], ["y"], perm=[0, 2, 3, 1, 4])],
    {"x": [1, BINS, 3, 1, 2]},
    {"y": [1, 3, 1, BINS, 2]},
)
FRAMES = proto(
    [helper.make_node("Transpose", ["x"], ["y"], perm=[0, 3, 2, 4, 1])],
    {"x": [1, 2, 2, 3, BINS]},
    {"y": [1, 3, 2, BINS, 2]},
)
DIFFERENCE = proto(
    [helper.make_node("Sub", ["mic", "ref"], ["y"])],
    {"mic": [1, 1, BINS, 2], "ref": [1, 1, BINS, 2]},
    {"y": [1, 1, BINS, 2]},
)


@needs_cc
@pytest.mark.parametrize(
    ("data", "layouts", "channels", "frames"),
    [
        (ORDERS, {"x": "N(PC)TF", "y": "N(CP)TF"}, 2, 1),
        (TURNED, {"x": "NFCTP", "y": "NCTFP"}, 3, 1),
        (FRAMES, {"x": "NPCTF", "y": "NTCFP"}, 2, 3),
    ],
    ids=["joined", "turned", "three frames in a call"],
)
def test_every_channel_comes_back(
    tmp_path: Path, data: bytes, layouts: dict[str, str], channels: int, frames: int
) -> None:
    stream = opened(fronted(data, layouts, frames=frames), tmp_path)
    (x,), (y,) = stream.manifest.stream_inputs, stream.manifest.stream_outputs
    assert (x.layout, x.channels, x.shape) == ("NCT", channels, (1, channels, frames * HOP))
    assert (y.layout, y.channels, y.delay_samples) == ("NCT", channels, N_FFT - HOP)
    sound = SOUND[:channels]
    np.testing.assert_allclose(run_sounds(stream, {"x": sound})["y"], sound, atol=1e-6)


@needs_cc
def test_each_of_two_streams_has_its_front_end(tmp_path: Path) -> None:
    model = fronted(DIFFERENCE, {"mic": "NCFP", "ref": "NCFP", "y": "NCFP"})
    stream = opened(model, tmp_path)
    assert [t.name for t in stream.manifest.stream_inputs] == ["mic", "ref"]
    found = run_sounds(stream, {"mic": SOUND[:1], "ref": SOUND[1:2]})["y"]
    np.testing.assert_allclose(found, SOUND[:1] - SOUND[1:2], atol=1e-6)


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("kind", ["mag", "logpow"])
@pytest.mark.parametrize("gains", [[0.5, 2.0], [0.5]])
def test_gains_are_for_each_channel_or_for_all(
    tmp_path: Path, kind: str, gains: list[float]
) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "gain"], ["y"]),
    ]
    shape = [1, len(gains), BINS]
    gain = np.broadcast_to(np.float32(gains)[None, :, None], shape).copy()
    constants = {"axes": np.array([1]), "zero": np.float32(0), "gain": gain}
    data = proto(nodes, {"x": [1, 2, BINS]}, {"y": shape}, constants)
    stream = opened(fronted(data, {"x": "NCF", "y": "NCF"}, f":{kind}"), tmp_path)
    expected = SOUND[:2] * np.float32(gains)[:, None]
    np.testing.assert_allclose(run_sounds(stream, {"x": SOUND[:2]})["y"], expected, atol=1e-6)


@needs_cc
def test_gains_that_look_ahead_meet_their_spectra(tmp_path: Path) -> None:
    """Gains of a symmetric convolution over frames come a frame late; so does what they are for."""
    weights = np.zeros((2 * BINS, 2 * BINS, 3), np.float32)
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["f"]),
        helper.make_node("Conv", ["f", "w", "b"], ["g"], pads=[1, 1]),
        helper.make_node("Reshape", ["g", "dims"], ["y"]),
    ]
    constants = {
        "flat": np.array([1, 2 * BINS, -1]),
        "dims": np.array([1, 2, BINS, -1]),
        "w": weights,
        "b": np.full(2 * BINS, 0.5, np.float32),
    }
    data = proto(nodes, {"x": [1, 2, BINS, "t"]}, {"y": [1, 2, BINS, "t"]}, constants)
    (tmp_path / "net.onnx").write_bytes(data)
    options = ImportOptions(
        frontend=parse_spec(f"stft:{N_FFT}:{HOP}:sqrt_hann:mag"),
        sample_rate=16000,
        layouts={"x": parse_layout("NCFT"), "y": parse_layout("NCFT")},
    )
    model = load_model(str(tmp_path / "net.onnx"), options).model
    assert model.stream.hop_samples == HOP
    stream = opened(model, tmp_path / "build")
    assert stream.manifest.stream_outputs[0].delay_samples == N_FFT
    found = run_sounds(stream, {"x": SOUND[:2]})["y"]
    np.testing.assert_allclose(found, SOUND[:2] / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "layouts", "kind", "words"),
    [
        (ORDERS, {"x": "N(PC)TF", "y": "N(CP)TF"}, ":mag", "no P: mag is one number a bin"),
        (ORDERS, {"x": "NCTF", "y": "NCTF"}, "", "P, real and imaginary part"),
        (ORDERS, {"x": "NFTC", "y": "N(CP)TF"}, ":mag", "as NFTC"),
        (ORDERS, {"x": "N(PC)TF"}, ":full", "not full"),
        (DIFFERENCE, {"mic": "NCFP", "ref": "NC.P"}, ":plain:mag", "no P"),
    ],
)
def test_layouts_that_do_not_fit_the_front_end_are_refused(
    data: bytes, layouts: dict[str, str], kind: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        fronted(data, layouts, kind)


def test_a_hop_that_is_not_the_front_ends_is_refused() -> None:
    with pytest.raises(UsageError, match="the network's hop is 96"):
        fronted(ORDERS, {"x": "N(PC)TF"}, frames=3)
