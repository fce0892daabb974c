"""The HLS of whole networks, compiled with the machine's compiler, equals the golden network in every bit."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from fpga_hls import built, needs_cxx
from fpga_networks import calibration, imported, one_layer, plain, random_layer, random_x, tiny
from numpy.typing import NDArray
from slices import slow_except

from edgekit.base.errors import UsageError, VerificationError
from edgekit.fpga import project
from edgekit.fpga.lower import lower
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.words import DIGEST_FROM, HEADER, HEADER_WORDS, LAYER, Field
from edgekit.runtime.runners.engine import ERRORS

pytestmark = needs_cxx


def programmed(
    factory: Callable[[], Any], spec: EngineSpec
) -> tuple[Program, list[NDArray[np.int8]]]:
    """A network's program, and its calibration pictures in integers."""
    model = imported(factory)
    clips = calibration(model)
    network = lower(model, clips, spec)
    bits = max(layer.accumulator_bits for layer in network.layers)
    ((name, stored),) = network.inputs.items()
    kind = network.tensors[stored].kind
    images = [kind.quantize(x[0]).astype(np.int8) for x in clips.clips[0][name]]
    return assemble(network, replace(spec, accumulator_bits=bits)), images


@pytest.mark.parametrize(
    ("factory", "spec"),
    slow_except(
        lambda row: row[0] is plain,
        [
            (tiny, EngineSpec(lanes=4, columns=4, weight_bits=8, line_beats=64)),
            (tiny, EngineSpec(lanes=8, columns=4, buffer_beats=60, line_beats=24)),
            (tiny, EngineSpec(lanes=2, columns=6, buffer_beats=200, line_beats=48)),
            (plain, EngineSpec(lanes=4, columns=8, buffer_beats=60, line_beats=64)),
        ],
    ),
)
def test_whole_networks(factory: Callable[[], Any], spec: EngineSpec, tmp_path: Path) -> None:
    program, images = programmed(factory, spec)
    bench = built(program, tmp_path, images)
    line = project.run_test_bench(bench, tmp_path / "data")
    assert line.startswith("8 pictures") and line.endswith(" 0 differ")


def test_a_difference_fails_the_test_bench(tmp_path: Path) -> None:
    program, images = programmed(tiny, EngineSpec(lanes=4, columns=4, line_beats=64))
    bench = built(program, tmp_path, images)
    expected = tmp_path / "data" / "expected.bin"
    content = bytearray(expected.read_bytes())
    content[100] ^= 1
    expected.write_bytes(content)
    with pytest.raises(VerificationError, match="1 differ"):
        project.run_test_bench(bench, tmp_path / "data")


@pytest.mark.slow
def test_every_d_at_every_border(tmp_path: Path) -> None:
    """The deformable path alone; d comes from a first layer that writes the picture's own values."""
    random = np.random.default_rng(0)
    shape = (4, 19, 18)
    deform = random_layer(random, "depthwise", shape, 4, deform=True)
    copy = replace(
        random_layer(random, "dense", shape, 1),
        weights=np.eye(1, 4, dtype=np.int8)[:, :, None, None],
        bias=np.zeros(1, np.int32),
        mult=np.array([2**15]),
        shift=np.array([15]),
        y="d",
        y_zero=0,
        y_min=0,
        y_max=7,
    )
    network = one_layer(deform, 8)
    network = replace(network, layers=(copy, deform), inputs={"x": "x"})
    spec = EngineSpec(lanes=4, columns=4, weight_bits=8, line_beats=32, accumulator_bits=26)
    images = [random_x(random, shape) for _ in range(10)]
    for d, image in enumerate(images[:8]):
        image[0] = d
    images[8][0] = random.integers(0, 8, shape[1:])
    bench = built(assemble(network, spec), tmp_path, images)
    assert project.run_test_bench(bench, tmp_path / "data").endswith(" 0 differ")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled engine with the program of `tiny`."""
    folder = tmp_path_factory.mktemp("engine")
    program, images = programmed(tiny, EngineSpec(lanes=4, columns=4, line_beats=64))
    built(program, folder, images[:1])
    return folder


def first_field(name: str) -> Field:
    """A field of the first layer, as one of the program."""
    (field,) = (field for field in LAYER if field.name == name)
    return field._replace(word=HEADER_WORDS + field.word)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (HEADER[1], 1, "version"),
        (HEADER[4], 8, "engine"),
        (HEADER[8], 4096, "memory"),
        (first_field("path"), 3, "layers"),
        (first_field("kernel"), 200, "layers"),
        (first_field("planes"), 0, "layers"),
        (first_field("plane_beats"), 1, "layers"),
        (first_field("y"), (1 << 30) + 2_000_000, "address"),
        (first_field("first_plane"), 10_000_000, "address"),
        (first_field("first_block"), 0xFFFF_FFF0, "address"),
    ],
)
def test_programs_that_it_refuses(
    field: Field, value: int, error: str, engine: Path, tmp_path: Path
) -> None:
    shutil.copytree(engine / "data", tmp_path / "data")
    path = tmp_path / "data" / "program.bin"
    words = np.fromfile(path, "<u4")
    mask = ((1 << field.bits) - 1) << field.low
    words[field.word] = int(words[field.word]) & ~mask | value << field.low
    words[3] = crc32(words[DIGEST_FROM:].tobytes())
    words.tofile(path)
    with pytest.raises(VerificationError, match=f"error {ERRORS.index(error)}"):
        project.run_test_bench(engine / "tb", tmp_path / "data")


def test_columns_and_lanes_must_divide() -> None:
    with pytest.raises(UsageError, match="columns"):
        EngineSpec(lanes=4, columns=6)
