"""An engine's time for a whole network: each layer's cycles, with the bytes that it moves to and from DRAM."""

from edgekit.fpga.cycles import LayerCycles, layer_cycles
from edgekit.fpga.layout import Layout
from edgekit.fpga.network import Layer, Network
from edgekit.fpga.program import Program


def network_cycles(program: Program) -> tuple[LayerCycles, ...]:
    """Return the cycles of every layer of a program."""
    return tuple(_cycles(layer, program) for layer in program.network.layers)


def _cycles(layer: Layer, program: Program) -> LayerCycles:
    layout, network = program.layout, program.network
    planes = layout.planes_of(layer.x)
    out_planes = layout.placed[layer.y].planes
    read = sum(_bytes_of_beat(plane.tensor, program) for plane in planes)
    tensor = network.tensors[layer.y]
    pixels = tensor.height * tensor.width
    if layer.path == "depthwise":
        beats_read = layer.x.height * layer.x.width
        deform = layer.dilation is not None and not layout.placed[layer.dilation].on_chip
        read_bytes = beats_read * (read + (program.spec.lanes if deform else 0))
    else:
        passes = -(-out_planes * program.spec.lanes // program.spec.columns)
        times = layer.kernel**2 * (passes if layer.path == "dense" else 1)
        read_bytes = pixels * times * read
    written = 0 if layout.placed[layer.y].on_chip else pixels * out_planes * program.spec.lanes
    return layer_cycles(layer, program.spec, len(planes), out_planes, read_bytes + written)


def _bytes_of_beat(name: str, program: Program) -> int:
    if name in program.network.inputs.values():
        return program.image_lanes
    return 0 if program.layout.placed[name].on_chip else program.spec.lanes


def dram_tensors(network: Network, layout: Layout) -> list[str]:
    """Return the results that go through DRAM, those that leave the engine included."""
    return [layer.y for layer in network.layers if not layout.placed[layer.y].on_chip]
