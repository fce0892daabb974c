"""Instructions that single layers execute on emulated cores, per multiply-accumulate: `layers.py --device`.

Each layer is quantized on noise and lowered as an export would, with the core's kernels. A few programs hold all of
them. Counted is the layer alone: what turns its float input into integers, and its output back, stands before and
behind it. QEMU counts instructions, not cycles.
"""

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np
from layers.layer_models import model_of
from layers.layer_shapes import Layer
from layers.layer_shapes_small import SMALL, odd_small
from layers.layer_shapes_transposed import TRANSPOSED, odd_transposed
from rich.progress import track
from tables import Table

from edgekit.graph.model import Model
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.devices import profile

LAYERS_OF_A_PROGRAM = 12
BORDERS = ("Quantize", "Dequantize", "Finite")

MAIN = """\
#include "replay.h"

{includes}
static _Alignas(64) unsigned char state[{state}], scratch[{scratch}];
static _Alignas(64) unsigned char arena_given[{given}], arena_results[{results}];

__attribute__((noinline)) void replay_begin(void) {{ __asm__ volatile("" ::: "memory"); }}
__attribute__((noinline)) void replay_end(void) {{ __asm__ volatile("" ::: "memory"); }}

int main(void)
{{
    replay_begin();
{calls}
    return 0;
}}
"""

CALL = """\
    {{
        {name} *const net = {name}_init(state, sizeof state);
        const {name}_inputs in = {{(void *)arena_given}};
        {name}_outputs out = {{(void *)arena_results}};
        if ({name}_process(net, scratch, &in, &out) != 0) {{
            return 1;
        }}
    }}
"""

# Behind each node of a build.
MARKED = "#define EK_LAYER(number, data) (replay_end(), replay_begin(), (void)(data))\n"
MARKS = "void replay_begin(void);\nvoid replay_end(void);\n"


@dataclass(frozen=True)
class Counted:
    """Executed instructions of a layer."""

    family: str
    name: str
    macs: int
    instructions: int

    @property
    def per_mac(self) -> float:
        """Instructions per multiply-accumulate."""
        return self.instructions / self.macs


def small_layers(seeds: int, only: str) -> list[Layer]:
    """All layers, and the odd ones of some seeds, whose family or name has a word."""
    layers = [*SMALL, *TRANSPOSED]
    layers += [
        layer for seed in range(seeds) for layer in (*odd_small(seed), *odd_transposed(seed))
    ]
    return [layer for layer in layers if only in f"{layer.family} {layer.name}"]


def counted(device: Profile, layers: Sequence[Layer], recipe: str) -> list[Counted]:
    """Build some layers into one program, run it and count."""
    builds = [
        lower_c(model_of(layer, recipe, f"layer_{i}"), device.name, device)
        for i, layer in enumerate(layers)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_program(folder, device, builds)
        defines = [f"-DEK_BUILD_{build.manifest.c_name}" for build in builds]
        compile_replay(folder, device, folder / "program", defines)
        hops = iter(count(device, folder / "program").hops)
        found = []
        for layer, build in zip(layers, builds, strict=True):
            marks = [part.operator for part in build.layers]
            executed = [next(hops) for _ in marks]  # the first from whatever ran before it
            own = sum(n for n, op in zip(executed, marks, strict=True) if op not in BORDERS)
            found.append(Counted(layer.family, layer.name, layer.macs, own))
    return found


def write_program(folder: Path, device: Profile, builds: Sequence[Build]) -> None:
    """Write the files of a program that runs each build once, marked behind each layer."""
    files: dict[str, bytes] = {}
    for build in builds:
        own = {n: text for n, text in build.files.items() if not n.startswith("replay/")}
        name = f"{build.manifest.c_name}.c"
        own[name] = (MARKS + MARKED).encode() + own[name]
        files |= own
    files |= {f"replay/{name}": text for name, text in port_files(device).items()}
    if device.is_bare:
        script = linker_script("layer_*", device)
        arena = "    .arena (NOLOAD) : { *(.bss.arena_*) } > WEIGHTS\n"
        files["replay/board.ld"] = re.sub(r"(?m)(^    \.text)", arena + r"\1", script).encode()
    manifests = [build.manifest for build in builds]

    def most(key: str) -> int:
        return max(m.memory[key] or 0 for m in manifests) + 64

    def room(tensors: Sequence[Sequence[int]]) -> int:
        return 4 * max(map(prod, tensors)) + 64

    files["replay/main.c"] = MAIN.format(
        includes="\n".join(f'#include "{m.c_name}.h"' for m in manifests),
        state=most("state_bytes"),
        scratch=most("scratch_bytes"),
        given=room([m.hop_inputs[0].shape for m in manifests]),
        results=room([m.stream_outputs[0].shape for m in manifests]),
        calls="".join(CALL.format(name=m.c_name) for m in manifests),
    ).encode()
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def measure(name: str, layers: Sequence[Layer], recipe: str) -> list[Counted]:
    """Count the layers on a device, a few to a program."""
    device, found = profile(name), []
    for first in track(range(0, len(layers), LAYERS_OF_A_PROGRAM), name, transient=True):
        found += counted(device, layers[first : first + LAYERS_OF_A_PROGRAM], recipe)
    return found


def show(found: dict[str, list[Counted]]) -> list[Table]:
    """The layers, and the geometric mean of each family; a column for each device."""
    each = Table("family", "layer", *found, title="w8a8: executed instructions per MAC")
    for rows in zip(*found.values(), strict=True):
        numbers = [f"{row.per_mac:.3f}" for row in rows]
        each.add_row(rows[0].family, rows[0].name, *numbers)
    families: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for device, rows_of in found.items():
        for row in rows_of:
            families[row.family][device].append(np.log(row.per_mac))
    whole = Table("family", *found, title="geometric means")
    for family, by_device in families.items():
        whole.add_row(family, *(f"{np.exp(np.mean(by_device[d])):.3f}" for d in found))
    return [each, whole]


def run(devices: Sequence[str], recipe: str, seeds: int, only: str) -> dict[str, list[object]]:
    """Count, print, and return the rows by device."""
    layers = small_layers(seeds, only)
    found = {name: measure(name, layers, recipe) for name in devices}
    for table in show(found):
        table.show()
    return {name: [asdict(row) for row in rows] for name, rows in found.items()}


def count_kinds(model: Model, core: str) -> tuple[int, Counter[str]]:
    """Return the multiply-accumulates of a network, and the executed instructions by kind, of one call on a core."""
    device = profile(core)
    with tempfile.TemporaryDirectory() as folder:
        build = lower_c(model, core, device)
        write_program(Path(folder), device, [build])
        define = f"-DEK_BUILD_{build.manifest.c_name}"
        compile_replay(Path(folder), device, Path(folder) / "program", [define])
        kinds = count(device, Path(folder) / "program").kinds
    return build.manifest.macs_per_hop, Counter(kinds)
