"""The instruction sets with separate kernels: one row each, read by builds, tests, bench, doctor and docs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Array, Float32, Int8
from edgekit.graph.sparsity import PATTERNS, Pattern


@dataclass(frozen=True)
class Sparse:
    """The order in which kernels read rows of N:M sparse weights, and the cases in which that is faster.

    Attributes:
        pays: the patterns for which it is faster; others stay dense.
        packed: indices have 2 or 4 bits, else 8 (``runtime/src/portable/linear/ek_turns.h``).
        windows: rows are interleaved as in ``runtime/src/x86/conv/ek_windows.h``.
        bits: of the operands.
        most_positions: vectors in one call that are multiplied with the same weights; for more the dense kernel, which
            reads weights once for several, is faster.
        head: bytes before the first row.
        least_weight: the least value that kernels hold.
    """

    pays: tuple[Pattern, ...] = ()
    packed: bool = True
    windows: bool = False
    bits: tuple[int, ...] = (8, 16)
    most_positions: int = 1 << 30
    head: int = 4
    least_weight: int = -128


@dataclass(frozen=True)
class TileLayout:
    """How integer convolutions of ``runtime/src/tiles`` read weights.

    Attributes:
        group: taps of an output that lie together.
        fill: taps of which a piece has a multiple, ``EK_TILE_FILL``.
        taps: most taps of a piece, ``EK_TILE_TAPS``.
        channels: inputs from which on the channels of a tap lie side by side, ``EK_TILE_CHANNELS``; 0: never.
        strips: windows may lie in strips, ``EK_TILE_STRIPS``, also of channels each by itself:
            ``runtime/src/mve/ek_conv_planes.h``.
        outputs: side by side, ``EK_TILE_PANEL``.
        fours: four channels or four columns lie together, ``EK_TILE_FOURS``.
    """

    group: int
    fill: int
    taps: int
    channels: int = 0
    strips: bool = False
    outputs: int = 2
    fours: bool = False


@dataclass(frozen=True)
class Packing:
    """The order in which the kernels of one instruction set read weights.

    Attributes:
        rows: interleaved rows, ``EK_PANEL``.
        panels: the number of panels of rows that alternate, ``EK_ROWS / EK_PANEL``.
        taps: taps in a group by the bits of the operand, ``EK_GROUP``.
        nibbles: the order of 8 int4 taps in a lane of 32 bits, lowest nibble first, by the bits of the operand. Without
            it int4 rows are not packed.
        offset: the number added to int8 operands before they are multiplied.
        columns: interleaved columns of a float matrix, ``EK_COLUMNS``; 0 leaves it as it is.
        windows: integer convolutions are those of ``runtime/src/x86``.
        channels: interleaved int8 channels in convolutions: two, or four in those of more than one tap; 0: none. Of
            int16 channels it is two at most.
        tiles: integer convolutions of int8 inputs are those of ``runtime/src/tiles``.
        matrix_tiles: int8 weights of those with interleaved channels are in tiles of 16 outputs by 64 taps.
        line: bytes to which arrays are aligned, where a vector across two lines of the cache takes longer.
        sparse: the order of N:M sparse rows.
    """

    rows: int = 1
    panels: int = 1
    taps: tuple[tuple[int, int], ...] = ((8, 1), (16, 1))
    nibbles: tuple[tuple[int, tuple[int, ...]], ...] = ()
    offset: int = 0
    columns: int = 0
    windows: bool = False
    channels: int = 0
    tiles: TileLayout | None = None
    matrix_tiles: bool = False
    line: int = 0
    sparse: Sparse = Sparse()

    def int_rows(self, w: Array, bits: int) -> Int8:
        """Pack w (n, k) for operands of this number of bits."""
        group, (n, k) = dict(self.taps)[bits], w.shape
        wide = np.zeros((-(-n // self.rows) * self.rows, -(-k // group) * group), np.int8)
        wide[:n, :k] = w
        panels = wide.reshape(len(wide) // self.rows, self.rows, wide.shape[1] // group, group)
        return np.concatenate(
            [
                panels[first : first + self.panels].transpose(2, 0, 1, 3).reshape(-1)
                for first in range(0, len(panels), self.panels)
            ]
        )

    def int4_rows(self, w: Array, bits: int) -> Int8:
        """Pack int4 w (n, k) for operands of this number of bits."""
        order, (n, k) = dict(self.nibbles)[bits], w.shape
        wide = np.zeros((-(-n // self.rows) * self.rows, -(-k // 8) * 8), np.int8)
        wide[:n, :k] = w
        lanes = wide.reshape(len(wide) // self.rows, self.rows, wide.shape[1] // 8, 8)[
            ..., list(order)
        ]
        pairs = ((lanes[..., 0::2] & 15) | (lanes[..., 1::2] << 4)).astype(np.int8)
        return np.concatenate(
            [
                pairs[first : first + self.panels].transpose(2, 0, 1, 3).reshape(-1)
                for first in range(0, len(pairs), self.panels)
            ]
        )

    def int_bias(self, w: Array, bias: Array, bits: int) -> Array:
        """Fold the offset of the operand into the bias of w (n, k), modulo 2^32."""
        if bits != 8 or self.offset == 0:
            return bias
        folded: Array = bias - self.offset * w.sum(axis=1, dtype=np.int64)
        return folded.astype(np.int32)

    def float_rows(self, w: Array) -> Float32:
        """Pack w (k, n)."""
        k, n = w.shape
        wide = np.zeros((k, -(-n // self.columns) * self.columns), np.float32)
        wide[:, :n] = w
        panels = wide.reshape(k, -1, self.columns).swapaxes(0, 1)
        return np.ascontiguousarray(panels).reshape(-1)


PORTABLE = Packing(sparse=Sparse(pays=PATTERNS))
ON_X86 = Sparse(pays=PATTERNS, packed=False, windows=True, bits=(8,), most_positions=3, head=64)
ON_NEON = Packing(
    rows=4,
    panels=4,
    taps=((8, 4), (16, 1)),
    columns=4,
    tiles=TileLayout(group=4, fill=4, taps=1024, outputs=4, fours=True),
)
BY_LANES = Packing(columns=4)  # rows as they are, and dense kernels that sparse ones do not beat
PAIRS = (0, 2, 4, 6, 1, 3, 5, 7)  # neighbouring taps at the same place of two halves
OF_AVX512 = ("avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni")
FOR_AVX512 = ("-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni")
ON_AVX512 = Packing(
    rows=16,
    panels=4,
    taps=((8, 4), (16, 2)),
    nibbles=((8, (0, 4, 1, 5, 2, 6, 3, 7)), (16, PAIRS)),
    offset=128,
    columns=16,
    windows=True,
    channels=4,
    line=64,
    sparse=ON_X86,
)


@dataclass(frozen=True)
class InstructionSet:
    """One instruction set.

    Attributes:
        name: its folder in ``runtime/src``; its files replace those of the same name in ``portable``.
        what: its description, for people.
        behind: the fallback folders after its own, in this order: the first that has a file wins.
        machine: the architecture, as ``uname -m`` names it; ``arm`` of microcontrollers.
        cpu: flags that Linux lists for a CPU that has it. Tests run it there, and ``host`` takes the first row that
            fits; where no flags are listed, this cannot be detected.
        optional: those of `cpu` without which its kernels compute the same, in more time.
        flags: options of gcc and clang that turn it on for such a test.
        emulated: the device of ``devices.toml`` on which tests and bench run it under QEMU, where there is one. The
            kernels of WebAssembly run in wasmtime and node.
        packing: the order in which its kernels read weights.
    """

    name: str
    what: str
    behind: tuple[str, ...]
    machine: str
    cpu: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    emulated: str | None = None
    packing: Packing = PORTABLE

    @property
    def folders(self) -> tuple[str, ...]:
        """Its kernels' folders; the first that has a file wins."""
        return (self.name, *self.behind)

    def missing(self, machine: str, cpu: frozenset[str]) -> list[str]:
        """Return the flags that a machine lacks to run it in full, as its Linux would list them."""
        if machine != self.machine or not self.cpu:
            return [self.what]
        return sorted(set(self.cpu) - cpu)

    def needed(self, machine: str, cpu: frozenset[str]) -> list[str]:
        """Return the flags of these that a machine lacks to run it at all."""
        return [flag for flag in self.missing(machine, cpu) if flag not in self.optional]


INSTRUCTION_SETS = {
    row.name: row
    for row in (
        InstructionSet(
            "amx",
            "AMX for int8, and AVX-512 with VNNI",
            ("avx512vnni", "x86", "lanes", "simd"),
            machine="x86_64",
            cpu=(*OF_AVX512, "amx_tile", "amx_int8"),
            optional=("amx_tile", "amx_int8"),
            flags=(*FOR_AVX512, "-mamx-tile", "-mamx-int8"),
            packing=replace(ON_AVX512, matrix_tiles=True),
        ),
        InstructionSet(
            "avx512vnni",
            "AVX-512 with VNNI",
            ("x86", "lanes", "simd"),
            machine="x86_64",
            cpu=OF_AVX512,
            flags=FOR_AVX512,
            packing=ON_AVX512,
        ),
        InstructionSet(
            "avx2",
            "AVX2 with FMA",
            ("x86", "lanes", "simd"),
            machine="x86_64",
            cpu=("avx2", "fma"),
            flags=("-mavx2", "-mfma"),
            packing=Packing(
                rows=8,
                panels=4,
                taps=((8, 2), (16, 2)),
                nibbles=((8, PAIRS), (16, PAIRS)),
                columns=8,
                windows=True,
                channels=2,
                sparse=replace(ON_X86, least_weight=-127),
            ),
        ),
        InstructionSet(
            "neondot",
            "Advanced SIMD with dot products (Armv8.2-A)",
            ("neon", "simd", "tiles", "dots"),
            machine="aarch64",
            cpu=("asimddp",),
            flags=("-march=armv8.2-a+dotprod",),
            emulated="cortex-a76",
            packing=ON_NEON,
        ),
        InstructionSet(
            "neon",
            "Advanced SIMD (Armv8.0-A)",
            ("simd", "tiles", "dots"),
            machine="aarch64",
            cpu=("asimd",),
            emulated="cortex-a53",
            packing=ON_NEON,
        ),
        InstructionSet(
            "neon32",
            "Advanced SIMD with fused products (Armv7-A)",
            ("neon", "simd", "tiles", "dots"),
            machine="armv7l",
            cpu=("neon", "vfpv4"),
            flags=("-mfpu=neon-vfpv4",),
            emulated="cortex-a7",
            packing=ON_NEON,
        ),
        InstructionSet(
            "mve",
            "Helium (Armv8.1-M)",
            ("dsp", "lanes", "fpu", "simd", "tiles", "dots"),
            machine="arm",
            emulated="cortex-m55",
            packing=Packing(
                columns=4,
                tiles=TileLayout(group=16, fill=16, taps=512, channels=8, strips=True),
                sparse=Sparse(pays=PATTERNS, packed=False, most_positions=1),
            ),
        ),
        InstructionSet(
            "dsp",
            "DSP extension (Armv7E-M)",
            ("lanes", "fpu", "simd", "tiles", "dots"),
            machine="arm",
            emulated="cortex-m4",
            packing=Packing(
                rows=4,
                columns=4,
                taps=((8, 4), (16, 4)),
                tiles=TileLayout(group=1, fill=2, taps=288),
                sparse=Sparse(pays=PATTERNS, most_positions=1),
            ),
        ),
        InstructionSet(
            "rvv",
            "RISC-V vectors of 128 bits or more",
            ("lanes", "fpu", "simd", "dots"),
            machine="riscv64",
            emulated="riscv64-v",
            packing=BY_LANES,
        ),
        InstructionSet(
            "wasm",
            "WebAssembly SIMD of 128 bits",
            ("lanes", "simd", "dots"),
            machine="wasm32",
            emulated="wasm",
            packing=Packing(columns=4),
        ),
        InstructionSet(
            "fpu",
            "no vectors, but a floating-point unit with fused products",
            ("simd", "dots"),
            machine="riscv64",
            emulated="riscv64",
            packing=Packing(columns=4, sparse=Sparse(pays=PATTERNS)),
        ),
        InstructionSet(
            "dots",
            "no vectors: scalar products tap by tap",
            (),
            machine="riscv32",
            emulated="riscv32imc",
        ),
    )
}


def packing_of(folders: Sequence[str]) -> Packing:
    """Return how the kernels of an instruction set's folders read weights."""
    return INSTRUCTION_SETS[folders[0]].packing if folders else PORTABLE


def instruction_set_of(machine: str, cpu: frozenset[str]) -> InstructionSet | None:
    """Return the first row that an architecture with these flags of its CPU runs; None for portable kernels."""
    rows = (row for row in INSTRUCTION_SETS.values() if row.cpu)
    return next((row for row in rows if not row.missing(machine, cpu)), None)
