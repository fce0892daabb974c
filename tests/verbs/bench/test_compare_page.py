"""results.jsonl and the page that compares its lines: whatever they hold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny_build

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli.bench import show_comparison
from edgekit.runtime.bench.measure import Measurement
from edgekit.verbs.bench import log as bench_log
from edgekit.verbs.bench.compare_page import MEASURES, render
from edgekit.verbs.bench.log import MAX_LINE_BYTES, Log, read_log


def line(**changes: Any) -> dict[str, Any]:
    facts = {
        "build": "denoise", "target": "host", "digest": "sha256:aa", "device": "local", "recipe": "w8a8",
        "machine": "a CPU", "hops": 100, "median_us": 10.0, "p99_us": 20.0, "deadline_misses": 0, "ram_bytes": 5000,
        "weights_bytes": 3000, "code_bytes": None, "snr_db": 40.0, "instructions_per_hop": None, "modelled": None,
        "against": {"onnxruntime": {"median_us": 30.0, "p99_us": 40.0, "ratio": 3.0, "version": "1"}},
    }  # fmt: skip
    return {**facts, **changes}


def log(path: Path, *lines: Any) -> Log:
    text = [item if isinstance(item, str) else json.dumps(item) for item in lines]
    path.write_text("\n".join(text) + "\n")
    return read_log(path)


def cells(page: str) -> list[list[str]]:
    """The rows of the first table."""
    table = page[page.index("<table>") : page.index("</table>")]
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]


def test_rows_are_the_latest_of_each_build_and_device(tmp_path: Path) -> None:
    found = log(
        tmp_path / "r.jsonl",
        line(),
        line(digest="sha256:bb", recipe="float32", median_us=40.0),
        line(
            device="qemu",
            machine=None,
            median_us=None,
            p99_us=None,
            instructions_per_hop=1234567,
            modelled={"us_per_hop": 99.5, "clock_hz": 1},
            against={},
        ),
        line(median_us=20.0, code_bytes=500),
    )
    page = render(found)
    rows = cells(page)
    assert [row[6] for row in rows] == ["20.0", "40.0", ""]
    assert [row[9] for row in rows] == ["1", "2", ""]
    assert [row[10:12] for row in rows] == [["", ""], ["", ""], ["1,234,567", "1"]]
    assert [row[12] for row in rows] == ["3,500", "3,000", "3,000"]
    assert [row[4] for row in rows] == ["local: a CPU", "local: a CPU", "qemu"]
    assert page.count("<div class=bars ") == len(MEASURES) and "1 older ones" in page
    assert "1  denoise: onnxruntime" in page and "could not be read" not in page
    assert "http" not in page and "src=" not in page


def test_bars_are_as_long_as_the_numbers(tmp_path: Path) -> None:
    lines = (line(p99_us=None), line(digest="sha256:bb", median_us=40.0, p99_us=80.0))
    page = render(log(tmp_path / "r.jsonl", *lines))
    bars = page[page.index("Time of a hop") :]
    short, long = (float(x) for x in re.findall(r'style="width:([\d.]+)%"', bars)[:2])
    assert long == pytest.approx(4 * short, rel=0.01)
    mark = re.findall(r'<b style="left:([\d.]+)%"', bars)
    assert len(mark) == 1 and float(mark[0]) == pytest.approx(2 * long, rel=0.01)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("{", "Expecting property name"),
        ("[1, 2]", "no JSON object"),
        ("7", "no JSON object"),
        ("[" * 100_000, "recursion"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin1"), "Expecting value"),
        (line(build=None), "build: missing, or no text"),
        (line(digest=7), "digest: missing, or no text"),
        (line(median_us="fast"), "median_us: no number"),
        (line(median_us=True), "median_us: no number"),
        (line(median_us=-1), "median_us: -1 is out of range"),
        (line(ram_bytes=1e300), "ram_bytes: 1e+300 is out of range"),
        (line(against=[1]), "against: no JSON object"),
        (line(against={"x": 3}), "x: no JSON object"),
        (line(modelled=3), "modelled: no JSON object"),
        (json.dumps(line()).replace("10.0", "NaN"), "NaN is no number"),
        (json.dumps(line()).replace("10.0", "9" * 5000), "Exceeds the limit"),
        (json.dumps(line(build="x" * MAX_LINE_BYTES)), "at most"),
    ],
    ids=range(17),
)
def test_damaged_lines_are_named_and_the_others_shown(
    damage: Any, reason: str, tmp_path: Path
) -> None:
    found = log(tmp_path / "r.jsonl", line(), damage, line(digest="sha256:bb"))
    assert len(found.results) == 2
    (said,) = found.damaged
    assert said.startswith("line 2: ") and reason in said and len(said) < 250
    page = render(found)
    assert "Lines that could not be read" in page and len(cells(page)) == 2
    with pytest.raises(UsageError, match="no usable line; line 1"):
        log(tmp_path / "only.jsonl", damage)


def test_texts_of_any_origin_are_shown_as_texts(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\"'&\x1b[31m\u202e"
    names = {"build": hostile, "target": hostile, "digest": hostile, "device": hostile}
    found = log(
        tmp_path / "r.jsonl",
        line(**names, recipe=hostile, machine=hostile, against={hostile: {"median_us": 1}}),
        line(build="n" * 5000),
        json.dumps({hostile: 1}),
    )
    page = render(found)
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page and "n" * 201 not in page


def test_files_that_cannot_be_compared_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_log(tmp_path / "nothing.jsonl")
    with pytest.raises(UsageError, match="it is empty"):
        log(tmp_path / "r.jsonl", "", "  ")
    log(tmp_path / "r.jsonl", *[line()] * 5)
    monkeypatch.setattr(bench_log, "MAX_LINES", 4)
    with pytest.raises(UsageError, match="5 lines"):
        read_log(tmp_path / "r.jsonl")
    monkeypatch.setattr(bench_log, "MAX_BYTES", 100)
    with pytest.raises(UsageError, match="bytes"):
        read_log(tmp_path / "r.jsonl")


def test_what_bench_appends_can_be_compared(tmp_path: Path) -> None:
    path, manifest = tmp_path / "r.jsonl", tiny_build.manifest(digest="sha256:cc")
    for device in ("local", "qemu", "local"):
        bench_log.append(path, manifest, Measurement(device, 10, 250.0, 20))
    found = api.compare(path, tmp_path / "page.html")
    assert [row.texts["device"] for row in found.latest()] == ["local", "qemu"]
    assert found.latest()[0].texts["machine"] and "machine" not in found.latest()[1].texts
    assert "leaky" in (tmp_path / "page.html").read_text()
    before = path.read_bytes()
    with pytest.raises(UsageError) as refusal:
        api.compare(path, path)
    assert len(refusal.value.problems) == 2 and path.read_bytes() == before


def test_the_verb_says_what_is_missing_and_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log(tmp_path / "r.jsonl", line(), "{")
    show_comparison(tmp_path / "r.jsonl", tmp_path / "c.html", [], as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"] == 1 and "left out, line 2" in printed["notes"][0]
    with pytest.raises(UsageError) as refusal:
        show_comparison(None, tmp_path / "c.html", ["DIR", "--hops"], as_json=False)
    assert [p.where for p in refusal.value.problems] == ["DIR", "--hops", "--compare"]
