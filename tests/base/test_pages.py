"""Pages on a phone: those of engines and comparisons are no wider than it, and tables scroll in their own box."""

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from edgekit.base.pages import Bar, fill

ROOT = Path(__file__).parents[2]
PHONE = 420  # pixels
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LONG = "a/very/long/name/of/a/tensor/" * 4
BARS = [Bar(LONG, LONG, [(0.5, "a"), (0.5, "bad")], "1,234,567", 0.9)] * 3
TABLE = [(LONG, *"12345678")] * 3
ENGINE = {
    "title": LONG,
    "figures": [("frames per second", "30", LONG)] * 3,
    "resources": [(LONG, "12,000", "70,560", "fitted")] * 3,
    "legend": {"dense": "a", LONG: "b"},
    "cycles": BARS,
    "layers": TABLE,
    "dram": f"{LONG}, {LONG}",
    "cpu": [(LONG, LONG, LONG, LONG)],
}
COMPARISON = {
    "title": LONG,
    "head": [f"column {i}" for i in range(9)],
    "rows": TABLE,
    "numbers": (1, 2),
    "older": 3,
    "plots": [(LONG, BARS)],
    "peers": [(LONG, *"123")],
    "history": [(LONG, *"1234567")],
    "worse": [(LONG, LONG)],
    "digests": [("1", f"sha256:{'0' * 64}")],
    "damaged": [LONG],
}
PAGES = {
    "fpga/report.html": ENGINE,
    "src/edgekit/verbs/bench/compare_page.html": COMPARISON,
}
WRAPPER = """{frames}<p id=found></p><script>onload = () => {{
document.getElementById("found").textContent = [...document.querySelectorAll("iframe")].map(frame =>
  frame.contentDocument.documentElement.scrollWidth).join(" ") }}</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_pages_are_no_wider_than_a_phone(tmp_path: Path) -> None:
    made = [fill(ROOT / name, **values) for name, values in PAGES.items()]
    frames = (
        f'<iframe width={PHONE} height=900 srcdoc="{escape(page)}"></iframe>' for page in made
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(WRAPPER.format(frames="\n".join(frames)), encoding="utf-8")
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", wrapper.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    widths = re.search(r'id="found">([\d ]+)<', dom)
    assert widths is not None and len(widths[1].split()) == len(PAGES)
    assert max(map(int, widths[1].split())) <= PHONE, widths[1]
