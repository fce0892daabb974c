"""List the compilers and packages of this machine, and the targets that work with them."""

import ctypes.util
import importlib.metadata
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from edgekit import __version__
from edgekit.base.environment import EXECUTORCH
from edgekit.base.errors import ToolError, UsageError
from edgekit.base.installation import (
    DISTRIBUTION,
    FORMER_DISTRIBUTION,
    TORCH_FOR_CPU,
    extra_packages,
    find_namesake,
    install_extra,
)
from edgekit.base.user_cache import OFF, VARIABLE
from edgekit.runtime.devices.cross import APT
from edgekit.runtime.runners.object_cache import LIMIT_BYTES, object_cache
from edgekit.runtime.runners.toolchain import CXX_NAMES, HOW_TO_GET, compilers
from edgekit.targets.board_names import NamedBoard, board_problem, boards, find_board
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.processor.cost_rows import MEASURED, cost_file, host_costs
from edgekit.verbs.targets import TARGETS

C_COMPILER = "C compiler"
ZIG = "ziglang"  # compiles for every core of devices.toml
PIP = {"cmake": "cmake"}
VERSION = re.compile(r"(?<![\w.:])\d+(?:\.\d+)+(?![\w.])")


@dataclass(frozen=True)
class ToolFacts:
    """A tool or package: its location and version, or the way to get it.

    Attributes:
        name: of the tool.
        used_for: the part of EdgeKit that uses it.
        version: None where it was not found; of the cache its size.
        path: the command or folder, for the screen only; for an unused cache the reason, for a namesake the remedy.
        pip: arguments for ``pip install``; None where pip does not have it.
        apt: arguments for ``apt-get install``; None where Debian does not have it.
        small: arguments for a ``pip install`` before that of `pip`, which get a much smaller build.
    """

    name: str
    used_for: str
    version: str | None
    path: str | None
    pip: str | None
    apt: str | None
    small: str | None = None

    @property
    def found(self) -> bool:
        """Whether this machine has it."""
        return self.version is not None


@dataclass(frozen=True)
class TargetFacts:
    """A target: its output, the tools it needs, and the missing ones among them."""

    name: str
    emits: str
    needs: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether this machine has all that the target needs."""
        return not self.missing


# distribution, import name, purpose, extra
PACKAGES = (
    ("onnx", "onnx", "export", "export"),
    ("onnx-ir", "onnx_ir", "export", "export"),
    ("onnxscript", "onnxscript", "export", "export"),
    ("onnxruntime", "onnxruntime", "export, verification, target onnxruntime", "export"),
    ("ai-edge-litert", "ai_edge_litert", "target litert", "litert"),
    ("flatbuffers", "flatbuffers", "target litert", "litert"),
    ("ethos-u-vela", "ethosu.vela", "targets ethos-u55, ethos-u65, ethos-u85", "ethos-u"),
    ("ziglang", "ziglang", "target wasm; a C compiler, also for devices", "wasm"),
    ("wasmtime", "wasmtime", "target wasm: verification, run", "wasm"),
    ("torch", "torch", "export of torch modules and .pt2", "torch"),
    (
        "soundfile",
        "soundfile",
        ".wav of other samples than 16-bit PCM; .flac, .ogg, .mp3, .aiff",
        "audio",
    ),
    ("soxr", "soxr", "resampling", "audio"),
    ("sounddevice", "sounddevice", "run --mic", "mic"),
    ("matplotlib", "matplotlib", "demo pictures", "demo"),
    ("pillow", "PIL", "run with pictures", "pictures"),
    ("cryptography", "cryptography", "bundle", "updates"),
    ("xls-python", "xls", "target fpga: --datapath hls; Linux on x86-64", "hls"),
    ("distributed", "distributed", "recipe auto with --workers, --scheduler", "dask"),
)


PACKAGE_NAMES = frozenset(distribution for distribution, _, _, _ in PACKAGES)
NETWORKS = ("onnx", "onnx-ir", "onnxscript", "onnxruntime")  # to read, change and run networks

SMALL = {"torch": TORCH_FOR_CPU}

# command, purpose, apt package
COMMANDS = (
    ("g++", "target fpga: simulation of the engine", "g++"),
    ("verilator", "target fpga: simulation of the RTL", "verilator make"),
    ("yosys", "target fpga: synthesis", "yosys"),
    ("nextpnr-ecp5", "target fpga: placement", "nextpnr-ecp5 fpga-trellis"),
    ("node", "bench of target wasm", "nodejs"),
    ("ssh", "bench --device ssh://", "openssh-client"),
    ("adb", "bench --device adb", "adb"),
)
OWN_VERSION = {
    "node": ("--version", re.compile(r"v([\d.]+)")),  # v20.1.0
    "ssh": ("-V", re.compile(r"OpenSSH_([\w.]+)")),  # does not know --version
}


def doctor() -> list[ToolFacts]:
    """Return EdgeKit, compilers and the cache of their objects, cross compilers and emulators, then packages."""
    own = profile("host").kernels
    purpose = (
        f"targets host ({own[0]} kernels) and c99, run" if own else "targets host and c99, run"
    )
    found = [
        ToolFacts(tool.label, purpose, tool.version, " ".join(tool.command), None, None)
        for tool in compilers()
    ]
    if not found:
        found = [ToolFacts(C_COMPILER, purpose, None, None, "ziglang", "gcc libc6-dev")]
    packages = [_package(*row) for row in PACKAGES]
    tools = [
        *found,
        _cache(),
        *_kernel_costs(),
        *device_tools(),
        *packages,
        _executorch(),
        _portaudio(),
    ]
    return [*_edgekit(), *tools]


def _edgekit() -> list[ToolFacts]:
    """EdgeKit itself, and a distribution whose files mix with its own."""
    folder = Path(__file__).parents[1]
    rows = [ToolFacts(DISTRIBUTION, "EdgeKit itself", __version__, str(folder), None, None)]
    if namesake := find_namesake():
        version, is_former = namesake
        whose = "EdgeKit under its former name" if is_former else "another project of that name"
        used_for = f"nothing: {whose}, whose files replace EdgeKit's"
        step = f"pip uninstall {FORMER_DISTRIBUTION} {DISTRIBUTION}, then install EdgeKit again"
        rows.append(ToolFacts(FORMER_DISTRIBUTION, used_for, version, step, None, None))
    return rows


def device_tools() -> list[ToolFacts]:
    """Return the compilers and emulators for other machines."""
    used: dict[str, list[str]] = {"cmake": []}
    for name, device in profiles().items():
        for tool in (device.cc, *device.qemu[:1]):
            if tool is not None:
                used.setdefault(tool, []).append(f"{name} ({device.kernels[0]} kernels)")
    rows = [
        (tool, f"targets {', '.join(names)}", APT[tool]) for tool, names in used.items() if names
    ]
    rows = [*rows, ("cmake", "building a build folder", "cmake"), *COMMANDS]
    return [_command(*row) for row in rows]


def _command(name: str, used_for: str, apt: str) -> ToolFacts:
    """A command, by the version that its first line of ``--version`` ends with, or by its own words."""
    path = shutil.which(name)
    pip = PIP.get(name) or (ZIG if name.endswith("gcc") else None)
    if path is None:
        return ToolFacts(name, used_for, None, None, pip, apt)
    option, version = OWN_VERSION.get(name, ("--version", VERSION))
    done = subprocess.run([path, option], capture_output=True, text=True, check=False)
    words = version.findall((done.stdout or done.stderr).partition("\n")[0])
    return ToolFacts(name, used_for, words[-1] if words else "?", path, pip, apt)


def targets() -> list[TargetFacts]:
    """Return every target of this version."""
    return [
        TargetFacts(name, target.emits, tuple(target.needs), missing_tools(target.needs))
        for name, target in TARGETS.items()
    ]


def find_boards(name: str = "") -> tuple[NamedBoard, ...]:
    """Return the chips and boards with their nearest target: those of a name, or all.

    Raises:
        UsageError: a name that none of them has.
    """
    if not name:
        return boards()
    found = find_board(name)
    if found is None:
        raise UsageError(board_problem(name, tuple(TARGETS)))
    return (found,)


def _spec(module: str) -> ModuleSpec | None:
    """Return the location of a module without importing it; None if it, or a package that contains it, is missing."""
    try:
        return importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None


def require(names: Iterable[str]) -> None:
    """See that packages, commands and ``cc`` are here, before any work that needs them begins.

    Args:
        names: distributions of `PACKAGES`, commands of `COMMANDS` and devices, `EXECUTORCH`, or ``cc``.

    Raises:
        ToolError: names all that is missing, and how to get it.
    """
    if lines := how_to_get_missing(names):
        raise ToolError("\n".join(lines))


def how_to_get_missing(names: Iterable[str]) -> list[str]:
    """Return a line for each missing tool of such names as `require` takes, one for all packages."""
    absent = missing_tools(dict.fromkeys(names))
    packages = [name for name in absent if name in PACKAGE_NAMES]
    lines = [_how_to_get_packages(packages)] if packages else []
    return lines + [_how_to_get_tool(name) for name in absent if name not in PACKAGE_NAMES]


def _how_to_get_packages(packages: Sequence[str]) -> str:
    extra_of = {distribution: extra for distribution, _, _, extra in PACKAGES}
    command = install_extra(*(extra_of[name] for name in packages))
    verb = "is" if len(packages) == 1 else "are"
    return f"{', '.join(packages)} {verb} not installed; {command}"


def _how_to_get_tool(name: str) -> str:
    if name == "cc":
        return f"no C compiler; {HOW_TO_GET}"
    if name == EXECUTORCH.name:
        return f"{name} is not installed in {EXECUTORCH.folder}; {EXECUTORCH.install}"
    apt = {command: package for command, _, package in COMMANDS}
    return f"{name} is not installed; as root: apt-get install {apt[name]}"


def _package(distribution: str, module: str, used_for: str, extra: str) -> ToolFacts:
    spec = _spec(module)
    pip = shlex.join(extra_packages(extra))
    if spec is None:
        small = SMALL.get(distribution)
        return ToolFacts(distribution, used_for, None, None, pip, None, small)
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        version = "?"
    folder = str(Path(spec.origin or "").parent)
    return ToolFacts(distribution, used_for, version, folder, pip, None)


def _cache() -> ToolFacts:
    """The cache of compiled kernels: its size in the place of a version, its folder, or why it is not used."""
    cache = object_cache()
    most = f"{LIMIT_BYTES >> 20:,} MiB at most"
    used_for = (
        f"compiled kernels, {most}; {VARIABLE}=DIR moves it, {VARIABLE}={OFF} switches it off"
    )
    folder = "" if cache.folder is None else str(cache.folder)
    if cache.problem:
        why = f"{folder}: {cache.problem}" if folder else cache.problem
        return ToolFacts("cache", used_for, None, why, None, None)
    return ToolFacts(
        "cache", used_for, f"{cache.used_bytes() / (1 << 20):,.1f} MiB", folder, None, None
    )


def _kernel_costs() -> list[ToolFacts]:
    """The row of costs that chooses kernels for this machine; none where no choice depends on one."""
    name, used_for = "kernel costs", "target host: choice of kernels; doctor --measure finds them"
    try:
        costs, file = host_costs(), cost_file()
    except UsageError as error:
        return [ToolFacts(name, used_for, None, str(error), None, None)]
    if costs is None:
        return []
    state, _, row = costs.row.partition(" ")
    path = f"{file}" if state == MEASURED else "kernel_costs.toml of EdgeKit"
    return [ToolFacts(name, used_for, state, f"{row}: {path}", None, None)]


def _executorch() -> ToolFacts:
    """Return the facts of ExecuTorch, which clashes with this environment's packages and has a separate one."""
    version = EXECUTORCH.packages[0].partition("==")[2] if EXECUTORCH.is_here else None
    used_for = f"target {EXECUTORCH.name}, bench --against; in an environment of its own"
    path = str(EXECUTORCH.folder) if EXECUTORCH.is_here else None
    packages = " ".join(f"'{package}'" for package in EXECUTORCH.packages)
    return ToolFacts(EXECUTORCH.name, used_for, version, path, packages, None)


def _portaudio() -> ToolFacts:
    """Return the facts of PortAudio, which sounddevice loads; its packages for macOS and Windows bring it."""
    path = ctypes.util.find_library("portaudio")
    if path is None and (spec := _spec("_sounddevice_data")) is not None:
        path = str((spec.submodule_search_locations or [""])[0])
    version = None if path is None else "?"
    return ToolFacts("PortAudio", "run --mic", version, path, None, "libportaudio2")


def missing_tools(needs: Iterable[str]) -> tuple[str, ...]:
    """Return which of such names as `require` takes are not here."""
    modules = {distribution: module for distribution, module, _, _ in PACKAGES}

    def is_here(need: str) -> bool:
        if need in modules:
            return modules[need] in sys.modules or _spec(modules[need]) is not None
        if need == EXECUTORCH.name:
            return EXECUTORCH.is_here
        if need == "g++":
            return any(map(shutil.which, CXX_NAMES))
        return bool(compilers()) if need == "cc" else shutil.which(need) is not None

    return tuple(need for need in needs if not is_here(need))
