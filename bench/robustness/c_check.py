"""Generated C and kernels under every tool that this machine has: sanitizers, valgrind, analyzers, fuzzers, proofs.

    python bench c_check [--only REGEX] [--tools REGEX] [--recipes float32 w8a8] [--target c99] [--hops N]

Networks: the bundled denoiser, GTCRN, network c of the benchmarks, and a sampler. Prints a line per network, recipe and
tool; exits with 1 where a tool found something. A tool that is missing is named with the command that installs it.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from robustness.c_check_harness import program
from robustness.c_check_tools import TOOLS, Failed, Folder

from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.random_inputs import draw
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.targets import TARGETS

PINNED = Path(__file__).parents[2] / "tests" / "pinned"
RECIPES = ("float32", "w8a8")
CLIP = 40


def _denoiser(recipe: str) -> Model:
    return in_recipe(load_model(str(NETWORK), OPTIONS).model, recipe)


def _of_benchmark(name: str) -> Callable[[str], Model]:
    def model(recipe: str) -> Model:
        from networks import BENCHMARKS

        row = BENCHMARKS[name]
        return in_recipe(load_model(row.source, row.options).model, recipe)

    return model


def _pinned(name: str) -> Callable[[str], Model]:
    return lambda recipe: Model.from_bytes((PINNED / f"{name}-{recipe}.onnx").read_bytes())


NETWORKS: dict[str, Callable[[str], Model]] = {
    "denoise": _denoiser,
    "gtcrn": _of_benchmark("gtcrn"),
    "c": _of_benchmark("c"),
    "sampler": _pinned("sampler"),
    "session": _pinned("session"),
}


def in_recipe(model: Model, recipe: str) -> Model:
    """The model, or its integer form, calibrated on noise."""
    if recipe == "float32":
        return model
    random = np.random.default_rng(0)
    clip = {str(v.name): draw(v, random, CLIP, 1) for v in model.stream_inputs}
    return quantize(model, Calibration((clip,), "noise"), recipe)


def written(model: Model, target: str, path: Path, hops: int, seconds: int) -> Folder:
    """Lower a model into a new folder, with its program."""
    build = TARGETS[target].lower(model, target)
    path.mkdir()
    for name, content in build.files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    name = build.manifest.c_name
    sources = tuple(sorted(file for file in build.files if file.endswith(".c") and "/" not in file))
    (path / "main.c").write_text(program(name, (path / f"{name}.h").read_text()))
    return Folder(path, name, sources, hops, seconds)


def check(folder: Folder, tools: Sequence[str]) -> list[tuple[str, str, float]]:
    """Run tools on a folder; returns for each its name, what it found (``FAILED`` first), and seconds."""
    rows = []
    for name in tools:
        begun = time.monotonic()
        if missing := list(TOOLS[name].missing()):
            rows.append((name, f"not run: needs {'; '.join(missing)}", 0.0))
            continue
        try:
            told = TOOLS[name].check(folder)
        except Failed as error:
            told = f"FAILED: {error}"
        rows.append((name, told, time.monotonic() - begun))
    return rows


def main() -> int:
    """Check and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--tools", default="", metavar="REGEX", help=", ".join(TOOLS))
    parser.add_argument("--recipes", nargs="+", default=RECIPES, choices=RECIPES)
    parser.add_argument("--target", default="c99")
    parser.add_argument("--hops", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=60, help="of each run of libFuzzer")
    given = parser.parse_args()
    tools = [name for name in TOOLS if re.search(given.tools, name)]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in (name for name in NETWORKS if re.search(given.only, name)):
            for recipe in given.recipes:
                path = Path(scratch) / f"{name}-{recipe}"
                model = NETWORKS[name](recipe)
                folder = written(model, given.target, path, given.hops, given.seconds)
                for tool in tools:
                    for _, told, seconds in check(folder, [tool]):
                        print(f"{name:8} {recipe:8} {tool:11} {seconds:5.0f} s  {told}", flush=True)
                        failed += told.startswith("FAILED")
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
