"""fleet.toml: devices, and which builds are measured on each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.toml_file import parse_toml, read_text
from edgekit.runtime.devices.device import find_device
from edgekit.runtime.devices.profile import FORMS

MAX_FILE_BYTES = 1 << 20
MOST_DEVICES = 1000
KEYS = ("device", "builds", "hops")
EXAMPLE = """[kitchen] with device = "ssh://pi@kitchen" and builds = ["build"]"""


@dataclass(frozen=True)
class Member:
    """A device of a fleet.

    Attributes:
        name: of its table.
        device: as ``--device`` names it.
        builds: folders, as the file names them.
        beside: the folder of the fleet file, to which relative folders refer.
        hops: in each round; None for the default of `bench`.
    """

    name: str
    device: str
    builds: tuple[str, ...]
    beside: Path
    hops: int | None = None


def read_fleet(path: Path) -> tuple[Member, ...]:
    """Return the devices of a file.

    Raises:
        UsageError: it cannot be read, or everything that is wrong with it.
    """
    where, step = f"fleet '{path}'", "give a fleet.toml as `edgekit help fleets` describes"
    given = parse_toml(read_text(path, where, MAX_FILE_BYTES, step), where, step)
    if not 1 <= len(given) <= MOST_DEVICES:
        found, allowed = (
            f"{len(given):,} devices",
            f"1 to {MOST_DEVICES:,}, each a table: {EXAMPLE}",
        )
        raise UsageError(Problem(where, found, allowed, step))
    problems = [p for name, row in given.items() for p in _problems(row, f"{where}, [{name}]")]
    if problems:
        raise UsageError(problems)
    return tuple(
        Member(name, row["device"], tuple(row["builds"]), path.parent, row.get("hops"))
        for name, row in given.items()
    )


def _problems(row: object, where: str) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield Problem(where, repr(row)[:60], f"a table: {EXAMPLE}", "correct it")
        return
    for key in row.keys() - set(KEYS):
        yield Problem(f"{where}, key '{key}'", "unknown", ", ".join(KEYS), "correct the key")
    yield from _value_problems(row, where)


def _value_problems(row: Mapping[str, object], where: str) -> Iterator[Problem]:
    device, builds, hops = (row.get(key) for key in KEYS)
    if not isinstance(device, str) or find_device(device) is None:
        yield Problem(f"{where}, device", repr(device)[:60], ", ".join(FORMS), "give one of these")
    if not _are_folders(builds):
        allowed = "a list of build folders, each once"
        yield Problem(f"{where}, builds", repr(builds)[:60], allowed, "name the folders")
    if hops is not None and type(hops) is not int:
        yield Problem(f"{where}, hops", repr(hops)[:60], "a number", "give one, or leave it out")


def _are_folders(builds: object) -> bool:
    """Whether a value is a list of names, each once."""
    if not isinstance(builds, list) or not builds:
        return False
    return all(isinstance(b, str) and b for b in builds) and len(set(builds)) == len(builds)
