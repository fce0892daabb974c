"""Linker scripts: what starts in RAM is stored elsewhere and copied, what starts at zero is cleared."""

from edgekit.runtime.devices.profile import Region
from edgekit.targets.c.plan.linker import Output, linker_script, script
from edgekit.targets.devices import profile


def test_sections_are_in_the_tables_of_the_start() -> None:
    outputs = (
        Output("hot", "*(.rodata.hot)", "FAST", stored="FLASH"),
        Output("data", "*(.data)", "FAST", stored="FLASH"),
        Output("bss", "*(.bss)", "FAST", cleared=True),
    )
    memory = {"FLASH": Region(0x08000000, 0x1000), "FAST": Region(0x20000000, 0x800)}
    text = script("a board", memory, outputs, "FLASH", "ORIGIN(FAST) + LENGTH(FAST)")
    assert "FAST : ORIGIN = 0x20000000, LENGTH = 0x800" in text
    assert "LONG(LOADADDR(.hot)) LONG(ADDR(.hot)) LONG(SIZEOF(.hot) / 4)" in text
    assert "LONG(ADDR(.bss)) LONG(SIZEOF(.bss) / 4)" in text and "LOADADDR(.bss)" not in text
    assert ".hot : { . = ALIGN(8); *(.rodata.hot) . = ALIGN(8); } > FAST AT> FLASH" in text
    assert ".bss (NOLOAD)" in text


def test_an_emulated_core_has_its_weights_apart() -> None:
    text = linker_script("net", profile("cortex-m4"))
    assert "*(.rodata.net_*) *(.rodata.golden_*)" in text and "> WEIGHTS" in text
