"""docs/results/benchmarks.md, from the rows that `peers` measured."""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tables import Table

from edgekit.peers.peer import PEERS
from edgekit.runtime.runners.toolchain import find_compiler

Row = dict[str, Any]

TEMPLATES = Path(__file__).with_name("templates")  # with fields to fill by `str.format`
TEXT = (TEMPLATES / "benchmarks.md").read_text(encoding="utf-8")

WHAT = {
    "a": "denoiser: 257 -> Linear 256 -> two GRU 256 -> Linear 257",
    "b": "the shape of Conv-TasNet: hop of 16 samples, 8 blocks of 128 channels",
    "c": "the shape of MobileNet: pictures of 64 x 64",
    "gtcrn": "GTCRN, a published denoiser, 16 ms",
    "dtln_1": "DTLN, the first half of a published denoiser, 8 ms",
    "dtln_2": "DTLN, its second half",
    "silero": "Silero VAD, a published detector of speech, 32 ms",
    "mobilenet_v2": "MobileNetV2 at width 0.35, pictures of 96 x 96",
    "gridnet": 'causal TF-GridNet of the size of "Look Once to Hear", 8 ms',
    "crepe": "CREPE tiny, pitch of a frame of 1,024 samples",
    "magika": "magika, a published detector of file types, 2,048 bytes",
    "dnsmos": "DNSMOS's convolutions (model_v8), a published estimator of speech quality, 9 s",
    "basic_pitch": "basic-pitch, a published transcriber of notes, 2 s",
    "ds_cnn": "MLPerf Tiny's keyword network, 49 x 10",
    "resnet8": "MLPerf Tiny's ResNet-8, pictures of 32 x 32",
    "mobilenet_v2_full": "torchvision's MobileNetV2, pictures of 96 x 96",
    "resnet18": "torchvision's ResNet-18, pictures of 96 x 96",
    "efficientvit": "timm's EfficientViT-B0, pictures of 224 x 224",
    "dfn3_encoder": "DeepFilterNet3's encoder, 10 ms",
    "dfn3_bands": "DeepFilterNet3's decoder of gains, 10 ms",
    "dfn3_taps": "DeepFilterNet3's decoder of taps, 10 ms",
    "encodec": "Encodec's encoder at 24 kHz, streamed, 13.3 ms",
}


@dataclass(frozen=True)
class Goal:
    """A line of the table: of which row, in words, and what is said about it."""

    network: str
    recipe: str
    words: str
    found: Callable[[Row], str]


def times(row: Row, prefix: str) -> dict[str, float]:
    """Medians of the engines whose name begins so, that have one."""
    engines = row["engines"]
    return {
        n: e["median_us"] for n, e in engines.items() if n.startswith(prefix) and "median_us" in e
    }


def over(*prefixes: str) -> Callable[[Row], str]:
    """Say the ratio to the fastest of some engines."""

    def found(row: Row) -> str:
        own = row["engines"]["EdgeKit"]["median_us"]
        said = []
        for prefix in prefixes:
            known = times(row, prefix)
            if not known:
                said.append(f"{prefix}: not measured")
                continue
            best = min(known, key=lambda name: known[name])
            said.append(f"{known[best] / own:.2f}x {best}")
        snr = row["engines"]["EdgeKit"]["float_db"]
        return ", ".join(said) + ("" if row["recipe"] == "float32" else f"; {snr:.1f} dB to float")

    return found


def peers_of(row: Row) -> dict[str, float]:
    """Medians of the other engines that have one."""
    return {
        n: us for n, us in times(row, "").items() if n not in ("EdgeKit", "reading the weights")
    }


def best_ratio(row: Row) -> float | None:
    """The time of the fastest other engine over ours; None where none has one."""
    known = peers_of(row)
    return min(known.values()) / row["engines"]["EdgeKit"]["median_us"] if known else None


def best_peer(row: Row) -> str:
    """Say the ratio to the fastest engine."""
    known = peers_of(row)
    best = min(known, key=lambda name: known[name])
    snr = row["engines"]["EdgeKit"]["float_db"]
    text = f"{best_ratio(row):.2f}x {best}"
    return text if row["recipe"] == "float32" else f"{text}; {snr:.1f} dB to float"


def swept(row: Row) -> str:
    """Say our time over that of reading the weights."""
    own, floor = (
        row["engines"]["EdgeKit"]["median_us"],
        row["engines"]["reading the weights"]["median_us"],
    )
    return f"{own / floor:.2f}x ({own:.1f} us, reading alone {floor:.1f} us)"


WIDTHS = ("weights, bytes", "state, bytes", "scratch, bytes", "scratch over its lower bound")
SIZES = ("network", "description", "recipe", "MACs per call", *WIDTHS)
APART = ("SNR to EdgeKit, dB", "SNR to float, dB")
TIMES = ("network", "recipe", "engine", "median, us", "p99, us", "ratio", *APART)
GOALS = (
    Goal("a", "float32", "at most 1.05x the time of reading its weights", swept),
    Goal("a", "w8a8", ">= 1.5x LiteRT, >= 35 dB", over("litert", "onnxruntime")),
    Goal("b", "float32", ">= 12x LiteRT, >= 25x onnxruntime", over("litert", "onnxruntime")),
    Goal("b", "w8a8", ">= 25x the best int8 peer, >= 33 dB", best_peer),
    Goal("c", "float32", ">= 1.5x the best peer", best_peer),
    Goal("c", "w8a8", ">= 2x the best int8 peer", best_peer),
    Goal("gtcrn", "float32", ">= 8x onnxruntime", over("onnxruntime")),
    Goal("gridnet", "float32", ">= 4.5x onnxruntime", over("onnxruntime")),
)
EVERY = {"float32": 1.0, "w8a8": 1.5}  # what every network is to be of the fastest other engine


def below(rows: Sequence[Row], recipe: str) -> list[str]:
    """A line of the table: the networks of a recipe that are below `EVERY`, the lowest first."""
    own = [row for row in rows if row["recipe"] == recipe]
    ratios = sorted((ratio, row["network"]) for row in own if (ratio := best_ratio(row)))
    low = [f"{name} {ratio:.2f}x" for ratio, name in ratios if ratio < EVERY[recipe]]
    said = f"{len(ratios) - len(low)} of {len(ratios)}; below: {', '.join(low) or 'none'}"
    return [f"every network, {recipe}", f">= {EVERY[recipe]:.1f}x the best peer", said]


def page(rows: Sequence[Row]) -> str:
    """Return the page."""
    goals = [
        [f"{goal.network} {goal.recipe}", goal.words, goal.found(row)]
        for goal in GOALS
        for row in rows
        if (row["network"], row["recipe"]) == (goal.network, goal.recipe)
    ]
    goals += [below(rows, recipe) for recipe in EVERY]
    return TEXT.format(
        machine=cpu(),
        versions=versions(rows),
        networks=table_of(SIZES, map(network_row, rows)),
        times=table_of(TIMES, (cells for row in rows for cells in time_rows(row))),
        goals=table_of(("network", "goal", "measured"), goals),
        kernels="\n\n".join(kernel_table(row) for row in rows if "kernels" in row),
    )


def table_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown."""
    table = Table(*head)
    table.rows.extend(rows)
    return table.markdown()


def network_row(row: Row) -> list[str]:
    """The facts of one build."""
    name, recipe, memory = row["network"], row["recipe"], row["memory"]
    head = [name, WHAT[name] if recipe == "float32" else ""]
    sizes = [f"{memory[f'{key}_bytes']:,}" for key in ("weights", "state", "scratch")]
    over = memory["scratch_bytes"] / memory["scratch_lower_bound_bytes"]
    return [*head, recipe, f"{row['macs']:,}", *sizes, f"{over:.3f}"]


def time_rows(row: Row) -> Iterator[list[str]]:
    """Ours, then each engine with its ratio, or why it has none."""
    own = row["engines"]["EdgeKit"]["median_us"]
    for number, (name, engine) in enumerate(row["engines"].items()):
        head = [row["network"], row["recipe"], name] if number == 0 else ["", "", name]
        if "failed" in engine:
            yield [*head, f"no time: {engine['failed'][:160].replace('|', '/')}", *[""] * 4]
            continue
        ratio = "" if number == 0 else f"{engine['median_us'] / own:.2f}"
        apart = [decibels(engine, key) for key in ("ours_db", "float_db")]
        times = [f"{engine[key]:.1f}" for key in ("median_us", "p99_us")]
        yield [*head, *times, ratio, apart[0] if number else "", apart[1]]


def decibels(engine: Row, key: str) -> str:
    """A ratio in words; nothing for what has no outputs."""
    if "float_db" not in engine:
        return ""
    return "equal" if engine.get(key) is None else f"{engine[key]:.0f}"


def kernel_table(row: Row) -> str:
    """Kernels of one network."""
    whole = sum(us for _, _, us in row["kernels"])
    return table_of(
        (f"{row['network']} {row['recipe']}", "nodes", "us", "%"),
        [(name, str(n), f"{us:.2f}", f"{100 * us / whole:.0f}") for name, n, us in row["kernels"]],
    )


def versions(rows: Sequence[Row]) -> str:
    """The compiler, and each engine with its version."""
    found = {}
    for row in rows:
        for name, engine in row["engines"].items():
            first = name.split()[0]
            if engine.get("version") and first in ("onnxruntime", *PEERS):
                found[first] = engine["version"]
    return "; ".join([find_compiler().label, *(f"{n} {v}" for n, v in found.items())])


def cpu() -> str:
    """The machine's CPU, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {platform.machine()}"
