"""Programs that record a build on this machine or an emulated device, with faults put into them."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from builds import Inputs, lowered, noise

from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.cross import compile_replay
from edgekit.targets.build import Build
from edgekit.targets.c.program.recorder import recorder_files
from edgekit.targets.c.replay.files import golden_file, replay_files
from edgekit.targets.devices import profile

HOPS = 6
FAULT_HOP = 3
# Records all golden hops and prints the bytes in hexadecimal. `before` runs before the hop of the fault, `inside` in
# it: after its inputs were recorded.
MAIN = """\
#include "replay.h"
#include "edgekit.h"
#include "plain/recorder/{name}_recorder.h"

extern unsigned char replay_state[];
static unsigned char inputs[{input_bytes}];
static int hop, calls;

void replay_begin(void) {{}}
void replay_end(void) {{}}
void replay_look(int number, const void *data) {{ (void)number, (void)data; }}

static void sink(void *user, const void *bytes, size_t size)
{{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *const byte = bytes;
    char text[129];
    (void)user;
    for (size_t start = 0; start < size; start += 64) {{
        size_t at = 0;
        for (; at < 64 && start + at < size; at++) {{
            text[2 * at] = digits[byte[start + at] >> 4];
            text[2 * at + 1] = digits[byte[start + at] & 15];
        }}
        text[2 * at] = 0;
        replay_print(text);
    }}
    calls++;
    if (hop == {fault_hop} && calls == {inside_call}) {{
        {inside}
    }}
}}

int main(void)
{{
    if (replay_reset() != 0) {{
        return 1;
    }}
    {name}_record(({name} *)(void *)replay_state, sink, NULL);
    for (hop = 0; hop < replay_hops; hop++) {{
        size_t at = 0;
        for (int i = 0; i < replay_input_count; i++) {{
            const size_t bytes = replay_inputs[i].bytes;
            memcpy(inputs + at, (const unsigned char *)replay_inputs[i].data + bytes * (size_t)hop, bytes);
            replay_pointers[i] = inputs + at;
            at += bytes;
        }}
        calls = 0;
        if (hop == {fault_hop}) {{
            {before}
        }}
        (void)replay_process(replay_pointers);
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Fault:
    """C that breaks something, and words of a source to replace: file -> (old, new)."""

    before: str = ";"
    inside: str = ";"
    replaced: Mapping[str, tuple[str, str]] | None = None


NO_FAULT = Fault()


def finished_build(model: Model, folder: Path, target: str) -> Build:
    """Write a build of a model as an export leaves it, as far as a replay reads it."""
    build = lowered(model, folder, target)
    model.save(folder / "model.onnx")
    for name, content in recorder_files(build, build.manifest, model).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return build


def recording_of(
    build: Build, model: Model, folder: Path, fault: Fault = NO_FAULT, *defines: str
) -> bytes:
    """Compile a finished build with its recorder for its target, run `HOPS` hops of noise, return the recording."""
    manifest, device = build.manifest, profile(build.manifest.target)
    inputs = noise(model, HOPS)
    work = folder / "program"
    _write_program(build, folder, work, fault, inputs, Oracle(model).run_hops(inputs))
    program = work / "program.elf"
    names = [name.replace("NAME", manifest.c_name.upper()) for name in defines]
    compile_replay(work, device, program, names)
    command = device.qemu_command(str(program)) if device.is_cross else (str(program),)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return bytes.fromhex(done.stdout + done.stderr)


def _write_program(
    build: Build, folder: Path, work: Path, fault: Fault, inputs: Inputs, outputs: Inputs
) -> None:
    manifest, device = build.manifest, profile(build.manifest.target)
    files = {**build.files, **replay_files(replace(manifest, sampler=None), device)}
    files["replay/golden.c"] = golden_file(manifest, inputs, outputs, (), False, 10**7)
    name = manifest.c_name
    for path in (folder / "recorder").iterdir():
        files[f"plain/recorder/{path.name}"] = path.read_bytes()
    for ending in ("c", "h"):
        files[f"plain/{name}.{ending}"] = files[f"{name}.{ending}"]
    files[f"{name}.c"] = f'#include "plain/recorder/{name}_recorder.c"\n'.encode()
    del files["replay/layers.c"]
    files["replay/main.c"] = _main(manifest, fault).encode()
    for file, (old, new) in (fault.replaced or {}).items():
        text = files[file].decode()
        assert old in text
        files[file] = text.replace(old, new, 1).encode()
    for file, content in files.items():
        (work / file).parent.mkdir(parents=True, exist_ok=True)
        (work / file).write_bytes(content)


def _main(manifest: Manifest, fault: Fault) -> str:
    sizes = [int(np.prod(t.shape)) * np.dtype(t.dtype).itemsize for t in manifest.hop_inputs]
    return MAIN.format(
        name=manifest.c_name,
        input_bytes=sum(sizes),
        fault_hop=FAULT_HOP,
        inside_call=1 + len(sizes),  # after the head and the inputs
        before=fault.before,
        inside=fault.inside,
    )
