"""Networks drawn from a grammar: golden model against float, RTL and C simulation against the golden model.

FPGA_FUZZ=N draws N times as many; make fpga-fuzz does.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpga_csim import built, needs_cxx, stored
from fpga_grammar import compared, loaded, random_network
from fpga_networks import calibration
from fpga_rtl import SHARED_BEAT, W8, golden_vectors, needs_verilator, program, simulated

from edgekit.fpga import engine, golden, interpret, project
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Layer, Network, View
from edgekit.fpga.program import assemble
from edgekit.fpga.simulate import Case, run_engine
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.words import decode

TIMES = int(os.environ.get("FPGA_FUZZ", "1"))
LEAST_DB = 12.0  # of 8 bits and a dozen layers; a wrong address leaves about 0


def lowered(seed: int, bits: int, folder: Path) -> tuple[Network, list[np.ndarray]] | None:  # type: ignore[type-arg]
    """A random network in integers, compared with float where it has 8 bits, and pictures; None: it has no layer."""
    model = loaded(random_network(seed, wider=seed % 4 == 0), folder)
    if problems := engine.check(model):
        assert [problem.found for problem in problems] == ["no layer that the engine has"]
        return None
    clips = calibration(model, 3)
    network = lower(model, clips, EngineSpec(weight_bits=bits))
    if bits == 8:
        near = compared(model, network, clips.clips[0]["x"])
        assert min(near.values()) > LEAST_DB, (seed, near)
    kind = network.tensors["x"].kind
    return network, [kind.quantize(x[0]).astype(np.int8) for x in clips.clips[0]["x"]]


@pytest.mark.parametrize("first", range(0, 60 * TIMES, 20))
def test_integers_are_near_the_float_network(first: int, tmp_path: Path) -> None:
    found = [lowered(seed, 8, tmp_path) for seed in range(first, first + 20)]
    assert sum(one is not None for one in found) > 15


def pieces(layer: Layer, x: np.ndarray, spec: EngineSpec) -> Iterator[tuple[Case, slice]]:  # type: ignore[type-arg]
    """A layer as its data path runs it: as many channels at once as the line buffer holds."""
    step = layer.out_channels
    if layer.path == "depthwise":
        step = min(spec.line_beats // layer.x.width, spec.groups) * spec.lanes
    for i in range(0, layer.out_channels, step):
        own = slice(i, i + step)
        parts = {n: getattr(layer, n)[own] for n in ("weights", "bias", "mult", "shift")}
        yield Case(replace(layer, **parts), (x[own] if layer.path == "depthwise" else x)[None]), own


@needs_verilator
@pytest.mark.parametrize("first", range(100, 100 + 50 * TIMES, 50))
def test_their_layers_follow_each_other_in_rtl_without_a_reset(first: int, tmp_path: Path) -> None:
    rows = []
    for seed in range(first, first + 50):
        found = lowered(seed, 8, tmp_path)
        if found is None or found[0].cpu:
            continue
        network, (image, *_) = found
        values = stored(network, image)
        for layer in network.layers:
            rows_of_weights = layer.kernel**2 * -(-len(layer.x.channels) // W8.lanes)
            held = layer.path == "depthwise" or rows_of_weights <= W8.bank_beats
            if layer.path != "pool" and held:
                for case, own in pieces(layer, golden.read(layer.x, values), W8):
                    rows.append((replace(case, stall_seed=len(rows) % 3), values[layer.y][own]))
    for path in ("dense", "depthwise"):
        own = [row for row in rows if row[0].layer.path == path]
        assert len(own) > 25
        for (_, y), result in zip(own, simulated(W8, [case for case, _ in own]), strict=True):
            np.testing.assert_array_equal(result.y[0], y)


def everything(network: Network) -> Network:
    """The network with all that its layers write among its outputs, so that every byte is compared."""
    names = {layer.y: network.tensors[layer.y].shape for layer in network.layers}
    views = {n: View((n,) * c, tuple(range(c)), h, w) for n, (c, h, w) in names.items()}
    return replace(network, outputs={**network.outputs, **views})


@needs_verilator
@pytest.mark.parametrize("first", range(300, 300 + 50 * TIMES, 50))
def test_whole_networks_follow_each_other_in_the_rtl_of_an_engine(
    first: int, tmp_path: Path
) -> None:
    """With DRAM that stalls. Every other network keeps results in the buffer; of the others all are compared."""
    folders = []
    for seed in range(first, first + 50):
        found = lowered(seed, 8, tmp_path)
        if found is None or found[0].cpu:
            continue
        network, (image, *_) = found
        made = assemble(everything(network) if seed % 2 else network, SHARED_BEAT)
        folders.append(golden_vectors(made, [image], tmp_path / str(seed)))
        dram = interpret.run(decode(made.words), made.pack_image(image))
        values = stored(network, image)
        for view in made.network.outputs.values():
            np.testing.assert_array_equal(made.unpack(view, dram), golden.read(view, values))
    assert len(folders) > 25
    executable = program(SHARED_BEAT, "engine")
    for ran in run_engine(executable, folders, dram=True, stalls=1 + first, resets=first % 100):
        assert (ran.error, ran.different) == (0, 0)


@needs_cxx
@pytest.mark.parametrize("seed", [n for n in range(200, 200 + 8 * TIMES) if n % 2 == 0])
def test_the_c_simulation_is_the_golden_network(seed: int, tmp_path: Path) -> None:
    """Of any lanes and columns, buffers that hold all, some or nothing, and few tables."""
    random = np.random.default_rng(seed)
    bits, lanes = int(random.choice([4, 8])), int(random.choice([1, 2, 4, 8]))
    found = lowered(seed, bits, tmp_path)
    if found is None or found[0].cpu:
        return
    network, images = found
    sums = max(layer.accumulator_bits for layer in network.layers)
    spec = EngineSpec(
        lanes=lanes,
        columns=lanes * int(random.integers(1, 3)),
        weight_bits=bits,
        line_beats=64,
        groups=4,
        buffer_beats=int(random.choice([0, 60, 2000])),
        accumulator_bits=max(sums, 18),
        weight_beats=2048,
    )
    bench = built(assemble(network, spec), tmp_path, images)
    assert project.run_test_bench(bench, tmp_path / "data").endswith(" 0 differ")
