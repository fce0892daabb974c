"""The kernel cases as WebAssembly, all in one module: the bits of the NumPy twins."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from device_calls import write_calls
from kernel_cases import CASES, Seeded

from edgekit.runtime.runners.toolchain import ask, compile_sources, zig
from edgekit.runtime.runners.wasm import FLAGS, LINK
from edgekit.targets.devices import profile

SEEDS = 3
QUICK = (
    "ek_add_s8",
    "ek_conv_f32",
    "ek_conv_s16_s16",
    "ek_conv_s8_s8",
    "ek_conv_s8_s8_w4",
    "ek_conv_transpose_f32",
    "ek_fc_f32",
    "ek_fc_s16_s16",
    "ek_fc_s16_s16_w4",
    "ek_fc_s8_s8",
    "ek_fc_s8_s8_w4",
    "ek_frame_dots_f32",
    "ek_gru_s8_s8",
    "ek_mul_s16",
    "ek_prelu_s8",
    "ek_requantize_s16_s8",
)
PRINT = """\
#include <stddef.h>
#include "replay.h"
static char printed[1 << 16];
static size_t used;
char *printed_text(void);
char *printed_text(void)
{
    return printed;
}
void replay_print(const char *text)
{
    while (*text && used + 1 < sizeof printed) {
        printed[used++] = *text++;
    }
}
"""
MISSING = [name for name in ("ziglang", "wasmtime") if find_spec(name) is None]
needs_wasm = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install wasmtime ziglang"
)


@needs_wasm
@pytest.mark.parametrize(
    "kernels",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(tuple(CASES), id="all", marks=pytest.mark.slow),
    ],
)
def test_kernels_equal_their_twins(kernels: tuple[str, ...], tmp_path: Path) -> None:
    import wasmtime

    calls = [CASES[kernel](Seeded(seed)) for kernel in kernels for seed in range(SEEDS)]
    write_calls(tmp_path, calls, profile("wasm"))
    for port in (tmp_path / "replay").glob("port_*.c"):
        port.unlink()
    (tmp_path / "print.c").write_text(PRINT)
    sources = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.c"))]
    shown = [f"-Wl,--export={name}" for name in ("run_calls", "printed_text")]
    options = [*FLAGS, "-O1", "-Wall", "-Wextra", "-Werror", "-Ireplay", "-Dmain=run_calls"]
    compiler = ask(zig())
    assert compiler is not None
    compile_sources(compiler, options, sources, [*LINK, *shown], tmp_path / "calls.wasm", tmp_path)
    store = wasmtime.Store()
    module = wasmtime.Module.from_file(store.engine, str(tmp_path / "calls.wasm"))
    exports = wasmtime.Instance(store, module, []).exports(store)
    failed = exports["run_calls"](store)  # type: ignore[operator]
    text = exports["printed_text"](store)  # type: ignore[operator]
    memory: wasmtime.Memory = exports["memory"]  # type: ignore[assignment]
    printed = bytes(memory.read(store, text, text + (1 << 16))).partition(b"\0")[0].decode()
    assert (failed, printed) == (0, "PASS\n")
