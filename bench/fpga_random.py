"""Random networks in integers, whole through the HLS of an engine, or through its RTL without a reset between them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fpga_grammar import compared, loaded, random_network
from fpga_hls import compiled, stored, written
from fpga_networks import calibration
from fpga_rtl import SHARED_BEAT, golden_vectors, program

from edgekit.fpga import engine, golden, interpret, project
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Network, View
from edgekit.fpga.program import assemble
from edgekit.fpga.simulate import Ran, run_engine
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.words import decode

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


def everything(network: Network) -> Network:
    """The network with all that its layers write among its outputs, so that every byte is compared."""
    names = {layer.y: network.tensors[layer.y].shape for layer in network.layers}
    views = {n: View((n,) * c, tuple(range(c)), h, w) for n, (c, h, w) in names.items()}
    return replace(network, outputs={**network.outputs, **views})


def through_rtl(first: int, count: int, folder: Path, **options: Any) -> list[Ran]:
    """Networks of so many seeds through the RTL of an engine, with DRAM that stalls, one after another.

    Every other network keeps results in the buffer; of the others all are compared.
    """
    folders = []
    for seed in range(first, first + count):
        found = lowered(seed, 8, folder)
        if found is None or found[0].cpu:
            continue
        network, (image, *_) = found
        made = assemble(everything(network) if seed % 2 else network, SHARED_BEAT)
        folders.append(golden_vectors(made, [image], folder / str(seed)))
        dram = interpret.run(decode(made.words), made.pack_image(image))
        values = stored(network, image)
        for view in made.network.outputs.values():
            np.testing.assert_array_equal(made.unpack(view, dram), golden.read_view(view, values))
    executable = program(SHARED_BEAT, "engine")
    return run_engine(executable, folders, dram=True, stalls=1 + first, **options)


def random_spec(seed: int, bits: int, sums: int) -> EngineSpec:
    """An engine of any lanes and columns, with a buffer for all, some or no results, and few tables.

    `sums` are the bits that the network's sums need.
    """
    random = np.random.default_rng(seed)
    lanes = int(random.choice([1, 2, 3, 4, 5, 8, 16]))
    columns = [lanes, 2 * lanes, 3 * lanes, *(part for part in (1, lanes // 2) if part)]
    usable = [n for n in columns if n % lanes == 0 or lanes % n == 0]
    return EngineSpec(
        lanes=lanes,
        columns=int(random.choice(usable)),
        weight_bits=bits,
        line_beats=64,
        groups=int(random.choice([1, 4, 16])),
        buffer_beats=int(random.choice([0, 60, 2000])),
        accumulator_bits=max(sums, 18),
        weight_beats=4096,
        plane_rows=1024,
    )


def through_hls(seed: int, folder: Path, options: Sequence[str] = ("-O1",)) -> str | None:
    """The line of the HLS test bench for a random network; None: the engine has no layer of it, or it needs a CPU.

    Every other network keeps results in the buffer; of the others all are compared.
    """
    bits = 4 if seed % 4 < 2 else 8
    found = lowered(seed, bits, folder)
    if found is None or found[0].cpu:
        return None
    network, images = found
    spec = random_spec(seed, bits, max(layer.accumulator_bits for layer in network.layers))
    made = assemble(everything(network) if seed % 2 else network, spec)
    written(made, folder, images)
    config, band = folder / "ek_config.h", (1, 50, project.BAND_BEATS)[seed % 3]
    text = config.read_text()
    config.write_text(text.replace(f"BAND_BEATS = {project.BAND_BEATS}", f"BAND_BEATS = {band}"))
    return project.run_test_bench(compiled(folder, options=options), folder / "data")
