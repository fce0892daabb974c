"""What single layers take, without the borders of their networks: time on this machine, fuel in WebAssembly.

A build marks each of its layers with EK_LAYER. What turns a float input into integers, and an output back, is left out.
`layer_instructions` counts the same on emulated cores.
"""

import ctypes
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

from layers.layer_instructions import BORDERS
from layers.layer_models import model_of
from layers.layer_shapes import Layer

from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.toolchain import ask, compile_shared, compile_sources, zig
from edgekit.runtime.runners.wasm import FLAGS, LINK
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import PORTABLE, profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

ROUNDS, ROUND_TICKS = 9, 2_000_000
TEMPLATE = Path(__file__).parent / "templates" / "layer_marks.c"
MARKED = (
    "#define EK_LAYER(number, data) (bench_mark(number), (void)(data))\nvoid bench_mark(int);\n"
)
CALL = """\
double bench_{name}(int calls);
double bench_{name}(int calls)
{{
    {name} *const net = {name}_init(state, sizeof state);
    const {name}_inputs in = {{(void *)given}};
    {name}_outputs out = {{(void *)results}};
    double least = 1e18;
    for (int i = 0; i < calls; i++) {{
        bench_start();
        (void){name}_process(net, scratch, &in, &out);
        const double call = {own};
        least = call < least ? call : least;
    }}
    return least;
}}
"""


def host_profile(name: str) -> tuple[Profile, tuple[str, ...]]:
    """The profile of an instruction set of this machine, `portable` of none, and the compiler's options."""
    if name == "portable":
        return PORTABLE, ()
    row = INSTRUCTION_SETS[name]
    return replace(profile("host"), kernels=row.folders), row.flags


def write_builds(folder: Path, builds: Sequence[Build]) -> None:
    """Write builds whose layers are marked, and a program that calls each of them."""
    for build in builds:
        own = {n: text for n, text in build.files.items() if not n.startswith("replay/")}
        name = f"{build.manifest.c_name}.c"
        own[name] = MARKED.encode() + own[name]
        for path, content in own.items():
            defines = "".join(f"#define EK_BUILD_{b.manifest.c_name} 1\n" for b in builds)
            (folder / path).write_bytes((defines if path == "edgekit.h" else "").encode() + content)
    manifests = [build.manifest for build in builds]
    calls = []
    for build in builds:
        own_marks = [i for i, part in enumerate(build.layers) if part.operator not in BORDERS]
        total = " + ".join(f"took[{i}]" for i in own_marks)
        calls.append(CALL.format(name=build.manifest.c_name, own=f"(double)({total})"))
    sizes = {
        key: max(m.memory[f"{key}_bytes"] or 0 for m in manifests) for key in ("state", "scratch")
    }
    sizes["given"] = 4 * max(prod(m.hop_inputs[0].shape) for m in manifests)
    sizes["results"] = 4 * max(prod(m.stream_outputs[0].shape) for m in manifests)
    text = TEMPLATE.read_text()
    for key, size in sizes.items():
        text = text.replace(f"{key.upper()}_BYTES", str(size + 64))
    includes = "".join(f'#include "{m.c_name}.h"\n' for m in manifests)
    (folder / "marks.c").write_text(includes + text + "".join(calls))


def lowered(layers: Sequence[Layer], recipes: Sequence[str], device: Profile) -> list[Build]:
    """A build of each layer in each recipe, one layer behind the other."""
    return [
        lower_c(model_of(layer, recipe, f"layer_{i}_{recipe}"), device.name, device)
        for i, layer in enumerate(layers)
        for recipe in recipes
    ]


def timed(name: str, layers: Sequence[Layer], recipes: Sequence[str]) -> list[list[float]]:
    """The least ticks of each layer in each recipe with the kernels of an instruction set; recipes take turns."""
    device, flags = host_profile(name)
    builds = lowered(layers, recipes, device)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        for recipe in range(len(recipes)):  # their kernels differ: a library for each
            part = folder / str(recipe)
            part.mkdir()
            write_builds(part, builds[recipe :: len(recipes)])
            compile_shared(sorted(part.glob("*.c")), [part], part / "layers.so", flags)
        libraries = [ctypes.CDLL(str(folder / str(i) / "layers.so")) for i in range(len(recipes))]
        return [
            _least(
                [
                    _function(lib, f"layer_{i}_{r}")
                    for lib, r in zip(libraries, recipes, strict=True)
                ]
            )
            for i in range(len(layers))
        ]


def _function(library: ctypes.CDLL, name: str) -> "ctypes._NamedFuncPointer":
    function = library[f"bench_{name}"]
    function.argtypes, function.restype = [ctypes.c_int], ctypes.c_double
    return function


def _least(functions: Sequence["ctypes._NamedFuncPointer"]) -> list[float]:
    least = [float(function(3)) for function in functions]
    for _ in range(ROUNDS):
        for i, function in enumerate(functions):
            calls = max(3, min(int(ROUND_TICKS / max(least[i], 1)), 2000))
            least[i] = min(least[i], float(function(calls)))
    return least


def fuelled(layers: Sequence[Layer], recipes: Sequence[str]) -> list[list[float]]:
    """The WebAssembly instructions of each layer in each recipe, as wasmtime counts its fuel."""
    builds = lowered(layers, recipes, profile("wasm"))
    columns = [_fuel(builds[number :: len(recipes)]) for number in range(len(recipes))]
    return [list(row) for row in zip(*columns, strict=True)]


def _fuel(builds: Sequence[Build]) -> list[float]:
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    store, compiler = wasmtime.Store(wasmtime.Engine(config)), ask(zig())
    assert compiler is not None
    store.set_fuel(1 << 60)
    kind = wasmtime.FuncType([], [wasmtime.ValType.f64()])
    spent = wasmtime.Func(store, kind, lambda: float(-store.get_fuel()))
    names = [f"bench_{build.manifest.c_name}" for build in builds]
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        write_builds(folder, builds)
        shown = [f"-Wl,--export={name}" for name in names]
        sources = sorted(source.name for source in folder.glob("*.c"))
        made = folder / "layers.wasm"
        compile_sources(compiler, FLAGS, sources, [*LINK, *shown], made, folder)
        module = wasmtime.Module.from_file(store.engine, str(made))
    exports = wasmtime.Instance(store, module, [spent]).exports(store)
    return [float(exports[name](store, 1)) for name in names]  # type: ignore[operator]
