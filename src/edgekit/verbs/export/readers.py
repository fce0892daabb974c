"""Readers of option values, see `edgekit.verbs.export.flags.Flag.read`, that no other module has."""

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import Layout, parse_layout
from edgekit.base.settings import Range
from edgekit.export.diffusion.description import Description
from edgekit.export.diffusion.description import read_sampler as read_sampler_file
from edgekit.quantize.recipe import AUTO, RECIPES, Recipe
from edgekit.quantize.recipe_file import find_recipe
from edgekit.targets.c.plugin.ranges import read_ranges

MOST_SAMPLES = 2**16  # of a frame's length: a float stands for the nearest such fraction


def read_recipe(text: str) -> Recipe:
    """Return `AUTO`, a recipe that ships, or that of a .toml.

    Raises:
        UsageError: neither, or everything that is wrong with the file.
    """
    if text == AUTO.name:
        return AUTO
    return RECIPES[text] if text in RECIPES else find_recipe(text)


def read_min_snr(min_snr_db: float) -> float:
    """Return a least fidelity in dB.

    Raises:
        UsageError: it is not a finite number.
    """
    if not math.isfinite(min_snr_db):
        raise UsageError(Problem("--min-snr", str(min_snr_db), "a number of dB", "give one, as 20"))
    return min_snr_db


def read_sampler(path: str | Path) -> Description:
    """Return the sampler that a file describes.

    Raises:
        UsageError: the file cannot be read, or describes no sampler.
    """
    return read_sampler_file(Path(path))


def read_layouts(layouts: Mapping[str, Layout | str]) -> dict[str, Layout]:
    """Return input or output name -> its layout, which may be a text, as NCT.

    Raises:
        UsageError: every text that is not a layout.
    """
    found, problems = dict[str, Layout](), list[Problem]()
    for name, layout in layouts.items():
        try:
            found[name] = parse_layout(layout) if isinstance(layout, str) else layout
        except ValueError as error:
            step = "write it as NCT; see `edgekit help ports`"
            problems.append(Problem(f"--layout {name}", str(error), "a letter for each axis", step))
    if problems:
        raise UsageError(problems)
    return found


def read_rates(samples: Mapping[str, Fraction | float | str]) -> dict[str, Fraction]:
    """Return input name -> frames of it in one sample of the reference stream, exact.

    Args:
        samples: input name -> the length of a frame in samples of the reference stream, as 64, 1.5 or "3/2".

    Raises:
        UsageError: every rate that is not a number of at least 1.
    """
    rates, problems = {}, []
    for name, count in samples.items():
        try:
            exact = Fraction(count).limit_denominator(MOST_SAMPLES)
        except (ValueError, TypeError, OverflowError, ZeroDivisionError):
            exact = Fraction(0)
        if exact >= 1:
            rates[name] = 1 / exact
            continue
        step = "write 64 for a frame of 64 samples"
        if exact > 0:
            step += ". The input with the most frames is the reference stream: it has no rate, the others have"
        allowed = "how many samples of the reference stream a frame of the input lasts, at least 1"
        problems.append(Problem(f"--rate {name}", str(count), allowed, step))
    if problems:
        raise UsageError(problems)
    return rates


def read_knob_ranges(knobs: Mapping[str, str]) -> dict[str, Range]:
    """Return control -> the range of its knob.

    Raises:
        UsageError: all problems with the texts.
    """
    ranges, problems = dict[str, Range](), list[Problem]()
    for name, text in knobs.items():
        try:
            rows = read_ranges(name, text)
            ranges[name] = Range(tuple((row.least, row.most) for row in rows))
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)
    return ranges
