"""What a build refuses, and that a damaged state block leads to wrong sound but never out of its memory."""

import os
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import tiny_networks
from builds import SANITIZE, float_model, int8_model, lowered
from c_kernels import CC, needs_cc
from ring_networks import CHANNELS, attended, dilated, mixed, streamed
from session_network import WIDTH, network
from slices import slow_except

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.spec import parse_spec
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.targets.build import Build
from edgekit.targets.c.program.functions import field_names
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_cc
HOPS, SEEDS = 40, 12
OPTIONS = (*SANITIZE, "-fsanitize=float-cast-overflow", "-std=c11")

MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "{name}.h"

static uint64_t x64;
static uint32_t next(void)
{{
    x64 ^= x64 << 13, x64 ^= x64 >> 7, x64 ^= x64 << 17;
    return (uint32_t)(x64 >> 16);
}}
/* Blocks of their exact size, so that a byte beyond is seen. */
static void *block(size_t size)
{{
    void *found = NULL;
    return posix_memalign(&found, {upper}_ALIGN, size) == 0 ? memset(found, 0, size) : NULL;
}}
static void damage(unsigned char *bytes, size_t size)
{{
    static const unsigned char strange[] = {{0, 255, 128, 127, 1}};
    for (uint32_t n = 1 + next() % 9; n > 0; n--) {{
        const size_t at = next() % size;
        bytes[at] = next() % 2 ? bytes[at] ^ (unsigned char)(1u << next() % 8) : strange[next() % 5];
    }}
}}
int main(int argc, char **argv)
{{
    unsigned char *const state = block({upper}_STATE_BYTES);
    void *const scratch = block({upper}_SCRATCH_BYTES);
    {name} *const net = {name}_init(state, {upper}_STATE_BYTES);
{blocks}
    {name}_inputs in = {{{ins}}};
    {name}_outputs out = {{{outs}}};
    long told = 0;
{refusals}
    for (int seed = 1; seed <= {seeds}; seed++) {{
        x64 = 88172645463325252ull + (uint64_t)seed * 7919u;
        {name}_reset(net);
{session}        if ({name}_check(net) != 0) {{
            return 9;
        }}
        for (int hop = 0; hop < {hops}; hop++) {{
{fill}
            if (argc > 1 && hop > 1) {{
                damage(state, {upper}_STATE_BYTES);
                told += {name}_check(net) != 0;
            }} else if ({name}_check(net) != 0) {{
                return 8;
            }}
            {name}_process(net, scratch, &in, &out);
        }}
    }}
    printf("%ld\\n", told);
    (void)argv;
    return 0;
}}
"""


def fields(tensors: tuple[Tensor, ...]) -> list[str]:
    """The C members of tensors."""
    return list(field_names(tuple(ir.Value(name=tensor.name) for tensor in tensors)).values())


def program(manifest: Manifest) -> str:
    """A main that tries every refusal, then hops whose state is damaged in between where it gets an argument."""
    name = manifest.c_name
    given, made, constants = manifest.hop_inputs, manifest.stream_outputs, manifest.constants
    kinds = {"float32": "float", "bool": "uint8_t"}
    tensors = [*given, *made, *constants]
    blocks, fill = [], []
    for i, tensor in enumerate(tensors):
        kind, count = kinds.get(tensor.dtype, f"{tensor.dtype}_t"), int(np.prod(tensor.shape))
        blocks.append(f"    {kind} *const b{i} = block({count} * sizeof({kind}));")
        value = f"({kind})(next() % 2)"
        if tensor.dtype == "float32":
            value = "(float)(int32_t)next() * 1e-9f"
        fill.append(f"for (int i = 0; i < {count}; i++) b{i}[i] = {value};")
    fills = fill[: len(given)]
    first = len(given) + len(made)
    refusals = [
        f"{name}_process(NULL, scratch, &in, &out)",
        f"{name}_process(net, NULL, &in, &out)",
        f"{name}_process(net, (char *)scratch + 1, &in, &out)",
        f"{name}_process(net, (char *)scratch + {name.upper()}_ALIGN / 2, &in, &out)",
        f"{name}_process(net, scratch, NULL, &out)",
        f"{name}_process(net, scratch, &in, NULL)",
        f"{name}_check(NULL)",
        f"{name}_check(({name} *)(void *)(state + 1))",
    ]
    if manifest.is_pcm:
        refusals += [
            f"{name}_process_s16(net, (char *)scratch + 4, pcm, pcm)",
            f"{name}_process_s16(net, scratch, NULL, pcm)",
            f"{name}_process_s16(NULL, scratch, pcm, pcm)",
        ]
    lines = [f"    static int16_t pcm[{manifest.stream['hop_samples'] or 1}];", "    (void)pcm;"]
    lines += [f"    if ({call} != -1) return {i + 10};" for i, call in enumerate(refusals)]
    for struct, tensors_of in (("in", given), ("out", made)):
        for place, member in enumerate(fields(tensors_of)):
            number = place + (len(given) if struct == "out" else 0)
            call = f"{name}_process(net, scratch, &in, &out) != -1"
            lines.append(f"    {struct}.{member} = NULL; if ({call}) return 60;")
            lines.append(f"    {struct}.{member} = b{number};")
    session = ""
    if constants:
        pointers = ", ".join(f"b{first + i}" for i in range(len(constants)))
        lines.append(f"    if ({name}_process(net, scratch, &in, &out) != -2) return 61;")
        lines.append(f"    {name}_constants given = {{{pointers}}};")
        calls = ("NULL, scratch, &given", "net, (char *)scratch + 4, &given", "net, scratch, NULL")
        lines += [f"    if ({name}_session({call}) != -1) return 62;" for call in calls]
        for i, member in enumerate(fields(constants)):
            lines.append(
                f"    given.{member} = NULL; if ({name}_session(net, scratch, &given) != -1) return 63;"
            )
            lines.append(f"    given.{member} = b{first + i};")
        session = "        " + " ".join(fill[first:]) + "\n"
        session += f"        if ({name}_session(net, scratch, &given) != 0) return 64;\n"
    return MAIN.format(
        name=name,
        upper=name.upper(),
        blocks="\n".join(blocks),
        ins=", ".join(f"b{i}" for i in range(len(given))),
        outs=", ".join(f"b{len(given) + i}" for i in range(len(made))),
        refusals="\n".join(lines),
        fill="\n".join(f"            {line}" for line in fills),
        session=session,
        hops=HOPS,
        seeds=SEEDS,
    )


def rings(hop: int, width: str) -> Model:
    model = streamed(dilated(), hop)
    clip = np.random.default_rng(0).standard_normal((60, 1, CHANNELS, hop)).astype(np.float32)
    return model if width == "float32" else quantize(model, Calibration(({"x": clip},), "n"), width)


def attention_rings(recipe: str) -> Model:
    model = attended("by frame", 12, 2, 2, 5, 7)
    clip = np.random.default_rng(0).standard_normal((60, 1, 2, 5)).astype(np.float32)
    return quantize(model, Calibration(({"x": clip},), "noise"), recipe)


def pcm(folder: Path) -> Model:
    path = tiny_networks.recurrent(folder / "net.onnx", width=tiny_networks.BINS)
    options = ImportOptions(sample_rate=16000, frontend=parse_spec(tiny_networks.FRONTEND))
    return load_model(str(path), options).model


def with_session(folder: Path) -> Model:
    path = network(folder / "film.onnx")
    shapes = {"x": (1, WIDTH, 8)}
    return from_onnx(path, name="film", shapes=shapes, session=["level", "speaker"])


FOLDERS = {"pcm": pcm, "session constants": with_session}
NETWORKS = {
    "rings of single frames": partial(rings, 1, "float32"),
    "rings of single frames, w8a8": partial(rings, 1, "w8a8"),
    "rings of three frames": partial(rings, 3, "float32"),
    "rings of three frames, w8a16": partial(rings, 3, "w8a16"),
    "rings of images": lambda: streamed(mixed(2)),
    "rings of keys and values": partial(attention_rings, "float32"),
    "rings of keys and values, w8a8": partial(attention_rings, "w8a8"),
    "gru_mask": partial(float_model, "gru_mask"),
    "gru_mask, w8a8": partial(int8_model, "gru_mask"),
    "lstm_vad, w8a8": partial(int8_model, "lstm_vad"),
    "attention, w8a8": partial(int8_model, "attention"),
}


def built(model: Model, folder: Path, target: str = "c99") -> Build:
    build = lowered(model, folder, target)
    (folder / "damage_main.c").write_text(program(build.manifest))
    sources = [name for name in build.files if name.endswith(".c")]
    command = [str(CC), *OPTIONS, "-I.", "damage_main.c", *sources, "-o", "damage"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return build


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    command = ["./damage", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.rows(1)
@pytest.mark.parametrize(
    "name",
    slow_except(
        lambda name: name in ("gru_mask", "rings of keys and values", "rings of single frames"),
        [*NETWORKS, *FOLDERS],
    ),
)
def test_a_damaged_state_stays_inside_its_blocks(name: str, tmp_path: Path) -> None:
    built(NETWORKS[name]() if name in NETWORKS else FOLDERS[name](tmp_path), tmp_path)
    whole = run(tmp_path)
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "0\n", "")
    damaged = run(tmp_path, "1")
    assert damaged.returncode == 0, damaged.stderr[:2000]
    floats = "w8a" not in name
    assert int(damaged.stdout) > 0 or not (floats or "rings" in name)


def test_the_place_of_a_ring_is_what_makes_the_difference(tmp_path: Path) -> None:
    """Without its check the same damage leaves the block: else the test above would prove nothing."""
    build = built(NETWORKS["rings of single frames"](), tmp_path)
    path = tmp_path / f"{build.manifest.c_name}.c"
    lines = path.read_text().splitlines()
    (first, *_) = checks = [i for i, line in enumerate(lines) if "if ((uint32_t)*" in line]
    assert len(checks) == 8 and "*" in lines[first + 1]
    for i in checks:
        lines[i : i + 3] = ["", "", ""]
    path.write_text("\n".join(lines))
    sources = [name for name in build.files if name.endswith(".c")]
    command = [str(CC), *OPTIONS, "-I.", "damage_main.c", *sources, "-o", "damage"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "AddressSanitizer" in run(tmp_path, "1").stderr
