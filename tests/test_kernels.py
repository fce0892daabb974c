"""Every C kernel equals its NumPy twin bit for bit, at two optimization levels and under sanitizers."""

import ctypes
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_kernels import (
    BUILDS,
    CC,
    INCLUDE,
    ISAS,
    SOURCES,
    UBSAN,
    Call,
    check,
    check_near,
    compile_library,
    contract_bytes,
    contract_parameters,
    is_conv,
    is_quick,
    missing_cpu_flags,
    needs_cc,
    own_kernels,
    packed,
    prototypes,
    run,
    run_under_asan,
    ways,
    write_kernels,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import (
    CASES,
    FUNCTIONS,
    POINTS,
    Seeded,
    conv,
    exact,
    fc_of,
    integers,
    weights,
)
from kernel_remainders import FEW, VALUES, Fences, by_folders, remainder_calls, room_calls
from slices import slow_except

from edgekit.operators.border import twin as border_twin
from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.pooling import twin as pooling_twin
from edgekit.runtime.proof.contracts import contract_of, contracts
from edgekit.targets.c.packing.conv_paths import has_kernel
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.stubs import hosts
from edgekit.targets.devices import cpu_flags
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, packing_of

pytestmark = needs_cc


class Drawn:
    """Sizes and the seed of the contents, from hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))

    def int(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))

    def rng(self) -> np.random.Generator:
        return self.generator


class Libraries(dict[str, ctypes.CDLL]):
    """Libraries by name, each compiled when a test first asks for it; a job is its options and its sources."""

    def __init__(
        self, folder: Path, jobs: Mapping[str, tuple[Sequence[str], Sequence[Path]]]
    ) -> None:
        super().__init__()
        self.folder, self.jobs = folder, jobs

    def __missing__(self, name: str) -> ctypes.CDLL:
        self[name] = compile_library(self.folder / f"{name}.so", *self.jobs[name])
        return self[name]


@pytest.fixture(scope="session")
def chosen(pytestconfig: pytest.Config) -> Callable[[str], bool]:
    """Whether a kernel is compiled: all are, for a run without the slow tests the quick ones."""
    return is_quick if "not slow" in pytestconfig.getoption("markexpr") else bool


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory, chosen: Callable[[str], bool]) -> Libraries:
    """The portable kernels, by the name of their options."""
    sources = [path for path in SOURCES if chosen(path.stem)]
    jobs = {name: (options, sources) for name, options in BUILDS.items()}
    return Libraries(tmp_path_factory.mktemp("kernels"), jobs)


def of_isas(folder: Path, chosen: Callable[[str], bool], *options: str) -> Libraries:
    """The kernels of every instruction set of this architecture."""
    jobs = {
        isa: ((*options, *row.flags), write_kernels(folder / isa, isa, chosen))
        for isa, row in ISAS.items()
    }
    return Libraries(folder, jobs)


@pytest.fixture(scope="session")
def isa_libraries(
    tmp_path_factory: pytest.TempPathFactory, chosen: Callable[[str], bool]
) -> Libraries:
    """The kernels of every instruction set; what exports optimize more is under UBSan, and in tests of networks."""
    return of_isas(tmp_path_factory.mktemp("isa"), chosen, "-O1")


@pytest.fixture(scope="session")
def ubsan_libraries(
    tmp_path_factory: pytest.TempPathFactory, chosen: Callable[[str], bool]
) -> Libraries:
    """The same under UBSan as well: a minute to compile."""
    return of_isas(tmp_path_factory.mktemp("ubsan"), chosen, "-O2", *UBSAN[1:])


# Of the numbers that are not in turn, and values of the one that is.
SEEDS = (
    (0, FEW),
    *(pytest.param(seed, VALUES, marks=pytest.mark.slow) for seed in range(9)),
)
# The first that this CPU runs is that of its exports: `make test` compiles no other.
OWN = [isa for isa in ISAS if not ISAS[isa].missing(platform.machine(), cpu_flags())][:1]
EACH_ISA = slow_except(lambda isa: isa in OWN, ISAS)
ISA_KERNELS = pytest.mark.parametrize(
    ("isa", "kernel"),
    slow_except(
        lambda row: row[0] in OWN and is_quick(row[1]),
        [(isa, kernel) for isa in ISAS for kernel in own_kernels(isa)],
    ),
)
EACH_BUILD = slow_except(lambda build: build == "ubsan", BUILDS)


@ISA_KERNELS
def test_the_kernels_of_an_instruction_set_equal_the_portable_ones(
    isa_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for seed in range(30):
        for call in ways(CASES[kernel](Seeded(seed)), ISAS[isa].folders):
            check_near(call, run(isa_libraries[isa], call), f"{isa}, seed {seed}")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="kernels for x86")
def test_kernels_for_amx_compute_the_same_without_its_tiles(tmp_path: Path) -> None:
    if missing := missing_cpu_flags("amx"):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    kernel, row = "ek_conv_s8_s8", ISAS["amx"]
    sources = write_kernels(tmp_path / "amx", "amx", lambda name: name == kernel)
    without = tuple(flag for flag in row.flags if "amx" not in flag)
    library = compile_library(tmp_path / "amx.so", ("-O1", *without), sources)
    for seed in range(30):
        for call in ways(CASES[kernel](Seeded(seed)), row.folders):
            check_near(call, run(library, call), f"seed {seed}")


@pytest.mark.skipif(platform.system() != "Linux", reason="protects pages as Linux does")
@ISA_KERNELS
def test_shapes_that_fill_or_cut_the_room_of_a_kernel(
    isa_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    fences = Fences()
    for call in by_folders(room_calls(kernel), ISAS[isa].folders):
        fences.check(isa_libraries[isa], call, f"{isa}, {call.args[-1]}")


@pytest.mark.skipif(platform.system() != "Linux", reason="protects pages as Linux does")
@pytest.mark.parametrize(("seed", "values"), SEEDS)
@ISA_KERNELS
def test_each_size_in_turn_takes_all_its_remainders(
    isa_libraries: Libraries, isa: str, kernel: str, seed: int, values: Sequence[int]
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    fences = Fences()
    for call in by_folders(remainder_calls(kernel, seed, values), ISAS[isa].folders):
        fences.check(isa_libraries[isa], call, f"{isa}, {call.args[-3:]}")


@pytest.mark.parametrize("isa", EACH_ISA)
def test_float_kernels_of_integer_recipes_have_the_bits_of_portable_ones(
    tmp_path: Path, isa: str
) -> None:
    """Headers of an instruction set that portable float kernels read change nothing of them."""
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    floats = [path.stem for path in SOURCES if path.stem.endswith("_f32")]
    folders = ISAS[isa].folders
    mixed = [n for n in floats if kernel_files({n}, "", folders, True) != kernel_files({n}, "")]
    for name, content in kernel_files(set(mixed), "", folders, True).items():
        (tmp_path / name).write_bytes(content)
    options = ("-O2", *ISAS[isa].flags)
    library = compile_library(tmp_path / "all.so", options, sorted(tmp_path.glob("*.c")))
    assert {"ek_avg_pool_f32", "ek_max_pool_f32"} <= set(mixed) or "x86" not in folders
    for kernel, seed in product(mixed, range(100)):
        call = CASES[kernel](Seeded(seed))
        check(call, run(library, call), f"{isa}, {kernel}, seed {seed}")


# Arrays that a case has and the kernel does not read: a product with w that x stands for.
UNREAD = {"w", "w_bias", "w_mult", "w_shift"}


def cut_to_contract(call: Call, seed: int) -> Call:
    """The call with arrays of the bytes of its contract; asserts that a case has no other sizes without a reason."""
    contract, args = contract_of(call.kernel), list(call.args)
    assert contract is not None
    for i, size in contract_bytes(call).items():
        array, name = np.asarray(args[i]), contract_parameters()[call.kernel][i][0]
        apart = not isinstance(contract.args.get(name, ""), str)
        rest = apart or call.kernel == "ek_fft_f32" or (name in UNREAD and not size)
        assert size == array.nbytes or (rest and size < array.nbytes), (
            f"{call.kernel}, seed {seed}, {name}: contract {size} bytes, case {array.nbytes}"
        )
        if not apart:
            args[i] = array.ravel()[: size // array.itemsize]
    return replace(call, args=args)


@pytest.mark.skipif(platform.system() != "Linux", reason="protects pages as Linux does")
@pytest.mark.parametrize(("seed", "values"), SEEDS)
@pytest.mark.parametrize("kernel", slow_except(is_quick, sorted(CASES)))
def test_kernels_touch_the_bytes_of_their_contracts_alone(
    libraries: Libraries, kernel: str, seed: int, values: Sequence[int]
) -> None:
    fences = Fences()
    for number, call in enumerate(remainder_calls(kernel, seed, values)):
        fences.check(libraries["ubsan"], cut_to_contract(call, number), f"call {number}")


def test_every_kernel_has_one_contract() -> None:
    for kernel, parameters in contract_parameters().items():
        rows = [row for row in contracts() if re.fullmatch(row.kernels, kernel)]
        assert len(rows) == 1, kernel
        named = {*rows[0].args, *rows[0].scratch}
        pointers = {name for name, kind, _ in parameters if kind.endswith("*")} - {"shape"}
        assert pointers <= named, f"{kernel}: {pointers - named}"
        written = {name for name, _, is_written in parameters if is_written}
        assert {*rows[0].update, *rows[0].scratch} & pointers <= written, kernel
        assert {a for pair in rows[0].alias for a in pair} <= named, kernel


@pytest.mark.slow
@ISA_KERNELS
def test_the_kernels_of_an_instruction_set_do_nothing_undefined(
    ubsan_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for seed in range(60):
        for call in ways(CASES[kernel](Seeded(seed)), ISAS[isa].folders):
            check_near(call, run(ubsan_libraries[isa], call), f"{isa}, seed {seed}")


def pointwise(kernel: str, positions: int, channels: int, outputs: int) -> Call:
    """A 1x1 convolution whose sums reach both ends of int32, with factors and limits of every kind."""
    random = np.random.default_rng([positions, channels, outputs])
    y_type = np.iinfo(np.int8 if kernel.endswith("_s8") else np.int16)
    w = random.integers(-127, 128, (outputs, channels, 1, 1)).astype(np.int8)
    flat = w.reshape(outputs, channels).astype(np.int64)
    x = random.choice(np.array([-128, -1, 0, 127], np.int8), (channels, 1, positions))
    x[:, 0, 0], x[:, 0, -1] = np.where(flat[0] > 0, [[127], [-128]], [[-128], [127]])
    x_zero = int(random.choice([-128, 3, 127]))
    ends = np.stack([flat * (-128 - x_zero), flat * (127 - x_zero)])
    most, least = 2**31 - 1 - ends.max(0).sum(1), -(2**31) - ends.min(0).sum(1)
    bias = np.where(np.arange(outputs) % 2 == positions % 2, most, least).astype(np.int32)
    bias[2::3] = random.integers(-(2**20), 2**20, len(bias[2::3]))
    mult = random.choice(np.array([0, 2**30, 2**30 + 1, 2**31 - 1], np.int32), outputs)
    shifts = [31, 32, 33, 34, 45, 62] if positions % 2 else [33, 40, 62]
    shift = random.choice(np.array(shifts, np.uint8), outputs)
    y_zero = int(random.choice([-128, 0, 127])) if y_type.max == 127 else 0
    y_min, y_max = (
        (y_type.min, y_type.max) if channels % 2 else (max(y_zero - 9, y_type.min), y_zero)
    )
    shape = ConvShape(channels, 1, positions, outputs, 1, positions, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    args: list[Any] = [x, x_zero, w, bias, mult, shift, y_zero, int(y_min), int(y_max)]
    y = conv_twin.ek_conv(*args, shape=shape, to=y_type.dtype)
    return Call(kernel, [*args, np.zeros_like(y), np.array(shape.fields(), np.int32)], {9: y})


@pytest.mark.parametrize("kernel", ["ek_conv_s8_s8", "ek_conv_s8_s16"])
@pytest.mark.parametrize("isa", EACH_ISA)
def test_pointwise_convolutions_at_the_edges_of_tiles_and_numbers(
    libraries: Libraries, isa_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    sizes = ((1, 1), (3, 5), (4, 8), (6, 17), (9, 12), (512, 3), (515, 9), (2048, 3), (2050, 2))
    for positions in (9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 176):
        for channels, outputs in sizes:
            call = pointwise(kernel, positions, channels, outputs)
            where = f"{isa}, {positions} positions, {channels} -> {outputs} channels"
            check(call, run(libraries["ubsan"], call), where)
            for way in ways(call, ISAS[isa].folders):
                check(way, run(isa_libraries[isa], way), where)


# Inputs, outputs, the kernel and groups, of padded positions: sums of many parts, more outputs than are held, groups
# of a convolution, a vector of positions for many outputs and for few, and taps of a part that begin within a channel.
LONG = (
    ((1024, 5, 5), 20, (7, 7), 1),
    ((70, 6, 7), 300, (3, 3), 1),
    ((600, 9, 9), 530, (1, 1), 1),
    ((48, 3, 3), 70, (3, 3), 2),
    ((260, 1, 70), 9, (1, 5), 1),
    ((36, 20, 21), 90, (5, 5), 1),
)


@pytest.mark.parametrize("isa", EACH_ISA)
def test_int8_convolutions_of_many_sums_and_outputs(isa_libraries: Libraries, isa: str) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for seed, (x, outputs, kernel, groups) in enumerate(LONG):
        pads = [size // 2 for size in kernel]
        shape = ConvShape(*x, outputs, *x[1:], *kernel, 1, 1, 1, 1, *pads, groups)
        call = conv("ek_conv_s8_s8", shape)(Seeded(seed))
        for way in ways(call, ISAS[isa].folders):
            check(way, run(isa_libraries[isa], way), f"{isa}, {shape}")


# Rows, taps and outputs: parts of rows that are held, the last tile of taps, and panels of 16 outputs.
MATRICES = (
    *product((3, 5, 16, 17, 63, 70), (33, 64, 100), (1, 17, 33, 49, 64, 130)),
    *product((20, 65), (2048, 2100, 4200), (16, 70)),
)


@pytest.mark.parametrize("kernel", ["ek_fc_s8_s8", "ek_fc_s8_s16", "ek_fc_s8_s8_w4"])
@pytest.mark.parametrize("isa", EACH_ISA)
def test_int8_matrices_at_the_edges_of_tiles(
    isa_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for seed, (rows, taps, outputs) in enumerate(MATRICES):
        draw = Seeded(seed)
        x, w = integers(draw, np.int8, rows, taps), weights(draw, kernel, outputs, taps)
        call = packed(fc_of(kernel, x, w, draw), ISAS[isa].folders)
        check(call, run(isa_libraries[isa], call), f"{isa}, {rows} x {taps} x {outputs}")


def float_convolution(shape: ConvShape, act: int, adds: bool = False) -> Call:
    """A float convolution of seeded values, to which something is added or not."""
    random = np.random.default_rng([shape.out_w, shape.out_h, shape.k_w])
    x = random.standard_normal((shape.in_c, shape.in_h, shape.in_w), np.float32)
    w_shape = shape.out_c, shape.in_c // shape.groups, shape.k_h, shape.k_w
    w = random.standard_normal(w_shape, np.float32)
    bias = random.standard_normal(shape.out_c, np.float32) if act else None
    sums = conv_twin.ek_conv_f32(x, w, bias, shape)
    add = random.standard_normal(sums.shape, np.float32) if adds else None
    y = linear_twin.ek_act(sums if add is None else sums + add, act, -0.5, 0.75)
    struct = np.array(shape.fields(), np.int32)
    args = [x, w, bias, act, -0.5, 0.75, add, np.zeros_like(y), struct]
    return Call("ek_conv_f32", args, {7: y})


# Inputs, outputs, the outputs' rows and columns, kernel, strides, dilation and padding. In turn: many sums, three
# times; rows that are a dilation apart, twice; columns in parts, twice; and rows that are laid out for every tap.
FAR = (
    ((300, 40, 60), 70, (40, 60), (1, 1), (1, 1), 1, 0),
    ((600, 33, 32), 90, (33, 32), (1, 1), (1, 1), 1, 0),
    ((20, 42, 97), 60, (41, 96), (2, 2), (1, 1), 1, 0),
    ((16, 43, 100), 9, (43, 100), (3, 3), (1, 1), 5, 5),
    ((30, 20, 131), 5, (20, 131), (3, 1), (1, 1), 6, 6),
    ((128, 21, 112), 10, (11, 112), (1, 1), (2, 1), 1, 0),
    ((102, 18, 128), 21, (9, 128), (2, 1), (2, 1), 1, 0),
    ((40, 9, 300), 7, (3, 100), (2, 2), (3, 3), 1, 0),
)


@pytest.mark.parametrize("isa", EACH_ISA)
def test_convolutions_whose_operands_leave_the_caches(isa_libraries: Libraries, isa: str) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for act, (x, outputs, size, kernel, strides, dilation, pad) in enumerate(FAR):
        sizes = (
            *x,
            outputs,
            *size,
            *kernel,
            *strides,
            dilation,
            dilation,
            pad,
            pad * (kernel[1] > 1),
        )
        for adds in (False, True):
            call = float_convolution(ConvShape(*sizes, 1), act % 6, adds)
            check_near(call, run(isa_libraries[isa], call), f"{isa}, {sizes}")


# Channels by themselves, each input of so many outputs: planes in several bands, of rows narrower than a vector and
# wider than a band, by strides of both kinds and with dilations. (channels, height, width), outputs, kernel, strides,
# dilation.
BANDS = (
    ((3, 130, 140), 1, (3, 3), (1, 1), 1),
    ((5, 40, 37), 1, (3, 3), (1, 1), 1),
    ((4, 30, 67), 1, (5, 5), (1, 1), 1),
    ((70, 25, 14), 1, (3, 3), (1, 1), 1),
    ((9, 7, 7), 2, (5, 5), (1, 1), 1),
    ((2, 1, 9000), 1, (1, 3), (1, 1), 1),
    ((2, 6, 5001), 1, (3, 3), (2, 2), 1),
    ((6, 61, 58), 1, (3, 3), (2, 2), 1),
    ((3, 61, 58), 2, (5, 4), (2, 1), 1),
    ((3, 50, 58), 1, (2, 5), (1, 2), 1),
    ((3, 33, 35), 1, (3, 3), (1, 1), 2),
    ((3, 33, 35), 1, (3, 4), (1, 1), 4),
    ((3, 33, 75), 1, (3, 3), (2, 2), 3),
    ((3, 33, 75), 1, (3, 3), (3, 3), 1),
)


@pytest.mark.parametrize("isa", EACH_ISA)
def test_integer_bands_of_depthwise_convolutions(isa_libraries: Libraries, isa: str) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    fences = Fences()
    for ends, (x, outputs, kernel, strides, dilation) in product(
        ("s8_s8", "s8_s16", "s16_s16"), BANDS
    ):
        pads = [(k - 1) * dilation // 2 for k in kernel]
        size = [
            (n + 2 * pad - (k - 1) * dilation - 1) // stride + 1
            for n, k, stride, pad in zip(x[1:], kernel, strides, pads, strict=True)
        ]
        sizes = (*x, x[0] * outputs, *size, *kernel, *strides, dilation, dilation, *pads, x[0])
        call = conv(f"ek_conv_{ends}", ConvShape(*sizes))(Seeded(sum(x)))
        for way in ways(call, ISAS[isa].folders):
            fences.check(isa_libraries[isa], way, f"{isa}, {way.kernel}, {sizes}")


def depthwise(shape: ConvShape, act: int) -> Call:
    """A float convolution whose groups have one input each."""
    return float_convolution(shape, act)


def planes_of_a_few_columns() -> Iterator[Call]:
    sizes = product((4, 8, 16), (1, 2, 3, 5, 16), (1, 2), (0, 1, 2), (0, 1))
    for width, height, stride, top, below in sizes:
        in_h = max(1, (height - 1) * stride + 3 - top - below)
        planes = (3, in_h, stride * width, 6, height, width)
        yield depthwise(ConvShape(*planes, 3, 3, stride, stride, 1, 1, top, 1, 3), top)


def planes_that_keep_their_width() -> Iterator[Call]:
    """Less than a vector, several, and with a rest; rows above, below or missing; columns far to the left."""
    kernels = ((1, 3, 4), (1, 16, 1), (3, 3, 1), (3, 3, 2), (2, 4, 3), (5, 5, 1), (6, 1, 1))
    sizes = product((1, 3, 5, 7, 16, 17, 33), (1, 2, 5, 20), kernels, (0, 2))
    for width, height, (k_h, k_w, dilation), top in sizes:
        reach = (k_w - 1) * dilation
        in_h = max(1, height + (k_h - 1) * dilation - 2 * top)
        planes = (3, in_h, width, 3 * (1 + height % 2), height, width)
        left = (0, reach // 2, reach, reach + 3)[(width + height + k_h) % 4]
        yield depthwise(ConvShape(*planes, k_h, k_w, 1, 1, dilation, dilation, top, left, 3), top)


def planes_that_are_many() -> Iterator[Call]:
    """More than stay near from one tile of columns to the next."""
    for stride, left in product((1, 2), (0, 1)):
        planes = (60, 24 * stride, 40 * stride, 60, 24, 40)
        yield depthwise(ConvShape(*planes, 3, 3, stride, stride, 1, 1, 1, left, 60), left)


def planes_that_are_halved() -> Iterator[Call]:
    """Of odd and even sizes, of less than a vector of outputs to three of them."""
    sizes = product((1, 2, 9, 15, 16, 17, 24, 33), (1, 2, 7), (3, 5), (0, 1))
    for width, height, k, odd in sizes:
        x = [max(1, 2 * n - odd) for n in (height, width)]
        planes = (3, *x, 3 * (1 + height % 2), height, width, k, k, 2, 2, 1, 1)
        yield depthwise(ConvShape(*planes, k // 2, k // 2, 3), (width + height) % 6)


def short_rows() -> Iterator[Call]:
    """One row of outputs, of one row of the kernel or three; one or many of an input."""
    for width, k_w, stride, each in product((1, 7, 16, 17, 50, 64), (3, 5), (1, 2), (1, 5)):
        dilation = 1 + width % 2
        left = (0, k_w // 2, k_w)[(width + k_w + each) % 3]
        in_w = max(1, (width - 1) * stride + (k_w - 1) * dilation + 1 - left)
        k_h = 3 if each == 5 else 1
        planes = (3, k_h, in_w, 3 * each, 1, width, k_h, k_w, 1, stride, 1, dilation)
        yield depthwise(ConvShape(*planes, 0, left, 3), width % 6)


def rows_that_are_spread() -> Iterator[Call]:
    """Transposed rows of as many channels, of less than a vector of inputs to four of them."""
    random = np.random.default_rng(0)
    for width, k, pad, more in product((1, 2, 7, 8, 16, 17, 33), (1, 2, 3, 8), (0, 1, 3), (0, 1)):
        out = (width - 1) * 2 + k - 2 * pad + more
        if pad <= k and out > 0:
            shape = ConvShape(3, 1, width, 3, 1, out, 1, k, 1, 2, 1, 1, 0, pad, 3)
            x, w = (random.standard_normal((3, 1, n), np.float32) for n in (width, k))
            bias = random.standard_normal(3, np.float32) if more else None
            y = conv_twin.ek_conv_transpose_f32(x, w.reshape(3, 1, 1, k), bias, shape)
            struct = np.array(shape.fields(), np.int32)
            args = [x, w, bias, np.zeros_like(y), struct]
            yield Call("ek_conv_transpose_f32", args, {3: y})


def pictures_that_are_spread() -> Iterator[Call]:
    """Transposed pictures by phases: alike ones, dilations, and bands of some columns, rows or channels."""
    random = np.random.default_rng(0)
    for inputs, outputs, groups, height, width, *kernel in (
        (3, 3, 1, 5, 12, 4, 4, 2, 2, 1, 1, 1),
        (4, 4, 2, 6, 7, 3, 3, 1, 1, 1, 1, 1),
        (2, 1, 1, 6, 6, 16, 16, 8, 8, 1, 1, 4),
        (2, 7, 1, 3, 5, 3, 2, 2, 3, 2, 3, 0),
        (3, 2, 1, 2, 5, 2, 1, 5, 4, 1, 1, 0),
        (2, 2, 1, 2, 600, 3, 3, 2, 2, 1, 1, 1),
        (150, 3, 1, 4, 40, 3, 3, 2, 2, 1, 1, 1),
        (8, 5, 1, 40, 40, 3, 3, 1, 2, 1, 1, 1),
    ):
        k_h, k_w, down, across, dil_h, dil_w, pad = kernel
        out_h = (height - 1) * down + (k_h - 1) * dil_h + 1 - 2 * pad
        out_w = (width - 1) * across + (k_w - 1) * dil_w + 1 - 2 * pad
        sizes = (inputs, height, width, outputs, out_h, out_w, *kernel[:6], pad, pad, groups)
        shape = ConvShape(*sizes)
        x = random.standard_normal((inputs, height, width), np.float32)
        w = random.standard_normal((inputs, outputs // groups, k_h, k_w), np.float32)
        bias = random.standard_normal(outputs, np.float32) if pad else None
        y = conv_twin.ek_conv_transpose_f32(x, w, bias, shape)
        args = [x, w, bias, np.zeros_like(y), np.array(shape.fields(), np.int32)]
        yield Call("ek_conv_transpose_f32", args, {3: y})


@pytest.mark.parametrize(
    "calls",
    [
        planes_of_a_few_columns,
        planes_that_keep_their_width,
        planes_that_are_halved,
        planes_that_are_many,
        short_rows,
        rows_that_are_spread,
        pictures_that_are_spread,
    ],
)
@pytest.mark.parametrize("isa", EACH_ISA)
def test_depthwise_planes(
    isa_libraries: Libraries, isa: str, calls: Callable[[], Iterator[Call]]
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for call in calls():
        found = run(isa_libraries[isa], packed(call, ISAS[isa].folders))
        check_near(call, found, f"{isa}, {call.args[-1]}")


@pytest.mark.parametrize("kernel", ["ek_fc_s8_s8", "ek_fc_s8_s16"])
@pytest.mark.parametrize("isa", EACH_ISA)
def test_sums_at_the_ends_of_int32_are_requantized_with_every_shift(
    isa_libraries: Libraries, isa: str, kernel: str
) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    sums = np.array([0, 1, -1, 2**31 - 1, -(2**31), 2**30, -(2**30)], np.int32)
    mults = np.array([0, 2**30, 2**30 + 1, 2**31 - 1], np.int32)
    grids = np.meshgrid(sums, mults, np.arange(1, 63, dtype=np.uint8), indexing="ij")
    bias, mult, shift = (np.ascontiguousarray(grid.reshape(-1)) for grid in grids)
    low, high = (-128, 127) if kernel.endswith("_s8") else (-32768, 32767)
    x, w = np.zeros((1, 4), np.int8), np.zeros((bias.size, 4), np.int8)
    for order in (np.arange(bias.size), np.random.default_rng(0).permutation(bias.size)):
        numbers = [bias[order], mult[order], shift[order], 0, low, high]
        y = linear_twin.ek_fc(x, w, *numbers, to=np.int8 if kernel.endswith("_s8") else np.int16)
        call = Call(kernel, [x, w, *numbers, np.zeros_like(y), 1, 4, bias.size], {8: y})
        check(call, run(isa_libraries[isa], packed(call, ISAS[isa].folders)), isa)


@pytest.mark.parametrize("isa", EACH_ISA)
def test_int16_sums_at_the_ends_of_int32_are_exact(isa_libraries: Libraries, isa: str) -> None:
    """As many taps as int32 sums hold and more, with all numbers at their ends."""
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    mult, shift = np.full(9, 1 << 14, np.int32), np.full(9, 31, np.uint8)
    ends = product((508, 510, 511, 514), (-32768, 32767), (-128, 127), (0, 1 << 23, -(1 << 46)))
    for taps, each, weight, start in ends:
        x, w = np.full((taps, 1, 18), each, np.int16), np.full((9, taps, 1, 1), weight, np.int8)
        bias, limits = np.full(9, start, np.int64), (0, -32768, 32767)
        shape = ConvShape(taps, 1, 18, 9, 1, 18, 1, 1, 1, 1, 1, 1, 0, 0, 1)
        args = [x, 0, w, bias, mult, shift, *limits]
        y = conv_twin.ek_conv(*args, shape=shape, to=np.int16)
        struct = np.array(shape.fields(), np.int32)
        calls = [Call("ek_conv_s16_s16", [*args, np.zeros_like(y), struct], {9: y})]
        rows = np.ascontiguousarray(x[:, 0].T)
        args = [rows, w[:, :, 0, 0], bias, mult, shift, *limits]
        y = np.ascontiguousarray(y[:, 0].T)
        calls.append(Call("ek_fc_s16_s16", [*args, np.zeros_like(y), 18, taps, 9], {8: y}))
        for way in chain.from_iterable(ways(call, ISAS[isa].folders) for call in calls):
            check_near(way, run(isa_libraries[isa], way), f"{isa}, {way.kernel}, {taps} taps")


@pytest.mark.parametrize("isa", EACH_ISA)
def test_pools_of_rows_longer_than_their_buffers(isa_libraries: Libraries, isa: str) -> None:
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    for stride, k, pad in ((1, 3, 1), (2, 2, 0), (2, 5, 2), (5, 7, 3)):
        out = (2601 + 2 * pad - k) // stride + 1
        shape = ConvShape(2, 3, 2601, 2, 3, out, 3, k, 1, stride, 1, 1, 1, pad, 1)
        struct = np.array(shape.fields(), np.int32)
        x = np.random.default_rng(k).integers(-128, 128, (2, 3, 2601)).astype(np.int8)
        for kind in (np.int8, np.int16):
            y = pooling_twin.ek_max_pool(x.astype(kind), shape)
            name = f"ek_max_pool_s{8 * y.itemsize}"
            call = Call(name, [x.astype(kind), np.zeros_like(y), struct], {1: y})
            check(call, run(isa_libraries[isa], call), f"{isa}, stride {stride}")
        counts = pooling_twin.divisors(shape, 0, 1, pad)
        several = int(counts.max() - counts.min()) + 1
        mult, shift = np.full(several, 1 << 30, np.int32), np.full(several, 32, np.uint8)
        args = [x, 7, mult, shift, int(counts.min()), 3, -128, 127]
        y = pooling_twin.ek_avg_pool(*args, pool=pooling_twin.Pool(shape, 0, 1, pad), to=np.int8)
        call = Call("ek_avg_pool_s8", [*args, np.zeros_like(y), 0, 1, pad, struct], {8: y})
        check(call, run(isa_libraries[isa], call), f"{isa}, stride {stride}")


@pytest.mark.parametrize("kind", [np.int8, np.int16])
@pytest.mark.parametrize("isa", EACH_ISA)
def test_quantization_rounds_quotients_as_a_division_does(
    isa_libraries: Libraries, isa: str, kind: type[np.signedinteger[Any]]
) -> None:
    kernel = f"ek_quantize_s{8 * np.dtype(kind).itemsize}"
    if kernel not in own_kernels(isa):
        return  # the portable one divides
    if missing := missing_cpu_flags(isa):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    scales = np.exp(np.random.default_rng(0).normal(0, 3, 60)).astype(np.float32)
    ends = [np.arange(e - 132, e + 133) for e in (-32768, -3000, 0, 3000, 32768)]
    halves = np.concatenate(ends).astype(np.float32) + np.float32(0.5)
    for scale in [*scales.tolist(), 1e-30, 1e-18, 1e18, 1e30]:
        x = halves * np.float32(scale)
        near = [(x.view(np.int32) + steps).view(np.float32) for steps in range(-4, 5)]
        values = np.concatenate(
            [*near, np.array([np.nan, np.inf, -np.inf, 3e38, -3e38], np.float32)]
        )
        y = border_twin.ek_quantize(values, scale, 5, to=kind)
        call = Call(kernel, [values, scale, 5, np.zeros_like(y), values.size], {3: y})
        check(call, run(isa_libraries[isa], call), f"{isa}, scale {scale}")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs a compiler for x86-64")
@pytest.mark.parametrize("isa", EACH_ISA)
@pytest.mark.parametrize("header", ["ek_rows.h", "ek_vector.h"])
def test_kernels_of_an_instruction_set_name_the_options_that_they_miss(
    tmp_path: Path, isa: str, header: str
) -> None:
    file = tmp_path / "user.c"
    file.write_text(f'#include "{header}"\n')
    write_kernels(tmp_path / "own", isa)
    folders = [f"-I{INCLUDE}", f"-I{tmp_path / 'own'}"]
    command = [str(CC), "-march=x86-64", "-fsyntax-only", *folders, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    first = next(line for line in done.stderr.splitlines() if "error" in line)
    assert done.returncode != 0 and "-march=native" in first and "c99" in first


def test_every_kernel_has_a_file_a_prototype_and_a_case() -> None:
    own = {path.stem for path in SOURCES}
    assert own == set(CASES) and own | set(hosts()) == set(prototypes())


@pytest.mark.rows(5)
@pytest.mark.parametrize("isa", ["c99", *INSTRUCTION_SETS])
def test_every_way_to_compute_a_convolution_is_called(isa: str) -> None:
    folders = INSTRUCTION_SETS[isa].folders if isa in INSTRUCTION_SETS else ()
    kernels = [kernel for kernel in CASES if is_conv(CASES[kernel](Seeded(0)))]
    calls = [CASES[kernel](Seeded(seed)) for kernel in kernels for seed in range(30)]
    calls += [conv(k, POINTS[0])(Seeded(0)) for k in kernels if "transpose" not in k]
    called = {way.kernel for call in calls for way in ways(call, folders)}
    assert called == {
        kernel for kernel in (*kernels, *hosts()) if has_kernel(packing_of(folders), kernel)
    }


@pytest.mark.parametrize("build", EACH_BUILD)
@pytest.mark.parametrize("kernel", slow_except(is_quick, CASES))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_equals_its_twin(
    libraries: Libraries, kernel: str, build: str, data: st.DataObject
) -> None:
    for call in ways(CASES[kernel](Drawn(data)), ()):
        check(call, run(libraries[build], call), build)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", CASES)
def test_equals_its_twin_in_many_more_calls(libraries: Libraries, kernel: str) -> None:
    for seed in range(300):
        for call in ways(CASES[kernel](Seeded(seed)), ()):
            for build in BUILDS:
                check(call, run(libraries[build], call), f"{build}, seed {seed}")


@pytest.mark.parametrize("build", EACH_BUILD)
@pytest.mark.parametrize("x_zero", [0, 32767])
def test_the_largest_sums_do_not_overflow(libraries: Libraries, x_zero: int, build: str) -> None:
    taps, outputs = 1100, 5
    shape = ConvShape(taps, 1, 1, outputs, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    x, w = np.full((taps, 1, 1), -32768, np.int16), np.full((outputs, taps, 1, 1), -128, np.int8)
    bias, mult = np.zeros(outputs, np.int64), np.full(outputs, 1 << 14, np.int32)
    args = [x, x_zero, w, bias, mult, np.full(outputs, 33, np.uint8), 0, -32768, 32767]
    y = conv_twin.ek_conv(*args, shape=shape, to=np.int16)
    call = Call(
        "ek_conv_s16_s16", [*args, np.zeros_like(y), np.array(shape.fields(), np.int32)], {9: y}
    )
    assert np.all(y > 8000)
    check(call, run(libraries[build], call), build)


@pytest.mark.parametrize("kernel", FUNCTIONS)
def test_functions_equal_their_twins_over_the_whole_range(
    libraries: Libraries, kernel: str
) -> None:
    x = (np.arange(1 << 18, dtype=np.uint32) * np.uint32(16411)).view(np.float32)
    near = np.random.default_rng(1).normal(0, 3, 1 << 17).astype(np.float32)
    for values in (x, near):
        y = exact(kernel, values)
        call = Call(kernel, [values, np.zeros_like(values), values.size], {1: y})
        check(call, run(libraries["ubsan"], call), "ubsan")


@pytest.mark.slow
def test_address_sanitizer_finds_nothing(tmp_path: Path) -> None:
    drawn = [CASES[kernel](Seeded(seed)) for kernel in CASES for seed in range(6)]
    calls = [way for call in drawn for way in ways(call, ())]
    for call, args in zip(calls, run_under_asan(tmp_path, calls), strict=True):
        check(call, args, "asan")


@pytest.mark.slow
def test_only_memcpy_and_memset_are_needed(libraries: Libraries) -> None:
    command = ["nm", "-D", "-u", libraries["O2"]._name]  # of it nothing was linked
    symbols = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert set(symbols.split()) - {"U"} <= {"memcpy", "memset", "memmove"}
