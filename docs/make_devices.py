"""Write the table of instruction sets in docs/devices.md from targets/instruction_sets.py.

python docs/make_devices.py
"""

import re
from pathlib import Path

from edgekit.targets.instruction_sets import INSTRUCTION_SETS, InstructionSet

PAGE = Path(__file__).parent / "devices.md"
TABLE = re.compile(r"(?<=\| kernels \| instruction set \| run by tests and bench \|\n)(?:\|.*\n)+")


def page(text: str) -> str:
    """Return the page with its table made anew."""
    rows = [f"| `{row.name}` | {row.what} | {_run(row)} |" for row in INSTRUCTION_SETS.values()]
    made = "\n".join(["|---|---|---|", *rows]) + "\n"
    (_,) = TABLE.findall(text)
    return TABLE.sub(lambda _: made, text)


def _run(row: InstructionSet) -> str:
    here = [f"on {row.machine} CPUs with {', '.join(row.cpu)}"] if row.cpu else []
    return "; ".join([*here, *([f"emulated, as `{row.emulated}`"] if row.emulated else [])])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
