"""Instructions that kernels execute on emulated cores: those of the core against the portable ones.

    python bench instructions [DEVICE ...] [--only WORD]

Prints, per call of a table of typical shapes, executed instructions per multiply-accumulate (per output where there
is none), with the portable kernels and with the device's own, compiled with the options of its builds, and counted
under QEMU. Instructions are not cycles.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tables import Table

from edgekit.operators.geometry import ConvShape
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.emit.conv.float32 import shape_argument
from edgekit.targets.c.packing.conv_paths import kernels_of
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.devices import profile, profiles
from edgekit.targets.instruction_sets import packing_of
from edgekit.targets.kernel_costs import generic_costs

SCALES = "mult, shift, 0, {min}, {max}"
S8, S16 = SCALES.format(min=-128, max=127), SCALES.format(min=-32768, max=32767)


@dataclass(frozen=True)
class Row:
    """One call, on shared arrays.

    Attributes:
        label: in the table.
        call: in C; of an integer convolution ``{kernel}`` is the one of an instruction set.
        per: what its instructions are divided by.
        conv: kernel and sizes of an integer convolution.
    """

    label: str
    call: str
    per: int
    conv: tuple[str, ConvShape] | None = None

    def text(self, folders: tuple[str, ...]) -> str:
        """The call with the kernels of some folders."""
        if self.conv is None:
            return self.call
        kernel, shape = self.conv
        return self.call.format(
            kernel=kernels_of(kernel, packing_of(folders), shape, generic_costs(folders))[0]
        )


def _conv(
    c_in: int,
    width: int,
    c_out: int,
    k: int,
    groups: int,
    stride: int = 1,
    height: int = 1,
    dil: int = 1,
    pad: bool = True,
) -> ConvShape:
    """Return the sizes of k or k x k taps with the same padding or none."""
    tall = k if height > 1 else 1
    down = stride if height > 1 else 1
    reach = dil * (k - 1) // 2 if pad else 0
    out_w, out_h = -(-width // stride), -(-height // down)
    tall_dil, tall_reach = (dil, reach) if tall > 1 else (1, 0)
    wide = width if pad else width + dil * (k - 1)
    sizes = (c_in, height, wide, c_out, out_h, out_w, tall, k)
    return ConvShape(*sizes, down, stride, tall_dil, dil, tall_reach, reach, groups)


def _conv_row(label: str, types: str, s: ConvShape) -> Row:
    shape = shape_argument(s)
    if types == "f32":
        call = f"ek_conv_f32(f, fw, NULL, EK_NO_ACT, 0, 0, NULL, fy, {shape})"
        return Row(label, call, s.macs)
    x = types.split("_")[0]
    zero, numbers = (3, S8) if x == "s8" else (0, S16)
    braced = shape.replace("{", "{{").replace("}", "}}")
    call = f"{{kernel}}({x}, {zero}, w, (const void *)bias, {numbers}, {x}y, {braced})"
    return Row(label, call, s.macs, (f"ek_conv_{types}", s))


POINTWISE, DEPTHWISE = _conv(64, 16, 128, 1, 1), _conv(128, 16, 128, 3, 128, dil=2, pad=False)
ONE_FRAME, CONV2D = _conv(128, 1, 64, 1, 1), _conv(16, 12, 32, 3, 1, height=12)
ONE_POSITION, RING = _conv(128, 1, 128, 3, 128, pad=False), "(const int32_t[]){0, 256, 640}"
DEPTHWISE2D, STRIDED = _conv(32, 16, 32, 3, 32, height=16), _conv(8, 32, 16, 3, 1, 2, height=9)
ONE_STEP = "table, table, NULL, 1, 1, 64, 64, 1, scratch"
GRU = f"w, w, (const void *)bias, (const void *)bias, mult, shift, mult, shift, {ONE_STEP}"
ROWS = (
    Row("fc 768x256 s8", f"ek_fc_s8_s8(s8, w, (const void *)bias, {S8}, s8y, 1, 768, 256)", 196608),
    Row("fc 768x256 s8 w4", f"ek_fc_s8_s8_w4(s8, w, (const void *)bias, {S8}, s8y, 1, 768, 256)", 196608),
    Row("fc 768x256 s16", f"ek_fc_s16_s16(s16, w, (const void *)bias, {S16}, s16y, 1, 768, 256)", 196608),
    Row("fc 768x256 s16 w4", f"ek_fc_s16_s16_w4(s16, w, (const void *)bias, {S16}, s16y, 1, 768, 256)", 196608),
    Row("fc 256x64 f32", "ek_fc_f32(f, fw, NULL, EK_NO_ACT, 0, 0, NULL, fy, 1, 256, 64)", 16384),
    Row("fc 24x20 s8", f"ek_fc_s8_s8(s8, w, (const void *)bias, {S8}, s8y, 1, 24, 20)", 480),
    Row("gru 64 s8", f"ek_gru_s8_s8(s8, s16y, {GRU})", 24576),
    Row("gru 64 s8 s16", f"ek_gru_s8_s16(s8, s16y, {GRU})", 24576),
    _conv_row("pointwise 64>128 x16 s8", "s8_s8", POINTWISE),
    _conv_row("pointwise 64>128 x16 s8 w4", "s8_s8_w4", POINTWISE),
    _conv_row("pointwise 64>128 x16 s16", "s16_s16", POINTWISE),
    _conv_row("pointwise 64>128 x16 f32", "f32", POINTWISE),
    _conv_row("pointwise 128>64 x1 s8", "s8_s8", ONE_FRAME),
    _conv_row("depthwise 128 k3 d2 x16 s8", "s8_s8", DEPTHWISE),
    _conv_row("depthwise 128 k3 d2 x16 s16", "s16_s16", DEPTHWISE),
    _conv_row("depthwise 128 k3 d2 x16 f32", "f32", DEPTHWISE),
    _conv_row("depthwise 128 k3 x1 s8", "s8_s8", ONE_POSITION),
    Row("frames 128 k3 s8", f"ek_frames_s8_s8(s8, {RING}, w, (const void *)bias, {S8}, s8y, 3, 128)", 384),
    Row("frames 128 k3 s16", f"ek_frames_s16_s16(s16, {RING}, w, bias, {S16}, s16y, 3, 128)", 384),
    Row("frames 128 k3 f32", f"ek_frames_f32(f, {RING}, fw, NULL, fy, 3, 128)", 384),
    _conv_row("conv 16>32 3x3 12x12 s8", "s8_s8", CONV2D),
    _conv_row("conv 8>16 3x3 s2 9x32 s8", "s8_s8", STRIDED),
    _conv_row("conv 16>32 3x3 12x12 f32", "f32", CONV2D),
    _conv_row("depthwise 32 3x3 16x16 s8", "s8_s8", DEPTHWISE2D),
    Row("prelu 2048 s8", "ek_prelu_s8(s8, 3, mult[0], mult, 40, 1, s8y, 16, 128)", 2048),
    Row("add 2048 s8", "ek_add_s8(s8, 1, 3, 1 << 28, s8, 1, 2, 1 << 29, 30, 1, -128, 127, s8y, 2048)", 2048),
    Row("mul 2048 s8", "ek_mul_s8(s8, 1, 3, s8, 1, 2, 1 << 29, 34, 1, -128, 127, s8y, 2048)", 2048),
    Row("mul 2048 s16", "ek_mul_s16(s16, 1, 0, s16, 1, 0, 1 << 14, 29, 0, -32768, 32767, s16y, 2048)", 2048),
    Row("table 2048 s8", "ek_lut_s8(s8, w, s8y, 2048)", 2048),
    Row("table 2048 s16", "ek_lut_s16(s16, table, s16y, 2048)", 2048),
    Row("requantize 2048 s8", "ek_requantize_s8_s8(s8, 3, 1 << 30, 32, 1, -128, 127, s8y, 2048)", 2048),
)  # fmt: skip

MAIN = """\
#include "replay.h"

#include "edgekit.h"

static _Alignas(64) int8_t w[768 * 256 + 64], s8[8192], s8y[8192];
static _Alignas(64) int16_t s16[8192], s16y[8192], table[4096], scratch[4096];
static _Alignas(64) int32_t mult[1024];
static _Alignas(64) int64_t bias[1024];
static _Alignas(64) float f[8192], fy[8192], fw[16384];
static uint8_t shift[1024];

int main(void)
{{
    for (int32_t i = 0; i < 1024; i++) {{
        mult[i] = 1 << 30, shift[i] = 40;
    }}
    (void)f, (void)fy, (void)fw, (void)table, (void)scratch, (void)s16, (void)s16y, (void)s8, (void)s8y, (void)w;
{calls}
    return 0;
}}
"""


def counted(device: Profile, folders: tuple[str, ...], rows: list[Row]) -> list[int]:
    """Return the executed instructions of each row's call with the kernels of some folders."""
    text = "".join(
        f"    replay_begin();\n    {row.text(folders)};\n    replay_end();\n" for row in rows
    )
    files = kernel_files(set(), text, folders)
    return executed(device, files, MAIN.format(calls=text))


def executed(device: Profile, kernels: dict[str, bytes], main: str) -> list[int]:
    """Return the executed instructions between each `replay_begin` and `replay_end` of a program with these kernels."""
    files = kernels | {f"replay/{name}": content for name, content in port_files(device).items()}
    files |= {"replay/main.c": main.encode(), "replay/marks.c": MARKS.encode()}
    if device.is_bare:
        files["replay/board.ld"] = linker_script("golden", device).encode()
    with tempfile.TemporaryDirectory() as name:
        for path, content in files.items():
            (Path(name) / path).parent.mkdir(exist_ok=True)
            (Path(name) / path).write_bytes(content)
        compile_replay(Path(name), device, Path(name) / "program")
        return list(count(device, Path(name) / "program").hops)


MARKS = """\
#include "replay.h"
void replay_begin(void) { __asm__ volatile("" ::: "memory"); }
void replay_end(void) { __asm__ volatile("" ::: "memory"); }
"""


def main() -> int:
    """Count and print for the devices that the command line names."""
    parser = argparse.ArgumentParser(description="Executed instructions of kernels under QEMU.")
    names = [name for name, device in profiles().items() if device.is_cross]
    parser.add_argument("devices", nargs="*", default=names, metavar="DEVICE")
    parser.add_argument("--only", default="", metavar="WORD")
    given = parser.parse_args()
    rows = [row for row in ROWS if given.only in row.label]
    for name in given.devices:
        device = profile(name)
        portable, own = counted(device, (), rows), counted(device, device.kernels, rows)
        table = Table(
            name, "portable", "own", title="instructions per multiply-accumulate or output"
        )
        for row, before, after in zip(rows, portable, own, strict=True):
            table.add_row(row.label, f"{before / row.per:.3f}", f"{after / row.per:.3f}")
        table.show()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
