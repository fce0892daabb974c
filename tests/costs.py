"""What the reference networks cost on devices: bytes, and instructions of a hop under QEMU.

    make digests      # runs python tests/costs.py too: writes pinned/costs.toml anew

All networks for a device become one program, so that their kernels are compiled once. Instructions and code
depend on the compiler: they stand under its version, and those of other versions stay as they are.
"""

import gzip
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import onnx_ir as ir
from devices import missing
from numpy.typing import NDArray

from edgekit.graph.model import Model
from edgekit.runtime.devices.cross import STANDARD, find_gcc
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.devices import profile

FOLDER = Path(__file__).parent / "pinned" / "costs"
PINNED = FOLDER.parent / "costs.toml"
DEVICES = ("cortex-m4", "cortex-m55", "cortex-a53", "riscv64-v")
BYTES = ("weights_bytes", "state_bytes", "scratch_bytes")
DRAWN_BYTES = 1024  # of an array from which on it is not in the file
Row = dict[str, int]

MAIN = """\
#include "replay.h"

{includes}
static _Alignas(64) unsigned char state[{state}], scratch[{scratch}], given[{given}], results[{results}];

__attribute__((noinline)) void replay_begin(void) {{ __asm__ volatile("" ::: "memory"); }}
__attribute__((noinline)) void replay_end(void) {{ __asm__ volatile("" ::: "memory"); }}

int main(void)
{{
{calls}
    return 0;
}}
"""

CALL = """\
    {{
        {name} *const net = {name}_init(state, sizeof state);
        const {name}_inputs in = {{{inputs}}};
        {name}_outputs out = {{{outputs}}};
        for (int hop = 0; hop < {hops}; hop++) {{
            replay_begin();
            const int status = {name}_process(net, scratch, &in, &out);
            replay_end();
            if (status != 0) {{
                return 1;
            }}
        }}
    }}
"""


@dataclass(frozen=True)
class Compiled:
    """What a compiler made of all networks for a device: by network, instructions of a hop and bytes of code."""

    compiler: str
    rows: dict[str, Row]


def networks() -> list[str]:
    """The names of the committed networks, ``<network>-<recipe>``."""
    return sorted(path.name.removesuffix(".onnx.gz") for path in FOLDER.glob("*.onnx.gz"))


def drawn(name: str, value: ir.Value) -> NDArray[Any] | None:
    """The seeded values of a large array of weights; None for what the file holds."""
    tensor = value.const_value
    if tensor is None or tensor.nbytes < DRAWN_BYTES:
        return None
    random, dtype = np.random.default_rng(crc32(name.encode())), tensor.numpy().dtype
    if dtype == np.int8:
        return random.integers(-127, 128, tensor.shape.numpy(), np.int8)
    if dtype == np.float32 and not name.endswith("_scale"):
        return random.uniform(-0.1, 0.1, tensor.shape.numpy()).astype(np.float32)
    return None


@cache
def network(name: str) -> Model:
    """A committed network with seeded weights."""
    model = Model.from_bytes(gzip.decompress((FOLDER / f"{name}.onnx.gz").read_bytes()))
    for initializer, value in model.ir.graph.initializers.items():
        array = drawn(initializer, value)
        if array is not None:
            value.const_value = ir.tensor(array, name=initializer)
    return model


@cache
def build(name: str, device: str) -> Build:
    """A network lowered for a device."""
    return lower_c(network(name), device)


def memory(name: str, device: str) -> Row:
    """Bytes of weights, state and scratch."""
    facts = build(name, device).manifest.memory
    return {key: facts[key] or 0 for key in BYTES}


def compiled(device: str) -> Compiled:
    """Compile all networks for a device whose tools are here, and count a hop of each.

    Raises:
        ToolError: the emulator failed.
        subprocess.CalledProcessError: the compiler refused a source.
    """
    own, builds = profile(device), {name: build(name, device) for name in networks()}
    compiler = find_gcc(own)
    assert compiler is not None and own.cc is not None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write(folder, own, [*builds.values()])
        options = [*own.flags, "-std=c11", own.optimize, *STANDARD, "-I.", "-Ireplay"]
        options += [f"-DEK_BUILD_{made.manifest.c_name}" for made in builds.values()]
        start = [*compiler.command, *options]
        sources = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.c"))

        def run(source: str) -> None:
            command = [*start, "-c", source, "-o", f"{source}.o"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)

        with ThreadPoolExecutor() as pool:
            list(pool.map(run, sources))
        link = ["-static"]
        if own.is_bare:
            link = ["-Wl,--gc-sections", "-T", "replay/board.ld", "-nostartfiles"]
        objects = [f"{source}.o" for source in sources]
        subprocess.run([*start, *objects, *link, "-o", "program"], cwd=folder, check=True)
        hops = iter(count(own, folder / "program").hops)
        size = [own.cc.removesuffix("gcc") + "size", *objects]
        table = subprocess.run(size, cwd=folder, check=True, capture_output=True, text=True).stdout
    code = {line.split()[-1]: int(line.split()[0]) for line in table.splitlines()[1:]}
    rows = {
        name: {
            "instructions": [next(hops) for _ in range(_hops(made))][-1],
            "code_bytes": _code_bytes(made, code),
        }
        for name, made in builds.items()
    }
    return Compiled(f"{own.cc} {compiler.version}", rows)


def _hops(made: Build) -> int:
    """How many hops run, of which the last one counts: with states their second."""
    return 2 if made.manifest.memory["state_bytes"] else 1


def _code_bytes(made: Build, code: dict[str, int]) -> int:
    """Code and tables of a build's own files and of its kernels, without weights."""
    names = [f for f in made.files if f.endswith(".c") and not f.endswith("_weights.c")]
    return sum(code[f"{name}.o"] for name in names if not name.startswith("replay/"))


def _write(folder: Path, device: Profile, builds: Sequence[Build]) -> None:
    files = {f"replay/{name}": content for name, content in port_files(device).items()}
    for made in builds:
        files |= {n: c for n, c in made.files.items() if not n.startswith("replay/")}
    files |= kernel_files(set(), "")  # edgekit.h without names of a build's own
    if device.is_bare:
        files["replay/board.ld"] = linker_script("cost_*", device).encode()
    manifests = [made.manifest for made in builds]
    given, results = (
        max(_offsets(side)[-1] for side in sides)
        for sides in zip(*((m.stream_inputs, m.stream_outputs) for m in manifests), strict=True)
    )
    calls = []
    for made in builds:
        manifest = made.manifest
        pointers = [
            ", ".join(f"(void *)({block} + {at})" for at in _offsets(side)[:-1])
            for block, side in (
                ("given", manifest.hop_inputs),
                ("results", manifest.stream_outputs),
            )
        ]
        calls.append(
            CALL.format(
                name=manifest.c_name, inputs=pointers[0], outputs=pointers[1], hops=_hops(made)
            )
        )
    files["replay/main.c"] = MAIN.format(
        includes="\n".join(f'#include "{manifest.c_name}.h"' for manifest in manifests),
        state=max(m.memory["state_bytes"] or 0 for m in manifests) + 64,
        scratch=max(m.memory["scratch_bytes"] or 0 for m in manifests) + 64,
        given=given, results=results, calls="".join(calls),
    ).encode()  # fmt: skip
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _offsets(tensors: Sequence[Any]) -> list[int]:
    """Where tensors of 32-bit values begin in a block, each at 64 bytes, and where the last one ends."""
    sizes = [-(-int(np.prod(tensor.shape)) * 4 // 64) * 64 for tensor in tensors]
    return np.cumsum([0, *sizes]).tolist()


def pinned() -> dict[str, Any]:
    """What is committed: ``memory`` by device and network, ``compiled`` by device, compiler and network."""
    return tomllib.loads(PINNED.read_text(encoding="utf-8"))


def main() -> int:
    """Write the costs of all networks; of devices whose tools are not here only the memory."""
    kept = pinned().get("compiled", {}) if PINNED.is_file() else {}
    lines = ["# Written by `make digests`. Bytes, and instructions of a hop under QEMU."]
    for device in DEVICES:
        lines += ["", f"[memory.{device}]"]
        lines += [f"{name} = {_inline(memory(name, device))}" for name in networks()]
    for device in DEVICES:
        found = dict(kept.get(device, {}))
        if missing(device) is None:
            made = compiled(device)
            found[made.compiler] = made.rows
        else:
            print(f"{device}: {missing(device)}", file=sys.stderr)
        for compiler, rows in sorted(found.items()):
            lines += ["", f'[compiled.{device}."{compiler}"]']
            lines += [f"{name} = {_inline(row)}" for name, row in rows.items()]
    PINNED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _inline(row: Row) -> str:
    return f"{{ {', '.join(f'{key} = {value}' for key, value in row.items())} }}"


if __name__ == "__main__":
    sys.exit(main())
