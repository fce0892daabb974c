"""Single layers of real networks: our kernels beside other engines, in turn in one run.

    python bench layers [--recipe float32 ...] [--against onnxruntime litert] [--only WORD] [--seeds 3]
                           [--first-seed 0] [--target host] [--json FILE] [--write [PAGE]]
    python bench layers --device cortex-m55 [--recipe w8a8] [--only WORD] [--seeds 1] [--json FILE]

All layers of a recipe are linked into one library; each is lowered as an export would, not exported. Outputs are
compared with onnxruntime first. Then the engines take turns, and the least time of each counts, less
what an empty call of that engine costs. Prints the ratios, a peer's time over ours, the worst first, their
geometric mean by family, and GMAC/s against the peak of the core, which is measured in the same run; with --write
a page, by default docs/results/benchmarks.md, gets the families and the worst ten. Layers that a recipe has no form of
are named.
`--recipe w8a8@avx2` compiles our kernels for one instruction set that this machine has; the peers use all that it has.
Layers of an integer recipe have float inputs and outputs, and so have those of the peers. LiteRT moves the channels of
its input and output where its kernels want them; that is counted. Pin it to one core: taskset -c 1 python bench layers

With --device: other layers, which fit a microcontroller, and instructions per multiply-accumulate on emulated cores;
see `layer_instructions.py`.
"""

import argparse
import ctypes
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from layers.layer_instructions import run
from layers.layer_models import model_of
from layers.layer_page import PAGE, families, load, mean, worst, write
from layers.layer_shapes import NETWORKS, Layer, odd
from layers.layer_shapes_large import odd_large
from layers.layer_shapes_other import OTHERS, odd_others
from layers.layer_shapes_transposed import TRANSPOSED, odd_transposed
from numpy.typing import NDArray
from rich.progress import track
from tables import Table

from edgekit.base.errors import EdgeKitError
from edgekit.export.hop_runner import in_onnxruntime, snr_db
from edgekit.graph.model import Model
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.litert import MODEL_NAME, interpreter_class
from edgekit.runtime.runners.toolchain import NATIVE, compile_shared
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.instruction_sets import INSTRUCTION_SETS
from edgekit.verbs.targets import TARGETS

ROUNDS = 7
ROUND_US = 3000.0  # of an engine; at least three calls
SLOW_US = (
    200.0  # calls that take longer are timed by a thread's own clock, which stops while others run
)
LEAST_DB = {"float32": 100.0}  # of signal to noise between ours and onnxruntime's
INTEGER_DB = 25.0

TIMER = Path(__file__).parent / "templates" / "layers.c"  # BYTES: of a vector


@dataclass(frozen=True)
class Result:
    """Of one layer: microseconds by engine, and dB between our output and onnxruntime's."""

    family: str
    name: str
    macs: int
    us: dict[str, float]
    db: float

    def ratio(self, peer: str) -> float:
        """The peer's time over ours; 0 where it does not run the layer."""
        return self.us.get(peer, 0.0) / self.us["edgekit"]


def compile_library(
    builds: Sequence[Build], folder: Path, native: Sequence[str] = NATIVE
) -> ctypes.CDLL:
    """One library of some builds: kernels that they share are compiled once, those of host builds as `native` says."""
    named = "".join(f"#define EK_BUILD_{build.manifest.c_name} 1\n" for build in builds)
    for build in builds:
        for name, text in build.files.items():
            head = named.encode() if name == "edgekit.h" else b""
            (folder / name).write_bytes(head + text)
    wide = 64 if "avx512f" in Path("/proc/cpuinfo").read_text() else 32
    (folder / "timer.c").write_text(TIMER.read_text().replace("BYTES", str(wide)))
    sources = sorted(folder.glob("*.c"))
    library = folder / "layers.so"
    own = native if builds[0].manifest.target == "host" else ()
    for source in sources:  # products of the peak are contracted, those of kernels are not
        if source.name == "timer.c":
            compile_shared([source], [folder], folder / "timer.so", (*NATIVE, "-ffp-contract=fast"))
    compile_shared([s for s in sources if s.name != "timer.c"], [folder], library, own)
    return ctypes.CDLL(str(library))


class Ours:
    """A layer of the library."""

    def __init__(self, library: ctypes.CDLL, timer: ctypes.CDLL, build: Build) -> None:
        """Initialise it."""
        self._engine = NativeRunner(library, build.manifest, Path("layers.so"), None)
        self._least = timer.bench_least
        self._least.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_int32] * 2
        self._least.restype = ctypes.c_double

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return its output."""
        return np.asarray(self._engine.process([x])[0][0])

    def least(self, calls: int, slow: bool) -> float:
        """Return the least microseconds of so many calls."""
        pointers = self._engine._input_pointers, self._engine._output_pointers
        return float(
            self._least(*self._engine.addresses, *map(ctypes.addressof, pointers), calls, slow)
        )


class Onnxruntime:
    """A layer in a session of one thread, inputs and outputs bound."""

    def __init__(self, model: bytes, x: NDArray[np.float32]) -> None:
        """Open it, with x as its input."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        self._binding = self._session.io_binding()
        self._x = onnxruntime.OrtValue.ortvalue_from_numpy(x)
        self._binding.bind_ortvalue_input(self._session.get_inputs()[0].name, self._x)
        self._session.run_with_iobinding(self._first())
        shape = self._binding.get_outputs()[0].numpy().shape
        y = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))
        self._binding.clear_binding_outputs()
        self._binding.bind_ortvalue_output(self._session.get_outputs()[0].name, y)
        self._y = y

    def _first(self) -> Any:
        self._binding.bind_output(self._session.get_outputs()[0].name)
        return self._binding

    def run(self) -> NDArray[np.float32]:
        """Return its output."""
        self._session.run_with_iobinding(self._binding)
        return np.asarray(self._y.numpy())

    def least(self, calls: int, slow: bool) -> float:
        """Return the least microseconds of so many calls."""
        run, binding = self._session.run_with_iobinding, self._binding
        return _least(lambda: run(binding), calls, slow)


class Litert:
    """A layer in an interpreter of one thread with XNNPACK."""

    def __init__(self, model: Model, x: NDArray[np.float32], folder: Path) -> None:
        """Write it into `folder` and open it."""
        build = TARGETS["litert"].lower(model, "litert")
        for name, content in build.files.items():
            (folder / name).write_bytes(content)
        self._engine = interpreter_class()(str(folder / MODEL_NAME), num_threads=1)
        self._engine.allocate_tensors()
        (given,) = self._engine.get_input_details()
        self._engine.set_tensor(given["index"], x.astype(given["dtype"]))

    def least(self, calls: int, slow: bool) -> float:
        """Return the least microseconds of so many calls."""
        return _least(self._engine.invoke, calls, slow)


def _least(call: Callable[[], object], calls: int, slow: bool) -> float:
    clock, least = time.thread_time_ns if slow else time.perf_counter_ns, 1e9
    for _ in range(calls):
        start = clock()
        call()
        least = min(least, (clock() - start) * 1e-3)
    return least


def measured(engines: dict[str, Any], empty: dict[str, float]) -> dict[str, float]:
    """The least microseconds of every engine, which take turns, less those of an empty call.

    An engine that is left with less than half of its empty call has none: the layer cannot be told from the call.
    """
    us = {name: engine.least(3, True) for name, engine in engines.items()}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            calls = max(3, int(ROUND_US / us[name]))
            us[name] = min(us[name], engine.least(calls, us[name] > SLOW_US))
    rest = {name: us[name] - empty.get(name, 0.0) for name in us}
    return {name: left for name, left in rest.items() if left > empty.get(name, 0.0) / 2}


def lowered(
    layers: Sequence[Layer], recipe: str, target: str, isa: str = ""
) -> tuple[list[tuple[Layer, Model, Build]], list[str]]:
    """What the target makes of the layers, and which of them the recipe or the target has no form of.

    With the name of an instruction set, host builds have its kernels.
    """
    rows, refused = [], []
    device = Profile("host", "", kernels=INSTRUCTION_SETS[isa].folders) if isa else None
    for i, layer in enumerate(track(layers, "importing", transient=True)):
        try:
            model = model_of(layer, recipe, f"layer_{i}")
            made = (
                TARGETS[target].lower(model, target)
                if device is None
                else lower_c(model, "host", device)
            )
            rows.append((layer, model, made))
        except EdgeKitError as error:
            refused.append(f"{layer.name} ({str(error).splitlines()[0]})")
    return rows, refused


def measure(
    layers: Sequence[Layer], recipe: str, target: str, peers: Sequence[str]
) -> tuple[list[Result], float, list[str]]:
    """Build, compare and time some layers; returns also the core's peak in GMAC/s of float32, and what is refused."""
    recipe, _, isa = recipe.partition("@")
    rows, refused = lowered(layers, recipe, target, isa)
    native = INSTRUCTION_SETS[isa].flags if isa else NATIVE
    results = []
    with tempfile.TemporaryDirectory() as name:
        library = compile_library([build for _, _, build in rows], Path(name), native)
        timer = ctypes.CDLL(str(Path(name) / "timer.so"))
        timer.bench_peak.restype = ctypes.c_double
        nothing = Layer("", "", "Identity", (1, 4, 4, 4), (), {}, 0)
        zeros = np.zeros(nothing.x, np.float32)
        empty = {"onnxruntime": Onnxruntime(nothing.onnx(), zeros).least(3000, False)}
        for layer, model, build in track(rows, "timing", transient=True):
            x = np.random.default_rng(2).standard_normal(layer.x).astype(np.float32)
            engines: dict[str, Any] = {"edgekit": Ours(library, timer, build)}
            (theirs,) = in_onnxruntime(model.to_bytes())({"x": x}).values()
            db = snr_db(theirs, engines["edgekit"].run(x))
            if db < LEAST_DB.get(recipe, INTEGER_DB):
                raise ValueError(f"{layer.name} in {recipe}: {db:.1f} dB from onnxruntime")
            if "onnxruntime" in peers:
                engines["onnxruntime"] = Onnxruntime(model.to_bytes(), x)
            if "litert" in peers and not TARGETS["litert"].check(model):
                engines["litert"] = Litert(model, x, Path(name))
            us = measured(engines, empty)
            results.append(Result(layer.family, layer.name, layer.macs, us, db))
        return results, float(timer.bench_peak()), refused


def show(results: Sequence[Result], peers: Sequence[str], peak: float, recipe: str) -> list[Table]:
    """The layers, the worst ratio first, and the families."""
    title = f"{recipe}; float32 peak of the core {peak:.0f} GMAC/s"
    each = Table("family", "layer", "us", "GMAC/s", *peers, title=title)
    for result in sorted(results, key=lambda result: worst(result, peers)):
        own = result.us["edgekit"]
        ratios = [f"{result.ratio(p):.2f}" if p in result.us else "" for p in peers]
        each.add_row(
            result.family, result.name, f"{own:.2f}", f"{result.macs / own * 1e-3:.1f}", *ratios
        )
    title = f"{recipe}: geometric means of a peer's time over ours"
    whole = Table("family", "layers", "GMAC/s", *peers, title=title)
    for family, rows in families(results, peers):
        rates = mean([row.macs / row.us["edgekit"] * 1e-3 for row in rows])
        ratios = [f"{mean([r.ratio(p) for r in rows if p in r.us]):.2f}" for p in peers]
        whole.add_row(family, str(len(rows)), f"{rates:.1f}", *ratios)
    return [each, whole]


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="Single layers beside other engines.")
    parser.add_argument("--recipe", nargs="*", default=["float32", "w8a8"])
    parser.add_argument("--against", nargs="*", default=["onnxruntime"])
    parser.add_argument("--target", default="host")
    parser.add_argument("--only", default="", help="layers whose family or name has this word")
    parser.add_argument("--seeds", type=int, default=3, help="of odd sizes")
    parser.add_argument("--device", nargs="*", default=[], help="count on these emulated cores")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--write", nargs="?", type=Path, const=PAGE, metavar="PAGE")
    given = parser.parse_args()
    sets = {isa for recipe in given.recipe if (isa := recipe.partition("@")[2])}
    if unknown := sorted(sets - INSTRUCTION_SETS.keys()):
        parser.error(f"--recipe @{unknown[0]}: instruction sets are {', '.join(INSTRUCTION_SETS)}")
    if given.device:
        recipe = given.recipe[-1]
        rows = run(given.device, recipe, given.seeds, given.only)
        if given.json:
            given.json.write_text(json.dumps({recipe: rows}, indent=1) + "\n")
        return 0
    layers = [*NETWORKS, *OTHERS, *TRANSPOSED]
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        layers += [*odd(seed), *odd_others(seed), *odd_transposed(seed), *odd_large(seed)]
    layers = [layer for layer in layers if given.only in f"{layer.family} {layer.name}"]
    found, before, pages = {}, load(), {}
    for recipe in given.recipe:
        pages[recipe] = measure(layers, recipe, given.target, given.against)
        results, peak, refused = pages[recipe]
        for table in show(results, given.against, peak, recipe):
            table.show()
        print(*(f"not in {recipe}: {layer}" for layer in refused), sep="\n")
        found[recipe] = {"peak_gmacs": peak, "layers": [asdict(result) for result in results]}
        if given.write:
            seeds = f"--seeds {given.seeds}"
            seeds += f" --first-seed {given.first_seed}" if given.first_seed else ""
            write(pages, given.against, seeds, before, given.write)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
