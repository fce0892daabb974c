"""The file of an integer recipe in onnxruntime as it comes, optimized: as near to float as our integers."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS, NETWORK, OPTIONS
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Arrays
from edgekit.targets.onnxruntime import lower_onnxruntime
from edgekit.verbs.export.importing import load_model

HOPS = 120


@pytest.fixture(scope="module")
def denoiser() -> Model:
    return load_model(str(NETWORK), OPTIONS).model


def clip(name: str) -> Arrays:
    samples = read_wav(CLIPS / name, OPTIONS.sample_rate).samples
    return {"pcm": samples[: len(samples) // 128 * 128].reshape(-1, 1, 128).astype(np.float32)}


def as_it_comes(model: Model, inputs: Arrays) -> Arrays:
    """Run the build's file hop by hop in a session as docs/guides/onnxruntime.md opens it, its states carried."""
    data = lower_onnxruntime(model, "onnxruntime").files["model.onnx"]
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    shapes = {value.name: value.shape for value in session.get_inputs()}
    states = {pair.input: np.zeros(shapes[pair.input], np.float32) for pair in model.states}
    rows = []
    for hop in range(len(next(iter(inputs.values())))):
        feed = {name: array[hop] for name, array in inputs.items()}
        found = dict(zip(names, session.run(None, feed | states), strict=True))
        states = {pair.input: found[pair.output] for pair in model.states}
        rows.append([found[value.name] for value in model.stream_outputs])
    outputs = zip(*rows, strict=True)
    return {str(v.name): np.stack(o) for v, o in zip(model.stream_outputs, outputs, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "least_db"), [("w8a8", 35), ("w8a16", 36)])
def test_onnxruntime_loses_what_our_integers_lose(
    denoiser: Model, recipe: str, least_db: float
) -> None:
    clips = sorted((CLIPS / "calibration").glob("*.wav"))
    calibration = Calibration(tuple(clip(f"calibration/{path.name}") for path in clips), "clips")
    quantized = quantize(denoiser, calibration, recipe)
    inputs = {name: array[:HOPS] for name, array in clip("noisy.wav").items()}
    exact = run_hops(denoiser, inputs)["pcm_out"]
    ours = snr_db(exact, Oracle(quantized).run_hops(inputs)["pcm_out"])
    theirs = snr_db(exact, as_it_comes(quantized, inputs)["pcm_out"])
    assert ours >= least_db
    assert abs(ours - theirs) <= 1


@pytest.mark.parametrize("recipe", ["w8a8", "w8a16"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    ("operator", "shape"), [("Conv", (8, -1, 3)), ("ConvTranspose", (4, 2, 3))]
)
def test_scales_of_weights_in_groups_are_run(
    operator: str, shape: tuple[int, ...], groups: int, recipe: str
) -> None:
    random = np.random.default_rng(groups)
    sizes = tuple(4 // groups if size < 0 else size for size in shape)
    nodes = [helper.make_node(operator, ["x", "w"], ["y"], group=groups)]
    borders = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 9])]
    weights = numpy_helper.from_array(random.standard_normal(sizes).astype(np.float32), "w")
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", borders, [output], [weights])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    model = from_onnx(proto.SerializeToString(), name="net")
    inputs: Arrays = {"x": random.standard_normal((20, 1, 4, 9)).astype(np.float32)}
    quantized = quantize(model, Calibration((inputs,), "noise"), recipe)
    exact = run_hops(model, inputs)["y"]
    assert snr_db(exact, as_it_comes(quantized, inputs)["y"]) > 30
