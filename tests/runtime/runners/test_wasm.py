"""A build for WebAssembly: what the module shows, and what is no module."""

from pathlib import Path

import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.runtime.runners.wasm import BASE, WasmRunner, exported_symbols


def test_a_module_shows_what_the_build_has() -> None:
    plain = exported_symbols(tiny_build.manifest(), False)
    assert plain == ["leaky_init", "leaky_reset", "leaky_process", BASE]
    stream = {**tiny_build.manifest().stream, "end_state": "end"}
    noisy = tiny_build.manifest(stream=stream, noise={"seed": 1})
    assert {"leaky_seed", "leaky_end"} <= {*exported_symbols(noisy, False)}
    assert "leaky_adapter_process" in exported_symbols(noisy, True)


def test_a_folder_without_a_module_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("wasmtime", reason="needs wasmtime")
    with pytest.raises(UsageError, match="No such file"):
        WasmRunner(tmp_path, tiny_build.manifest())
    (tmp_path / "leaky.wasm").write_bytes(b"no module")
    with pytest.raises(UsageError, match="the module that the manifest describes"):
        WasmRunner(tmp_path, tiny_build.manifest())
