"""Read values of inputs that calibration clips lack, and check them as early as names and files allow."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from edgekit.base.arrays import Array
from edgekit.base.clip_files import content_problem, files_without, source_problem
from edgekit.base.errors import Problem
from edgekit.base.pictures import PICTURE_FILES
from edgekit.base.settings import InputSettings, Range, Settings
from edgekit.verbs.export.option_checks import OptionValues
from edgekit.verbs.export.source_names import is_graph_file


def input_settings(read: OptionValues) -> InputSettings:
    """Return the values that ``--set`` and ``--knob`` give to inputs."""
    settings = cast("Settings", read.values.get("settings", {}))
    return InputSettings(settings, cast("Mapping[str, Range]", read.values.get("knobs", {})))


def clip_problems(
    source: str, calibration: str | None, options: Mapping[str, object]
) -> list[Problem]:
    """Return problems with a calibration before the network `source` is loaded; none for None."""
    if calibration is None:
        return []
    return _source_problems(calibration) or _unset_inputs(source, calibration, options)


def _source_problems(source: str) -> list[Problem]:
    """Return the reasons why a calibration source is neither a folder nor an existing factory."""
    if problem := source_problem(source):
        return [problem]
    if Path(source).is_dir():
        problem = content_problem(source, Path(source), PICTURE_FILES)
        return [] if problem is None else [problem]
    package = source.partition(":")[0].partition(".")[0]
    if package in sys.modules or find_spec(package) is not None:
        return []
    if PathFinder.find_spec(package, [os.getcwd()]) is not None:  # where networks are found, too
        return []
    found, allowed = f"no module '{package}'", "package.module:factory that Python finds"
    step = "check the name, or set PYTHONPATH"
    return [Problem(f"calibration factory {source!r}", found, allowed, step)]


def _unset_inputs(source: str, calibration: str, options: Mapping[str, object]) -> list[Problem]:
    """The controls and session constants that neither ``--set`` nor a folder's files say anything of.

    A factory may have an example of a session constant, and is asked when it is imported.
    """
    if not Path(calibration).is_dir():
        return []
    known = {name for option in ("settings", "knobs") for name in _names(options, option)}
    forms = dict.fromkeys(_names(options, "controls"), "LEAST:MOST")
    if is_graph_file(source):
        forms |= dict.fromkeys(_names(options, "session_constants"), "FILE.npy")
    problems = []
    for name, form in forms.items():
        if name in known or not (files := files_without(Path(calibration), name)):
            continue
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        found = f"holds nothing for input '{name}'"
        step = f"add --set {name}={form}"
        allowed = f"--set, {files[0].stem}.{name}.npy, or a .npz with an array '{name}'"
        where = f"calibration file '{files[0].name}'{more}"
        problems.append(Problem(where, found, allowed, step))
    return problems


def _names(options: Mapping[str, object], option: str) -> Iterable[str]:
    """The inputs that an option names, in a mapping or a sequence."""
    return cast("Iterable[str]", options.get(option) or ())


def with_examples(settings: InputSettings, examples: Mapping[str, Array] | None) -> InputSettings:
    """Return settings with a factory's examples, of which those of session constants are taken."""
    return replace(settings, examples=examples or {})


def unknown_inputs(names: Iterable[str], inputs: Iterable[str]) -> list[Problem]:
    """Return the names that are set and that a network does not have."""
    known = list(inputs)
    return [
        Problem(f"--set {name}", "no such input", ", ".join(known), "name an input")
        for name in names
        if name not in known
    ]
