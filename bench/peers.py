"""The C of the benchmark networks beside other engines: one core, one thread, in turn; the table of docs/benchmarks.md.

    python bench/peers.py [NETWORK ...] [--hops N] [--litert PYTHON] [--out docs/benchmarks.md]

onnxruntime has inputs, outputs and states bound. At w8a8 it runs the same QDQ network, and, as "dynamic", the float
one with its own dynamic int8. LiteRT runs what litert-torch converts, invoke alone under the clock, and its quantizer's
dynamic int8; its environment is that of the Python given. What it cannot run is named. Outputs are compared before
times: SNR is that of ours against the peer's own, dB; a peer below 10 dB stops the run.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hops import build, model, noise
from networks import BENCHMARKS

from edgekit.errors import EdgeKitError
from edgekit.quantize.frames import frame_moves
from edgekit.runtime.bench import Measured, measure_local
from edgekit.runtime.contenders import (
    Arrays,
    Contender,
    NativeContender,
    OnnxruntimeContender,
    Timed,
)
from edgekit.runtime.toolchain import find_compiler
from edgekit.targets.facts import describe

WORKER = Path(__file__).with_name("peer_litert.py")
RECIPES = ("float32", "w8a8")


@dataclass
class LitertContender:
    """A network of `networks` in LiteRT, in a process of its environment."""

    python: str
    source: str
    int8: bool
    folder: Path
    version: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Convert the network."""
        self._model = self.folder / f"litert{'_int8' if self.int8 else ''}.tflite"
        self._call("convert", self.source, str(self._model), *(["int8"] if self.int8 else []))

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        given, out = self.folder / "in.npz", self.folder / "out.npz"
        np.savez(given, **inputs)
        self._call("run", self.source, str(self._model), str(given), str(out))
        made = dict(np.load(out))
        times, self.version = made.pop("times_us"), str(made.pop("version"))
        return made, times

    def _call(self, *arguments: str) -> None:
        subprocess.run([self.python, str(WORKER), *arguments], check=True, capture_output=True)


def dynamic_int8(name: str, folder: Path) -> bytes:
    """Return the float network with onnxruntime's dynamic int8."""
    from onnxruntime.quantization import quantize_dynamic

    plain, quantized = folder / "float.onnx", folder / "dynamic.onnx"
    plain.write_bytes(model(name, "float32").to_bytes())
    quantize_dynamic(plain, quantized)
    return quantized.read_bytes()


def peers_of(
    name: str, recipe: str, litert: str | None, folder: Path, ours: Path
) -> dict[str, tuple[Contender, str]]:
    """The engines that a network can be compared with; `ours` holds our build."""
    from edgekit.runtime.manifest import Manifest

    manifest = Manifest.from_json((ours / "manifest.json").read_text())
    same = OnnxruntimeContender(frame_moves(model(name, recipe)).to_bytes(), manifest)
    peers: dict[str, tuple[Contender, str]] = {"onnxruntime": (same, same.version)}
    if recipe != "float32":
        plain = describe(model(name, "float32"), "host")
        dynamic = OnnxruntimeContender(dynamic_int8(name, folder), plain)
        peers["onnxruntime dynamic"] = (dynamic, dynamic.version)
    source = BENCHMARKS[name].source
    if litert is not None and not source.endswith(".onnx"):
        engine = LitertContender(litert, source, recipe != "float32", folder)
        peers["LiteRT" if recipe == "float32" else "LiteRT dynamic"] = (engine, "")
    return peers


def measure(name: str, recipe: str, hops: int, litert: str | None) -> Measured:
    """Measure one network."""
    with tempfile.TemporaryDirectory() as text:
        folder, own = Path(text), Path(text) / "build"
        own.mkdir()
        made = build(name, recipe, "host", own)
        peers = peers_of(name, recipe, litert, folder, own)
        ours = NativeContender(own, made.manifest)
        inputs = noise(model(name, recipe), hops, seed=3)
        return measure_local(ours, peers, dict(inputs), made.manifest, lambda _done, _total: None)


def rows(name: str, recipe: str, found: Measured) -> Iterator[str]:
    """Markdown rows: ours, then each peer with its ratio."""
    assert found.times is not None
    own = found.times.median_us
    yield f"| {name} | {recipe} | EdgeKit | {own:.1f} | {found.times.p99_us:.1f} | | |"
    for peer, result in found.against.items():
        times, snr = result.times, result.snr_db
        near = "equal" if snr is None or not np.isfinite(snr) else f"{snr:.0f}"
        ratio = times.median_us / own
        yield f"| | | {peer} | {times.median_us:.1f} | {times.p99_us:.1f} | {ratio:.1f} | {near} |"


HEAD = """\
# Benchmarks

`make bench` makes this page. One core, one thread, one hop (or picture) per call, in turn, medians of five
rounds of {hops} calls. Networks: `bench/networks.py`; a is a GRU denoiser (0.92 M multiply-accumulates), b
Conv-TasNet's shape at a hop of 16 samples (0.14 M), c MobileNet's shape at 64 x 64 (5.4 M), all with seeded
weights, and networks that others published. Every engine has the same inputs and carries its own states;
*SNR* is how far our output lies from that engine's, in dB: at w8a8 the other int8 engines have roundings of
their own, and *dynamic* quantizes activations as they come. Ratios above 1: we are faster. onnxruntime runs
with inputs, outputs and states bound; of LiteRT `invoke` alone is timed. `python bench/kernels.py` says which
kernels the time goes to.

{machine}; {compiler}; onnxruntime {onnxruntime}; LiteRT {litert}.

| network | recipe | engine | median us | p99 us | ratio | SNR dB |
|---|---|---|---|---|---|---|
"""


def cpu() -> str:
    """The machine's CPU, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {platform.machine()}"


def main() -> int:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description="The C of the benchmark networks beside peers.")
    parser.add_argument("networks", nargs="*", default=list(BENCHMARKS), metavar="NETWORK")
    parser.add_argument("--hops", type=int, default=1000)
    parser.add_argument("--litert", metavar="PYTHON")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    lines, versions = [], {"onnxruntime": "not run", "LiteRT": "not run"}
    for name in given.networks:
        for recipe in RECIPES:
            try:
                found = measure(name, recipe, given.hops, given.litert)
            except (EdgeKitError, subprocess.CalledProcessError) as error:
                lines.append(
                    f"| {name} | {recipe} | no result: {str(error).splitlines()[0]} | | | | |"
                )
                print(lines[-1], flush=True)
                continue
            for line in rows(name, recipe, found):
                lines.append(line)
                print(line, flush=True)
            versions["onnxruntime"] = found.against["onnxruntime"].version
    if given.litert is not None:
        code = "from importlib.metadata import version; print(version('ai-edge-litert'))"
        asked = subprocess.run(
            [given.litert, "-c", code], check=True, capture_output=True, text=True
        )
        versions["LiteRT"] = asked.stdout.strip()
    if given.out is not None:
        head = HEAD.format(
            hops=given.hops, machine=cpu(), compiler=find_compiler().label,
            onnxruntime=versions["onnxruntime"], litert=versions["LiteRT"],
        )  # fmt: skip
        given.out.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
