"""The whole engine in RTL equals the golden network in every byte, and refuses programs that are not its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from fpga_networks import (
    calibration,
    imported,
    one_layer,
    picture_network,
    plain,
    random_layer,
    random_x,
    tiny,
)
from fpga_rtl import SEVERAL_BEATS, SHARED_BEAT, golden_vectors, needs_verilator, program
from slices import slow_except

from edgekit.demos.shapes import HELD_OUT, draw
from edgekit.demos.show_deform import CALIBRATION, NETWORK
from edgekit.fpga import golden
from edgekit.fpga.cycles import frame_cycles
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Network
from edgekit.fpga.program import assemble
from edgekit.fpga.resources import PARTS
from edgekit.fpga.schedule import network_cycles
from edgekit.fpga.search import fit_engine
from edgekit.fpga.simulate import build, run_engine
from edgekit.fpga.spec import DMAX, EngineSpec
from edgekit.fpga.words import DIGEST_FROM, HEADER_WORDS, LAYER_WORDS
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.runtime.runners.engine import ERRORS
from edgekit.verbs.export.importing import ImportOptions, load_model

pytestmark = needs_verilator
BOTH = pytest.mark.parametrize(
    "spec",
    slow_except(lambda spec: spec is SEVERAL_BEATS, [SHARED_BEAT, SEVERAL_BEATS]),
    ids=["shared", "several"],
)


def assert_equal(spec: EngineSpec, folders: list[Path], **options: Any) -> None:
    """Every byte of every folder's pictures, one behind another, with ideal memory, and with DRAM that also stalls."""
    for memory in (options, {"dram": True, "stalls": 7, **options}):
        found = run_engine(program(spec, "engine"), folders, **memory)
        assert [(ran.error, ran.different) for ran in found] == [(0, 0)] * len(folders)
        assert all(ran.compared and ran.cycles for ran in found)


@pytest.mark.slow
@BOTH
def test_every_d_at_every_border(spec: EngineSpec, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shape = 6, 19, 14
    layer = random_layer(random, "depthwise", shape, shape[0], spec.weight_bits, deform=True)
    images = [random_x(random, (shape[0] + 1, *shape[1:])) for _ in range(DMAX + 2)]
    for d, image in enumerate(images[:-1]):
        image[-1] = d
    images[-1][-1] = random.integers(0, DMAX + 1, shape[1:])
    made = assemble(picture_network(layer, spec.weight_bits), spec)
    assert_equal(spec, [golden_vectors(made, images, tmp_path)])


def layers(spec: EngineSpec, folder: Path, count: int = 24) -> list[Path]:
    """Layers of all kinds and sizes, a program each, of two pictures each."""
    folders = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        path = ("dense", "depthwise", "pool")[seed % 3]
        shape = (int(random.integers(1, 25)), *(int(n) for n in random.integers(1, 10, 2)))
        outputs = int(random.integers(1, 24)) if path == "dense" else shape[0]
        kernel, stride = int(random.choice([1, 3, 5])), int(random.choice([1, 2, 4]))
        kind = "dense" if path == "dense" else "depthwise"
        layer = random_layer(random, kind, shape, outputs, spec.weight_bits, kernel, stride)
        if path == "pool":
            window = (shape[0], *[int(random.choice([2, 3]))] * 2)
            layer = replace(layer, path="pool", stride=2, weights=np.zeros(window, np.int8))
        made = assemble(one_layer(layer, spec.weight_bits), spec)
        images = [random_x(random, shape) for _ in range(2)]
        folders.append(golden_vectors(made, images, folder / str(seed)))
    return folders


@BOTH
def test_layers_of_all_kinds_follow_each_other(spec: EngineSpec, tmp_path: Path) -> None:
    assert_equal(spec, layers(spec, tmp_path))


@BOTH
@pytest.mark.parametrize("cut", ["resets", "aborts", "faults"])
def test_a_run_that_is_cut_short_leaves_nothing_behind(
    cut: str, spec: EngineSpec, tmp_path: Path
) -> None:
    folders = layers(spec, tmp_path, 12)
    assert_equal(spec, folders, **{cut: 5})
    ran = run_engine(program(spec, "engine"), folders, **{cut: 6})  # type: ignore[arg-type]
    assert (sum(one.cut for one in ran) > len(ran) // 2) == (cut != "resets")


@BOTH
@pytest.mark.parametrize("factory", [tiny, plain])
def test_whole_networks(factory: Callable[[], Any], spec: EngineSpec, tmp_path: Path) -> None:
    network, images = lowered(factory, spec)
    vectors = golden_vectors(assemble(network, spec), images[:3], tmp_path)
    assert_equal(spec, [vectors])


def lowered(factory: Callable[[], Any], spec: EngineSpec) -> tuple[Network, list[Any]]:
    """A network of torch in integers, and pictures."""
    model = imported(factory)
    clips = calibration(model)
    network = lower(model, clips, spec)
    ((name, stored),) = network.inputs.items()
    kind = network.tensors[stored].kind
    return network, [kind.quantize(x[0]).astype(np.int8) for x in clips.clips[0][name]]


@pytest.mark.parametrize(
    ("word", "value", "error"),
    [
        (0, 0, "magic"),
        (1, 1, "version"),
        (4, 0x07080404, "engine"),
        (5, 4 << 16 | 65, "memory"),
        (5, 5 << 16 | 64, "memory"),
        (6, 512 << 16 | 1025, "memory"),
        (6, 513 << 16 | 1024, "memory"),
        (7, 27, "memory"),
        (8, 601, "memory"),
        (11, 1, "layers"),
        (HEADER_WORDS + 2, 513 | 1 << 16, "memory"),
        (HEADER_WORDS + 4, 1 << 30 | 10_000, "address"),
        (HEADER_WORDS + 5, 1 << 30 | 10_000, "none"),  # d, which the layer does not read
        (HEADER_WORDS + LAYER_WORDS + 5, 1 << 30 | 10_000, "address"),
        (HEADER_WORDS + LAYER_WORDS + 4, 3 << 30, "address"),
        (2 * LAYER_WORDS + HEADER_WORDS, 2 << 30 | 10_000, "address"),  # a plane
        (2 * LAYER_WORDS + HEADER_WORDS, 3 << 30, "address"),
    ],
)
def test_the_error_register_says_why_a_program_is_refused(
    word: int, value: int, error: str, tmp_path: Path
) -> None:
    """A refused program leaves nothing behind: the right one runs after it."""
    random = np.random.default_rng(1)
    layer = random_layer(random, "depthwise", (4, 5, 6), 4, deform=True)
    made = assemble(picture_network(layer, 8), SHARED_BEAT)
    image = random_x(random, (5, 5, 6))
    image[-1] = 1
    wrong, right = (golden_vectors(made, [image], tmp_path / name) for name in ("wrong", "right"))
    words = np.fromfile(wrong / "program.bin", "<u4")
    words[word] = value
    words[3] = crc32(words[DIGEST_FROM:].tobytes())
    words.tofile(wrong / "program.bin")
    found = run_engine(program(SHARED_BEAT, "engine"), [wrong, right])
    assert ERRORS[found[0].error] == error
    assert (found[1].pictures, found[1].different, found[1].error) == (1, 0, 0)


@pytest.mark.slow
def test_the_bundled_detector_runs_on_twenty_pictures(tmp_path: Path) -> None:
    """An engine of 8 x 8 for the ECP5, with DRAM; with ideal memory its cycles are near the model's."""
    model = load_model(str(NETWORK), ImportOptions()).model
    network = lower(model, load_calibration(CALIBRATION, model), EngineSpec(weight_bits=4))
    made = assemble(network, fit_engine(network, PARTS["LFE5UM5G-85F"], 8, 8, DMAX))
    stored = [golden.quantize(network, {"x": draw(HELD_OUT + i).image[None]}) for i in range(20)]
    images = [next(iter(values.values())) for values in stored]
    executable = build(made.spec, "engine", tmp_path / "rtl")
    folder = golden_vectors(made, images, tmp_path)
    (ran,) = run_engine(executable, [folder], dram=True)
    assert (ran.pictures, ran.different, ran.error) == (20, 0, 0)
    (ideal,) = run_engine(executable, [golden_vectors(made, images[:1], tmp_path)])
    assert ideal.cycles == pytest.approx(frame_cycles(network_cycles(made)), rel=0.1)
