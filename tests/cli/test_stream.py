"""An offline network from its file to hops that run: the verb, the export, blocks and the end."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stream_networks
import torch
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.cli.facts import streaming_rows
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.runtime.stream import Stream


class Net(torch.nn.Module):
    """Symmetric convolutions around a recurrent layer: 2 + 3 frames of lookahead."""

    output_names = ("y",)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter = torch.nn.Conv1d(3, 4, 5, padding=2)
        self.gru = torch.nn.GRU(4, 4, batch_first=True)
        self.leave = torch.nn.Conv1d(4, 2, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.enter(x)).transpose(1, 2)
        return self.leave(self.gru(hidden)[0].transpose(1, 2))


def build() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    return Net().eval(), (torch.randn(1, 3, 40),)


def offline(path: Path) -> Path:
    """The same layers as an .onnx that leaves its time axis open."""
    net = stream_networks.Net()
    entered = net.add("Relu", net.conv("x", 3, 4, 5, left=2, right=2))
    left = net.conv(net.recurrent(entered, 4), 4, 2, 7, left=3, right=3)
    path.write_bytes(net.model([1, 3, "time"], net.add("Identity", left), rank=3))
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return offline(tmp_path_factory.mktemp("offline") / "net.onnx")


def run(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def whole(name: str, x: np.ndarray) -> np.ndarray:
    if name.endswith(".onnx"):
        (y,) = in_onnxruntime(Path(name).read_bytes())({"x": x}).values()
        return np.asarray(y)
    with torch.no_grad():
        return Net().eval()(torch.from_numpy(x)).numpy()


def test_stream_writes_a_network_that_says_its_delay_and_what_causes_it(
    network: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.hop.onnx"
    facts = run("stream", network, "--hop", 4, "--sample-rate", 100, "-o", out, "--json")
    assert (facts["hop_samples"], facts["minimum_hop_samples"]) == (4, 1)
    assert (facts["delay_samples"], facts["latency_samples"]) == (5, 9)
    assert facts["latency_ms"] == 90.0
    (output,) = facts["outputs"]
    assert output["delay_samples"] == 5 and output["caused_by"]
    saved = from_onnx(out, name="net")
    assert saved.stream.hop_samples == 4 and saved.stream.minimum_hop_samples == 1
    assert saved.timing[output["name"]].delay_frames == 5 and saved.end_state is not None
    assert len(saved.states) == len(facts["states"])
    rates = {state["input"]: state["rate"] for state in facts["states"]}
    assert rates.pop("hops.state") is None and rates.pop("end.state") is None
    assert set(rates.values()) == {"1/1"}


def test_frames_that_valid_convolutions_cut_off_are_no_waiting(tmp_path: Path) -> None:
    net = stream_networks.Net()
    y = net.conv(net.conv("x", 1, 2, 8, dilation=6), 2, 1, 43)
    (tmp_path / "net.onnx").write_bytes(net.model([1, 1, "T"], y))
    out = tmp_path / "net.hop.onnx"
    facts = run(
        "stream", tmp_path / "net.onnx", "--hop", 16, "--sample-rate", 1000, "-o", out, "--json"
    )
    assert (facts["delay_samples"], facts["latency_samples"], facts["latency_ms"]) == (84, 16, 16.0)
    (output,) = facts["outputs"]
    assert (output["crop_samples"], output["waiting_samples"]) == (84, 0)
    assert (
        "output " + y,
        "84 samples late, 84 of crop, 0 of waiting, because of conv1",
    ) in streaming_rows(facts, "sample")
    run("export", out, "--target", "onnxruntime", "-o", tmp_path / "build", "--json")
    manifest = json.loads((tmp_path / "build" / "manifest.json").read_text())
    assert manifest["stream"]["latency_samples"] == 16


def test_inspect_shows_time_in_every_tensor_of_a_model_and_of_its_build(
    network: Path, tmp_path: Path
) -> None:
    streamed, build = tmp_path / "net.hop.onnx", tmp_path / "build"
    facts = run("stream", network, "--hop", 4, "--sample-rate", 100, "-o", streamed, "--json")
    run("export", streamed, "--target", "onnxruntime", "-o", build, "--json")
    found, built = (run("inspect", source, "--json")["streaming"] for source in (streamed, build))
    assert {key: found[key] for key in facts} == facts
    for row in found["outputs"]:
        assert (row["crop_samples"], row.pop("waiting_samples")) == (0, row["delay_samples"])
    assert {key: found[key] for key in built} == built
    kept = {tensor["name"]: tensor["state_bytes"] for tensor in built["tensors"]}
    axes = {tensor["name"]: (tensor["axis"], tensor["rate"]) for tensor in built["tensors"]}
    assert kept["x"] == 3 * 4 * 4 and sum(kept.values()) == 4 * (12 + 4 + 4 * 6)
    assert axes["x"] == axes[facts["outputs"][0]["name"]] == (2, "1/1")
    assert (0, "1/1") in axes.values()
    for page in (
        (build / "report.html").read_text(),
        CliRunner().invoke(app, ["inspect", str(build)], env={"COLUMNS": "200"}).output,
    ):
        assert "50" in page and facts["outputs"][0]["caused_by"] in page


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("target", ["host", "onnxruntime"])
@pytest.mark.parametrize("source", ["file", "factory"])
def test_a_build_gives_what_the_offline_network_gives_whatever_the_blocks(
    network: Path, tmp_path: Path, target: str, source: str
) -> None:
    name, axes = (str(network), {}) if source == "file" else (f"{__name__}:build", {"x": 2})
    exported = api.export(name, target, tmp_path / "build", hop=4, time_axes=axes)
    assert exported.manifest.stream["delay_samples"] == 5
    y = exported.manifest.stream_outputs[0].name
    stream = Stream.open(tmp_path / "build")
    x = np.random.default_rng(1).standard_normal((1, 3, 37)).astype(np.float32)
    expected = whole(name, x)
    np.testing.assert_allclose(stream.clip({"x": x})[y], expected, atol=1e-5)
    blocks = np.split(x, [1, 9, 9, 10, 30], axis=2)
    parts = [stream.push({"x": block})[y] for block in blocks]
    parts.append(stream.flush()[y])
    np.testing.assert_allclose(np.concatenate(parts, 2)[:, :, 5:], expected, atol=1e-5)


@pytest.mark.slow
@needs_cc
def test_an_integer_build_calibrates_on_whole_recordings(network: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    clip = np.random.default_rng(2).standard_normal((1, 3, 402)).astype(np.float32)
    np.savez(tmp_path / "clips" / "a.npz", x=clip)
    exported = api.export(
        str(network),
        "host",
        tmp_path / "build",
        hop=2,
        recipe="w8a8",
        calibration=str(tmp_path / "clips"),
    )
    checked = exported.manifest.verification
    assert checked is not None and checked["hops"] == 201 and checked["bit_exact_with_oracle"]


def test_a_torch_module_is_streamed_without_warnings_of_torch(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        api.stream(f"{__name__}:build", tmp_path / "out.onnx", time_axes={"x": 2})
    assert [str(warning.message) for warning in shown] == []


def test_what_is_wrong_with_the_time_axis_is_said(network: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--time-axis x:5: not an axis"):
        api.stream(str(network), tmp_path / "out.onnx", time_axes={"x": 5})
    result = CliRunner().invoke(
        app, ["stream", str(network), "--time-axis", "x", "-o", str(tmp_path / "out.onnx")]
    )
    assert "INPUT:AXIS" in str(result.exception)
    assert not (tmp_path / "out.onnx").exists()
