"""`LoopForms`: the loops and scans along time of a network, found in its exports and rolled back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.base.errors import ModelError, Problem
from edgekit.export.loops.normal_form import normalise
from edgekit.export.loops.regions import NoScan, frames_of, growth, region_of
from edgekit.export.loops.roll import growing_families, roll
from edgekit.export.loops.scan_step import check_steps, step_of_pair
from edgekit.export.loops.scans import PairScan
from edgekit.export.loops.source_lines import SourceLines, growing_lines
from edgekit.export.loops.turn_matches import OtherTurn

PAIR = 2  # frames at which a scan shows its operator


@dataclass(frozen=True)
class LoopForms:
    """What rolls the loops of exports of one network back.

    Attributes:
        growing: see `roll.growing_families`.
        scans: the parallel scans.
        outputs: names of the network's outputs; torch numbers them anew at each length.
        problems: why a loop or a scan was left.
    """

    growing: Sequence[bool]
    scans: Sequence[PairScan]
    outputs: Sequence[str]
    problems: Sequence[str]

    def roll_back(self, data: bytes) -> bytes:
        """Return an export at another length with its loops rolled back.

        Raises:
            ModelError: a scan is another one at this length.
        """
        model = read_export(data)
        roll(model, self.growing)
        try:
            _replace_scans(model, self.scans)
        except NoScan as found:
            allowed, step = (
                "the same operators at every length",
                "remove what depends on the length",
            )
            problem = Problem("a scan along time", str(found), allowed, step)
            raise ModelError(problem) from found
        _name_outputs(model.graph, self.outputs)
        return bytes(ir.to_proto(model).SerializeToString())


def find_loops(export: Callable[[int], bytes], samples: int) -> LoopForms:
    """Find the loops along time of a network.

    Args:
        export: exports it at a number of samples.
        samples: a length at which it works; it is read at twice that, too.
    """
    short, long = models = [read_export(export(n)) for n in (samples, 2 * samples)]
    outputs = [str(value.name) for value in short.graph.outputs]
    growing = growing_families(short, long)
    problems = [_turn_problem(one) for one in roll(short, growing)]
    roll(long, growing)
    scans = []
    for lines in growing_lines(short.graph, long.graph):
        scan = _find_scan(lines, export, models, samples)
        if isinstance(scan, PairScan):
            scans.append(scan)
        else:
            problems.append(f"{lines.first.function} in line {lines.first.line} {scan}")
    for model in models:
        _replace_scans(model, scans)
    if len(short.graph) == len(long.graph):
        problems = []
    return LoopForms(growing, scans, outputs, list(dict.fromkeys(problems)))


def _replace_scans(model: ir.Model, scans: Sequence[PairScan]) -> None:
    for scan in scans:
        scan.replace(model)
    common.RemoveUnusedNodesPass()(model)
    common.TopologicalSortPass()(model)


def _name_outputs(graph: ir.Graph, names: Sequence[str]) -> None:
    """Name the outputs; a value of the graph that has such a name gets another one."""
    taken = {value.name: value for node in graph for value in node.outputs}
    for value, name in zip(graph.outputs, names, strict=True):
        other = taken.get(name)
        if other is not None and other is not value:
            other.name = f"{name}.inner"
        value.name = name


def _turn_problem(found: OtherTurn) -> str:
    where = "" if found.node is None else f"{found.node.op_type} '{found.node.name}': "
    return f"{where}{found}"


def _find_scan(
    lines: SourceLines,
    export: Callable[[int], bytes],
    models: Sequence[ir.Model],
    samples: int,
) -> PairScan | NoScan:
    """Return the scan of some lines, or of the function that has them, with its padding; else the first problem."""
    problems = []
    for candidate in lines.callers():
        try:
            return _scan(candidate, export, models, samples)
        except NoScan as found:
            problems.append(found)
    return problems[0]


def _scan(
    lines: SourceLines, export: Callable[[int], bytes], models: Sequence[ir.Model], samples: int
) -> PairScan:
    regions = [region_of(model.graph, lines) for model in models]
    axes, made = growth(*regions)
    short, long = (frames_of(region, axes) for region in regions)
    if long == short:
        raise NoScan("has as many frames at every length")
    rate = Fraction(long - short, samples)
    length = (PAIR - short + rate * samples) / rate
    if length.denominator > 1 or length < 1:
        raise NoScan("never has two frames")
    try:
        pair = region_of(read_export(export(int(length))).graph, lines)
    except ModelError as error:
        raise NoScan(f"does not run at {int(length)} samples") from error
    count = len(pair.inputs), len(pair.outputs)
    if count != (len(axes), len(made)) or frames_of(pair, axes) != PAIR:
        raise NoScan("reads other tensors at two frames")
    scan = step_of_pair(lines, pair, axes, made)
    check_steps(scan, regions[0])
    return scan


def read_export(data: bytes) -> ir.Model:
    """Return an export in normal form."""
    model = ir.from_proto(onnx.load_model_from_string(data))
    normalise(model)
    return model
