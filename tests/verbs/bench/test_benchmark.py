"""`edgekit bench`: what it measures, beside whom, what it refuses, and the page in the report."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_build
from damaged_builds import spoil
from devices import on_devices
from port_networks import Mixer

from edgekit import api
from edgekit.base.errors import CheckFailed, UsageError
from edgekit.base.layout import parse_layout
from edgekit.cli.bench import show
from edgekit.runtime.bench.contenders import Arrays, Timed
from edgekit.runtime.bench.golden import check_outputs, first_wrong, least_db, rows
from edgekit.runtime.bench.measure import Measurement, golden_inputs, measure_local, one_core
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.bench import page as bench_page

NETWORK = "zoo:conv_recurrent"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "build"
    api.export(NETWORK, "host", folder, recipe="w8a8", sample_rate=16000)
    return folder


@pytest.mark.slow
@tiny_build.needs_cc
def test_local_times_a_build_beside_onnxruntime(host: Path, tmp_path: Path) -> None:
    log = tmp_path / "results.jsonl"
    for layers in (False, True):
        measured = api.bench(host, hops=20, against=["onnxruntime"], append=log, layers=layers)
    facts = measured.to_dict()
    assert facts["device"] == "local" and facts["hops"] == 100
    assert 0 < facts["median_us"] <= facts["p99_us"] <= facts["max_us"]
    assert facts["instructions_per_hop"] is None and facts["ram_bytes"] > 0
    peer = facts["against"]["onnxruntime"]
    assert peer["ratio"] == pytest.approx(peer["median_us"] / facts["median_us"], rel=0.02)
    assert peer["snr_db"] is None or peer["snr_db"] > 20
    assert len(facts["layers"]) > 5 and set(facts["layers"].values()) == {"equal"}
    costs = facts["by_layer"]
    assert costs["unit"] == "us" and sum(row["cost"] for row in costs["layers"]) > 0
    assert {row["operator"] for row in costs["layers"]} >= {"Conv", "GRU"}
    assert all(row["cost"] >= 0 for row in costs["layers"])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["target"] for line in lines] == ["host", "host"]
    assert lines[1]["median_us"] == facts["median_us"]
    report = (host / "report.html").read_text()
    assert report.count("<h2>Benchmark: local</h2>") == 1 and report.rstrip().endswith("</html>")
    assert "onnxruntime" in report and "<svg" in report and "Time of each layer" in report
    assert "share of the time, measured by edgekit bench --layers on local" in report
    widths = [float(width) for width in re.findall(r'data-layer="[^"]*" width="([^"]*)"', report)]
    assert max(widths) == 1.0 and sum(width > 0 for width in widths) > 3


def test_litert_is_timed_like_a_c_build(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    api.export(NETWORK, "litert", tmp_path / "build", recipe="w8a8", sample_rate=16000)
    facts = api.bench(tmp_path / "build", hops=20, against=["onnxruntime"]).to_dict()
    assert facts["hops"] == 100 and 0 < facts["median_us"] <= facts["p99_us"]
    assert facts["ram_bytes"] is None
    assert facts["against"]["onnxruntime"]["snr_db"] > 20
    assert "<h2>Benchmark: local</h2>" in (tmp_path / "build" / "report.html").read_text()
    with pytest.raises(UsageError, match="--layers: a build for litert"):
        api.bench(tmp_path / "build", layers=True)


def test_images_are_no_hops(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"instructions": (7,), "functions": {"ek_x": 7}}
    show(Measurement("qemu", 1, None, 5, unit="image", **counts))  # type: ignore[arg-type]
    printed = capsys.readouterr().out
    assert "instructions per image" in printed and "hop" not in printed


@pytest.mark.slow
@on_devices("cortex-m55")
def test_qemu_counts_instructions_and_compares_layers(target: str, tmp_path: Path) -> None:
    api.export(NETWORK, target, tmp_path / "build", recipe="w8a8")
    facts = api.bench(tmp_path / "build", hops=3, layers=True).to_dict()
    assert facts["device"] == "qemu" and facts["hops"] == 3
    assert facts["median_us"] is facts["p99_us"] is facts["real_time_factor"] is None
    by_function = facts["instructions_by_function"]
    assert abs(sum(by_function.values()) - facts["instructions_per_hop"]) < 50 + len(by_function)
    assert list(by_function.values()) == sorted(by_function.values(), reverse=True)
    model = facts["modelled"]
    cycles = facts["max_instructions_per_hop"] * model["cycles_per_instruction"]
    assert model["us_per_hop"] == pytest.approx(cycles * 1e6 / model["clock_hz"], abs=0.01)
    memory = Manifest.load(tmp_path / "build").memory
    blocks = (memory["state_bytes"] or 0) + (memory["scratch_bytes"] or 0)
    assert facts["ram_bytes"] == blocks + facts["stack_bytes"]
    assert len(facts["layers"]) > 5 and set(facts["layers"].values()) == {"equal"}
    costs = facts["by_layer"]
    total = sum(row["cost"] for row in costs["layers"])
    assert costs["unit"] == "instructions"  # a mark takes one or two itself
    assert abs(total - facts["instructions_per_hop"]) < 4 * len(facts["layers"])
    page = (tmp_path / "build" / "report.html").read_text()
    assert "modelled, not measured" in page and "Instructions of each layer" in page
    assert "share of the instructions, measured by edgekit bench --layers on qemu" in page
    assert model["cycles_from"] in page
    spoil(tmp_path / "build")
    with pytest.raises(CheckFailed, match="cortex-m55: the replay of golden data failed"):
        api.bench(tmp_path / "build", hops=3)
    with pytest.raises(CheckFailed, match="the first layer that differs: getitem_q, in hop"):
        api.bench(tmp_path / "build", hops=3, layers=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "ssh://-x@board"}, ["ssh://-x@board", "unknown", "ssh://[user@]host[:port]"]),
        ({"device": "adb:"}, ["adb:", "unknown", "adb[:serial]"]),
        ({"device": "ssh://board", "against": ["litert"]}, ["on ssh, where only the build runs"]),
        ({"device": "adb", "hops": 100_001}, ["--hops", "1 to 100,000 on adb"]),
        ({"device": "toaster"}, ["toaster", "unknown"]),
        ({"device": "qemu"}, ["a build for c99", "--device local"]),
        ({"hops": 0}, ["--hops", "1 to 1,000,000"]),
        ({"against": ["litert", "magic"]}, ["magic", "unknown", "onnxruntime, litert, executorch"]),
        ({"append": "nowhere/results.jsonl"}, ["its folder does not exist"]),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refusal:
        api.bench(tiny_build.write(tmp_path), **options)
    assert all(word in str(refusal.value) for word in words)


def test_a_build_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a build for fpga"):
        api.bench(tiny_build.write(tmp_path / "fpga", target="fpga"))
    board = tiny_build.write(tmp_path / "board", target="cortex-m55")
    for device in ("ssh://board", "adb"):
        with pytest.raises(UsageError, match=r"a build for cortex-m55; allowed: --device qemu"):
            api.bench(board, device=device)
    with pytest.raises(UsageError, match="a build for ethos-u55, whose NPU this machine lacks"):
        api.bench(tiny_build.write(tmp_path / "npu", target="ethos-u55"))


@tiny_build.needs_cc
def test_layers_of_a_build_that_is_not_what_its_network_makes_are_refused(
    host: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("model.onnx", "manifest.json"):
        (copy / name).write_bytes((host / name).read_bytes())
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "digest": "sha256:0", "files": {}}))
    with pytest.raises(UsageError, match="other sources"):
        api.bench(copy, layers=True)


@pytest.mark.slow
@tiny_build.needs_cc
def test_a_corrupted_weight_is_found_and_the_first_layer_that_differs(
    host: Path, tmp_path: Path
) -> None:
    build = tmp_path / "build"
    shutil.copytree(host, build)
    spoil(build)
    with pytest.raises(
        CheckFailed, match=r"local disagrees with golden:\noutput 'tanh': [\d.]+ dB"
    ):
        api.bench(build, hops=2)
    with pytest.raises(CheckFailed) as failure:
        api.bench(build, hops=2, layers=True)
    # the first convolution: what runs before it is equal
    assert "the first layer that differs: getitem_q, in hop" in str(failure.value)
    assert "\nlayer cat_q: equal\nlayer getitem_q: FAIL, different, hop " in str(failure.value)
    assert "not as the export wrote them: conv_recurrent_weights.c" in str(failure.value)


@pytest.mark.slow
@tiny_build.needs_cc
def test_layers_of_a_float_build_may_sum_in_another_order(tmp_path: Path) -> None:
    api.export(NETWORK, "host", tmp_path / "build")
    layers = dict(api.bench(tmp_path / "build", hops=2, layers=True).layers)
    assert len(layers) > 5 and set(layers.values()) != {"equal"}
    assert not [result for result in layers.values() if result.startswith("FAIL")]


def test_the_first_wrong_layer_is_that_of_the_earliest_hop() -> None:
    printed = [
        "layer skip: FAIL, different, hop 1",
        "layer conv: equal",
        "layer gru: FAIL, 12 dB, hop 0",
        "layer out: FAIL, -3 dB, hop 0",
        "output y: FAIL, 3 dB, hop 0",
        "layer x: what is this",
    ]
    found = rows("\n".join(printed))
    assert [row.name for row in found] == ["skip", "conv", "gru", "out", "y"]
    first = first_wrong(found)
    assert first is not None and first.name == "gru"
    assert first_wrong([row for row in found if row.kind == "output"]) is None


class Fake:
    """Gives `gain` times its input and 1 ms a hop."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def run(self, inputs: Arrays) -> Timed:
        return {"y": inputs["x"] * np.float32(self.gain)}, np.full(len(inputs["x"]), 1000.0)


def test_a_peer_that_computes_something_else_gets_no_time() -> None:
    inputs = {"x": np.ones((4, 2), np.float32)}
    manifest = tiny_build.manifest()
    done: list[int] = []
    measured = measure_local(
        Fake(1), {"good": (Fake(1.01), "1")}, inputs, manifest, lambda i, n: done.append(n - i)
    )
    peer = measured.to_dict()["against"]["good"]
    assert peer["ratio"] == 1 and peer["snr_db"] == pytest.approx(40.1, abs=0.2)
    assert done == [4, 3, 2, 1, 0]
    with pytest.raises(CheckFailed, match="bad: output 'y' is not that of the same network"):
        measure_local(Fake(1), {"bad": (Fake(2), "1")}, inputs, manifest, lambda i, n: None)


def test_what_is_near_enough_to_golden() -> None:
    golden = {"y": np.ones((4, 2), np.float32), "n": np.arange(4, dtype=np.int32)}
    check_outputs("a", tiny_build.manifest(), {name: a[:2] for name, a in golden.items()}, golden)
    near = {"y": golden["y"][:2] * np.float32(1 + 1e-6), "n": golden["n"][:2]}
    check_outputs("a", tiny_build.manifest(), near, golden)
    far = {"y": golden["y"][:2] * np.float32(1.001), "n": golden["n"][:2] + 1}
    with pytest.raises(CheckFailed) as failure:
        check_outputs("a", tiny_build.manifest(), far, golden)
    assert "'y': 60.0 dB from golden, at least 90 needed" in str(failure.value)
    assert "output 'n'" in str(failure.value)
    lost = {"y": np.full((2, 2), np.nan, np.float32)}
    with pytest.raises(CheckFailed, match="'y': nan dB"):
        check_outputs("a", tiny_build.manifest(), lost, golden)
    verified = {"snr_db": 40.0}
    integers = {"recipe": "w8a8"}
    for target, least in (("litert", 34), ("onnxruntime", 34), ("host", 90)):
        manifest = tiny_build.manifest(target=target, verification=verified, quantization=integers)
        assert least_db(manifest) == least
    assert least_db(tiny_build.manifest(verification=verified)) == 40


@tiny_build.needs_cc
def test_the_loop_in_c_gives_what_the_stream_gives(host: Path) -> None:
    from edgekit.runtime.bench.contenders import NativeContender

    manifest = Manifest.load(host)
    inputs = golden_inputs(host, manifest, 70)
    assert all(len(array) == 70 for array in inputs.values())
    found, times_us = NativeContender(host, manifest).run(inputs)
    expected = Stream.open(host).run(inputs)
    assert times_us.shape == (70,) and times_us.min() > 0
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_the_process_is_bound_to_one_core_and_freed_again() -> None:
    import os

    if not hasattr(os, "sched_getaffinity"):
        with one_core() as core:
            assert core is None
        return
    before = os.sched_getaffinity(0)
    with one_core() as core:
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before


def test_equal_counts_are_a_sentence_and_others_a_picture() -> None:
    equal = bench_page._histogram(np.full(5, 1234.0), "instructions", None, "hop")
    assert equal == {"columns": [], "text": "Each of 5 hops: 1,234 instructions."}
    near = bench_page._histogram(np.array([153276.0, 153280.0]), "instructions", None, "hop")
    assert near == {"columns": [], "text": "Each of 2 hops: 153,276 to 153,280 instructions."}
    two = bench_page._histogram(np.array([1.0, 2.0]), "instructions", None, "hop")["columns"]
    assert [column.height for column in two if column.height] == [1.0, 1.0]


STREAMS = (
    ({"ears": (2, "NCT")}, {"out": (2, "NTC")}),
    ({"mic": (1, "NCT"), "ref": (2, "NTC")}, {"left": (1, "CT"), "right": (3, "NCT")}),
)


@pytest.mark.slow
@tiny_build.needs_cc
@on_devices("cortex-m55")
@pytest.mark.parametrize(("inputs", "outputs"), STREAMS)
def test_builds_of_several_channels_and_streams_are_measured(
    target: str,
    inputs: dict[str, tuple[int, str]],
    outputs: dict[str, tuple[int, str]],
    tmp_path: Path,
) -> None:
    mixer = Mixer.drawn(np.random.default_rng(0), inputs, outputs, 16)
    network = tmp_path / "net.onnx"
    network.write_bytes(mixer.model().to_bytes())
    layouts = {name: parse_layout(text) for name, (_, text) in {**inputs, **outputs}.items()}
    for built in ("host", target):
        api.export(
            str(network), built, tmp_path / built, hop=16, sample_rate=16000, layouts=layouts
        )
        device = "qemu" if built == target else "local"
        against = ["onnxruntime"] if built == "host" else []
        facts = api.bench(tmp_path / built, device=device, hops=10, against=against).to_dict()
        if built == "host":
            assert facts["against"]["onnxruntime"]["snr_db"] is None or (
                facts["against"]["onnxruntime"]["snr_db"] > 100
            )
        else:
            assert facts["instructions_per_hop"] > 0
