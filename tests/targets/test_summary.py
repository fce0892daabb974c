"""A build in five lines and in a notebook: every kind of target has its facts, and the part needs no other file."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import tiny_build

from edgekit.targets.summary import summary_html, summary_rows

ENGINE = {
    "frames_per_second": 30.0,
    "latency_ms": 33.3,
    "clock_mhz": 250.0,
    "luts": 12000,
    "ffs": 9000,
    "dsps": 64,
    "rams": 80,
}
NPU = {"sram_bytes": 4096, "flash_bytes": 65536}
NOT_COUNTED = dict.fromkeys(tiny_build.manifest().memory)


@pytest.mark.parametrize(
    ("changes", "fact", "text"),
    [
        ({"engine": ENGINE}, "memory", "12,000 LUT, 9,000 FF, 64 DSP, 80 RAM"),
        ({"engine": ENGINE}, "latency", "33.3 ms, 30 frames per second at 250 MHz, modelled"),
        ({"npu": NPU}, "memory", "4,096 bytes of SRAM, 65,536 of flash, by Vela"),
        ({"memory": NOT_COUNTED, "target": "litert"}, "memory", "not counted for target litert"),
        (
            {"stream": dict.fromkeys(tiny_build.manifest().stream)},
            "hop",
            "pcm [1, 4] to pcm_out [1, 4]",
        ),
        ({"verification": None}, "verified", "not yet"),
    ],
)
def test_facts_of_every_kind_of_build(changes: dict[str, Any], fact: str, text: str) -> None:
    rows = summary_rows(replace(tiny_build.manifest(), **changes))
    assert len(rows) == 4 and dict(rows)[fact] == text


class Tags(HTMLParser):
    """The tags of a page, with their attributes; every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.open = set[str](), list[str]()
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_part_of_a_notebook_has_no_script_no_address_and_escapes_names(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    part = summary_html(tiny_build.manifest(source={"name": evil, "sha256": ""}), tmp_path)
    found = Tags(part)
    assert found.tags <= {
        "div",
        "style",
        "b",
        "table",
        "tr",
        "th",
        "td",
        "p",
        "code",
        "details",
        "summary",
    }
    assert "&lt;script" in part and "http" not in part and "url(" not in part
    assert "keeps no list of layers" in part
