"""Random networks in integers, and whole through the RTL of an engine, one after another without a reset."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fpga_hls import stored
from fpga_grammar import compared, loaded, random_network
from fpga_networks import calibration
from fpga_rtl import SHARED_BEAT, golden_vectors, program

from edgekit.fpga import engine, golden, interpret
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
