"""Write docs/reference/kernels.md from the tree of kernels, the header and the table of instruction sets.

python docs/make_kernels.py > docs/reference/kernels.md
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgekit.runtime.kernel_sources import kernel_sources
from edgekit.targets.c.packing.conv_paths import has_kernel
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.stubs import FAMILIES, PORTABLE, RUNTIME, hosts
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

HEADER = (RUNTIME / "include" / "edgekit.h").read_text(encoding="utf-8")
COMMENT = re.compile(r"/\*((?:(?!\*/).)*)\*/\n", re.DOTALL)
HEAD = """\
| kernel | what it computes | forms | instruction sets with files of their own |
|---|---|--:|---|"""
TEXT = """\
# Kernels

Made by `python docs/make_kernels.py > docs/reference/kernels.md`; a test compares this page with the tree.

A kernel is a C function that computes one operator. Its portable source lies in `runtime/src/portable/<family>`. Its
forms for several element types lie in `runtime/src/portable/generated`, which `make kernels` writes. An instruction set
has a folder of its own, whose files stand in for portable files of the same name. The table names the sets with such
files. Shapes and layouts stand in `edgekit.h` above each prototype.

How weights are packed is a property of the instruction set: `Packing` in `targets/instruction_sets.py`. Which
of several kernels an integer convolution takes, and its order of weights, stands in `targets/c/packing/conv_paths.py`.

Every kernel is tested by random and by systematic legal calls: `pytest tests/test_kernels.py -k ek_lrn_f32`. C equals
NumPy in every bit. [Proofs of kernels](kernel-proofs.md) says which are proved to stay inside their arrays.
{families}
## Instruction sets

| folder of `runtime/src` | what | folders that it falls back to | files |
|---|---|---|--:|
{sets}
"""


def summary(kernel: str) -> str:
    """The first sentence of a kernel's comment in the header."""
    before = re.split(rf"\b{kernel}\(", HEADER)[0]
    found = COMMENT.findall(before)[-1]
    if found.strip().startswith("--"):
        return f"The {kernel.split('_')[1]} function"
    words = " ".join(line.strip().removeprefix("* ") for line in found.strip().splitlines())
    first = re.split(r"(?<=\S)(?<! al)[.;:](?=\s)", words)[0]
    return first.rstrip(".;:").replace("|", "\\|").replace("*", "\\*").replace("[", "\\[")


def own_files(kernels: Iterable[str]) -> list[str]:
    """The instruction sets that do not compute all of the kernels by portable files alone, or that have them alone."""
    names = set(kernels)
    if names <= set(hosts()):
        return [
            r.name
            for r in INSTRUCTION_SETS.values()
            if any(has_kernel(r.packing, n) for n in names)
        ]
    portable = kernel_files(names, "")
    rows = INSTRUCTION_SETS.values()
    return [row.name for row in rows if kernel_files(names, "", row.folders) != portable]


def groups(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Name and forms of every kernel whose code lies in a folder: those of a stub by the header that it includes."""
    for path in sorted(folder.glob("*.c")):
        yield path.stem, [path.stem]
    for family in FAMILIES:
        text = family.file(next(iter(family.kernels)))
        included = re.findall(r'#include "(ek_\w+\.h)"', text)
        if any((folder / name).is_file() for name in included[-1:]):
            yield (
                family.name + ("" if not family.tail else f" ({family.tail})"),
                list(family.kernels),
            )


def family_table(folder: Path) -> str:
    """The kernels of a family as a Markdown table, without its heading where there is none."""
    rows = [
        f"| `{name}` | {summary(forms[0])} | {len(forms)} | {', '.join(own_files(forms)) or '-'} |"
        for name, forms in sorted(groups(folder))
    ]
    return "\n".join(["", f"## {folder.name.capitalize()}", "", HEAD, *rows, ""])


def main() -> None:
    """Print the page."""
    folders = sorted(
        path for path in PORTABLE.iterdir() if path.is_dir() and path.name != "generated"
    )
    sets = [
        f"| `{row.name}` | {row.what} | {', '.join(row.behind) or '-'} | {len(kernel_sources(row.name))} |"
        for row in INSTRUCTION_SETS.values()
    ]
    print(TEXT.format(families="".join(map(family_table, folders)), sets="\n".join(sets)), end="")


if __name__ == "__main__":
    main()
