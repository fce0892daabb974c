"""The export as a whole: what it writes, what it refuses, and that it leaves nothing half done."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import tiny_networks
from slices import slow_except
from tiny_build import needs_cc
from tiny_networks import FRONTEND, HOP, WIDTH

from edgekit import api
from edgekit.base.errors import CheckFailed, EdgeKitError, UsageError, VerificationError
from edgekit.base.npz import read_npz
from edgekit.base.progress import silent
from edgekit.demos.pictures import show
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.finish import samples_of
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.pipeline import verified_examples
from edgekit.verbs.export.quantizing import quantize
from edgekit.verbs.export.request import read_request

pytestmark = needs_cc
PICTURES = Path(show.__file__).parent


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return tiny_networks.recurrent(tmp_path / "tiny.onnx")


def clips(folder: Path, hops: int = 80) -> Path:
    folder.mkdir()
    for seed in range(2):
        noise = np.random.default_rng(seed).standard_normal((hops, 1, WIDTH))
        np.savez(folder / f"{seed}.npz", x=noise.astype(np.float32))
    return folder


def silence(folder: Path) -> Path:
    folder.mkdir()
    np.savez(folder / "0.npz", x=np.zeros((80, 1, WIDTH), np.float32))
    return folder


def recordings(folder: Path, rate: int = 16000) -> Path:
    folder.mkdir()
    noise = 0.2 * np.random.default_rng(3).standard_normal(200 * HOP)
    soundfile.write(folder / "noise.wav", noise, rate, subtype="FLOAT")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_float_build_holds_all_that_the_contract_names(network: Path, tmp_path: Path) -> None:
    exported = api.export(str(network), "host", tmp_path / "out")
    held = files(tmp_path / "out")
    named = {"manifest.json", "report.html", "model.onnx", "recipe.toml"}
    golden = {"golden/input.npz", "golden/output.npz"}
    assert named | golden | {"tiny.c", "tiny.h", "tiny_weights.c", "CMakeLists.txt"} <= held.keys()
    facts = json.loads(held["manifest.json"])
    assert list(facts) == [
        "schema", "edgekit", "target", "digest", "source", "inputs", "outputs", "stream", "streaming",
        "session", "sampler", "until", "decide", "noise", "engine", "picture", "npu", "device",
        "board", "updates", "memory", "sparse", "kernels", "macs_per_hop", "macs_int8", "macs_int16", "macs_float",
        "verification", "quantization", "tools", "files",
    ]  # fmt: skip
    assert facts["verification"]["by"] == "portable C on this host"
    assert facts["verification"]["hops"] == 500
    assert facts["verification"]["snr_db"] is None or facts["verification"]["snr_db"] >= 100
    assert facts["verification"]["bit_exact_with_oracle"] is None
    assert facts["macs_per_hop"] == 2 * WIDTH * WIDTH
    assert Manifest.load(tmp_path / "out") == exported.manifest
    assert exported.notes == ()


def test_golden_samples_come_out_again(network: Path, tmp_path: Path) -> None:
    api.export(str(network), "c99", tmp_path / "out")
    golden = tmp_path / "out" / "golden"
    inputs, outputs = read_npz(golden / "input.npz"), read_npz(golden / "output.npz")
    assert inputs["x"].shape == (64, 1, WIDTH) and outputs.keys() == {"y"}
    again = Stream.open(tmp_path / "out").run(inputs)
    np.testing.assert_allclose(again["y"], outputs["y"], rtol=0, atol=1e-6)


def test_an_integer_build_equals_its_oracle_and_says_what_it_was_calibrated_on(
    network: Path, tmp_path: Path
) -> None:
    exported = api.export(
        str(network),
        "host",
        tmp_path / "out",
        recipe="w8a8",
        calibration=f"{clips(tmp_path / 'clips')}/",
    )
    manifest = exported.manifest
    assert manifest.verification is not None
    assert manifest.verification["bit_exact_with_oracle"] is True
    assert manifest.verification["hops"] == 160
    assert manifest.verification["snr_db"] > 25
    assert manifest.quantization["calibrated_on"] == "clips"
    assert manifest.quantization["tensors_int8"] > 0
    assert manifest.macs_int8 > 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "w8a8" in page and "clips" in page and "<svg" in page
    recipe = (tmp_path / "out" / "recipe.toml").read_text()
    assert 'name = "w8a8"' in recipe and "equalize = false" in recipe  # it has no such channels


@pytest.mark.parametrize("recipe", ["float32", "w8a8"])
def test_two_exports_give_the_same_bytes_and_no_path_of_this_machine(
    network: Path, tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clips(tmp_path / "clips")
    first = api.export(str(network), "host", tmp_path / "a", recipe=recipe, calibration=str(source))
    monkeypatch.chdir(tmp_path)
    second = api.export("tiny.onnx", "host", "b", recipe=recipe, calibration="clips/")
    assert first.manifest.digest == second.manifest.digest
    held = files(tmp_path / "a")
    assert held == files(tmp_path / "b")
    for name, content in held.items():
        assert str(tmp_path).encode() not in content, name
        assert not re.search(rb"/(?:home|root|tmp|usr|Users)/", content), name


def test_a_frontend_build_eats_and_gives_pcm(tmp_path: Path) -> None:
    network = tiny_networks.spectral_gain(tmp_path / "gain.onnx")
    exported = api.export(
        str(network),
        "host",
        tmp_path / "out",
        recipe="w8a8",
        sample_rate=16000,
        frontend=FRONTEND,
        calibration=str(recordings(tmp_path / "wavs")),
    )
    assert exported.manifest.is_pcm
    assert exported.manifest.stream["delay_samples"] == HOP
    soundfile.write(tmp_path / "in.wav", 0.1 * np.ones(777), 16000)
    notes = api.run(tmp_path / "out", tmp_path / "in.wav", tmp_path / "out.wav")
    assert notes == ("delay compensated: 16 samples, 1 ms",)
    assert soundfile.info(tmp_path / "out.wav").frames == 777


@pytest.mark.parametrize(
    "recipe", slow_except(lambda recipe: recipe == "float32", ["float32", "w8a8"])
)
def test_a_second_network_behind_the_first(tmp_path: Path, recipe: str) -> None:
    first = tiny_networks.recurrent(tmp_path / "gain.onnx", 17, batch="N")
    second = tiny_networks.recurrent(tmp_path / "samples.onnx", 32, batch="N")
    exported = api.export(
        str(first),
        "host",
        tmp_path / "out",
        recipe=recipe,
        sample_rate=16000,
        then=str(second),
        calibration=str(recordings(tmp_path / "wavs")),
        frontend=f"{FRONTEND}:plain",
        shapes={"x": (1, 17), "h": (1, 17), "then/x": (1, 32), "then/h": (1, 32)},
        states=[("h", "h_next"), ("then/h", "then/h_next")],
    )
    manifest = exported.manifest
    assert manifest.is_pcm and manifest.stream["delay_samples"] == HOP
    states = [tensor.name for tensor in manifest.inputs if tensor.role == "state"]
    assert states == ["h", "then/h", "stft_history", "istft_overlap"]
    assert manifest.verification is not None
    assert manifest.verification["bit_exact_with_oracle"] is (True if recipe == "w8a8" else None)
    assert manifest.verification["snr_db"] > (20 if recipe == "w8a8" else 90)
    assert all(note.startswith("calibration: ") for note in exported.notes)  # clips of 0.2 s


def test_onnxruntime_builds_run_too(network: Path, tmp_path: Path) -> None:
    exported = api.export(str(network), "onnxruntime", tmp_path / "out")
    assert exported.manifest.verification is not None
    assert exported.manifest.verification["by"] == "onnxruntime"
    x = np.random.default_rng(0).standard_normal((30, 1, WIDTH)).astype(np.float32)
    stream = Stream.open(tmp_path / "out")
    whole = stream.run({"x": x})["y"]
    api.export(str(network), "host", tmp_path / "host")
    np.testing.assert_allclose(Stream.open(tmp_path / "host").run({"x": x})["y"], whole, atol=1e-6)
    stream.reset()
    hops = [stream.process({"x": hop})["y"] for hop in x]
    np.testing.assert_array_equal(np.stack(hops), whole)


def test_run_streams_an_npz(network: Path, tmp_path: Path) -> None:
    api.export(str(network), "host", tmp_path / "out")
    x = np.random.default_rng(0).standard_normal((30, 1, WIDTH)).astype(np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    assert api.run(tmp_path / "out", tmp_path / "in.npz", tmp_path / "out.npz") == ()
    result = read_npz(tmp_path / "out.npz")
    np.testing.assert_array_equal(result["y"], Stream.open(tmp_path / "out").run({"x": x})["y"])


TORCH_NETWORK = """
import torch
class Gain(torch.nn.Module):
    output_names = ("gain", "h_next")
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.cell = torch.nn.GRU(17, 17)
    def forward(self, mag, h):
        y, h = self.cell(mag, h)
        return torch.sigmoid(y), h
def build():
    return Gain(), (torch.rand(1, 1, 17), torch.zeros(1, 1, 17))
"""


@pytest.mark.slow
@pytest.mark.parametrize("frontend", [None, FRONTEND])
def test_a_factory_without_calibration_calibrates_on_its_examples_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frontend: str | None
) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install torch")
    name = f"gain_network_{frontend is None}"
    (tmp_path / f"{name}.py").write_text(TORCH_NETWORK)
    monkeypatch.chdir(tmp_path)
    exported = api.export(
        f"{name}:build", "host", "out", recipe="w8a8", sample_rate=16000, frontend=frontend
    )
    assert any("example inputs" in note for note in exported.notes)
    manifest = exported.manifest
    assert manifest.source["name"] == name
    assert manifest.quantization["calibrated_on"] == "example inputs"
    assert "example inputs" in Path("out/report.html").read_text()
    assert manifest.verification is not None
    assert manifest.verification["bit_exact_with_oracle"] is True
    assert manifest.is_pcm is (frontend is not None)


def test_a_quantized_file_can_be_exported(network: Path, tmp_path: Path) -> None:
    written = tmp_path / "tiny8.onnx"
    api.quantize(str(network), "w8a8", str(clips(tmp_path / "clips")), written)
    exported = api.export(str(written), "host", tmp_path / "out")
    assert exported.manifest.quantization["recipe"] == "w8a8"
    assert exported.manifest.quantization["calibrated_on"] == "clips"
    assert exported.manifest.verification is not None
    assert exported.manifest.verification["bit_exact_with_oracle"] is True
    with pytest.raises(UsageError, match="w8a8 already"):
        api.export(str(written), "host", tmp_path / "other", recipe="float32")


def test_strict_refuses_what_stays_in_float(network: Path, tmp_path: Path) -> None:
    source = str(clips(tmp_path / "clips"))
    api.export(str(network), "host", tmp_path / "a", recipe="w8a8", calibration=source, strict=True)
    proto = onnx.load(network)
    proto.graph.node.extend(
        [
            onnx.helper.make_node("LogSoftmax", ["y"], ["p"], name="share"),
            onnx.helper.make_node("Identity", ["p"], ["q"]),
        ]
    )
    proto.graph.output.append(onnx.helper.make_tensor_value_info("q", 1, [1, WIDTH]))
    onnx.save(proto, network)
    with pytest.raises(UsageError, match=r"--strict: kept in float: LogSoftmax \(1\)"):
        api.export(
            str(network), "host", tmp_path / "b", recipe="w8a8", calibration=source, strict=True
        )
    with pytest.raises(UsageError, match="--strict: recipe float32"):
        api.export(str(network), "host", tmp_path / "b", strict=True)
    assert not (tmp_path / "b").exists()


REFUSED: dict[str, tuple[Callable[[Path], dict], list[str]]] = {
    "unsupported operators, all at once": (
        lambda tmp: {"source": str(tiny_networks.unsupported(tmp / "odd.onnx"))},
        ["'enc/roi'", "'dec/det'", "MaxRoiPool", "Det", "not supported"],
    ),
    "open dimension": (
        lambda tmp: {"source": str(tiny_networks.recurrent(tmp / "open.onnx", batch="T"))},
        ["--shape", "'x'", "'h'"],
    ),
    "state pair of different shapes": (
        lambda tmp: {
            "source": str(tiny_networks.mismatched(tmp / "pair.onnx")),
            "states": [("s", "t")],
        },
        ["[1, 4]", "[1, 8]"],
    ),
    "calibration folder missing": (
        lambda tmp: {"recipe": "w8a8", "calibration": str(tmp / "none")},
        ["none", "does not exist"],
    ),
    "calibration folder empty": (
        lambda tmp: {"recipe": "w8a8", "calibration": str(_made(tmp / "empty"))},
        ["empty", "no recording, no .csv and no .npz"],
    ),
    "integers without calibration": (
        lambda tmp: {"recipe": "w8a8"},
        ["tiny.onnx", "--calibration"],
    ),
    "unknown target": (
        lambda tmp: {"target": "pdp11"},
        ["pdp11", "unknown", "host, c99, cortex-m4"],
    ),
    "unknown recipe": (
        lambda tmp: {"recipe": "w1a1"},
        ["w1a1", "unknown", "float32, float16, w8a8"],
    ),
    "missing file": (lambda tmp: {"source": str(tmp / "no.onnx")}, ["no.onnx", "does not exist"]),
    "no source": (lambda tmp: {"source": "network"}, ["network", "package.module:factory"]),
    "missing module": (lambda tmp: {"source": "no_such_module:build"}, ["no_such_module"]),
    "garbage": (
        lambda tmp: {"source": str(_made(tmp / "bad.onnx", b"\x08garbage"))},
        ["not a valid ONNX file"],
    ),
    "fidelity that is no number": (lambda tmp: {"min_snr_db": float("nan")}, ["--min-snr", "nan"]),
    "every input a state": (
        lambda tmp: {"states": [("x", "y")]},
        ["every input", "x:y, h:h_next", "a stream input"],
    ),
    "silent calibration": (
        lambda tmp: {"recipe": "w8a8", "calibration": str(silence(tmp / "silent"))},
        ["silent", "only zeros"],
    ),
    "front end without rate": (lambda tmp: {"frontend": FRONTEND}, ["--frontend", "--sample-rate"]),
    "second network without front end": (
        lambda tmp: {"then": str(tiny_networks.recurrent(tmp / "b.onnx"))},
        ["--then", "no --frontend"],
    ),
    "second network that is none": (
        lambda tmp: {"then": "b.pt2", "frontend": FRONTEND, "sample_rate": 16000},
        ["--then b.pt2", "does not exist", "an .onnx file"],
    ),
    "state of neither network": (
        lambda tmp: {
            "source": str(tiny_networks.spectral_gain(tmp / "a.onnx")),
            "then": str(tiny_networks.recurrent(tmp / "b.onnx", 32)),
            "frontend": FRONTEND,
            "sample_rate": 16000,
            "states": [("c", "c_next")],
        },
        ["c:c_next", "no input 'c'", "x, h"],
    ),
    "several at once": (
        lambda tmp: {"source": "network", "target": "pdp11", "recipe": "w1a1"},
        ["network", "pdp11", "w1a1"],
    ),
}


def _made(path: Path, content: bytes | None = None) -> Path:
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.replace(" ", "-"))
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    network: Path, tmp_path: Path, case: str
) -> None:
    make, words = REFUSED[case]
    arguments = {"source": str(network), "target": "host", **make(tmp_path)}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError) as error:
        api.export(out=tmp_path / "out", **arguments)
    assert error.value.exit_code == 2
    for word in words:
        assert word in str(error.value), str(error.value)
    assert all(p.where and p.found and p.allowed and p.next_step for p in error.value.problems)
    assert sorted(tmp_path.iterdir()) == before


def test_a_build_below_the_asked_fidelity_fails_and_leaves_nothing(
    network: Path, tmp_path: Path
) -> None:
    source = clips(tmp_path / "clips")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(VerificationError, match=r"output 'y': .* at least 120 dB") as error:
        api.export(
            str(network),
            "host",
            tmp_path / "out",
            recipe="w8a8",
            calibration=str(source),
            min_snr_db=120,
        )
    assert error.value.exit_code == 1
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_folder_must_be_new_or_empty(network: Path, tmp_path: Path) -> None:
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "keep.txt").write_text("mine")
    file.write_text("mine")
    for out, words in (
        (full, "not empty"),
        (file, "not a folder"),
        (tmp_path / "no" / "way", "exist"),
    ):
        with pytest.raises(UsageError, match=words):
            api.export(str(network), "host", out)
    assert (full / "keep.txt").read_text() == "mine" and file.read_text() == "mine"
    (tmp_path / "empty").mkdir()
    api.export(str(network), "host", tmp_path / "empty")
    assert (tmp_path / "empty" / "manifest.json").is_file()


def test_a_compiler_that_fails_leaves_nothing(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "cc 1.0" && exit 0\nexit 3\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EdgeKitError, match="exit code 3") as error:
        api.export(str(network), "host", tmp_path / "out")
    assert error.value.exit_code == 1
    assert sorted(tmp_path.iterdir()) == before


def test_inspect_shows_a_build_and_a_network_alike(network: Path, tmp_path: Path) -> None:
    exported = api.export(str(network), "host", tmp_path / "out")
    build, model = api.inspect(tmp_path / "out"), api.inspect(network)
    assert build.kind == "build" and build.manifest == exported.manifest
    assert model.kind == "model" and model.manifest is not None
    assert model.manifest.verification is None
    assert model.manifest.digest == exported.manifest.digest
    assert model.operators["Sigmoid"] == 1
    assert build.page and "<svg" in build.page and model.page
    odd = api.inspect(tiny_networks.unsupported(tmp_path / "odd.onnx"))
    assert odd.manifest is None and len(odd.problems) == 2


def test_what_cannot_fit_its_board_is_refused_before_it_is_lowered(tmp_path: Path) -> None:
    wide = str(tiny_networks.recurrent(tmp_path / "wide.onnx", width=800))
    stages: list[str] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        stages.append(stage)

    with pytest.raises(CheckFailed, match="mps3-an547: weights need 2,560,000 bytes or more"):
        api.export(wide, "cortex-m55", tmp_path / "out", progress=progress)
    assert set(stages) == {"import"} and not (tmp_path / "out").exists()
    exported = api.export(wide, "cortex-m55", tmp_path / "out", allow_oversize=True)
    assert any("does not fit mps3-an547: weights needs" in note for note in exported.notes)


def test_scratch_that_cannot_fit_is_refused_before_it_is_compiled(tmp_path: Path) -> None:
    long = str(tiny_networks.offline(tmp_path / "long.onnx"))
    stages: list[str] = []
    with pytest.raises(
        CheckFailed, match=r"ram needs (?s:.*)next: make the network smaller.*--time-axis"
    ):
        api.export(
            long,
            "cortex-m55",
            tmp_path / "out",
            shapes={"x": (1, 2, 200_000)},
            progress=lambda stage, done, total: stages.append(stage),
        )
    assert "compile" not in stages and not (tmp_path / "out").exists()


def test_a_build_for_another_core_runs_here_as_portable_c(network: Path, tmp_path: Path) -> None:
    build = tmp_path / "m4"
    api.export(
        str(network), "cortex-m4", build, recipe="w8a8", calibration=str(clips(tmp_path / "clips"))
    )
    golden = {name: read_npz(build / "golden" / f"{name}.npz") for name in ("input", "output")}
    (note,) = api.run(build, build / "golden" / "input.npz", tmp_path / "out.npz")
    assert "for cortex-m4" in note and "runs here as c99" in note
    found = read_npz(tmp_path / "out.npz")
    assert all(np.array_equal(found[name], array) for name, array in golden["output"].items())
    (build / "model.onnx").unlink()
    with pytest.raises(UsageError, match=r"model\.onnx.*missing.*export the network again"):
        api.run(build, build / "golden" / "input.npz", tmp_path / "out.npz")


def test_a_denoiser_is_verified_on_the_conditions_that_calibrate(tmp_path: Path) -> None:
    """An .onnx brings no example of a condition, and noise in its place is nothing that the integers know."""
    y = np.full((2, 1, 1, 28, 28), -0.5, np.float32)
    (tmp_path / "clips").mkdir()
    np.savez(tmp_path / "clips" / "y.npz", y=y)
    options: ExportOptions = {
        "recipe": "w8a8",
        "calibration": str(tmp_path / "clips"),
        "sampler": PICTURES / "rddm.toml",
    }
    request = read_request(str(PICTURES / "rddm.onnx"), "c99", tmp_path / "out", options)
    imported = load_model(request.source, request.imports)
    quantized = quantize(imported, request, silent)
    calls = samples_of(quantized, verified_examples(imported, quantized, request))
    assert np.array_equal(calls["y"], np.broadcast_to(y[0], calls["y"].shape))
    assert np.abs(samples_of(quantized, imported.examples)["y"]).max() > 2
