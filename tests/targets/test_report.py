"""report.html: one page of its own, nothing unescaped, the memory map to scale."""

import base64
import io
import math
import re
import shutil
import subprocess
import wave
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from jinja2 import UndefinedError

from edgekit.base.pages import fill
from edgekit.quantize.compare import TensorRow
from edgekit.targets import report
from edgekit.targets.build import Placement
from edgekit.targets.network import Layer
from edgekit.targets.playable_sounds import PlayableSounds
from edgekit.targets.report import render
from edgekit.targets.sensitivity import Alone, alone

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

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (420, 1400)  # of a phone and of a desk, in pixels
LONG = "a/very/long/name/of/a/tensor/" * 4
# An iframe is as narrow as it is told, a window is not.
WRAPPER = """<iframe width={width} height=900 srcdoc="{page}"></iframe><p id=found></p><script>onload = () => {{
const inside = document.querySelector("iframe").contentDocument;
const loaded = [...inside.images].every(image => image.complete && image.naturalWidth > 0);
document.getElementById("found").textContent =
  [inside.documentElement.scrollWidth, loaded, inside.querySelectorAll("audio").length,
   getComputedStyle(inside.body).backgroundColor].join("|") }}</script>"""


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
        if tag not in ("meta", "img", "br"):
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
            r'<rect class="\w edge" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*>'
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


def test_sound_is_played_drawn_and_compared() -> None:
    rng, rate = np.random.default_rng(0), 16000
    before, source = (rng.normal(0, 0.1, (2, rate)).astype(np.float32) for _ in range(2))
    played = PlayableSounds(before, source, source, rate)
    page = render(tiny_build.manifest(), (), (), (), played=played)
    links = [
        values.get("src") or "" for tag, values in Checker(page).tags if tag in ("img", "audio")
    ]
    assert [link.partition(",")[0] for link in links] == [
        *("data:image/png;base64", "data:audio/wav;base64"),
    ] * 3
    content = base64.b64decode(links[1].partition(",")[2])
    with wave.open(io.BytesIO(content)) as heard:
        assert (heard.getframerate(), heard.getnchannels(), heard.getnframes()) == (rate, 2, rate)
        samples = np.frombuffer(heard.readframes(rate), "<i2").reshape(-1, 2).T / 32767
    assert np.abs(samples - np.clip(before, -1, 1)).max() < 1e-4
    assert links[2] == links[4] != links[0]  # the build is its source, which is not what came in


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        fill(Path(report.__file__).with_suffix(".html"), title="x")


def page() -> str:
    rows = [TensorRow(LONG, "Conv", "int8", 0.25, -3, -1.0, 1.5, 44.5, 31.4)] * 3
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 8000)).astype(np.float32)
    plan = (Placement(LONG, "scratch", 0, 100, 0, 1), Placement("s", "state", 0, 64, 0, 3))
    ranked = (Alone(LONG, "int8", 20.0), Alone("x", "int16", math.inf))
    manifest = tiny_build.manifest(target="cortex-m55", tools={"cc": LONG.replace("/", " ")})
    played = PlayableSounds(sound, sound, sound, 16000)
    layers = [
        Layer(LONG, "Conv", LONG, "int8", (1, 8), {"int8": 9}, 4, 8, (i - 1,) if i else ())
        for i in range(5)
    ]
    heard = [("STOI", *"1234")]
    steps = ("Conv 'a'",) * 4
    return render(manifest, plan, steps, rows, ranked, heard, played, (layers, 0))


@pytest.mark.rows(1)
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
@pytest.mark.parametrize(("scheme", "width"), [("light", WIDTHS[0]), ("dark", WIDTHS[1])])
def test_a_phone_and_a_desk_show_the_page_without_scrolling_sideways(
    tmp_path: Path, scheme: str, width: int
) -> None:
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(WRAPPER.format(width=width, page=escape(page())), encoding="utf-8")
    settings = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", settings, "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", wrapper.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r'id="found">(\d+)\|(\w+)\|(\d+)\|([^<]*)<', dom)
    assert found is not None
    needed, loaded, players, background = found.groups()
    assert int(needed) <= width and loaded == "true" and players == "3"
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
