"""``edgekit export --target fpga`` from a factory or a file to a verified engine."""

import json
import re
import subprocess
from pathlib import Path

import fpga_driver
import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from fpga_hls import needs_cxx
from fpga_networks import calibration, imported, tiny
from fpga_rtl import needs_verilator
from torch import Tensor, nn

from edgekit import api
from edgekit.base.errors import UsageError, VerificationError
from edgekit.base.npz import read_npz, write_npz
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.fpga import SquareDeformConv2d, project
from edgekit.fpga.lower import lower
from edgekit.fpga.resources import PARTS, estimate
from edgekit.fpga.search import choose
from edgekit.fpga.spec import EngineSpec
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.fpga import SOURCES
from edgekit.runtime.runners.rtl import RtlRunner
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.open_stream import open_stream
from edgekit.verbs.stream_setup import StreamSetup


def fractional() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return nn.Sequential(nn.Conv2d(3, 4, 1), SquareDeformConv2d(4, 7, "square")), (
        torch.randn(1, 3, 8, 8),
    )


class Odd(nn.Module):
    """Three layers that no engine has."""

    def __init__(self) -> None:
        super().__init__()
        self.third = nn.Conv2d(4, 4, 3, stride=3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.third(x), self.inner(x), x * x.flip(1)


def odd() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Odd(), (torch.randn(1, 4, 8, 8),)


@needs_cxx
def test_a_factory_becomes_an_engine(tmp_path: Path) -> None:
    exported = api.export("fpga_networks:tiny", "fpga", tmp_path / "engine")
    assert any("example inputs only" in note for note in exported.notes)
    manifest = Manifest.load(tmp_path / "engine")
    assert manifest.quantization["recipe"] == "w4a8"
    assert manifest.verification is not None and manifest.verification["bit_exact_with_oracle"]
    engine = manifest.engine
    assert engine is not None and engine["part"] == "XCZU3EG"
    assert engine["dsps"] <= 360 and engine["rams"] <= 216
    expected = 1e6 * engine["clock_mhz"] / engine["cycles_per_frame"]
    assert engine["frames_per_second"] == pytest.approx(expected, rel=0.01)
    assert set(engine["kinds"].values()) == {"modelled"}
    page = (tmp_path / "engine" / "report.html").read_text()
    assert (
        "modelled" in page and "simulated: C simulation" in page and "cycles of each layer" in page
    )


@pytest.mark.slow
@needs_cxx
def test_the_project_builds_and_passes_where_it_was_written(tmp_path: Path) -> None:
    api.export("fpga_networks:plain", "fpga", tmp_path / "engine", recipe="w8a8", goal="small")
    folder = tmp_path / "engine" / "hls"
    command = ["g++", "-std=c++17", "-O1", "-Iheaders", "-I.", *SOURCES, project.BENCH, "-o", "tb"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run(["./tb", "data"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(" 0 differ")
    golden = read_npz(tmp_path / "engine" / "golden" / "output.npz")
    assert [array.shape[1:] for array in golden.values()] == [(1, 3, 3, 3)]
    again = api.export(
        "fpga_networks:plain", "fpga", tmp_path / "again", recipe="w8a8", goal="small"
    )
    assert again.manifest.digest == Manifest.load(tmp_path / "engine").digest


@pytest.mark.slow
@needs_cxx
def test_a_file_with_calibration_pictures(tmp_path: Path) -> None:
    model = imported(tiny)
    model.save(tmp_path / "net.onnx")
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", {"x": calibration(model).clips[0]["x"]})
    source, clips = str(tmp_path / "net.onnx"), str(tmp_path / "clips")
    exported = api.export(
        source, "fpga", tmp_path / "engine", calibration=clips, part="LFE5UM5G-85F", recipe="w8a8"
    )
    assert exported.manifest.verification is not None
    assert exported.manifest.verification["hops"] == 8
    with pytest.raises(VerificationError, match="at least 90 dB"):
        api.export(source, "fpga", tmp_path / "e", calibration=clips, recipe="w8a8", min_snr_db=90)
    assert not (tmp_path / "e").exists()
    with pytest.raises(UsageError, match="no calibration"):
        api.export(source, "fpga", tmp_path / "e")


def test_everything_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        api.export(f"{__name__}:odd", "fpga", tmp_path / "e")
    found = [problem.found for problem in caught.value.problems]
    assert found == [
        "strides [3, 3]",
        "padding by which 8x8 pixels become 6x6",
        "the engine has no such operator",
    ]
    with pytest.raises(UsageError, match=r"fractional offsets.*SquareDeformConv2d"):
        api.export(f"{__name__}:fractional", "fpga", tmp_path / "e")


class Mixed(nn.Module):
    """Between layers of the engine: fractional d, other dilations, a classifier; one of two outputs is the CPU's."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.square = SquareDeformConv2d(8, 7, "square")
        self.point = nn.Conv2d(8, 12, 1)
        self.rounded = SquareDeformConv2d(12)
        self.wide = nn.Conv2d(12, 12, 3, padding=2, dilation=2)
        self.last = nn.Conv2d(24, 6, 1)
        self.classes = nn.Linear(6, 4)
        for layer in (self.square, self.rounded):
            nn.init.normal_(layer.offset.weight, 0, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.relu(self.point(torch.relu(self.square(torch.relu(self.first(x))))))
        both = torch.cat([torch.relu(self.rounded(y)), torch.sigmoid(self.wide(y))], 1)
        maps = self.last(both)
        return maps, torch.softmax(self.classes(maps.mean((2, 3))), 1)


def mixed() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Mixed(), (torch.randn(1, 3, 16, 20),)


@pytest.mark.slow
@needs_cxx
@needs_cc
@needs_verilator
def test_what_the_engine_has_not_stays_on_the_cpu(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = load_model(f"{__name__}:mixed", ImportOptions()).model
    model.save(tmp_path / "net.onnx")
    clips = {"x": calibration(model).clips[0]["x"]}
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", clips)
    folder, source, recipe = tmp_path / "engine", str(tmp_path / "net.onnx"), "w8a8"
    exported = api.export(
        source,
        "fpga",
        folder,
        recipe=recipe,
        goal="small",
        calibration=str(tmp_path / "clips"),
        cpu_fallback=True,
    )
    manifest = exported.manifest
    assert manifest.verification is not None and manifest.verification["bit_exact_with_oracle"]
    assert manifest.verification["snr_db"] > 30
    assert manifest.engine is not None
    kinds = {node.name: node.op_type for node in model.ir.graph}
    kept = [kinds[name] for name in manifest.engine["cpu_operators"]]
    assert kept.count("DeformConv") == 1 and kept[-2:] == ["Sigmoid", "Softmax"]
    assert any("fractional offsets" in note for note in exported.notes)
    assert "On the CPU" in (folder / "report.html").read_text()
    api.run(folder, tmp_path / "clips" / "a.npz", tmp_path / "out.npz")
    found, reference = read_npz(tmp_path / "out.npz"), run_hops(model, clips)
    golden = read_npz(folder / "golden" / "output.npz")
    for name, array in found.items():
        np.testing.assert_array_equal(array, golden[name])
        assert snr_db(reference[name], array) > 30
    stream, _ = open_stream(folder, "sim")
    assert isinstance(stream.runner, RtlRunner)
    for name, array in stream.run(clips).items():
        np.testing.assert_array_equal(array, found[name])
    assert re.match(
        r"RTL, simulated with DRAM: 8 pictures, [\d,]+ cycles each at most, [\d,]+ of them waiting, ",
        stream.runner.took(),
    )
    library = fpga_driver.compiled(folder, tmp_path / "driver.so")
    driver = fpga_driver.Driver(library, folder, stream.runner.simulation, 1 << 16)
    assert driver.open() == 0
    shapes = [tensor.shape for tensor in manifest.stream_outputs]
    for number, picture in enumerate(clips["x"][:2]):
        made = driver.picture(picture, shapes)
        for tensor, array in zip(manifest.stream_outputs, made, strict=True):
            np.testing.assert_array_equal(array, found[tensor.name][number])
    bench = tmp_path / "tb"
    project.compile_test_bench(folder / "hls", bench)
    assert project.run_test_bench(bench, folder / "hls" / "data").endswith(" 0 differ")


@pytest.mark.slow
@needs_cxx
def test_an_engine_whose_files_do_not_fit_is_refused(tmp_path: Path) -> None:
    api.export("fpga_networks:plain", "fpga", tmp_path / "engine", recipe="w8a8", goal="small")
    manifest = tmp_path / "engine" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "files": {}}))
    places = tmp_path / "engine" / "hls" / "data" / "outputs.bin"
    content = places.read_bytes()
    places.write_bytes(b"\xff\xff\xff\x7f" + content[4:])
    with pytest.raises(UsageError, match="sizes that do not fit"):
        Stream.open(tmp_path / "engine")
    with pytest.raises(UsageError, match="'zynq' for a build for fpga; allowed: sim"):
        StreamSetup(device="zynq").check(tmp_path / "engine")
    places.write_bytes(content[4:])
    with pytest.raises(UsageError, match="too short"):
        Stream.open(tmp_path / "engine")


def test_a_network_without_a_layer_for_the_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no layer that the engine has"):
        api.export(f"{__name__}:odd", "fpga", tmp_path / "e", cpu_fallback=True)


def test_parts_goals_and_recipes_are_checked_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        api.export("net", "fpga", tmp_path, recipe="w8a16", part="XC2C32", goal="cheap")
    found = [problem.where for problem in caught.value.problems]
    assert found[1:] == ["recipe 'w8a16'", "--part 'XC2C32'", "--goal 'cheap'"]
    with pytest.raises(UsageError, match="--part: given for target 'host'"):
        api.export("net", "host", tmp_path, part="XCZU3EG")


def test_the_search_keeps_to_the_part_and_its_goal() -> None:
    model = imported(tiny)
    network = lower(model, calibration(model), EngineSpec())
    for part in PARTS.values():
        fast, small = (choose(network, part, goal) for goal in ("fps", "small"))  # type: ignore[arg-type]
        for choice in (fast, small):
            assert choice.resources == estimate(choice.spec, part.family)
            assert choice.resources.fits(part)
            assert choice.program.layout.buffer_beats <= choice.spec.buffer_beats
        assert fast.frames_per_second >= small.frames_per_second
        assert fast.resources.luts >= small.resources.luts
