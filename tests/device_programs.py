"""One program for a device out of many networks: it runs them all on golden inputs, compares, and prints PASS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from device_calls import COMPARE, SAME_BITS
from numpy.typing import NDArray
from operator_models import Arrays

from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files

ALIGN = 16
NEAR = 1e-5  # of the peak, where a device's float kernels sum in another order

MAIN = """\
#include "replay.h"

#include "edgekit.h"

{compare}
{includes}

__asm__(".pushsection .rodata.golden_operators, \\"a\\"\\n.balign 16\\n"
        "golden_operators:\\n.incbin \\"{golden}\\"\\n.popsection");
extern const unsigned char golden_operators[];

static _Alignas(64) unsigned char state[{state}], scratch[{scratch}], results[{results}];

{functions}

int main(void)
{{
{calls}
    replay_print(failures ? "FAIL\\n" : "PASS\\n");
    return failures != 0;
}}
"""

FUNCTION = """\
static void run_{name}(void)
{{
    {name} *const net = {name}_init(state, sizeof state);
    for (size_t hop = 0; hop < {hops}; hop++) {{
        const unsigned char *const golden = golden_operators + {start}u + hop * {step}u;
        const {name}_inputs in = {{{inputs}}};
        {name}_outputs out = {{{outputs}}};
        failures += {name}_process(net, scratch, &in, &out) != 0;
{compares}
    }}
}}
"""


@dataclass(frozen=True)
class Golden:
    """A lowered network, inputs of some hops, and what must come out; `is_near` where floats may differ a little."""

    build: Build
    inputs: Arrays
    outputs: Arrays
    is_near: bool


def write_programs(folder: Path, programs: Sequence[Golden], profile: Profile) -> None:
    """Write the kernels of all builds, and ``replay/`` with the program, for `compile_replay`."""
    files = {f"replay/{name}": text for name, text in port_files(profile).items()}
    files |= kernel_files(set(), "")  # edgekit.h without names of a build's own
    includes, functions, data, results = list[str](), list[str](), bytearray(), ALIGN
    for program in programs:
        name = program.build.manifest.c_name
        for file, text in program.build.files.items():
            if file == "edgekit.h":
                continue
            if file.startswith("ek_"):
                assert files.setdefault(file, text) == text, file
            elif file.startswith(name):
                files[f"replay/cases/{file}"] = text
        includes += [
            f"#define EK_BUILD_{name}",
            f'#include "cases/{name}.c"',
            f'#include "cases/{name}_weights.c"',
        ]
        text, size = _function(program, len(data))
        functions.append(text)
        results = max(results, size)
        data += _hops(program)
    # Named by its content: compilers' caches know sources, not what these include as bytes.
    golden = f"replay/golden_{sha256(data).hexdigest()[:16]}.bin"
    memories = [program.build.manifest.memory for program in programs]
    files["replay/main.c"] = MAIN.format(
        compare=COMPARE,
        golden=golden,
        includes="\n".join(includes),
        functions="\n".join(functions),
        results=results,
        state=max(ALIGN, *(memory["state_bytes"] or 0 for memory in memories)),
        scratch=max(ALIGN, *(memory["scratch_bytes"] or 0 for memory in memories)) + ALIGN,
        calls="\n".join(f"    run_{program.build.manifest.c_name}();" for program in programs),
    ).encode()
    files[golden] = bytes(data)
    if profile.is_bare:
        files["replay/board.ld"] = linker_script("[fw]*", profile).encode()
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _padded(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def _bytes(array: NDArray[np.generic]) -> int:
    return _padded(array[0].nbytes)


def _arrays(program: Golden) -> Iterable[NDArray[np.generic]]:
    manifest: Manifest = program.build.manifest
    yield from (program.inputs[tensor.name] for tensor in manifest.hop_inputs)
    yield from (program.outputs[tensor.name] for tensor in manifest.stream_outputs)


def _hops(program: Golden) -> bytes:
    """All hops, of each the inputs and then the outputs, every one filled up to ALIGN bytes."""
    arrays = list(_arrays(program))
    rows = [array[hop].tobytes() for hop in range(len(arrays[0])) for array in arrays]
    return b"".join(row + bytes(_padded(len(row)) - len(row)) for row in rows)


def _function(program: Golden, start: int) -> tuple[str, int]:
    """The function that runs one network, and how many bytes its outputs take."""
    manifest = program.build.manifest
    sizes = [_bytes(array) for array in _arrays(program)]
    offsets = np.cumsum([0, *sizes]).tolist()
    count = len(manifest.hop_inputs)
    compares = []
    for tensor, offset in zip(manifest.stream_outputs, offsets[count:], strict=False):
        found, expected = f"results + {offset - offsets[count]}", f"golden + {offset}"
        compares.append(
            f'        compare("{manifest.c_name}", {found}, {expected}, {_compared(program, tensor)});'
        )
    text = FUNCTION.format(
        name=manifest.c_name,
        hops=len(next(iter(program.outputs.values()))),
        start=start,
        step=offsets[-1],
        inputs=", ".join(f"(const void *)(golden + {offset})" for offset in offsets[:count]),
        outputs=", ".join(
            f"(void *)(results + {offset - offsets[count]})" for offset in offsets[count:-1]
        ),
        compares="\n".join(compares),
    )
    return text, offsets[-1] - offsets[count]


def _compared(program: Golden, tensor: Tensor) -> str:
    """Size, whether it is float, and how near its values must be."""
    expected = program.outputs[tensor.name]
    is_float = expected.dtype == np.float32
    near = 0.0 if is_float else SAME_BITS
    if is_float and program.is_near:
        finite = np.abs(expected[np.isfinite(expected)])
        near = NEAR * max(1.0, float(finite.max(initial=0.0)))
    return f"{expected[0].nbytes}, {int(is_float)}, {near:.6e}f"
