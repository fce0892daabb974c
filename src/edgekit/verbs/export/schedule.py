"""schedule.toml: which kernel computes each layer of a build, written and read.

Without one the cost model of `targets/c/emit` chooses. All kernels of a layer compute the same integers; float sums
differ in their order.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.toml_file import parse_toml, read_text

SCHEDULE_NAME = "schedule.toml"
MAX_BYTES = 1 << 22
LAYERS = "layers"
STEP = "give one that --tune wrote"

Schedule = Mapping[str, str]  # kernel by layer


def schedule_text(schedule: Schedule, costs: Mapping[str, str]) -> str:
    """Return the text that `read_schedule` reads; after each layer come its measurements, in one line."""
    lines = [
        "# The kernel of each layer, for edgekit export --schedule.",
        f"[{LAYERS}]",
        *(
            f"{_toml_text(layer)} = {_toml_text(kernel)}"
            + (f"  # {costs[layer]}" if layer in costs else "")
            for layer, kernel in schedule.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def read_schedule(path: str | Path) -> dict[str, str]:
    """Return the kernel of each layer that a file names.

    Raises:
        UsageError: it cannot be read, or everything that is wrong with it.
    """
    where = f"schedule '{path}'"
    facts = parse_toml(read_text(Path(path), where, MAX_BYTES, STEP), where, STEP)
    problems = [
        Problem(f"{where}, {key}", "unknown", f"a table [{LAYERS}]", "leave it out")
        for key in facts
        if key != LAYERS
    ]
    layers = facts.get(LAYERS)
    if not isinstance(layers, dict):
        found = "none" if layers is None else repr(layers)
        problems.append(Problem(f"{where}, {LAYERS}", found, f"a table [{LAYERS}]", STEP))
        layers = {}
    problems += [
        Problem(f"{where}, layer {name!r}", repr(kernel), "the name of a kernel", STEP)
        for name, kernel in layers.items()
        if not isinstance(kernel, str)
    ]
    if problems:
        raise UsageError(problems)
    return layers


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
