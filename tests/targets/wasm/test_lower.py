"""The wasm target: its module gives the oracle's bits in wasmtime and in node, behind devices of any rate."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import float_model, int8_model, lowered, noise
from diffusion_networks import labels
from numpy.typing import NDArray
from port_networks import Mixer
from published_signals import bundled_speech
from sampler_networks import SEED, N, grouped, integer, with_decoder_rows

from edgekit.base.errors import ToolError
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.audio.device import at_device
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.bench.node import NodeContender
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners import wasm
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Arrays, Stream
from edgekit.verbs.export.importing import load_model

HOPS = 12
Floats = NDArray[np.float32]
MISSING = [name for name in ("ziglang", "wasmtime") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install wasmtime ziglang"
)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="needs node: apt-get install nodejs"
)
# Sends a recording through a build behind a device, in blocks of uneven lengths.
BEHIND = """
import { readFileSync, writeFileSync } from "node:fs";
const [file, rate, from, to, channels] = process.argv.slice(2);
const { init, latencySamples } = await import(file);
const bytes = readFileSync(from), whole = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const n = whole.length / channels, cut = (c, a, b) => whole.subarray(c * n + a, c * n + b);
const net = await init(), device = net.behind(Number(rate)), made = new Float32Array(whole.length);
const run = () => {
    let hops = 0;
    for (let at = 0, step = 1; at < n; at += step, step = step * 7 % 509) {
        step = Math.min(step, n - at);
        const part = (array, c) => array.subarray(c * n + at, c * n + at + step);
        const split = (array) => Array.from({ length: channels }, (_, c) => part(array, c));
        hops += device.process([split(whole)], [split(made)], step);
    }
    return hops;
};
run();
device.reset();
const hops = run();
writeFileSync(to, made);
console.log(JSON.stringify({ hops, latency: device.latencySamples, told: latencySamples(Number(rate)) }));
"""


@dataclass(frozen=True)
class Built:
    """A build in a folder, hops for it, and what its oracle makes of them."""

    folder: Path
    manifest: Manifest
    inputs: Arrays
    outputs: Arrays


def compiled(model: Model, folder: Path) -> Manifest:
    """A model as a build with its module."""
    manifest = lowered(model, folder, "wasm").manifest
    wasm.compile_module(folder, manifest)
    return manifest


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The bundled network with its front end, w8a8."""
    folder = tmp_path_factory.mktemp("wasm") / "build"
    model = load_model(str(NETWORK), OPTIONS).model
    speech = bundled_speech(128 * (40 + HOPS))[1].reshape(-1, 1, 128).astype(np.float32)
    quantized = quantize(model, Calibration(({"pcm": speech[30:40]},), "speech"), "w8a8")
    inputs = {"pcm": speech[-HOPS:]}
    return Built(folder, compiled(quantized, folder), inputs, Oracle(quantized).run_hops(inputs))


def test_the_module_gives_the_bits_of_the_oracle(denoiser: Built) -> None:
    stream = Stream.open(denoiser.folder)
    for _ in range(2):  # the second time from a state that was used
        stream.reset()
        made = stream.run(denoiser.inputs)
        np.testing.assert_array_equal(made["pcm_out"], denoiser.outputs["pcm_out"])
    assert stream.compiler is not None and stream.compiler.name.startswith("zig")


@needs_node
def test_its_javascript_gives_the_same_bits_in_node(denoiser: Built) -> None:
    contender = NodeContender(denoiser.folder, denoiser.manifest)
    for _ in range(2):
        made, times_us = contender.run(denoiser.inputs)
        np.testing.assert_array_equal(made["pcm_out"], denoiser.outputs["pcm_out"])
    assert len(times_us) == HOPS and times_us.min() > 0


def behind(
    folder: Path, name: str, rate: int, sound: NDArray[np.float32], scratch: Path
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """(channels, samples) through a build behind a device, in node."""
    script, given, made = scratch / "behind.mjs", scratch / "in", scratch / "out"
    script.write_text(BEHIND)
    given.write_bytes(sound.tobytes())
    command = ["node", script, folder / f"{name}.js", rate, given, made, len(sound)]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.fromfile(made, np.float32).reshape(sound.shape), json.loads(done.stdout)


@pytest.mark.rows(2)
@needs_node
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 8_000])
def test_behind_a_device_it_is_what_the_adapter_in_python_gives(
    denoiser: Built, rate: int, tmp_path: Path
) -> None:
    sound = bundled_speech(rate // 2)[1].astype(np.float32)[None]
    made, facts = behind(denoiser.folder, "denoise", rate, sound, tmp_path)
    stream = at_device(Stream.open(denoiser.folder), rate)
    whole = run_sounds(stream, {"pcm": sound})["pcm_out"]
    late = stream.manifest.stream["delay_samples"]
    assert facts["latency"] == facts["told"] == late
    assert facts["hops"] == sound.shape[1] * 16_000 // rate // 128
    found, expected = made[:, late:], whole[:, : made.shape[1] - late]
    if rate == 16_000:
        np.testing.assert_array_equal(found, expected)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=2e-5)


@needs_node
def test_two_channels_side_by_side_stay_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mixer = Mixer.drawn(random, {"in": (2, "NTC")}, {"out": (2, "NCT")}, 8)
    manifest = compiled(mixer.model(), tmp_path)
    sound = random.uniform(-0.5, 0.5, (2, 200)).astype(np.float32)
    made, facts = behind(tmp_path, manifest.c_name, 16_000, sound, tmp_path)
    late = facts["latency"]
    expected = mixer.mixed({"in": sound})["out"][:, : 200 - late]
    np.testing.assert_allclose(made[:, late:], expected, atol=1e-6)


def test_the_folder_is_an_npm_package(denoiser: Built) -> None:
    package = json.loads((denoiser.folder / "package.json").read_text())
    assert package["type"] == "module" and package["exports"]["./node"]["default"]
    for name in package["files"]:
        assert (denoiser.folder / name).is_file(), name
    text = "".join((denoiser.folder / name).read_text() for name in package["files"][:-1])
    assert "{{" not in text and str(denoiser.folder) not in text
    assert (
        str(denoiser.folder.parent).encode() not in (denoiser.folder / "denoise.wasm").read_bytes()
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [float_model, int8_model])
@pytest.mark.parametrize("name", ["tcn", "conv_recurrent", "attention", "vision"])
def test_networks_give_the_bits_of_portable_c(name: str, make: object, tmp_path: Path) -> None:
    assert callable(make)
    model = make(name)
    compiled(model, tmp_path / "wasm")
    lowered(model, tmp_path / "c99", "c99")
    inputs = noise(model, 6)
    made, expected = (Stream.open(tmp_path / kind).run(inputs) for kind in ("wasm", "c99"))
    for output, array in expected.items():
        if make is int8_model:
            np.testing.assert_array_equal(made[output], array)
        np.testing.assert_allclose(made[output], array, rtol=0, atol=1e-5 * np.abs(array).max())


def test_a_missing_compiler_is_named(
    denoiser: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wasm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"ziglang is not installed; .* wasmtime ziglang"):
        wasm.compile_module(tmp_path, denoiser.manifest)


# Draws images and prints the digest of all that each step made, and what else a caller sees.
DRAW = """
import { createHash } from "node:crypto";
const [file, seed, ...labels] = process.argv.slice(2);
const { init, facts } = await import(file);
const net = await init(), digests = [], told = [];
const bytes = (x) => Buffer.from(x.buffer, x.byteOffset, x.byteLength);
for (const [image, label] of labels.entries()) {
    const hash = createHash("sha256");
    const made = net.sample(Number(seed), { label: Number(label) }, { image, onProgress: (done, rows, x) => {
        hash.update(bytes(x));
        told.push([done, rows]);
    } });
    digests.push(hash.update(bytes(made)).digest("hex"));
}
const ended = net.sample(1, { label: [2] }, { onProgress: (done) => done === 2 });
let refused = "";
try {
    net.sample(1, {});
} catch (error) {
    refused = error.message;
}
console.log(JSON.stringify({ digests, told, ended, refused, sampler: facts.sampler }));
"""


def trajectories(folder: Path) -> list[str]:
    """The digest of all that each step of a C build makes, of `N` images."""
    sampler, digests = Sampler.open(folder), []
    runner = sampler.stream.runner
    assert isinstance(runner, NativeRunner)
    for image, label in enumerate(labels(N)["label"]):
        made, digest = np.empty(sampler.shape, np.float32), hashlib.sha256()
        given = [np.array([label], np.int64)]

        def told(_done: int, _rows: int, made: Floats = made, digest: Any = digest) -> None:
            digest.update(made.tobytes())

        runner.sample(SEED + (image << 32), given, made, told)
        digest.update(made.tobytes())
        digests.append(digest.hexdigest())
    return digests


@needs_node
@pytest.mark.parametrize(
    "make",
    [
        lambda: with_decoder_rows(integer()),
        pytest.param(grouped, marks=pytest.mark.slow),
    ],
    ids=["decoder rows", "groups"],
)
def test_a_sampler_draws_the_trajectory_of_c(make: Callable[[], Model], tmp_path: Path) -> None:
    manifest = compiled(make(), tmp_path / "wasm")
    lowered(make(), tmp_path / "c99", "c99")
    script = tmp_path / "draw.mjs"
    script.write_text(DRAW)
    drawn = [str(label) for label in labels(N)["label"]]
    module = tmp_path / "wasm" / f"{manifest.c_name}.js"
    command = ["node", str(script), str(module), str(SEED), *drawn]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["digests"] == trajectories(tmp_path / "c99") and len(set(found["digests"])) == N
    rows = found["sampler"]["rows"]
    assert found["told"] == [[row + 1, rows] for _ in range(N) for row in range(rows)]
    assert found["ended"] is None and found["refused"].startswith("label: undefined values")
    in_wasmtime, in_c = (
        Sampler.open(tmp_path / kind).sample(N, SEED, labels(N)) for kind in ("wasm", "c99")
    )
    np.testing.assert_array_equal(in_wasmtime, in_c)
