"""The cycle model walks a program as the RTL does, with ideal memory and with DRAM."""

from pathlib import Path

import numpy as np
import pytest
from fpga_networks import (
    calibration,
    imported,
    one_layer,
    picture_network,
    random_layer,
    random_x,
    tiny,
)
from fpga_rtl import SEVERAL_BEATS, SHARED_BEAT, golden_vectors, needs_verilator, program

from edgekit.fpga.dram import DRAM, IDEAL
from edgekit.fpga.lower import lower
from edgekit.fpga.program import assemble
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import choose
from edgekit.fpga.simulate import run_engine
from edgekit.fpga.spec import DMAX, EngineSpec
from edgekit.fpga.timing import program_cycles


@pytest.mark.rows(1)
@needs_verilator
@pytest.mark.parametrize("spec", [SHARED_BEAT, SEVERAL_BEATS], ids=["shared", "several"])
def test_cycles_are_those_of_the_rtl(spec: EngineSpec, tmp_path: Path) -> None:
    """Random layers and a whole network, each within 3 %."""
    made, images = [], []
    for seed in range(12):
        random = np.random.default_rng(seed)
        shape = int(random.integers(1, 20)), *(int(n) for n in random.integers(1, 24, 2))
        kind = ("dense", "depthwise")[seed % 2]
        outputs = int(random.integers(1, 24)) if kind == "dense" else shape[0]
        kernel, stride = int(random.choice([1, 3, 5])), int(random.choice([1, 2, 4]))
        layer = random_layer(random, kind, shape, outputs, spec.weight_bits, kernel, stride)
        made.append(assemble(one_layer(layer, spec.weight_bits), spec))
        images.append(random_x(random, shape))
    random = np.random.default_rng(0)
    deformable = random_layer(random, "depthwise", (6, 19, 14), 6, spec.weight_bits, deform=True)
    made.append(assemble(picture_network(deformable, spec.weight_bits), spec))
    images.append(random.integers(0, DMAX + 1, (7, 19, 14)).astype(np.int8))
    model = imported(tiny)
    clips = calibration(model, 1)
    network = lower(model, clips, spec)
    ((name, stored),) = network.inputs.items()
    made.append(assemble(network, spec))
    images.append(network.tensors[stored].kind.quantize(clips.clips[0][name][0][0]).astype(np.int8))
    folders = [
        golden_vectors(one, [image], tmp_path / str(i))
        for i, (one, image) in enumerate(zip(made, images, strict=True))
    ]
    for timing in (IDEAL, DRAM):
        found = run_engine(program(spec, "engine"), folders, dram=timing is DRAM)
        assert [(ran.error, ran.different) for ran in found] == [(0, 0)] * len(made)
        cycles = [ran.cycles for ran in found]
        assert [sum(program_cycles(one, timing)) for one in made] == pytest.approx(cycles, rel=0.03)


def test_the_chosen_engine_was_walked() -> None:
    random = np.random.default_rng(0)
    layer = random_layer(random, "dense", (8, 12, 12), 40, 8)
    choice = choose(one_layer(layer, 8), PARTS["XCZU3EG"])
    assert choice.frame_cycles == sum(program_cycles(choice.program))
    (row,) = choice.cycles
    assert row.stalled > 0 and row.tables + row.compute + row.stalled == row.total
