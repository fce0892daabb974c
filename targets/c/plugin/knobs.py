"""The knobs of a plug-in: each value of each control, and the range that ``--knob`` gives it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import Tensor, c_identifier
from edgekit.targets.c.plugin.ranges import STEP, Range, read_ranges


@dataclass(frozen=True)
class Knob:
    """A value of a control.

    Attributes:
        control: the control's name.
        index: the position among its values.
        symbol: an identifier, unique among the knobs.
        label: for people.
        range: None where none was given.
    """

    control: str
    index: int
    symbol: str
    label: str
    range: Range | None


def knobs_of(controls: Sequence[Tensor], given: Mapping[str, str]) -> list[Knob]:
    """The knobs of some controls, in order.

    Args:
        controls: inputs that hold one value for a hop.
        given: ``LEAST:MOST:DEFAULT`` of a control by name; of several values also one for each, with commas.

    Raises:
        UsageError: everything that is wrong with the ranges.
    """
    problems = [
        Problem(f"--knob '{name}'", "no such control", _names(controls), STEP)
        for name in given
        if name not in {tensor.name for tensor in controls}
    ]
    knobs: list[Knob] = []
    for tensor in controls:
        try:
            knobs += _of_control(tensor, given.get(tensor.name))
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)
    return knobs


def _names(controls: Sequence[Tensor]) -> str:
    return ", ".join(tensor.name for tensor in controls) or "no --knob: the network has no controls"


def _of_control(tensor: Tensor, text: str | None) -> Iterator[Knob]:
    size = math.prod(tensor.shape)
    ranges: Sequence[Range | None] = [None] if text is None else read_ranges(tensor.name, text)
    if len(ranges) not in (1, size):
        found, allowed = f"{len(ranges)} ranges", f"1 or {size}: the control has {size} values"
        raise UsageError(Problem(f"--knob '{tensor.name}={text}'", found, allowed, STEP))
    for index in range(size):
        number = "" if size == 1 else f" {index + 1}"
        label = f"{tensor.name}{number}"
        row = ranges[index % len(ranges)]
        yield Knob(tensor.name, index, c_identifier(label), label, row)
