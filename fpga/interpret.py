"""The golden model of program.bin: its words, decoded, run in NumPy on memories of beats."""

from collections.abc import Mapping

import numpy as np

from edgekit.base.arrays import Int8
from edgekit.fpga import golden
from edgekit.fpga.network import Layer, View
from edgekit.fpga.words import ADDRESS, REGIONS, DecodedProgram, Record, get, path_of

S8 = Int8


def run(program: DecodedProgram, image: S8) -> S8:
    """Return DRAM ``(beats, lanes)`` after one picture; `image` is planes of pixels, as the engine reads it."""
    header, lanes = program.header, program.header["lanes"]
    pixels = image.reshape(-1, image.shape[-1])
    memory = {name: np.zeros((header[f"{name}_beats"], lanes), np.int8) for name in REGIONS}
    memory["image"][:, : pixels.shape[1]] = pixels
    for record in program.layers:
        _run_layer(record, memory, header)
    return memory["dram"]


def _run_layer(record: Record, memory: Mapping[str, S8], header: Mapping[str, int]) -> None:
    fields, lanes = record.fields, header["lanes"]
    height, width = fields["height"], fields["width"]
    x = np.concatenate([_plane(int(word), memory, height, width) for word in record.planes])
    d = _plane(fields["d"], memory, height, width)[0] if fields["deform"] else None
    y = golden.run_layer(_layer(record, header), x, d)
    place = _place(fields["y"])
    beats = fields["plane_beats"]
    for plane in range(fields["out_planes"]):
        own = y[plane * lanes : (plane + 1) * lanes].reshape(-1, beats)
        first = place["beat"] + plane * beats
        memory[REGIONS[place["region"]]][first : first + beats, : len(own)] = own.T


def _layer(record: Record, header: Mapping[str, int]) -> Layer:
    """The layer over all lanes of its planes."""
    fields, path, lanes = record.fields, path_of(record.fields), header["lanes"]
    inputs, kernel = fields["planes"] * lanes, fields["kernel"]
    weights: S8
    if path == "dense":
        shape = fields["groups"], kernel, kernel, fields["planes"], header["columns"], lanes
        spread = record.rows.reshape(shape).transpose(0, 4, 3, 5, 1, 2)
        weights = spread.reshape(-1, inputs, kernel, kernel)
    elif path == "depthwise":
        weights = record.rows.transpose(0, 2, 1).reshape(inputs, 3, 3)
    else:
        weights = np.zeros((inputs, kernel, kernel), np.int8)
    bias, mult, shift = record.scaling.reshape(-1, 3).T
    return Layer(
        "program.bin",
        path,  # type: ignore[arg-type]
        View((), (), fields["height"], fields["width"]),
        "y",
        weights,
        bias.astype(np.int32),
        mult,
        shift,
        fields["x_zero"],
        fields["y_zero"],
        fields["y_min"],
        fields["y_max"],
        stride=1 << fields["stride_log2"],
        dilation="d" if fields["deform"] else None,
    )


def _place(word: int) -> dict[str, int]:
    return get(ADDRESS, np.array([word], np.uint32))


def _plane(word: int, memory: Mapping[str, S8], height: int, width: int) -> S8:
    """The lanes ``(lanes, height, width)`` of the plane at an address."""
    place = _place(word)
    up = place["up"]
    rows, columns = np.arange(height) >> up, np.arange(width) >> up
    at = place["beat"] + rows[:, None] * (width >> up) + columns
    return memory[REGIONS[place["region"]]][at].transpose(2, 0, 1)
