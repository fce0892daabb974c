"""The host's side of an engine in C: a driver of its registers, and the network's runs and CPU parts in their order."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import accumulate

from edgekit.fpga.network import CpuPart, View
from edgekit.fpga.program import Program
from edgekit.fpga.stages import FOLDER, port, stages, whole
from edgekit.fpga.words import DIGEST_FROM, HEADER, HEADER_WORDS, MAGIC, VERSION
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.engine import ERRORS, LINE_BYTES, REGISTERS
from edgekit.targets.c.program.functions import field_names

SOURCES = ("ek_driver.h", "ek_driver.c", "ek_bare.h", "ek_uio.h", "ek_uio.c")
ALIGN = 16  # of the buffer for the CPU's parts
README = """# The host's side of the engine

C99: `ek_driver.c` drives the registers, `ek_network.c` runs a picture, CPU parts included. `ek_bare.h` is for a
machine without an operating system, `ek_uio.c` for Linux. They were compiled and run on models of the registers, and on
the RTL in simulation; on no board. In this folder,

    {command}

The block of memory of EK_MEMORY_BYTES is the engine's while `ek_status` says busy. `ek_picture` writes to it before a
run, and reads it after the run has ended. Where the CPU has a cache in between, the platform's `to_engine` and
`from_engine` keep the two alike.

    ek_uio uio;
    ek_engine engine;
    if (ek_uio_open(&uio, "/dev/uio0", "/sys/class/uio/uio0") == 0
        && ek_open(&engine, &uio.platform, uio.memory, uio.address, program, words) == EK_OK) {{
        int error = ek_picture(&engine, work, x, outputs); /* work: EK_WORK_BYTES, aligned to {align} */
    }}

`program` are the words of `../hls/data/program.bin`. Bare metal takes `ek_bare(registers)` for `uio.platform`.
"""


def sources(program: Program, outputs: Sequence[str], parts: Sequence[Manifest]) -> dict[str, str]:
    """Return the files by name; `outputs` in the network's order, `parts` the manifests of the CPU's builds."""
    root = files("edgekit.fpga.driver")
    found = {name: (root / name).read_text(encoding="utf-8") for name in SOURCES}
    network = _NetworkWriter(program, outputs, parts)
    text = network.text()
    found["ek_build.h"] = _build(program)
    found["ek_network.h"] = network.header()
    found["ek_network.c"] = text
    found["README.md"] = README.format(command=command(parts), align=ALIGN)
    return found


def command(parts: Sequence[Manifest]) -> str:
    """The command that compiles them in their folder."""
    folders = [f"../{FOLDER}/{i}" for i, _ in enumerate(parts)]
    included = "".join(f" -I{folder}" for folder in folders)
    compiled = "".join(f" {folder}/*.c" for folder in folders)
    return f"cc -std=c99 -O2 -ffp-contract=off -Wall -Wextra{included} -c ek_*.c{compiled}"


def _build(program: Program) -> str:
    """Sizes of the build, and where its registers are."""
    spec, memory = program.spec, program.memory
    dram_bytes = memory["dram"] * spec.lanes
    words = len(program.words) // 4
    sizes = (4 * words, memory["image"] * program.image_lanes, dram_bytes)
    starts = [0, *accumulate(-(-size // LINE_BYTES) * LINE_BYTES for size in sizes)]
    engine = spec.lanes | spec.columns << 8 | spec.weight_bits << 16 | spec.dmax << 24
    values: dict[str, str] = {
        "EK_LANES": str(spec.lanes),
        "EK_IMAGE_LANES": str(program.image_lanes),
        "EK_ENGINE": f"0x{engine:08x}u",
        "EK_MAGIC": f"0x{MAGIC:08x}u",
        "EK_VERSION": f"{VERSION}u",
        "EK_HEADER_WORDS": f"{HEADER_WORDS}u",
        "EK_DIGEST_FROM": f"{DIGEST_FROM}u",
        "EK_PROGRAM_COUNT": f"{words}u",
        "EK_LINE_BYTES": f"{LINE_BYTES}u",
        "EK_IMAGE_AT": f"{starts[1]}u",
        "EK_DRAM_AT": f"{starts[2]}u",
        "EK_DRAM_BYTES": f"{dram_bytes}u",
        "EK_MEMORY_BYTES": f"{starts[3]}u",
        "EK_REGISTERS": str(len(REGISTERS)),
    }
    values |= {f"EK_REGISTER_{n.upper()}": f"0x{4 * i:02x}u" for i, n in enumerate(REGISTERS)}
    values |= {f"EK_ERROR_{name.upper()}": str(i) for i, name in enumerate(ERRORS)}
    words_of = {f.name.upper(): f.word for f in HEADER if f.low == 0}
    values |= {f"EK_PROGRAM_{name}": str(word) for name, word in words_of.items()}
    lines = "".join(f"#define {name} {value}\n" for name, value in values.items())
    about = "/* Sizes of this engine and of its program, its registers and errors: docs/reference/fpga-program.md. */"
    return f"{about}\n#ifndef EK_BUILD_H\n#define EK_BUILD_H\n{lines}#endif\n"


class _NetworkWriter:
    """Writes `ek_picture`: the steps of a picture, in order."""

    def __init__(self, program: Program, outputs: Sequence[str], parts: Sequence[Manifest]) -> None:
        self.program, self.network, self.parts = program, program.network, parts
        self.outputs = list(outputs)
        self.tables: list[str] = []
        self.bytes = 0
        ((image, _),) = self.network.inputs.items()
        self.where = {image: "x"} | {n: f"outputs[{i}]" for i, n in enumerate(self.outputs)}

    def header(self) -> str:
        """The header; after `text`, which counts the bytes."""
        names = ", ".join(map(_comment, self.outputs))
        ((_, stored),) = self.network.inputs.items()
        channels, height, width = self.network.tensors[stored].shape
        return f"""#ifndef EK_NETWORK_H
#define EK_NETWORK_H

#include "ek_driver.h"

#define EK_OUTPUTS {len(self.outputs)}
#define EK_WORK_BYTES {max(self.bytes, ALIGN)}u

#ifdef __cplusplus
extern "C" {{
#endif

/* One picture x [{channels}][{height}][{width}] in float, in the values of the network, through engine and CPU.
 * `work` has EK_WORK_BYTES, aligned to {ALIGN}. Returns EK_OK, or the error of the run that failed.
 * outputs: {names}. */
int ek_picture(const ek_engine *engine, void *work, const float *x, float *const outputs[EK_OUTPUTS]);

#ifdef __cplusplus
}}
#endif

#endif
"""

    def text(self) -> str:
        """The source."""
        lines = [*self._stages(), *self._results()]
        included = "".join(f'#include "{part.c_name}.h"\n' for part in self.parts)
        tables, body = "".join(self.tables), "".join(f"    {line}\n" for line in lines)
        used = "    (void)bytes;\n" if not self.bytes else ""
        return (
            f'#include "ek_network.h"\n\n{included}\n{tables}\n'
            "int ek_picture(const ek_engine *engine, void *work, const float *x, float *const outputs[EK_OUTPUTS])\n{\n"
            f"    unsigned char *const bytes = work;\n    int error;\n{used}{body}    return EK_OK;\n}}\n"
        )

    def _stages(self) -> Iterator[str]:
        ((image, stored),) = self.network.inputs.items()
        yield f"ek_put_image(engine, &{self._port(image, whole(self.network, stored), 'input')}, x);"
        for stage in stages(self.network):
            if isinstance(stage, CpuPart):
                yield from self._part(stage)
            else:
                yield f"error = ek_run(engine, {stage[0]}, {stage[1]});"
                yield "if (error != EK_OK) {"
                yield "    return error;"
                yield "}"

    def _part(self, part: CpuPart) -> Iterator[str]:
        number = self.network.cpu.index(part)
        manifest, graph = self.parts[number], part.model.ir.graph
        name, upper = manifest.c_name, manifest.c_name.upper()
        fields = field_names(tuple(graph.inputs)) | field_names(tuple(graph.outputs))
        for tensor, view in part.reads.items():
            table = self._port(tensor, view, f"read_{number}")
            yield f"ek_get(engine, &{table}, {self._float(tensor, view.shape)});"
        state = self._take(int(manifest.memory["state_bytes"] or 0))
        scratch = self._take(int(manifest.memory["scratch_bytes"] or 0))
        given = [f".{fields[str(v.name)]} = {self.where[str(v.name)]}" for v in graph.inputs]
        shapes = {str(v.name): tuple(int(str(d)) for d in v.shape or ()) for v in graph.outputs}
        made = [f".{fields[n]} = {self._float(n, shape)}" for n, shape in shapes.items()]
        yield "{"
        yield f"    const {name}_inputs in = {{{', '.join(given)}}};"
        yield f"    {name}_outputs out = {{{', '.join(made)}}};"
        yield f"    {name} *const net = {name}_init({state}, {upper}_STATE_BYTES);"
        yield f"    if (net == NULL || {name}_process(net, {scratch}, &in, &out) != 0) {{"
        yield "        return EK_CPU;"
        yield "    }"
        yield "}"
        for tensor, stored in part.writes.items():
            table = self._port(tensor, whole(self.network, stored), f"write_{number}")
            yield f"ek_put(engine, &{table}, {self.where[tensor]});"

    def _results(self) -> Iterator[str]:
        for name, view in self.network.outputs.items():
            yield f"ek_get(engine, &{self._port(name, view, 'output')}, {self.where[name]});"

    def _float(self, tensor: str, shape: Sequence[int]) -> str:
        """Return the place of a CPU tensor in float."""
        if tensor not in self.where:
            count = 1
            for size in shape:
                count *= size
            self.where[tensor] = f"(float *)(void *)({self._take(4 * count)})"
        return self.where[tensor]

    def _take(self, size: int) -> str:
        place, self.bytes = self.bytes, self.bytes + -(-size // ALIGN) * ALIGN
        return f"bytes + {place}"

    def _port(self, tensor: str, view: View, kind: str) -> str:
        """The name of the table of a tensor in the engine's memory."""
        name = f"{kind}_{len(self.tables)}"
        facts = port(self.network, tensor, view)
        size = ", ".join(map(str, view.shape))
        channels = "NULL"
        if kind != "input":
            rows = ", ".join(f"{{{byte}, {repeat}}}" for byte, repeat in self._channels(view))
            channels = f"{name}_place"
            self.tables.append(f"static const ek_channel {channels}[] = {{{rows}}};\n")
        scale = f"{float(facts['scale']).hex()}f"
        fields = f"{size}, {scale}, {facts['zero_point']}, {channels}"
        about = f"/* {_comment(tensor)} */\n"
        self.tables.append(f"{about}static const ek_port {name} = {{{fields}}};\n")
        return name

    def _channels(self, view: View) -> Iterator[tuple[int, int]]:
        """The first byte of each channel in DRAM, and how often its pixels are repeated."""
        lanes, layout = self.program.spec.lanes, self.program.layout
        for name, channel, factor in view.sources:
            place, tensor = layout.placed[name], self.network.tensors[name]
            plane, lane = divmod(place.slots[channel], lanes)
            beat = place.address + plane * tensor.height * tensor.width
            yield beat * lanes + lane, factor


def _comment(name: str) -> str:
    """A tensor's name inside of a comment."""
    return name.replace("*/", "* /").replace("/*", "/ *")
