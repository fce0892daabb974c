"""What pip installs EdgeKit as, and the commands that install more packages beside it."""

import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

DISTRIBUTION = "edgekit-deploy"  # the command and the package to import are `edgekit`
DEMO_DISTRIBUTION = "edgekit-deploy-demos"  # networks and recordings of all demos but `denoise`

FORMER_DISTRIBUTION = "edgekit"  # ours before 0.3; on the package index it is another project
ENTRY_POINT = "edgekit.__main__:main"

# The package index has torch for Linux with CUDA: gigabytes that nothing here uses.
TORCH_FOR_CPU = "torch --index-url https://download.pytorch.org/whl/cpu"

_EXPORT = ("ml_dtypes", "onnx", "onnx-ir", "onnxruntime", "onnxscript")
_AUDIO = ("soundfile", "soxr")
_LITERT = (*_EXPORT, "ai-edge-litert", "flatbuffers")
# The extras of pyproject.toml that messages name: their packages, with bounds from above.
EXTRAS = {
    "export": _EXPORT,
    "torch": (*_EXPORT, "torch>=2.8,<3"),
    "litert": _LITERT,
    "ethos-u": (*_LITERT, "ethos-u-vela"),
    "wasm": (*_EXPORT, "wasmtime", "ziglang"),
    "audio": _AUDIO,
    "pictures": ("pillow",),
    "mic": ("sounddevice",),
    "dask": ("distributed",),
    "updates": ("cryptography",),
    "hls": ("xls-python==0.1.9934",),
    "demo": (*_AUDIO, *_EXPORT, "matplotlib"),
}


def extra_packages(*extras: str) -> tuple[str, ...]:
    """Return the packages of some extras, each once.

    The packages, and not the extra of a distribution: `DISTRIBUTION` is not on the package index yet.
    """
    return tuple(dict.fromkeys(package for extra in extras for package in EXTRAS[extra]))


def install_extra(*extras: str) -> str:
    """Return the command that installs what some extras bring into this environment."""
    command = install(*extra_packages(*extras))
    return before_all(TORCH_FOR_CPU, command) if "torch" in extras else command


def before_all(small: str, command: str) -> str:
    """Return commands: first the small form of a package by arguments of ``pip install``, then `command`."""
    return f"{installer()} {small} (without CUDA, much smaller), then {command}"


def install(*packages: str) -> str:
    """Return the command that installs packages into this environment."""
    return f"{installer()} {' '.join(map(quote, packages))}"


def installer() -> str:
    """Return the start of a command that installs into this environment.

    An environment of ``uv tool install`` has no pip, one of pipx has a hidden one.
    """
    python = Path(sys.executable)
    if any(python.with_name(name).exists() for name in ("pip", "pip.exe")):
        return "pip install"
    if find_spec("pip") is not None:
        return f"{quote(sys.executable)} -m pip install"
    return f"uv pip install --python {quote(sys.executable)}"


def find_namesake() -> tuple[str, bool] | None:
    """Return the version of an installed distribution ``edgekit``, and whether it is EdgeKit under its former name.

    Its files lie in the same folder as EdgeKit's, and which of the two is imported depends on the order of installing.
    """
    for found in distributions(name=FORMER_DISTRIBUTION):
        return found.version, any(point.value == ENTRY_POINT for point in found.entry_points)
    return None
