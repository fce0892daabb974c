"""Draw ``docs/streaming.svg``: a small network before and after the rewrite to hops.

python docs/make_streaming.py
"""

from collections import defaultdict
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import OPSET, Model
from edgekit.graph.nodes import static_shape

PICTURE = Path(__file__).with_name("streaming.svg")
HOP, CHANNELS = 4, 8
WIDTH, HEIGHT, ACROSS, DOWN, TOP = (
    150,
    44,
    176,
    86,
    62,
)  # of a box; from box to box; above the first
COLOURS = {"node": "#dbe7f3", "edge": "#f0f0f0", "state": "#ccbb44"}


@dataclass(frozen=True)
class Box:
    """One input, output or node of a graph, and what it reads."""

    title: str
    detail: str
    kind: str
    reads: tuple[str, ...]


def network() -> bytes:
    """(1, 8, T): a convolution that looks one frame ahead, and a residual past it."""
    random = np.random.default_rng(0)
    weight = random.standard_normal((CHANNELS, CHANNELS, 3)).astype(np.float32) / 5
    nodes = [
        helper.make_node("Conv", ["x", "weight"], ["filtered"], name="conv", pads=[1, 1]),
        helper.make_node("Tanh", ["filtered"], ["bent"], name="tanh"),
        helper.make_node("Add", ["x", "bent"], ["y"], name="residual"),
    ]
    shape = [1, CHANNELS, "T"]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name in "xy"
    )
    tensors = [numpy_helper.from_array(weight, "weight")]
    graph = helper.make_graph(nodes, "small", inputs, outputs, tensors)
    opset = helper.make_opsetid("", OPSET)
    proto = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return bytes(proto.SerializeToString())


def boxes(graph: ir.Graph, model: Model | None) -> dict[str, Box]:
    """The boxes of a graph by the name of the value that they give; `model` knows the states."""
    states = {pair.input: pair.output for pair in model.states} if model else {}
    following = set(states.values())
    found = {}
    for value in graph.inputs:
        kind, title = (
            ("state", "state") if value.name in states else ("edge", f"input {value.name}")
        )
        found[str(value.name)] = Box(title, _shape(value, model), kind, ())
    for node in graph:
        reads = tuple(str(v.name) for v in node.inputs if v is not None and v.const_value is None)
        output = node.outputs[0]
        found[str(output.name)] = Box(node.op_type, _shape(output, model), "node", reads)
    for value in graph.outputs:
        is_state = value.name in following
        title = "next state" if is_state else f"output {value.name}"
        detail = "" if is_state or model is None else _delay(model)
        kind = "state" if is_state else "edge"
        found[f"{value.name} out"] = Box(title, detail, kind, (str(value.name),))
    return found


def _shape(value: ir.Value, model: Model | None) -> str:
    dims = static_shape(value) or ()
    return " x ".join(map(str, dims)) if model else " x ".join([*map(str, dims[:-1]), "T"])


def _delay(model: Model) -> str:
    assert model.streaming is not None
    (output,) = model.streaming.outputs
    return f"{output.delay_samples} frame late, by '{output.caused_by}'"


def levels(found: dict[str, Box]) -> dict[int, list[str]]:
    """The names of the boxes by their row, each below all that it reads."""
    level: dict[str, int] = {}
    for name, box in found.items():
        level[name] = 1 + max((level[read] for read in box.reads), default=-1)
    for name, box in found.items():  # a state stands right above its first reader
        users = [level[other] for other, reader in found.items() if name in reader.reads]
        if not box.reads and box.kind == "state" and users:
            level[name] = max(0, min(users) - 1)
    rows: dict[int, list[str]] = defaultdict(list)
    for name, number in level.items():
        rows[number].append(name)
    return rows


def drawn(found: dict[str, Box], title: str, left: int) -> tuple[list[str], int, int]:
    """SVG of the boxes, each below all that it reads; and the width and height that they take."""
    rows = levels(found)
    columns = max(map(len, rows.values()))
    place: dict[str, tuple[float, float]] = {}
    center = left + (columns * ACROSS - (ACROSS - WIDTH)) / 2 - WIDTH / 2
    to_state = {read for box in found.values() if box.kind == "state" for read in box.reads}

    def order(name: str) -> tuple[float, bool]:
        """Below what it reads; what is only carried on stands outside."""
        above = [place[read][0] for read in found[name].reads] or [center]
        mean = sum(above) / len(above)
        return mean, (name in to_state) == (mean > center)

    for number in sorted(rows):
        names = sorted(rows[number], key=order) if number else rows[number]
        start = left + (columns - len(names)) * ACROSS / 2
        place |= {name: (start + n * ACROSS, TOP + number * DOWN) for n, name in enumerate(names)}
    lines = [f'<text x="{left}" y="24" class="title">{escape(title)}</text>']
    for name, box in found.items():
        x, y = place[name]
        for read in box.reads:
            a, b = place[read]
            start, end = (a + WIDTH / 2, b + HEIGHT), (x + WIDTH / 2, y - 2)
            aside = WIDTH if start[0] == end[0] else WIDTH / 3
            bow = aside if y - b > DOWN else 0  # around what is between
            curve = f"C{start[0] + bow:.0f} {start[1] + 20} {end[0] + bow:.0f} {end[1] - 20}"
            lines.append(
                f'<path d="M{start[0]:.0f} {start[1]} {curve} {end[0]:.0f} {end[1]:.0f}" '
                'class="line" marker-end="url(#end)"/>'
            )
    for name, box in found.items():
        x, y = place[name]
        middle = x + WIDTH / 2
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
            f'fill="{COLOURS[box.kind]}"/>'
            f'<text x="{middle:.0f}" y="{y + 18:.0f}">{escape(box.title)}</text>'
            f'<text x="{middle:.0f}" y="{y + 35:.0f}" class="small">{escape(box.detail)}</text>'
        )
    return lines, columns * ACROSS, TOP + (max(rows) + 1) * DOWN


def picture() -> str:
    """The whole SVG."""
    offline = onnx_offline(network(), name="small")
    model = stream(offline, hop=HOP)
    before, after = boxes(offline.at(16).ir.graph, None), boxes(model.ir.graph, model)
    left, width, height = drawn(before, "before: the whole recording at once", 16)
    gap = 16 + max(width, 2 * ACROSS) + 24
    right, more, other = drawn(after, f"after: {HOP} frames in a call, two states", gap)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {gap + more} {max(height, other)}">',
            "<style>text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#222}"
            ".small{font-size:11px;fill:#555}.title{font-size:15px;text-anchor:start}"
            ".line{stroke:#777;stroke-width:1.2;fill:none}rect{stroke:#999}</style>",
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#777"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#fff" stroke="none"/>',
            *left,
            *right,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
