"""A model as compiled C in this process without the checks of an export; kernels are compiled once."""

import ctypes
import tempfile
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from edgekit.graph.model import Model
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.toolchain import compile_shared
from edgekit.runtime.stream import Stream
from edgekit.verbs.targets import TARGETS

QUICK = ("-O1", "-w")


@cache
def load_kernels() -> None:
    """Compile all kernels and load them for this process and its children, once.

    Raises:
        ToolError: there is no C compiler, or it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernels.so"
        compile_kernels(library)
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)


def compile_kernels(library: Path) -> None:
    """Compile all kernels to a shared library; errors as of `load_kernels`."""
    with as_file(files("edgekit.runtime")) as runtime:
        sources = sorted((runtime / "src").glob("*.c"))
        compile_shared(sources, [runtime / "include", runtime / "src"], library, QUICK)


def quick_build(model: Model) -> Stream:
    """Return a model that ``c99`` takes as a running build; its kernels are those of `load_kernels`."""
    build = TARGETS["c99"].lower(model, "c99")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in build.files.items():
            (folder / path).write_bytes(content)
        sources = [folder / path for path in build.files if path.endswith(".c")]
        own = [source for source in sources if not source.name.startswith("ek_")]
        library = folder / "model.so"
        compiler = compile_shared(own, [folder], library, QUICK)
        loaded = ctypes.CDLL(str(library))
        return Stream(build.manifest, NativeRunner(loaded, build.manifest, folder, compiler))
