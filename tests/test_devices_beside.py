"""`python bench devices_beside`: its arguments, its counter on a network of ours, and the sources of another engine."""

import base64
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from devices import on_devices
from layers.device_engines import Case, equal_share, measure
from layers.devices_beside import Row, main, names_of, table_of, table_of_kinds
from layers.engine_edgekit import EdgeKit, integer_values
from layers.engine_emx import EMX, Emx
from layers.engine_tflm import CHECKOUTS, Tflm
from layers.linux_beside import counts_of
from layers.linux_beside import table_of as linux_table
from layers.linux_machine import add_entry
from tflite_graphs import conv, file_of

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.from_tflite import from_tflite
from edgekit.judge.tflite_runtimes import real_values
from edgekit.operators.oracle import Oracle
from edgekit.targets.devices import profile

RESOLVER = """
  TfLiteStatus AddConv2D(const TFLMRegistration& registration = Register_CONV_2D()) {
    return AddBuiltin(BuiltinOperator_CONV_2D, registration, ParseConv2D);
  }
"""
SOURCES = {  # of a checkout in small: the vector form of a kernel takes the place of the plain one
    "micro_interpreter.cc": '#include "tensorflow/lite/micro/micro_interpreter.h"',
    "micro_interpreter.h": '#include "tensorflow/lite/micro/graph.h"',
    "micro_allocator.h": "",
    "micro_resource_variable.h": "",
    "graph.h": "",
    "graph.cc": "",
    "unused.cc": "",
    "micro_mutable_op_resolver.h": RESOLVER,
    "kernels/conv.h": "",
    "kernels/conv.cc": "TFLMRegistration Register_CONV_2D() {}",
    "kernels/conv_common.cc": "",
    "kernels/cmsis_nn/conv.cc": '#include "tensorflow/lite/micro/kernels/conv.h"\n'
    "TFLMRegistration Register_CONV_2D() {}\nTFLMRegistration Register_CONV_2D_INT8() {}",
}


@pytest.fixture
def checkouts(tmp_path: Path) -> dict[str, Path]:
    """Folders with the few files of each repository that the bench reads."""
    folders = {name: tmp_path / name for name in CHECKOUTS}
    files = {folders[name] / mark: "" for name, (_, mark) in CHECKOUTS.items()}
    files |= {folders["tflm"] / "tensorflow/lite/micro" / n: text for n, text in SOURCES.items()}
    for name in ("arm_convolve_s8.c", "arm_convolve_f32.c"):
        files[folders["cmsis-nn"] / "Source" / name] = ""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folders


def refusal(monkeypatch: pytest.MonkeyPatch, checkouts: dict[str, Path], file: Path) -> list[str]:
    """The lines that the script prints about its arguments."""
    options = [word for name, path in checkouts.items() for word in (f"--{name}", str(path))]
    monkeypatch.setattr(sys, "argv", ["devices_beside", *options, str(file)])
    with pytest.raises(UsageError) as error:
        main()
    return str(error.value).splitlines()


def test_folders_that_are_no_checkouts_get_one_message_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = refusal(monkeypatch, dict.fromkeys(CHECKOUTS, tmp_path), tmp_path / "net.tflite")
    assert lines == [
        f"--{name} {tmp_path}: no {mark} there; allowed: a checkout of {repository}; "
        "next: name its folder"
        for name, (repository, mark) in CHECKOUTS.items()
    ]


def test_a_file_that_is_missing_is_named(
    tmp_path: Path, checkouts: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "net.tflite"
    expected = [f"file {file}: there is none; allowed: a .tflite; next: check the path"]
    assert refusal(monkeypatch, checkouts, file) == expected


def test_the_other_engine_is_compiled_of_what_the_network_needs(checkouts: dict[str, Path]) -> None:
    engine, case = Tflm(checkouts), Case("conv", file_of(conv(integer=True, groups=1, same=True)))
    engine.check()
    program = engine.write(case, profile("cortex-m4"))
    micro = checkouts["tflm"] / "tensorflow/lite/micro"
    wanted = ["graph.cc", "kernels/cmsis_nn/conv.cc", "kernels/conv_common.cc"]
    wanted.append("micro_interpreter.cc")
    vectors = checkouts["cmsis-nn"] / "Source" / "arm_convolve_s8.c"
    assert list(program.sources) == [*(micro / name for name in wanted), vectors]
    added = "resolver->AddConv2D(Registered<0>::From(tflite::Register_CONV_2D_INT8()))"
    assert added in program.files["engine_tflm.cc"].decode()


def test_an_operator_that_the_other_engine_lacks_is_named(checkouts: dict[str, Path]) -> None:
    depthwise = Case("net", file_of(conv(integer=True, groups=1, same=True, depth=2)))
    with pytest.raises(ModelError, match="net, DEPTHWISE_CONV_2D: an operator that TFLM lacks"):
        Tflm(checkouts).write(depthwise, profile("cortex-m4"))


def test_a_half_named_engine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["devices_beside", "--tflm", str(tmp_path), "net.tflite"])
    with pytest.raises(SystemExit):
        main()
    assert "TFLM takes all of --tflm, --cmsis-nn, --flatbuffers" in capsys.readouterr().err


@on_devices("cortex-m4")
@pytest.mark.skipif(not EMX.is_here, reason=f"emx-onnx-cgen is not in {EMX.folder}")
@pytest.mark.parametrize("integer", [True, False])
def test_the_c_of_emx_computes_the_network(target: str, tmp_path: Path, integer: bool) -> None:
    case = Case("conv", file_of(conv(integer=integer, groups=1, same=True)))
    ours, theirs = (
        measure(engine, case, profile(target), tmp_path / engine.name)
        for engine in (EdgeKit(), Emx())
    )
    for (one,), (other,) in zip(ours.outputs, theirs.outputs, strict=True):
        assert abs(one.astype(float) - other).max() <= (1 if integer else 1e-4)
    assert theirs.instructions > 5 * 4 * 6 * 24 and sum(theirs.kinds.values()) > 0


@on_devices("cortex-m4")
def test_the_counter_counts_a_network_by_layer(target: str, tmp_path: Path) -> None:
    case = Case("conv", file_of(conv(integer=True, groups=1, same=True)))
    figures = measure(EdgeKit(), case, profile(target), tmp_path, is_layered=True)
    file = tmp_path / "conv.tflite"
    file.write_bytes(case.data)
    oracle, (held,), (made,) = Oracle(from_tflite(file, name="conv")), case.inputs, case.outputs
    expected = [
        [integer_values(made, oracle.process({held.name: real_values(held, feed)})[made.name])]
        for (feed,) in case.feeds
    ]
    values = len(case.feeds) * 5 * 4 * 6
    assert equal_share(figures.outputs, expected) == f"{values} of {values}"
    parts = sum(instructions for _, instructions in figures.layers)
    assert 5 * 4 * 6 * 24 < figures.instructions <= parts < 1.1 * figures.instructions
    assert sum(figures.functions.values()) == pytest.approx(figures.instructions, rel=0.02)
    assert 6 * 24 < figures.flash_bytes < 40_000
    assert 9 * 7 * 4 < figures.ram_bytes < 20_000


def test_the_table_has_ratios_to_our_instructions_and_names_that_differ(tmp_path: Path) -> None:
    files = [tmp_path / "v1" / "a.tflite", tmp_path / "v2" / "a.tflite", tmp_path / "b.tflite"]
    assert names_of(files) == ["v1/a", "v2/a", "b"]
    rows = [
        Row("b", core, engine, count, None, 4000, 2500, {"tflite-micro": "2 of 2"})
        for core, ours, theirs in (("cortex-m4", 1000, 1500), ("cortex-m55", 800, 600))
        for engine, count in (("EdgeKit", ours), ("other", theirs))
    ]
    assert table_of(rows).rows == [
        ("b", "EdgeKit", "1.0", "0.8", "4.0", "2.5", "2 of 2"),
        ("b", "other", "1.5 (1.50)", "0.6 (0.75)", "4.0", "2.5", "2 of 2"),
    ]
    kinds = {"load": 900, "load_after_load": 300, "float_fused": 500, "other": 100}
    row = Row("b", "cortex-m4", "other", 1800, None, 0, 0, {}, kinds)
    assert table_of_kinds([row]).rows == [
        ("b", "`cortex-m4`", "other", "1.2", *["0.0"] * 4, "0.5", "0.0", "0.1")
    ]


def test_of_linux_engines_the_outputs_are_compared_and_a_refusal_is_kept() -> None:
    case = Case("net", file_of(conv(integer=True, groups=1, same=True)))
    made = [np.zeros(held.shape, np.float32) for held in case.outputs]
    whole = [
        held.grid.zero.astype(held.dtype) + np.zeros(held.shape, held.dtype)
        for held in case.outputs
    ]
    rows = [
        {"network": 0, "engine": "EdgeKit", "instructions": 1000, "outputs": [_texts(made)]},
        {"network": 0, "engine": "LiteRT", "instructions": 1500, "outputs": [_texts(whole)]},
        {"network": 0, "engine": "onnxruntime", "error": "refused"},
    ]
    counts = list(counts_of(rows, [case], "cortex-a53"))
    assert [count.instructions for count in counts] == [1000, 1500, None]
    size = sum(array.size for array in made)
    assert [count.equal for count in counts] == ["", f"{size} of {size}", ""]
    cells = [row[2] for row in linux_table(counts).rows]
    assert cells == ["1.0", "1.5 (1.50)", "-"]


def test_a_file_system_for_linux_has_names_and_contents_in_order() -> None:
    archive = io.BytesIO()
    add_entry(archive, "init", 0o100755, b"abc")
    add_entry(archive, "TRAILER!!!", 0)
    data = archive.getvalue()
    assert data[:6] == b"070701" and int(data[54:62], 16) == 3 and int(data[94:102], 16) == 5
    assert data[110:115] == b"init\0" and data[116:119] == b"abc" and len(data) % 4 == 0


def _texts(arrays: list[np.ndarray]) -> list[str]:
    return [base64.b64encode(array.tobytes()).decode() for array in arrays]
