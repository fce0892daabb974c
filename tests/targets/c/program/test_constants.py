"""Large arrays are strings in C: every element type keeps its bytes, and declarations fit definitions."""

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from builds import STRICT
from c_kernels import CC, needs_cc

from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.program.constants import LARGE_BYTES, declarations, weights, weights_bytes
from edgekit.targets.devices import profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, packing_of


def arrays():
    """One large and one small array of every element type, of all bytes; floats with NaN and infinities."""
    random, made = np.random.default_rng(0), {}
    for kind in C_ARRAYS:
        for name, size in (("large", 2 * LARGE_BYTES + 3), ("small", 5)):
            if kind == "bool":
                made[f"net_{kind}_{name}"] = random.integers(0, 2, size).astype(bool)
            else:
                raw = random.integers(0, 256, size * np.dtype(kind).itemsize).astype(np.uint8)
                made[f"net_{kind}_{name}"] = raw.view(kind)
    made["net_float32_small"] = np.array([0.1, -0.0, np.inf, -np.inf, 1e-45], np.float32)
    every = np.array([divmod(i, 256) for i in range(65536)], np.uint8).reshape(-1)
    made["net_pairs"] = every  # each byte behind each: no escape runs into the next character
    return made


def compiled(folder: Path, device: Profile) -> ctypes.CDLL:
    ctx = SimpleNamespace(prefix="net", constants=arrays(), profile=device, external=False)
    (folder / "edgekit.h").write_text("#include <stdint.h>\n")
    (folder / "net.h").write_text("")
    (folder / "net_weights.c").write_bytes(weights(ctx))
    uses = "\n".join(f"const void *get_{n}(void) {{ return {n}; }}" for n in ctx.constants)
    protos = "\n".join(f"const void *get_{name}(void);" for name in ctx.constants)
    head = f'#include "edgekit.h"\n{declarations(ctx)}\n'
    (folder / "net.c").write_text(f"{head}{protos}\n{uses}\n")
    command = [CC, *STRICT, "-shared", "-fPIC", "net.c", "net_weights.c", "-o", "net.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "net.so"))


@needs_cc
def test_arrays_keep_their_bytes_in_c(tmp_path: Path) -> None:
    library = compiled(tmp_path, profile("c99"))
    for name, array in arrays().items():
        get = getattr(library, f"get_{name}")
        get.restype = ctypes.c_void_p
        found = ctypes.string_at(get(), array.nbytes)
        assert found == array.tobytes(), name


@needs_cc
def test_large_arrays_begin_where_the_device_reads_lines(tmp_path: Path) -> None:
    device = replace(profile("host"), kernels=INSTRUCTION_SETS["avx512vnni"].folders)
    library, line = compiled(tmp_path, device), packing_of(device.kernels).line
    assert line == 64
    for name, array in arrays().items():
        get = getattr(library, f"get_{name}")
        get.restype = ctypes.c_void_p
        assert array.nbytes < line or get() % line == 0, name


def test_the_size_is_that_of_the_numbers() -> None:
    ctx = SimpleNamespace(constants={"a": np.zeros(4096, np.float32), "b": np.zeros(3, np.int8)})
    assert weights_bytes(ctx) == 4 * 4096 + 3
