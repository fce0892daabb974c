"""The row of costs of this machine's processor: measured here, shipped, or generic.

Measured rows are in the cache folder, in the form of ``kernel_costs.toml``, by processor and instruction set.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from edgekit import __version__
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.output import replacement_path
from edgekit.base.toml_file import parse_toml, read_text
from edgekit.base.user_cache import ALLOWED, cache_folder
from edgekit.base.user_cache import STEP as CACHE_STEP
from edgekit.runtime.devices.profile import KernelCosts
from edgekit.targets.devices import processor, profile
from edgekit.targets.kernel_costs import chooses_by_costs, generic_costs, shipped_costs

MEASURED = "measured"
MAX_BYTES = 1 << 20
NAMES = tuple(field.name for field in fields(KernelCosts) if field.name != "row")
STEP = "measure again with edgekit doctor --measure, or remove the file"


def cost_file() -> Path | None:
    """Return the file of measured rows; None without a cache folder."""
    folder = cache_folder()
    return None if folder is None else folder / f"kernel-costs-{__version__}.toml"


def host_costs() -> KernelCosts | None:
    """Return the row of this machine's processor; None where no choice among its kernels depends on one.

    Raises:
        UsageError: the file of measured rows is damaged.
    """
    kernels, name = profile("host").kernels, processor()
    if not chooses_by_costs(kernels):
        return None
    measured = None if name is None else _measured_costs(name, kernels[0])
    return measured or shipped_costs(kernels, name) or generic_costs(kernels)


def _measured_costs(name: str, kernels: str) -> KernelCosts | None:
    path = cost_file()
    if path is None or not path.is_file():
        return None
    table = _read_rows(path).get(name, {}).get(kernels)
    return None if table is None else measured_row(name, kernels, table)


def measured_row(name: str, kernels: str, numbers: Mapping[str, float]) -> KernelCosts:
    """Return the row of a processor with an instruction set that was measured here."""
    return KernelCosts(f"{MEASURED} for {name}, {kernels}", **numbers)


def _read_rows(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the numbers of each row, by processor and instruction set.

    Raises:
        UsageError: all that is wrong with the file.
    """
    where = f"measured costs '{path}'"
    facts = parse_toml(read_text(path, where, MAX_BYTES, STEP), where, STEP)
    problems = [
        Problem(f"{where}, {name}", found, allowed, STEP)
        for name, rows in facts.items()
        for found, allowed in _problems_of(rows)
    ]
    if problems:
        raise UsageError(problems)
    return facts


def _problems_of(rows: Json) -> list[tuple[str, str]]:
    """What is found and what is allowed, of each row of a processor that is damaged."""
    if not isinstance(rows, dict):
        return [(repr(rows), "a table of instruction sets")]
    allowed = f"numbers above 0 for {', '.join(NAMES)}"
    return [
        (f"{kernels} = {row}"[:200], allowed) for kernels, row in rows.items() if not _is_row(row)
    ]


def _is_row(row: Json) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == {*NAMES}
        and all(type(n) in (int, float) and math.isfinite(n) and n > 0 for n in row.values())
    )


def keep_costs(name: str, kernels: str, costs: KernelCosts) -> Path | None:
    """Write a measured row beside those of other processors; return the file, None without a cache folder.

    Raises:
        UsageError: the folder cannot be written to.
    """
    path = cost_file()
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: JsonObject = _read_rows(path) if path.is_file() else {}
    except UsageError:  # damaged, which the user was told: it is written anew
        rows = {}
    except OSError as error:
        where = f"cache folder '{path.parent}'"
        raise UsageError(Problem(where, str(error.strerror), ALLOWED, CACHE_STEP)) from error
    numbers = {key: value for key, value in asdict(costs).items() if key != "row"}
    rows[name] = rows.get(name, {}) | {kernels: numbers}
    with replacement_path(path) as temporary:
        temporary.write_text(costs_text(rows), encoding="utf-8")
    return path


def costs_text(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return rows as the text of a file, by processor and instruction set."""
    lines = []
    for name, tables in rows.items():
        for kernels, numbers in tables.items():
            lines += [f'["{name}".{kernels}]', *(f"{k} = {v:g}" for k, v in numbers.items()), ""]
    return "\n".join(lines)
