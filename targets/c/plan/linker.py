"""Linker scripts of microcontrollers: of the memories that QEMU emulates, and the common part of all scripts.

Data in RAM at the start are stored in another memory. The script lists it in the tables that CMSIS start-up
code walks, ``__copy_table_start__`` and ``__zero_table_start__``; those of the replay program do, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgekit.runtime.devices.profile import Profile, Region
from edgekit.targets.c.templates import template

EMULATED = "The memories of the board that QEMU emulates; for another board change these lines."


@dataclass(frozen=True)
class Output:
    """An output section.

    Attributes:
        name: without the dot.
        inputs: the input sections, in the syntax of linker scripts.
        region: its memory when the program runs.
        stored: its memory before, if that is elsewhere; start-up copies it.
        cleared: whether start-up fills it with zeros.
    """

    name: str
    inputs: str
    region: str
    stored: str | None = None
    cleared: bool = False


def script(
    title: str, memory: Mapping[str, Region], outputs: Iterable[Output], code: str, stack_top: str
) -> str:
    """Return the text of a linker script.

    Args:
        title: its comment.
        memory: regions by name.
        outputs: the sections that are not of every program, with ``.data`` and ``.bss`` as ``data`` and ``bss``.
        code: the region that the program is in.
        stack_top: where the stack begins, an expression.
    """
    outputs = tuple(outputs)
    copied = [
        f"        LONG(LOADADDR(.{o.name})) LONG(ADDR(.{o.name})) LONG(SIZEOF(.{o.name}) / 4)"
        for o in outputs
        if o.stored is not None
    ]
    cleared = [
        f"        LONG(ADDR(.{o.name})) LONG(SIZEOF(.{o.name}) / 4)" for o in outputs if o.cleared
    ]
    return BOARD.format(
        title=title,
        memory="\n".join(
            f"    {name} : ORIGIN = 0x{region.start:08x}, LENGTH = 0x{region.bytes:x}"
            for name, region in memory.items()
        ),
        stack_top=stack_top,
        code=code,
        before="\n".join(_section(o) for o in outputs if o.name not in ("data", "bss")),
        behind="\n".join(_section(o) for o in outputs if o.name in ("data", "bss")),
        copied="\n".join(copied),
        cleared="\n".join(cleared),
    )


def linker_script(name: str, profile: Profile) -> str:
    """``board.ld``: weights and golden data in one memory, the rest of the program in another."""
    memory = {block.upper(): region for block, region in profile.memory.items()}
    outputs = (
        Output("weights", f"*(.rodata.{name}_*) *(.rodata.golden_*)", "WEIGHTS"),
        Output("data", "*(.data .data.* .sdata .sdata.*)", "RAM", stored="CODE"),
        Output("bss", "*(.bss .bss.* .sbss .sbss.* COMMON)", "RAM", cleared=True),
    )
    return script(EMULATED, memory, outputs, "CODE", "ORIGIN(RAM) + LENGTH(RAM)")


def _section(output: Output) -> str:
    noload = " (NOLOAD)" if output.name == "bss" or output.cleared else ""
    stored = "" if output.stored is None else f" AT> {output.stored}"
    return (
        f"    .{output.name}{noload} : {{ . = ALIGN(8); {output.inputs} . = ALIGN(8); }} "
        f"> {output.region}{stored}"
    )


BOARD = template("board.ld")
