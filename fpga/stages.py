"""The order in which the engine and the CPU run a network, as in the build's files."""

import json

import numpy as np

from edgekit.base.json_values import JsonObject
from edgekit.fpga.network import CpuPart, Network, View
from edgekit.fpga.program import Program

FOLDER = "cpu"  # of the parts that the CPU computes, each a C build


def stages(network: Network) -> list[tuple[int, int] | CpuPart]:
    """Return the runs of layers, as ``(first, count)``, and the parts of the CPU between them."""
    found: list[tuple[int, int] | CpuPart] = []
    done = 0
    for part in network.cpu:
        if part.at > done:
            found.append((done, part.at - done))
        found.append(part)
        done = part.at
    if done < len(network.layers):
        found.append((done, len(network.layers) - done))
    return found


def data(program: Program) -> dict[str, bytes]:
    """Return the files that say which bytes of DRAM the CPU reads and writes, and when."""
    network = program.network
    rows, written = [], 0
    for stage in stages(network):
        if isinstance(stage, CpuPart):
            written += sum(_size(network, name) for name in stage.writes.values())
        else:
            rows.append((*stage, written))
            written = 0
    files = {
        "stages.bin": np.array(rows, "<i4").tobytes(),
        "host_places.bin": _places(program, [whole(network, n) for n in network.from_cpu]),
    }
    for i, part in enumerate(network.cpu):
        files[f"{FOLDER}_{i}_reads.bin"] = _places(program, [*part.reads.values()])
        views = [whole(network, name) for name in part.writes.values()]
        files[f"{FOLDER}_{i}_writes.bin"] = _places(program, views)
    return files


def description(program: Program) -> bytes:
    """Return stages.json: the order of the parts, and the types of inputs and outputs."""
    network = program.network
    ((name, stored),) = network.inputs.items()
    image = port(network, name, whole(network, stored)) | {"lanes": program.image_lanes}
    rows: list[JsonObject] = []
    for stage in stages(network):
        if not isinstance(stage, CpuPart):
            rows.append({"layers": list(stage)})
            continue
        graph = stage.model.ir.graph
        rows.append(
            {
                "cpu": f"{FOLDER}/{network.cpu.index(stage)}",
                "inputs": [str(value.name) for value in graph.inputs],
                "outputs": [str(value.name) for value in graph.outputs],
                "reads": [port(network, n, view) for n, view in stage.reads.items()],
                "writes": [port(network, n, whole(network, s)) for n, s in stage.writes.items()],
            }
        )
    outputs = [port(network, n, view) for n, view in network.outputs.items()]
    return (
        json.dumps({"image": image, "outputs": outputs, "stages": rows}, indent=1) + "\n"
    ).encode()


def port(network: Network, name: str, view: View) -> JsonObject:
    """Name, shape and type of a tensor that goes in or out."""
    kind = network.tensors[view.tensors[0]].kind
    return {
        "name": name,
        "shape": list(view.shape),
        "scale": kind.scale,
        "zero_point": kind.zero_point,
    }


def whole(network: Network, name: str) -> View:
    """A stored tensor as it is."""
    channels, height, width = network.tensors[name].shape
    return View((name,) * channels, tuple(range(channels)), height, width)


def _size(network: Network, name: str) -> int:
    return int(np.prod(network.tensors[name].shape))


def _places(program: Program, views: list[View]) -> bytes:
    return program.places(views).astype("<i4").tobytes()
