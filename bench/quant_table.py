"""What each part of a recipe is worth on GTCRN: the table of `docs/quantization.md`.

    python bench/quant_table.py [--set tuning|evaluation] [--data FOLDER] [--only REGEX] [--write]

One row per recipe, with fixes on and off one at a time, and onnxruntime's own static quantization beside
it. 16 mixtures at 5 dB of voices and noises that calibration has not heard (those that choices are made on, if
not said otherwise), states carried; all rows but
those of onnxruntime are of the generated C. Speech and noise come from Debian packages, the network from
PyPI. `--write` puts the table into the page.
"""

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnxruntime_static import static_quantized
from published_networks import CACHE, NETWORKS, path_of
from published_pipelines import Recorded, gtcrn, reference
from quant_audio import SETS, Mixture, calibration, loss, outputs
from quant_audio import mixtures as mixtures_of
from quant_goals import Bench, failure
from rich.console import Console
from rich.table import Table
from speech_data import FOLDER

from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.operators.qdq import initializer
from edgekit.operators.roles import LINEAR, constant
from edgekit.operators.scheme import quantize_weights, weight_scales
from edgekit.quantize.apply import channel_rows, from_channel_rows, quantize
from edgekit.quantize.recipe import AUTO, RECIPES, Recipe
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs

PAGE = Path(__file__).resolve().parent.parent / "docs" / "quantization.md"
BEGIN, END = "<!-- make quant-table -->", "<!-- end -->"
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
        content = static_quantized(path_of("gtcrn", CACHE).read_bytes(), data, per_channel)
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
    table["auto"] = lambda: ours(bench.found("GTCRN")[0])
    return table


def share(model: Model | None) -> str:
    """The multiply-accumulates with both operands in 8 bits, in percent."""
    if model is None or model.quantization.recipe == "float32":
        return ""
    manifest = with_macs(describe(model, "host"), model)
    return f"{100 * manifest.macs_int8 / manifest.macs_per_hop:.0f}"


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--set", choices=SETS, default="tuning", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="REGEX", help="of rows")
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    given = parser.parse_args()
    if code := failure(given.data):
        return code
    mixtures = mixtures_of(given.data, SETS[given.set], 5.0)
    exact = outputs(Bench(given.data).model("GTCRN"), mixtures)
    head = ("recipe", "SI-SDR loss, dB", "worst", "output SNR, dB", "PESQ loss", "int8 MACs, %")
    lines = [head]
    for name, measure in rows(given.data, mixtures).items():
        if not re.search(given.only, name):
            continue
        try:
            model, heard = measure()
        except Exception as error:  # onnxruntime's quantizer
            lines.append((name, f"fails: {type(error).__name__}", "", "", "", ""))
            continue
        lost = loss(mixtures, exact, heard)
        pesq = "" if lost.pesq is None else f"{lost.pesq:.3f}"
        numbers = f"{lost.mean_db:.2f}", f"{lost.worst_db:.2f}", f"{lost.snr_db:.1f}"
        lines.append((name, *numbers, pesq, share(model)))
        print(" | ".join(lines[-1]), file=sys.stderr, flush=True)
    table = Table(*head)
    for line in lines[1:]:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    if given.write:
        _write(lines)
    return 0


def _write(lines: list[tuple[str, ...]]) -> None:
    cells = [lines[0], tuple("---" for _ in lines[0]), *lines[1:]]
    text = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
