"""Replacements and real recordings around the rewrite of an offline network."""

import json

import numpy as np
import pytest
import soundfile
import torch
from stream_networks import Net

from edgekit.base.errors import UsageError, VerificationError
from edgekit.base.layout import parse_layout
from edgekit.export.hop_runner import run_hops
from edgekit.export.stream import convert
from edgekit.frontend import Frontend
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.describe import describe
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.export.option_checks import read_options
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.request import read_imports


def network(path):
    """A convolution padded with reflected frames, over the mean of all of time."""
    net = Net()
    pads = net.const([0, 0, 2, 0, 0, 2], np.int64)
    y = net.conv(net.add("Pad", "x", pads, mode="reflect"), 2, 3, 5)
    y = net.add("Sub", y, net.add("ReduceMean", y, net.const([2], np.int64)))
    path.write_bytes(net.model([1, 2, "T"], y))
    return str(path)


def recordings(folder, frames=90, scale=1.0):
    folder.mkdir()
    x = scale * np.random.default_rng(5).normal(size=(frames, 1, 2, 1)).astype(np.float32)
    np.savez(folder / "clip.npz", x=x)
    return str(folder), np.concatenate(list(x), 2)


def options(source, **given):
    imports, problems = read_imports(source, read_options(given, ExportOptions))
    assert not problems
    return imports


def test_what_was_replaced_is_said_and_measured(tmp_path):
    source = network(tmp_path / "net.onnx")
    folder, _ = recordings(tmp_path / "clips")
    model = load_model(source, options(source, hop=1, causal=True, calibration=folder)).model
    assert [(row.kind, row.form) for row in model.replaced.nodes] == [
        ("pad", "pad=zeros"),
        ("mean", "mean=cumulative"),
    ]
    (distance,) = model.replaced.distances
    assert distance.of == "calibration" and 0 < distance.max_error < distance.peak
    pad = model.replaced.nodes[0].node
    assert f"replaced Pad '{pad}': pad=zeros" in model.notes
    assert any("against the original on calibration" in note for note in model.notes)
    manifest = describe(model, "host")
    again = Manifest.from_json(manifest.to_json())
    assert again.streaming == json.loads(manifest.to_json())["streaming"]
    assert [row["node"] for row in again.streaming["replaced"]] == [
        row.node for row in model.replaced.nodes
    ]
    assert again.streaming["distances"][0]["snr_db"] == distance.snr_db
    assert load_model(str(save(model, tmp_path)), ImportOptions()).model.replaced == model.replaced


def save(model, folder):
    model.save(folder / "hop.onnx")
    return folder / "hop.onnx"


def test_a_form_that_nothing_takes_is_an_error_but_causal_is_not(tmp_path):
    net = Net()
    source = str(tmp_path / "plain.onnx")
    (tmp_path / "plain.onnx").write_bytes(net.model([1, 2, "T"], net.conv("x", 2, 3, 3, left=2)))
    with pytest.raises(UsageError, match="--replace norm=cumulative: no such part"):
        load_model(source, options(source, hop=1, replace=["norm=cumulative"]))
    model = load_model(source, options(source, hop=1, causal=True)).model
    assert model.replaced is None
    assert "--causal: nothing had to be replaced" in model.notes


def test_a_network_in_streaming_form_has_nothing_to_replace():
    _, problems = read_imports(
        "package.module:factory", read_options({"causal": True}, ExportOptions)
    )
    assert "--causal" in [problem.where for problem in problems]


def test_the_proof_hears_real_recordings(tmp_path, monkeypatch):
    """A loud recording, on which a limiter that noise never reaches is another one."""
    net = Net()
    source = str(tmp_path / "limit.onnx")
    (tmp_path / "limit.onnx").write_bytes(net.model([1, 2, "T"], net.add("Tanh", "x")))
    folder, x = recordings(tmp_path / "clips", scale=1e3)
    heard = []
    prove = convert.prove

    def listening(offline, models, least, longest, real=()):
        heard.extend(real)
        return prove(offline, models, least, longest, real)

    monkeypatch.setattr(convert, "prove", listening)
    load_model(source, options(source, hop=1, calibration=folder))
    (feed,) = heard
    np.testing.assert_array_equal(feed["x"], x)


def test_a_difference_that_recordings_alone_show_fails(tmp_path, monkeypatch):
    net = Net()
    source = str(tmp_path / "net.onnx")
    limited = net.add("Clip", "x", net.const(-100), net.const(100))
    (tmp_path / "net.onnx").write_bytes(net.model([1, 2, "T"], limited))
    folder, _ = recordings(tmp_path / "clips", scale=1e3)
    rewrite = convert.rewrite

    def unlimited(analysis, hop):
        model = rewrite(analysis, hop)
        (node,) = (node for node in model.ir.graph if node.op_type == "Clip")
        node.op_type = "Identity"
        node.resize_inputs(1)
        return model

    monkeypatch.setattr(convert, "rewrite", unlimited)
    load_model(source, options(source, hop=1))
    with pytest.raises(VerificationError, match="streamed by 1 samples"):
        load_model(source, options(source, hop=1, calibration=folder))


@pytest.mark.parametrize(
    ("frontend", "layout", "shape", "channels"),
    [
        ("mel:64:32:hann:12:log", None, [1, 12, "T"], 1),
        ("mel:64:32:hann:12:log", "NCFT", [1, 2, 12, "T"], 2),
        ({"x": "mel:64:32:hann:12+gcc:12"}, "NCFT", [1, 3, 12, "T"], 2),
    ],
)
def test_the_proof_hears_recordings_behind_a_front_end(
    tmp_path, monkeypatch, frontend, layout, shape, channels
):
    """From files of sound, whatever the names of the network's inputs are."""
    net = Net()
    source = str(tmp_path / "net.onnx")
    (tmp_path / "net.onnx").write_bytes(net.model(shape, net.add("Tanh", net.add("Neg", "x"))))
    (tmp_path / "clips").mkdir()
    sound = 0.1 * np.random.default_rng(0).standard_normal((32 * 40, channels))
    soundfile.write(tmp_path / "clips" / "a.wav", sound, 16000, subtype="FLOAT")
    heard = []
    prove = convert.prove

    def listening(offline, models, least, longest, real=()):
        heard.extend(real)
        return prove(offline, models, least, longest, real)

    monkeypatch.setattr(convert, "prove", listening)
    rows = {} if layout is None else {"x": parse_layout(layout)}
    clips = str(tmp_path / "clips")
    given = options(source, calibration=clips, frontend=frontend, sample_rate=16000, layouts=rows)
    load_model(source, given)
    (feed,) = heard
    text = frontend if isinstance(frontend, str) else frontend["x"]
    expected = Frontend(text, 16000)(torch.tensor(sound.T[None].astype(np.float32)))[0].numpy()
    np.testing.assert_allclose(
        feed["x"].reshape(expected.shape), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_hop_counts_the_frames_of_a_front_end(tmp_path):
    net = Net()
    (tmp_path / "net.onnx").write_bytes(net.model([1, 12, "T"], net.conv("x", 12, 3, 3)))
    source = str(tmp_path / "net.onnx")
    given = {"frontend": "mel:64:32:hann:12:log", "sample_rate": 16000}
    one, three = (load_model(source, options(source, hop=hop, **given)).model for hop in (None, 3))
    sound = 0.1 * np.random.default_rng(0).standard_normal(32 * 12).astype(np.float32)
    outputs = []
    for model, samples in ((one, 32), (three, 96)):
        pcm = str(model.stream_inputs[0].name)
        (out,) = run_hops(model, {pcm: sound.reshape(-1, 1, samples)}).values()
        outputs.append(np.concatenate(list(out), -1))
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5 * np.abs(outputs[0]).max())
