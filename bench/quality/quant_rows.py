"""The rows of the table that quant_table.py prints: recipes of GTCRN, and what measures each."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx_ir as ir
from published_networks import NETWORKS
from published_pipelines import PIPELINES, Recorded, gtcrn, reference
from quality.onnxruntime_static import static_quantized
from quality.quant_audio import SETS, Mixture, calibration, loss, outputs
from quality.quant_audio import mixtures as mixtures_of
from quality.quant_bench import Bench

from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.operators.qdq import initializer
from edgekit.operators.roles import LINEAR, constant
from edgekit.operators.scheme import quantize_weights, weight_scales
from edgekit.operators.weight_layout import channel_rows, from_channel_rows
from edgekit.quantize.apply import quantize
from edgekit.quantize.recipe import AUTO, RECIPES, Recipe
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs

W8A8 = RECIPES["w8a8"]
RECIPE_ROWS: dict[str, Recipe] = {
    "w8a8": W8A8,
    "w8a8, min-max ranges": replace(W8A8, name="x", observer="minmax"),
    "w8a8, 99.99 percentile ranges": replace(W8A8, name="x", observer="percentile"),
    "w8a8, fused operators read and write int8": replace(W8A8, name="x", fused="int8"),
    "w8a8 + equalization": replace(W8A8, name="x", equalize=True),
    "w8a8 + equalization + migration 0.5": replace(W8A8, name="x", equalize=True, migrate=0.5),
    "int8 products, int16 elsewhere": AUTO,
    "int8 products, int16 elsewhere + equalization": replace(AUTO, equalize=True),
    "int8 products, int16 elsewhere + migration 0.5": replace(AUTO, migrate=0.5),
    "w8a16": RECIPES["w8a16"],
}


def rounded_weights(model: Model, per_channel: bool) -> Model:
    """Return the float model with int8 weights of its linear and recurrent layers, biases as they are."""
    copy = Model(model.ir.clone())
    for node in copy.ir.graph:
        places = (
            (1,) if node.op_type in LINEAR else (1, 2) if node.op_type in ("GRU", "LSTM") else ()
        )
        for place in places:
            weight = constant(node.inputs[place])
            if weight is None:
                continue
            rows = channel_rows(node, weight) if node.op_type in LINEAR else weight[0]
            scales = weight_scales(rows)
            if not per_channel:
                scales = np.full_like(scales, scales.max())
            wide = scales.reshape(-1, *[1] * (rows.ndim - 1))
            real = (quantize_weights(rows, scales) * wide).astype(np.float32)
            back = (
                from_channel_rows(node, real, weight.shape)
                if node.op_type in LINEAR
                else real[None]
            )
            _replace(copy, node, place, back)
    return copy


def _replace(model: Model, node: ir.Node, place: int, array: np.ndarray) -> None:
    value = initializer(f"{node.name}.rounded{place}", array)
    model.ir.graph.register_initializer(value)
    node.replace_input_with(place, value)


def in_onnxruntime(content: bytes, mixtures: list[Mixture]) -> list[Samples]:
    """Return what the published pipeline makes of the mixtures with this file in onnxruntime."""
    network = Recorded(reference(content, NETWORKS["gtcrn"].states, {}))
    return [np.asarray(gtcrn(m.noisy, network)[256:], np.float32) for m in mixtures]


def rows(
    data: Path, mixtures: list[Mixture]
) -> dict[str, Callable[[], tuple[Model | None, list[Samples]]]]:
    """Return what measures each row: the network, if its arithmetic can be counted, and its outputs."""
    bench = Bench(data)
    model = bench.model("GTCRN")
    clips = calibration(data, model)

    def ours(network: Model) -> tuple[Model, list[Samples]]:
        return network, outputs(network, mixtures)

    def stock(per_channel: bool) -> tuple[None, list[Samples]]:
        (content,) = static_quantized(PIPELINES["GTCRN"], data, per_channel)
        return None, in_onnxruntime(content, mixtures)

    table: dict[str, Callable[[], tuple[Model | None, list[Samples]]]] = {
        "onnxruntime quantize_static": lambda: stock(False),
        "onnxruntime quantize_static, per channel": lambda: stock(True),
        "weights only, int8 per tensor": lambda: ours(rounded_weights(model, False)),
        "weights only, int8 per channel": lambda: ours(rounded_weights(model, True)),
        "w8a8, weights per tensor": lambda: ours(
            quantize(rounded_weights(model, False), clips, W8A8)
        ),
    }
    for name, recipe in RECIPE_ROWS.items():
        table[name] = lambda recipe=recipe: ours(quantize(model, clips, recipe))  # type: ignore[misc]
    table["auto"] = lambda: ours(bench.made("GTCRN", "auto").quantized)
    return table


def share(model: Model | None) -> str:
    """The multiply-accumulates with both operands in 8 bits, in percent."""
    if model is None or model.quantization.recipe == "float32":
        return ""
    manifest = with_macs(describe(model, "host"), model)
    return f"{100 * manifest.macs_int8 / manifest.macs_per_hop:.0f}"


@cache
def _table(
    data: Path, of: str
) -> tuple[
    list[Mixture], list[Samples], dict[str, Callable[[], tuple[Model | None, list[Samples]]]]
]:
    mixtures = mixtures_of(data, SETS[of], 5.0)
    return mixtures, outputs(Bench(data).model("GTCRN"), mixtures), rows(data, mixtures)


def names(data: Path, of: str) -> list[str]:
    """What rows there are."""
    return list(_table(data, of)[2])


def line(shared: tuple[Path, str], name: str) -> tuple[str, ...]:
    """Measure a row: its cells. What is `shared` are the folder of recordings and the name of the set."""
    mixtures, exact, table = _table(*shared)
    try:
        model, heard = table[name]()
    except Exception as error:  # onnxruntime's quantizer
        return (name, f"fails: {type(error).__name__}", "", "", "", "")
    lost = loss(mixtures, exact, heard)
    pesq = "" if lost.pesq is None else f"{lost.pesq:.3f}"
    numbers = f"{lost.mean_db:.2f}", f"{lost.worst_db:.2f}", f"{lost.snr_db:.1f}"
    return (name, *numbers, pesq, share(model))
