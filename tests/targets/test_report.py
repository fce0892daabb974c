"""report.html: one page of its own, nothing unescaped, the memory map to scale."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import tiny_build

from edgekit.quantize.compare import TensorRow
from edgekit.targets.build import Placement
from edgekit.targets.report import render
from edgekit.targets.sensitivity import alone

PLAN = (
    Placement("first", "scratch", 0, 100, 0, 1),
    Placement("second", "scratch", 100, 300, 1, 3),
    Placement("memory", "state", 0, 64, 0, 3),
)
STEPS = ("Conv 'a'", "Relu 'b'", "Gemm 'c'", "Sigmoid 'd'")
ROWS = (
    TensorRow("x", "Conv", "int8", 0.25, -3, -1.0, 1.5, 44.5, 31.4),
    TensorRow("y", "Gemm", "float32", None, None, 0.0, 0.0, math.inf, math.inf),
    TensorRow("z", "Relu", "int16", 0.001, 0, 0.0, 2.0, 80.0, -math.inf),
)


class Checker(HTMLParser):
    """Collects tags and text, and checks that every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_and_needs_no_other_file() -> None:
    page = render(tiny_build.manifest(), PLAN, STEPS, ROWS)
    checked = Checker(page)
    for _, attributes in checked.tags:
        assert not {"src", "href", "onload", "onclick"} & attributes.keys()
    assert "http" not in page and "url(" not in page and "<script" not in page
    assert page == render(tiny_build.manifest(), PLAN, STEPS, ROWS)


def test_what_a_search_measured_is_drawn_the_most_sensitive_first() -> None:
    rows = alone({"a": 60.0, "<b>": 12.5, "c": math.inf}, {"<b>": "int16", "a": "int8"}, "int16")
    assert [(row.name, row.dtype) for row in rows] == [
        ("<b>", "int16"),
        ("a", "int8"),
        ("c", "int16"),
    ]
    page = render(tiny_build.manifest(), PLAN, STEPS, ROWS, rows)
    text = Checker(page).text
    assert "One tensor alone" in text and "12.5 dB, int16" in text and "over 100 dB" in text
    assert "One tensor alone" not in render(tiny_build.manifest(), PLAN, STEPS, ROWS)


def test_shares_of_multiply_accumulates_are_said_where_there_are_several() -> None:
    manifest = replace(tiny_build.manifest(), macs_int8=900, macs_int16=100, macs_float=0)
    assert "900 int8 (90.0 %), 100 int16 (10.0 %)" in render(manifest, PLAN, STEPS, ())


def test_names_are_escaped() -> None:
    evil = "<script>alert('&\")</script>"
    row = TensorRow(evil, evil, "int8", 1.0, 0, 0.0, 1.0, 20.0, 20.0)
    manifest = tiny_build.manifest(source={"name": evil, "sha256": ""}, tools={evil: evil})
    page = render(manifest, (Placement(evil, "scratch", 0, 4, 0, 0),), (evil,), (row,))
    assert "<script" not in page
    assert Checker(page).text.count("alert") >= 5


def test_the_map_shows_each_tensor_at_its_offset_and_life() -> None:
    page = render(tiny_build.manifest(), PLAN[:2], STEPS, ())
    boxes = {
        name: [float(number) for number in numbers]
        for *numbers, name in re.findall(
            r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*>'
            r"<title>(first|second):",
            page,
        )
    }
    (x1, y1, w1, h1), (x2, y2, w2, h2) = boxes["first"], boxes["second"]
    assert w1 == pytest.approx(2 * (x2 - x1)) and w2 == pytest.approx(3 * (x2 - x1))
    assert y1 == 0 and y2 == pytest.approx(h1) and h2 == pytest.approx(3 * h1)
    assert "second: 300 bytes at 100, steps 1-3" in page
    assert all(f"step {index}: " in page for index in range(4))


def test_ratios_without_noise_or_signal_are_words() -> None:
    text = Checker(render(tiny_build.manifest(), (), (), ROWS)).text
    assert "31.4" in text and "exact" in text
    assert "inf" not in text and "nan" not in text and "None" not in text


def test_facts_that_are_not_known_are_left_out() -> None:
    stream = dict.fromkeys(tiny_build.manifest().stream)
    memory = dict.fromkeys(tiny_build.manifest().memory)
    text = Checker(render(tiny_build.manifest(stream=stream, memory=memory), (), (), ())).text
    assert "None" not in text and "Memory" not in text and "latency" not in text
    verification = {
        "by": "portable C on this host",
        "hops": 500,
        "snr_db": 41.2,
        "max_abs_error": 0.01,
        "bit_exact_with_oracle": True,
    }
    text = Checker(render(tiny_build.manifest(verification=verification), (), (), ())).text
    assert "41.2 dB" in text and "500 hops" in text and "bit-exact" in text


def test_the_page_is_made_for_narrow_screens() -> None:
    page = render(tiny_build.manifest(), PLAN, STEPS, ROWS)
    assert '<meta name="viewport" content="width=device-width' in page
    assert page.count("<table>") == page.count("<div class=wide><table>") > 2
