"""report.html: the facts, costs and quality of a build, on one page that needs no other file."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.base.json_values import JsonObject
from edgekit.base.pages import Bar, fill
from edgekit.runtime.build_folder.board_rows import (
    MEMORY_HEAD,
    PLACED_HEAD,
    memory_rows,
    placed_rows,
)
from edgekit.runtime.build_folder.levels import levels_text, ratio_text, signals_text, waits_text
from edgekit.runtime.build_folder.manifest import Manifest, count_text
from edgekit.runtime.build_folder.port_rows import PORT_HEAD, STREAM_HEAD, port_rows, stream_rows
from edgekit.runtime.build_folder.streaming_rows import (
    DELAY_HEAD,
    TIME_HEAD,
    delay_rows,
    time_rows,
    time_unit,
)
from edgekit.targets.build import Placement
from edgekit.targets.devices import profile
from edgekit.targets.headlines import GOOD_DB, POOR_DB, cards
from edgekit.targets.network import Layer, draw
from edgekit.targets.playable_sounds import PlayableSounds
from edgekit.targets.sensitivity import Alone
from edgekit.targets.wait_curves import curve_head, wait_curves

if TYPE_CHECKING:
    from edgekit.quantize.compare import TensorRow

MAP_WIDTH, MAP_HEIGHT = 960, 320
FULL_BAR_DB = 60.0
FULL_ALONE_DB = 100.0
# Hues that colour-blind readers can distinguish; neighbours in the map alternate.
COLOURS = ("a", "b", "c", "d")
TYPE_COLOURS = {"int8": "a", "int16": "d", "float32": "c"}
OTHER_TYPE = "grey"
KERNEL_HEAD = ("layer", "operator", "kernel", "chosen", "others that compute it")
HEARD_HEAD = ("metric", "clips", "noisy", "float network", "this build")
SNR_HEAD = ("tensor", "operator", "type", "scale", "zero", "range", "alone, dB", "all, dB", "")
HEADS = {
    "memory_head": MEMORY_HEAD,
    "placed_head": PLACED_HEAD,
    "kernel_head": KERNEL_HEAD,
    "snr_head": SNR_HEAD,
    "heard_head": HEARD_HEAD,
    "port_head": PORT_HEAD,
    "stream_head": STREAM_HEAD,
    "delay_head": DELAY_HEAD,
    "time_head": TIME_HEAD,
}
MOST_ADVICE, WORTH_DB = 3, 1.0


@dataclass(frozen=True)
class Box:
    """A tensor in the map of a block: its place in the drawing, and the text under the pointer."""

    x: str
    y: str
    width: str
    height: str
    colour: str
    hint: str


def render(
    manifest: Manifest,
    plan: Sequence[Placement],
    steps: Sequence[str],
    tensor_rows: Sequence["TensorRow"],
    alone: Sequence[Alone] = (),
    heard: Sequence[Sequence[str]] = (),
    played: PlayableSounds | None = None,
    network: tuple[Sequence[Layer], int] = ((), 0),
) -> str:
    """Return the page.

    Args:
        manifest: the build's facts.
        plan: the place of every tensor; empty for targets without a plan of ours.
        steps: one label per step of the schedule.
        tensor_rows: comparison of each quantized tensor with its float value; may be empty.
        alone: the measurements of a search for types; may be empty.
        heard: metric, number of clips, and its mean before, after the float network and after the build.
        played: sound that the build was verified on.
        network: its layers, and the number of operators not among them: the result of `edgekit.targets.network.layers`.
    """
    curves = wait_curves(manifest.verification)
    return fill(
        Path(__file__).with_suffix(".html"),
        **HEADS,
        title=f"{manifest.source['name']} for {manifest.target}",
        subtitle=f"{manifest.quantization['recipe']}, made by EdgeKit {manifest.edgekit}",
        cards=cards(manifest),
        notes=manifest.quantization.get("notes", ()),
        **_sound(played),
        advice=_advice(manifest, tensor_rows, network[0]),
        network=draw(*network, tensor_rows, profile(manifest.target), TYPE_COLOURS, OTHER_TYPE),
        maps=_maps(plan, steps),
        **_board(manifest.board),
        kernels=[
            (row["layer"], row["operator"], row["kernel"], row["by"], ", ".join(row["others"]))
            for row in manifest.kernels or ()
        ],
        snr_rows=[_snr_row(row) for row in tensor_rows],
        type_colours=TYPE_COLOURS,
        heard=heard,
        curves=curves,
        curve_head=curve_head(curves),
        alone=[_bar(row) for row in alone],
        ports=port_rows(manifest),
        streams=stream_rows(manifest),
        **_streaming_rows(manifest),
        facts=_facts(manifest),
    )


def _sound(played: PlayableSounds | None) -> dict[str, object]:
    """Return the page's section on the sound that the build was verified on."""
    if played is None:
        return {"tracks": [], "seconds": None, "top_hz": None, "difference": None}
    return {
        "tracks": played.tracks(),
        "seconds": f"{played.seconds:g}",
        "top_hz": f"{played.sample_rate_hz // 2:,}",
        "difference": played.difference(),
    }


def _board(board: JsonObject | None) -> dict[str, object]:
    """Return the page's section on the placement of the build on a board."""
    if board is None:
        return {"board": None, "memory": (), "placed": ()}
    memory, placed = tuple(memory_rows(board)), tuple(placed_rows(board))
    return {"board": str(board["name"]), "memory": memory, "placed": placed}


def _streaming_rows(manifest: Manifest) -> dict[str, object]:
    """Return the page's rows on delays and times of a network that became a stream."""
    streaming, rate = manifest.streaming, manifest.stream["sample_rate_hz"]
    if streaming is None:
        return {"delays": (), "times": ()}
    return {"delays": delay_rows(streaming, rate), "times": time_rows(streaming)}


def _advice(manifest: Manifest, rows: Sequence["TensorRow"], layers: Sequence[Layer]) -> list[str]:
    """Return the layers with the greatest loss between input and output, and the cost of int16 there."""
    verified = (manifest.verification or {}).get("snr_db")
    if verified is None or verified >= GOOD_DB:
        return []
    most = sorted(_losses(rows, layers), key=lambda item: -item[0])[:MOST_ADVICE]
    return [
        f"{row.name} ({row.op}) costs {lost:.1f} dB: {row.snr_db:.1f} dB are left after it. As int16 in the table "
        f"[tensors] of recipe.toml it keeps more; {100 * share:.1f} % of the multiply-accumulates then read 16 bits."
        for lost, row, share in most
        if lost >= WORTH_DB
    ]


def _losses(
    rows: Sequence["TensorRow"], layers: Sequence[Layer]
) -> Iterator[tuple[float, "TensorRow", float]]:
    """Yield the loss of each int8 layer in dB, its tensor, and the share of the work that reads this."""
    ratios = {row.name: row for row in rows}
    all_work = sum(layer.work for layer in layers) or 1
    for place, layer in enumerate(layers):
        row = ratios.get(layer.tensor)
        if row is None or row.dtype != "int8" or not math.isfinite(row.snr_db):
            continue
        before = [ratios[t].snr_db for i in layer.reads if (t := layers[i].tensor) in ratios]
        lost = min([*before, FULL_BAR_DB]) - row.snr_db
        yield lost, row, sum(other.work for other in layers if place in other.reads) / all_work


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    stream, memory, quantization = manifest.stream, manifest.memory, manifest.quantization
    rows: list[tuple[str, Any]] = [
        ("FAILED", "; ".join(manifest.failure_notes)),
        ("hop", _amount(stream["hop_samples"], time_unit(manifest))),
        ("sample rate", _with_unit(stream["sample_rate_hz"], "Hz")),
        ("delay", _amount(stream["delay_samples"], time_unit(manifest))),
        ("latency", _latency(stream, time_unit(manifest))),
        ("weights", _with_unit(memory["weights_bytes"], "bytes")),
        ("sparse weights", manifest.sparse_text),
        ("code", _with_unit(memory["code_bytes"], "bytes")),
        ("state", _with_unit(memory["state_bytes"], "bytes")),
        ("scratch", _scratch(memory)),
        (f"moved per {manifest.unit}", _moved_bytes_line(memory)),
        (f"MACs per {manifest.unit}", manifest.macs_text),
        ("once per session", _session(manifest)),
        ("recipe", quantization["recipe"]),
        ("calibrated on", quantization["calibrated_on"] or "nothing"),
        ("scaling of channels", quantization.get("equalized")),
        ("calibration clips", quantization.get("quiet_copies")),
        ("ranges", quantization.get("ranges")),
        ("layers in 16 bits", quantization.get("wide_operands")),
        ("scales per hop", ", ".join(quantization.get("hop_scales", ()))),
        (
            "tensors",
            ", ".join(
                f"{quantization[f'tensors_{t}'] or 0} {t}" for t in ("int8", "int16", "float")
            ),
        ),
        ("verified", _verification(manifest.verification)),
        ("not calibrated on", levels_text(manifest.verification)),
        ("without a calibration", signals_text(manifest.verification)),
        ("after waits", waits_text(manifest.verification)),
        (
            "tools",
            ", ".join(f"{name}: {version}" for name, version in sorted(manifest.tools.items())),
        ),
        ("digest", manifest.digest),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _maps(plan: Sequence[Placement], steps: Sequence[str]) -> list[JsonObject]:
    """The map of each block that holds tensors."""
    blocks = {block: [p for p in plan if p.block == block] for block in ("scratch", "state")}
    return [_map(placed, steps, block) for block, placed in blocks.items() if placed]


def _map(placed: Sequence[Placement], steps: Sequence[str], block: str) -> JsonObject:
    """A block: steps of the schedule to the right, byte offsets downwards."""
    total = max(p.offset + p.size for p in placed)
    count = max(len(steps), 1 + max(p.last for p in placed))
    x_scale = MAP_WIDTH / count
    y_scale = MAP_HEIGHT / max(total, 1)
    boxes = []
    for index, place in enumerate(sorted(placed, key=lambda p: (p.first, p.offset, p.name))):
        span = (
            f"step {place.first}"
            if place.first == place.last
            else f"steps {place.first}-{place.last}"
        )
        boxes.append(
            Box(
                f"{place.first * x_scale:.1f}",
                f"{place.offset * y_scale:.1f}",
                f"{(place.last - place.first + 1) * x_scale:.1f}",
                f"{max(place.size * y_scale, 0.5):.1f}",
                COLOURS[index % len(COLOURS)],
                f"{place.name}: {place.size} bytes at {place.offset}, {span}",
            )
        )
    boxes += [
        Box(
            f"{i * x_scale:.1f}",
            str(MAP_HEIGHT),
            f"{x_scale:.1f}",
            "8",
            "grey",
            f"step {i}: {step}",
        )
        for i, step in enumerate(steps)
    ]
    return {"block": block, "total": f"{total:,}", "boxes": boxes, "last": count - 1}


def _snr_row(row: "TensorRow") -> JsonObject:
    share = 1.0 if row.snr_db == math.inf else max(0.0, min(1.0, row.snr_db / FULL_BAR_DB))
    cells = (
        row.name,
        row.op,
        row.dtype,
        "" if row.scale is None else f"{row.scale:.4g}",
        "" if row.zero_point is None else str(row.zero_point),
        f"{row.minimum:.4g} .. {row.maximum:.4g}",
        _ratio(row.alone_db),
        _ratio(row.snr_db),
    )
    colour = TYPE_COLOURS.get(row.dtype, OTHER_TYPE)
    return {
        "cells": cells,
        "low": row.snr_db < POOR_DB,
        "percent": f"{100 * share:.0f}",
        "colour": colour,
    }


def _bar(row: Alone) -> Bar:
    """The shorter the more sensitive, in the colour of the type that was chosen."""
    share = max(0.0, min(1.0, row.snr_db / FULL_ALONE_DB))
    number = f"{row.snr_db:.1f} dB" if share < 1 else f"over {FULL_ALONE_DB:g} dB"
    colour = TYPE_COLOURS.get(row.dtype, OTHER_TYPE)
    return Bar(row.name, f"{row.name}: {row.dtype}", [(share, colour)], f"{number}, {row.dtype}")


def _ratio(snr_db: float) -> str:
    if math.isfinite(snr_db):
        return f"{snr_db:.1f}"
    return "exact" if snr_db > 0 else "-"


def _with_unit(value: int | None, unit: str) -> str:
    return "" if value is None else f"{value:,} {unit}"


def _amount(value: int | None, noun: str) -> str:
    return "" if value is None else count_text(value, noun)


def _latency(stream: JsonObject, unit: str) -> str:
    latency = _amount(stream["latency_samples"], unit)
    return latency if stream["latency_ms"] is None else f"{latency} ({stream['latency_ms']:g} ms)"


def _scratch(memory: dict[str, int | None]) -> str:
    bound = memory["scratch_lower_bound_bytes"]
    scratch = _with_unit(memory["scratch_bytes"], "bytes")
    return scratch if bound is None else f"{scratch}; no plan can do with less than {bound:,}"


def _moved_bytes_line(memory: dict[str, int | None]) -> str:
    imported = memory.get("moved_bytes_imported")
    moved = _with_unit(memory.get("moved_bytes_per_hop"), "bytes read and written by copies")
    return moved if imported is None else f"{moved}; {imported:,} as imported"


def _session(manifest: Manifest) -> str:
    if (counts := manifest.session) is None:
        return ""
    return f"{counts['parameters']:,} parameters, {counts['macs']:,} MACs that depend on constants alone"


def _verification(facts: JsonObject | None) -> str:
    if facts is None:
        return "not yet"
    ratio = ratio_text(facts)
    if "metric" in facts:
        ratio = f"{facts['metric']:.4g} by --metric, {ratio}"
    exact = "; bit-exact with the integer oracle" if facts["bit_exact_with_oracle"] else ""
    largest = facts["max_abs_error"]
    error = "" if largest is None else f", largest error {largest:.3g}"
    against = f"against the source network over {count_text(facts['hops'], 'hop')}"
    if facts.get("hops_alone"):
        against += ", each computed alone"
    return f"{ratio} {against}{error}, by {facts['by']}{exact}"
