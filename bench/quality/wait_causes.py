"""Which part of a network changes the level of its sound after a wait: the weights, or the tensors of each part.

    python bench wait_causes [NETWORK] [--observer RULE] [--no-equalize] [--parts N] [--write]

A cell has the level against the float network in dB, of the sound of `quant_goals.py --waits`. The types are those of
w8a8, its ranges those of `--observer`. What a row does not name is in float. The parts are equal counts of groups of
tensors that share a type, in the order of the graph.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
from demonstrations.speech_data import FOLDER
from quality import quant_audio
from quality.quant_bench import Bench
from quality.quant_goals import fetch_all
from quality.quant_levels import SI_SDR
from quality.quant_waits import NO_WAIT, clips_after_waits, level_and_loss, outputs, sounds
from tables import Table

from edgekit.base.arrays import Float32
from edgekit.operators.roles import constant
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.recipe import NEAREST, RECIPES, SHAPED, Recipe
from edgekit.quantize.search.space import Group, Space, make_space
from edgekit.targets.macs import node_macs
from edgekit.targets.trials import Trials

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "quantization.md"
BEGIN, END = "<!-- wait-causes -->", "<!-- end of wait-causes -->"
COLUMNS = (NO_WAIT, "200 s of silence", "60 s of DC 0.01", "10 minutes of speech")
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


class Levels:
    """The level after each wait of networks in which every group of tensors has a type of its own."""

    def __init__(self, bench: Bench, name: str, recipe: Recipe) -> None:
        """Run the float network, and observe it."""
        self.model, self._sound = bench.model(name), sounds(bench)
        self.seen = observe_model(self.model, bench.calibration(name), recipe)
        plain = quantize_observed(self.seen, replace(recipe, rounding=NEAREST), "")
        self._macs, self._clips = node_macs(to_integer(plain)), clips_after_waits(bench, COLUMNS)
        self._exact = outputs(self.model, self._clips)

    def space(self, recipe: Recipe, float_weights: bool = False) -> Space:
        """Return the groups and their types, with the weights of a recipe or with those of the float network."""
        space = make_space(self.seen, recipe, self._macs)
        if float_weights:
            _restore_weights(space, self.seen)
        return space

    def rows(self, space: Space, forms: Mapping[str, Chosen]) -> dict[str, list[str]]:
        """Return the cells of each form, an option by the number of each group."""
        trials = Trials(space.model, [quant_audio.in_hops(self.model, c) for c in self._clips])
        delay, (name,) = self.model.stream.delay_samples or 0, trials.outputs

        def level(clip: int, found: Mapping[str, Float32]) -> str:
            pair = self._exact[clip], np.ravel(found[name])[delay:]
            return f"{level_and_loss(SI_SDR, self._sound, self._clips[clip].size, *pair)[0]:+.2f}"

        tables = [space.table(chosen) for chosen in forms.values()]
        return dict(zip(forms, trials.run(level, tables), strict=True))


def _restore_weights(space: Space, seen: ObservedModel) -> None:
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
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    given = parser.parse_args()
    fetch_all(given.data)
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
    table = Table("in integers", *COLUMNS)
    for words, cells in rows.items():
        table.add_row(words, *cells)
    table.show()
    if given.write:
        table.put(PAGE, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
