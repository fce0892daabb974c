"""The ethos-u targets: what Vela compiles, what it says of it, and what it leaves to the CPU."""

from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from operator_cases import c, f, network

import edgekit.demos
from edgekit import api
from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.from_torch import from_torch
from edgekit.export.random_inputs import draw
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.ethos_u import summary
from edgekit.verbs.targets import TARGETS

pytest.importorskip("ethosu.vela", reason="needs ethos-u-vela: pip install ethos-u-vela")
DENOISER = Path(edgekit.demos.__file__).with_name("denoise.onnx")


def int8(model: Model) -> Model:
    """A network in w8a8, calibrated on noise."""
    random = np.random.default_rng(0)
    clip = {str(value.name): draw(value, random, 20, 1) for value in model.stream_inputs}
    return quantize(model, Calibration((clip,), "noise"), "w8a8")


def keywords() -> Model:
    """A network of depthwise-separable convolutions."""
    model, _ = from_torch("keyword_network:ds_cnn", name="kws")
    return model


def test_vela_compiles_the_bundled_denoiser_and_a_keyword_network() -> None:
    for model in (
        from_onnx(DENOISER.read_bytes(), name="denoise"),
        keywords(),
    ):
        integers = int8(model)
        build = TARGETS["ethos-u55"].lower(integers, "ethos-u55")
        npu = build.manifest.npu
        assert npu is not None
        assert npu["cpu_operators"] == [] and build.notes == ()
        assert npu["npu_operators"] > 10
        assert npu["cycles"] > 10_000
        assert 1_000 < npu["sram_bytes"] < 200_000
        assert npu["flash_bytes"] > 10_000
        assert b"ethos-u" in build.files["model_vela.tflite"]
        assert type(build.manifest).from_json(build.manifest.to_json()) == build.manifest
    for target in ("ethos-u65", "ethos-u85"):
        larger = TARGETS[target].lower(integers, target).manifest.npu
        assert larger is not None and larger["cpu_operators"] == []
        assert larger["accelerator"] == f"{target}-256" and larger["cycles"] > 1000


def test_what_the_npu_does_not_run_is_listed_and_refused_when_strict(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("CumSum", ["a", "axis"], ["y"]),
    ]
    operands = {"x": f(1, 8), "w": c(8, 8), "axis": np.int64(1)}
    model = from_onnx(network("odd", nodes, operands, ["y"]).onnx, name="odd")
    build = TARGETS["ethos-u55"].lower(int8(model), "ethos-u55")
    assert build.manifest.npu is not None
    listed = " ".join(build.manifest.npu["cpu_operators"])
    assert "CUMSUM" in listed and "Unsupported opType" in listed
    assert any("CUMSUM" in note for note in build.notes)
    source = str(tmp_path / "odd.onnx")
    model.save(Path(source))
    (tmp_path / "clips").mkdir()
    np.savez(
        tmp_path / "clips" / "noise.npz", x=np.random.default_rng(0).random((9, 1, 8), np.float32)
    )
    with pytest.raises(ModelError, match="--strict"):
        api.export(
            source, "ethos-u55", tmp_path / "out", calibration=str(tmp_path / "clips"), strict=True
        )
    assert not (tmp_path / "out").exists()


def test_a_float_network_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelError, match="w8a8"):
        TARGETS["ethos-u55"].lower(keywords(), "ethos-u55")


def test_the_summary_is_read() -> None:
    names = (
        "system_config",
        "memory_mode",
        "core_clock",
        "cycles_total",
        "sram_memory_used",
        "off_chip_flash_memory_used",
    )
    table = ",".join(names) + "\nS,M,500000000.0,1234,2.5,10.0\n"
    printed = (
        "Warning (supported operators) operator: SIN, ofm: 'a b'\nReason: Unsupported opType\n\n"
        "CPU operators = 1 (50.0%)\nNPU operators = 1 (50.0%)\n"
    )
    assert summary(table, printed, "ethos-u55-128") == {
        "accelerator": "ethos-u55-128",
        "system": "S, M",
        "clock_mhz": 500.0,
        "cycles": 1234,
        "sram_bytes": 2560,
        "flash_bytes": 10240,
        "npu_operators": 1,
        "cpu_operators": ["SIN 'a b' (Unsupported opType)"],
    }
