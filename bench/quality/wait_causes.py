"""Which part of a network changes the level of its sound after a wait: the weights, or the tensors of each part.

    python bench wait_causes [NETWORK] [--observer RULE] [--no-equalize] [--parts N] [--float [--fresh]] [--twins]
                             [--minutes] [--write]

A cell has the mean level of the sounds of `quant_goals.py --waits` against the float network, in dB. The types are
those of w8a8, its ranges those of `--observer`. What a row does not name is in float. The parts are equal counts of
groups of tensors that share a type, in the order of the graph.

`--float` shows how far the level of the float network itself moves: with noise of a share of each weight's root mean
square, the least and the most of three draws, and with faint noise in the silence. With `--fresh` no sound comes
before the waits. `--twins` shows the same for the waits of an export: the level after a wait's twin, which nobody can
tell from the wait, against that after the wait, of each clip of the calibration. Of a detector it shows the decisions
that change with noise in a wait. `--minutes` shows the level after a minute of DC or noise, against that after a minute
of silence.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
from demonstrations.speech_data import FOLDER
from published_pipelines import PIPELINES
from quality import quant_audio
from quality.quant_audio import RATE
from quality.quant_bench import Bench
from quality.quant_goals import WAIT_PAGE, fetch_all
from quality.quant_waits import (
    MINUTE,
    NO_WAIT,
    WAITS,
    before_sound,
    clips_after,
    cut_sounds,
    levels_of,
    other_decisions,
    outputs_after,
    sounds,
)
from tables import Table

from edgekit.base.arrays import Float32
from edgekit.base.wav import Samples
from edgekit.graph.model import Model
from edgekit.judge.wait_clips import waits_of
from edgekit.operators.roles import constant
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.recipe import NEAREST, RECIPES, SHAPED, Recipe
from edgekit.quantize.rounding.moments import is_layer
from edgekit.quantize.search.space import Group, Space, make_space
from edgekit.quantize.types.weights import weight_inputs
from edgekit.targets.macs import node_macs
from edgekit.targets.trials import Trials

BEGIN, END = "<!-- wait-causes -->", "<!-- end of wait-causes -->"
FLOAT_BEGIN, FLOAT_END = "<!-- wait-sensitivity -->", "<!-- end of wait-sensitivity -->"
SILENCE = "200 s of silence"
COLUMNS = (NO_WAIT, SILENCE, "60 s of DC 0.01", "10 minutes of speech")
WEIGHT_NOISE = (0.0001, 0.001, 0.003)  # of each weight's root mean square
DRAWS = 3
SILENCE_NOISE_DBFS = (-100, -90, -80)
TWIN_DBFS = (-100, -90)
MINUTE_DC, MINUTE_DBFS = (0.0003, 0.003, 0.01, 0.03), (-60, -40)
OPERANDS = {
    "weight": 1,
    "w": 1,
    "r": 2,
    "bias": 2,
}  # of a layer, by the end of a stored weight's name
WEIGHTS = {
    "weights, nearest": {"rounding": NEAREST, "bias_correction": False},
    "weights, nearest, means corrected": {"rounding": NEAREST, "bias_correction": True},
    "weights, shaped": {"rounding": SHAPED, "bias_correction": True},
}
Chosen = Mapping[int, int]


class FloatLevels:
    """The level after each wait of the float network itself, changed by little."""

    def __init__(self, bench: Bench, name: str, fresh: bool) -> None:
        """Run the float network; if `fresh`, no sound comes before the waits."""
        self.model, self._heard = bench.model(name), sounds(bench)
        first = -1 if fresh else 0
        self._before = [before_sound(bench, wait)[first:] for wait in COLUMNS]
        self._exact = outputs_after(self.model, self._before, self._heard)

    def rows(self) -> dict[str, list[str]]:
        """Return the cells of each change."""
        rows = {}
        for share in WEIGHT_NOISE:
            drawn = [self._levels_with_noise(share, seed) for seed in range(DRAWS)]
            cells = [
                f"{min(levels):+.2f} to {max(levels):+.2f}" for levels in zip(*drawn, strict=True)
            ]
            rows[f"weights with {100 * share:g} % of noise"] = cells
        silence = COLUMNS.index(SILENCE)
        waits = [self._noise_in_silence(self._before[silence], dbfs) for dbfs in SILENCE_NOISE_DBFS]
        runs = outputs_after(self.model, waits, self._heard)
        for dbfs, found in zip(SILENCE_NOISE_DBFS, runs, strict=True):
            level = np.mean(levels_of(self._exact[silence], found))
            rows[f"noise at {dbfs} dBFS in the silence"] = ["", f"{level:+.2f}", "", ""]
        return rows

    def _levels_with_noise(self, share: float, seed: int) -> list[float]:
        changed = with_weight_noise(self.model, share, seed)
        runs = outputs_after(changed, self._before, self._heard)
        pairs = zip(self._exact, runs, strict=True)
        return [float(np.mean(levels_of(exact, found))) for exact, found in pairs]

    def _noise_in_silence(self, before: Sequence[Samples], dbfs: float) -> list[Samples]:
        *first, silence = before
        drawn = np.random.default_rng(0).standard_normal(silence.size)
        return [*first, silence + (10 ** (dbfs / 20) * drawn).astype(np.float32)]


def with_weight_noise(model: Model, share: float, seed: int) -> Model:
    """Return the network with normal noise in the weights of its layers, a share of each one's root mean square."""
    changed, random = Model(model.ir.clone()), np.random.default_rng(seed)
    for node in changed.ir.graph:
        for index in weight_inputs(node) if is_layer(node) else ():
            value, array = node.inputs[index], constant(node.inputs[index])
            if value is not None and array is not None:
                size = share * float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
                noise = size * random.standard_normal(array.shape)
                value.const_value = ir.tensor((array + noise).astype(np.float32), name=value.name)
    return changed


class Levels:
    """The level after each wait of networks in which every group of tensors has a type of its own."""

    def __init__(self, bench: Bench, name: str, recipe: Recipe) -> None:
        """Run the float network, and observe it."""
        self.model, heard = bench.model(name), sounds(bench)
        self.seen = observe_model(self.model, bench.calibration(name), recipe)
        plain = quantize_observed(self.seen, replace(recipe, rounding=NEAREST), "")
        before = [before_sound(bench, wait) for wait in COLUMNS]
        self._macs = node_macs(to_integer(plain))
        self._clips, self._firsts = clips_after(self.model, before, heard)
        self._exact = outputs_after(self.model, before, heard)

    def space(self, recipe: Recipe, float_weights: bool = False) -> Space:
        """Return the groups and their types, with the weights of a recipe or with those of the float network."""
        space = make_space(self.seen, recipe, self._macs)
        if float_weights:
            restore_weights(space, self.seen)
        return space

    def rows(self, space: Space, forms: Mapping[str, Chosen]) -> dict[str, list[str]]:
        """Return the cells of each form, an option by the number of each group."""
        trials = Trials(space.model, self._clips, branches=self._firsts)
        (name,) = trials.outputs

        def level(place: int, found: Mapping[str, Float32]) -> str:
            heard = cut_sounds(self.model, found[name], self._firsts[place])
            return f"{np.mean(levels_of(self._exact[place], heard)):+.2f}"

        tables = [space.table(chosen) for chosen in forms.values()]
        return dict(zip(forms, trials.run(level, tables), strict=True))


def restore_weights(space: Space, seen: ObservedModel) -> None:
    """Put the float weights in place of those that the integers stand for."""
    nodes = {str(node.name): node for node in seen.model.ir.graph}
    for name, value in space.model.ir.graph.initializers.items():
        layer, _, kind = name.removesuffix("_q_dq_real").rpartition(".")
        if layer not in nodes or kind not in OPERANDS or value.const_value is None:
            continue
        exact = constant(nodes[layer].inputs[OPERANDS[kind]])
        if exact is not None and exact.shape == value.const_value.numpy().shape:
            value.const_value = ir.tensor(exact, name=name)


def in_float(space: Space) -> dict[int, int]:
    """Return the option float for every group."""
    return {number: len(group.options) - 1 for number, group in enumerate(space.groups)}


def in_int16(space: Space) -> dict[int, int]:
    """Return 16 bits for every group, in products, too."""
    return {number: len(group.options) - 2 for number, group in enumerate(space.groups)}


def in_w8a8(space: Space) -> dict[int, int]:
    """Return the types of w8a8 for every group."""
    return {number: _narrowest(group) for number, group in enumerate(space.groups)}


def _narrowest(group: Group) -> int:
    narrow = [at for at, option in enumerate(group.options) if option.read == "int8"]
    return narrow[0] if narrow else len(group.options) - 2


def tensor_forms(space: Space, parts: int) -> dict[str, Chosen]:
    """Return what is compared with float weights."""
    exact, narrow, wide = in_float(space), in_w8a8(space), in_int16(space)
    forms: dict[str, Chosen] = {"tensors": narrow, "tensors, all in 16 bits": wide}
    for numbers in np.array_split(np.arange(len(space.groups)), parts):
        first = space.groups[numbers[0]].tensors[0]
        part = {int(number): narrow[int(number)] for number in numbers}
        forms[f"tensors, {len(numbers)} groups from `{first}`"] = {**exact, **part}
    unread = {i: wide[i] for i, group in enumerate(space.groups) if not group.macs}
    forms["tensors, those that no product reads in 16 bits"] = {**narrow, **unread}
    return forms


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("network", nargs="?", default="GTCRN")
    parser.add_argument("--observer", default="percentile", help="the rule for ranges")
    parser.add_argument("--no-equalize", action="store_true", help="leave channels as they are")
    parser.add_argument("--parts", type=int, default=5, metavar="N")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{WAIT_PAGE.name}")
    parser.add_argument("--float", action="store_true", help="change the float network by little")
    parser.add_argument("--twins", action="store_true", help="of the waits of an export")
    parser.add_argument("--minutes", action="store_true", help="of DC or noise, against silence")
    parser.add_argument("--fresh", action="store_true", help="with --float: no sound before a wait")
    given = parser.parse_args()
    fetch_all(given.data)
    if given.float:
        floats = FloatLevels(Bench(given.data), given.network, given.fresh)
        return _show("float network", floats.rows(), (FLOAT_BEGIN, FLOAT_END), given.write)
    if given.twins:
        return _show_twins(Bench(given.data), given.network)
    if given.minutes:
        return _show_minutes(Bench(given.data), given.network)
    recipe = replace(
        RECIPES["w8a8"],
        equalize=not given.no_equalize,
        observer=given.observer,
        quiet_copies=False,
        rounding=NEAREST,
    )
    levels, rows = Levels(Bench(given.data), given.network, recipe), dict[str, list[str]]()
    for words, settings in WEIGHTS.items():
        space = levels.space(replace(recipe, **settings))  # type: ignore[arg-type]
        rows |= levels.rows(space, {words: in_float(space)})
    exact = levels.space(recipe, float_weights=True)
    rows |= levels.rows(exact, tensor_forms(exact, given.parts))
    return _show("in integers", rows, (BEGIN, END), given.write)


def twin_levels(bench: Bench, name: str) -> dict[str, list[str]]:
    """Return, by clip of the calibration, the level of the float network's sound after the twin of each wait, in dB."""
    model, calibration, rows = bench.model(name), bench.calibration(name), dict[str, list[str]]()
    for number, clip in enumerate(calibration.clips):
        alone = replace(calibration, clips=(clip,), clean={})
        pairs = [(w, w.twin) for w in waits_of(model, alone, in_c=True) if w.twin is not None]
        runs = outputs_of(model, [heard for wait, twin in pairs for heard in (wait.clip, twin)])
        powers = [
            float(np.sum(np.square(run[pairs[n // 2][0].first :], dtype=np.float64)))
            for n, run in enumerate(runs)
        ]
        levels = (10 * np.log10(b / a) for a, b in zip(powers[::2], powers[1::2], strict=True))
        rows[f"clip {number + 1}"] = [f"{level:+.2f}" for level in levels]
    return rows


def outputs_of(model: Model, clips: Sequence[Mapping[str, Float32]]) -> list[Float32]:
    """Return the first output of C for each clip, (hops, *shape)."""
    trials = Trials(model, clips, quick=True)
    (found,) = trials.run(lambda _, arrays: arrays[trials.outputs[0]].copy())
    return found


def twin_decisions(bench: Bench, name: str) -> dict[str, list[str]]:
    """Return, by noise in a wait, the float network's decisions that change after it, in %, by wait."""
    waits = [wait for wait in WAITS if "silence" in wait or "DC" in wait]
    random, noises, before = np.random.default_rng(0), (None, *TWIN_DBFS), list[list[Samples]]()
    for *first, last in (before_sound(bench, wait) for wait in waits):
        drawn = random.standard_normal(last.size).astype(np.float32)
        loudness = [0.0 if dbfs is None else 10 ** (dbfs / 20) for dbfs in noises]
        before += [[*first, last + np.float32(size) * drawn] for size in loudness]
    runs, count = outputs_after(bench.model(name), before, sounds(bench)), len(noises)
    rows: dict[str, list[str]] = {f"noise at {dbfs} dBFS": [] for dbfs in TWIN_DBFS}
    for place in range(0, len(runs), count):
        exact, *twins = runs[place : place + count]
        for cells, found in zip(rows.values(), twins, strict=True):
            cells.append(f"{np.mean(other_decisions(exact, found)):.2f} %")
    return {"in the wait": waits, **rows}


def minute_levels(bench: Bench, name: str) -> dict[str, tuple[float, float]]:
    """Return, after a minute of each wait, the level of the float network's sound against that after silence, in dB.

    The second number is the mean of the output in the last second of the wait.
    """
    silence = f"{MINUTE} s of silence"
    *before, zeros = before_sound(bench, silence)
    drawn = np.random.default_rng(0).standard_normal(zeros.size)
    waits = {silence: zeros} | {f"DC of {dc:g}": zeros + np.float32(dc) for dc in MINUTE_DC}
    waits |= {
        f"noise at {dbfs} dBFS": (10 ** (dbfs / 20) * drawn).astype(np.float32)
        for dbfs in MINUTE_DBFS
    }
    model, heard = bench.model(name), sounds(bench)
    runs = outputs_after(model, [[*before, wait] for wait in waits.values()], heard)
    levels = [float(np.mean(levels_of(runs[0], found))) for found in runs]
    clips = [quant_audio.in_hops(model, np.concatenate([*before, wait])) for wait in waits.values()]
    means = [float(np.ravel(found)[-RATE:].mean()) for found in outputs_of(model, clips)]
    return dict(zip(waits, zip(levels, means, strict=True), strict=True))


def _show_minutes(bench: Bench, name: str) -> int:
    """Print the table of `minute_levels`; returns the exit code."""
    found = minute_levels(bench, name)
    table = Table(name, *found)
    table.add_row("level, dB", *(f"{level:+.2f}" for level, _ in found.values()))
    table.add_row("mean of the output", *(f"{mean:.5f}" for _, mean in found.values()))
    table.show()
    return 0


def _show_twins(bench: Bench, name: str) -> int:
    """Print the levels of `twin_levels`, or the decisions of `twin_decisions`; returns the exit code."""
    detects = name in PIPELINES and PIPELINES[name].detects
    rows = twin_decisions(bench, name) if detects else twin_levels(bench, name)
    head = rows.pop("in the wait", ["silence", "noise", "DC"])
    table = Table(name, *head)
    for words, cells in rows.items():
        table.add_row(words, *cells)
    table.show()
    return 0


def _show(
    first: str, rows: Mapping[str, Sequence[str]], marks: tuple[str, str], writes: bool
) -> int:
    """Print a table, and write it into the page between these marks; returns the exit code."""
    table = Table(first, *COLUMNS)
    for words, cells in rows.items():
        table.add_row(words, *cells)
    table.show()
    if writes:
        table.put(WAIT_PAGE, *marks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
