"""The bundled denoiser as WebAssembly in node, beside onnxruntime-web on the same network in the same run.

python bench wasm [--hops 2000] [--rounds 5] [--build DIR]

Both run one thread of the same node, in turn. The first time npm installs onnxruntime-web, into .venv/onnxruntime-web.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tables import Table

from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS, NETWORK, OPTIONS
from edgekit.export.hop_runner import snr_db
from edgekit.runtime.bench.measure import one_core
from edgekit.runtime.bench.node import NodeContender
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build_files import read_model
from edgekit.verbs.export.pipeline import export
from edgekit.verbs.export.request import read_request

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.30.0"
FOLDER = ROOT / ".venv" / "onnxruntime-web"
WORKER = Path(__file__).with_name("wasm_ort.mjs")
RECIPES = ("w8a8", "float32")
WARM_HOPS = 300


def install() -> Path:
    """Install onnxruntime-web where it is not yet."""
    if not (FOLDER / "node_modules" / "onnxruntime-web").is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", f"onnxruntime-web@{VERSION}"]
        subprocess.run(command, cwd=FOLDER, stdout=sys.stderr, check=True)
    return FOLDER


def built(recipe: str, folder: Path) -> Path:
    """Export the denoiser for WebAssembly."""
    options = {
        "recipe": recipe,
        "sample_rate": OPTIONS.sample_rate,
        "frontend": "stft:512:128:sqrt_hann:logpow",
    }
    if recipe != "float32":
        options["calibration"] = str(CLIPS / "calibration")
    export(read_request(str(NETWORK), "wasm", folder, options), lambda *_: None)  # type: ignore[arg-type]
    return folder


def peer(
    model: Path, manifest: Manifest, pcm: np.ndarray, scratch: Path
) -> tuple[np.ndarray, np.ndarray, str]:
    """Outputs, microseconds of each hop and version of onnxruntime-web on a build's model.onnx."""
    graph = read_model(model.parent)
    shapes = {t.name: t for t in manifest.inputs}
    states = [
        [pair.input, pair.output, list(shapes[pair.input].shape), shapes[pair.input].dtype]
        for pair in graph.states
    ]
    (source,), (sink,) = manifest.stream_inputs, manifest.stream_outputs
    given, made = scratch / "in", scratch / "out"
    given.write_bytes(pcm.tobytes())
    order = {
        "hops": len(pcm),
        "warm": WARM_HOPS,
        "input": {"name": source.name, "shape": list(source.shape)},
        "output": sink.name,
        "file": str(given),
        "out": str(made),
        "states": states,
    }
    command = ["node", WORKER, install(), model, json.dumps(order)]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"onnxruntime-web: {done.stderr.strip()}")
    said = json.loads(done.stdout.splitlines()[-1])
    outputs = np.fromfile(made, np.float32).reshape(len(pcm), *sink.shape)
    return outputs, np.array(said["times"]), said["version"]


def measure(recipe: str, build: Path, hops: int, rounds: int, scratch: Path) -> list[str]:
    """A row of the table."""
    manifest = Manifest.load(build)
    (source,) = manifest.stream_inputs
    sound = read_wav(CLIPS / "noisy.wav", OPTIONS.sample_rate).samples
    size = int(np.prod(source.shape))
    pcm = np.resize(sound[: len(sound) // size * size], hops * size)
    pcm = np.asarray(pcm, np.float32).reshape(hops, *source.shape)
    ours: list[np.ndarray] = []
    theirs: list[np.ndarray] = []
    with one_core():
        contender = NodeContender(build, manifest)
        contender.run({source.name: pcm[:WARM_HOPS]})
        for _ in range(rounds):
            made, times = contender.run({source.name: pcm})
            ours.append(times)
            expected, times, version = peer(build / "model.onnx", manifest, pcm, scratch)
            theirs.append(times)
    # The least of the rounds' medians: what else runs on the machine only adds to it.
    mine, other = (min(float(np.median(t)) for t in rows) for rows in (ours, theirs))
    p99 = float(np.percentile(np.concatenate(ours), 99))
    ratio = snr_db(expected, made[manifest.stream_outputs[0].name])
    times = [f"{us:.1f}" for us in (mine, p99, other)]
    return [recipe, *times, f"{other / mine:.2f}", f"{ratio:.1f}", version]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hops", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=Path, help="a build for wasm, in the place of exports")
    given = parser.parse_args()
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            sys.exit(f"needs {tool}: apt-get install nodejs npm")
    between = ("ratio", "between the two, dB")
    table = Table("build", "median us per hop", "p99", "onnxruntime-web", *between, "version")
    with tempfile.TemporaryDirectory() as folder:
        if given.build is not None:
            recipe = Manifest.load(given.build).quantization["recipe"]
            builds = {recipe: given.build}
        else:
            builds = {recipe: built(recipe, Path(folder) / recipe) for recipe in RECIPES}
        for recipe, build in builds.items():
            table.add_row(*measure(recipe, build, given.hops, given.rounds, Path(folder)))
    print(table.markdown())


if __name__ == "__main__":
    main()
