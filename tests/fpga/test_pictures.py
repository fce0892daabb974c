"""Picture files through an exported engine, from the command line."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_build
from fpga_grammar import Grammar, Picture, finished, loaded
from fpga_hls import needs_cxx
from PIL import Image
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz
from edgekit.cli import app
from edgekit.fpga.pictures import describe_pictures, problems_of
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.pictures.files import pictures_of

PICTURE = "range=-1,1:labels=red,green,blue"
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


def colours(tmp_path: Path, size: int = 16) -> Path:
    """A network whose classes are the colours of its pixels."""
    g = Grammar(np.random.default_rng(0), [Picture("x", 3, size, size)])
    weight = g.constant(np.eye(3, dtype=np.float32)[:, :, None, None])
    made = g.node("Conv", ["x", weight], (3, size, size), kernel_shape=[1, 1])
    onnx.save(finished(g, {made: "Identity"}), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def stripes(height: int, width: int) -> Image.Image:
    """Red, green and blue side by side."""
    return Image.fromarray(COLOURS[(np.arange(width) * 3 // width)][None].repeat(height, 0))


def run(*words: object) -> str:
    """The command line's words, which must end well."""
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
@needs_cxx
def test_pictures_in_areas_out(tmp_path: Path) -> None:
    """Calibrated on picture files, run on one, on a folder of odd ones, and to a .npz."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    stripes(31, 90).save(folder / "wide.jpg", quality=98)
    stripes(90, 31).convert("RGBA").save(folder / "high.png")
    Image.new("L", (5, 7), 90).save(folder / "grey.png")
    engine = tmp_path / "engine"
    options = ["--calibration", folder, "--picture", PICTURE, "--goal", "small", "-o", engine]
    run("export", colours(tmp_path), "--target", "fpga", "--recipe", "w8a8", *options)
    said = json.loads((engine / "manifest.json").read_text())["picture"]
    assert said["labels"] == ["red", "green", "blue"] and "gives=map" in said["text"]
    found = tmp_path / "found.json"
    run("run", engine, folder, tmp_path / "out", "--found", found)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "grey.png",
        "high.png",
        "wide.jpg",
    ]
    rows = {row["file"]: row for row in json.loads(found.read_text())["pictures"]}
    assert rows["wide.jpg"]["width"] == 90 and rows["high.png"]["height"] == 90
    for name in ("wide.jpg", "high.png"):
        assert {row["label"] for row in rows[name]["areas"]} == {"red", "green", "blue"}
        assert all(abs(row["share"] - 1 / 3) < 0.07 for row in rows[name]["areas"])
    run("run", engine, folder / "wide.jpg", tmp_path / "wide.png")
    run("run", engine, folder / "wide.jpg", tmp_path / "wide.npz")
    assert read_npz(tmp_path / "wide.npz")["y0"].shape[:2] == (1, 1)
    (folder / "broken.png").write_bytes((folder / "high.png").read_bytes()[:90])
    (folder / "other.jpg").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"(?s)broken\.png.*other\.jpg"):
        api.run(engine, folder, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    for out, found_file in (("a.gif", None), ("a.png", "found.txt"), ("a.wav", None)):
        named = None if found_file is None else tmp_path / found_file
        with pytest.raises(UsageError):
            api.run(engine, folder / "high.png", tmp_path / out, found=named)


def test_what_calibration_shows_is_taken_and_said(tmp_path: Path) -> None:
    model = loaded(onnx.load(colours(tmp_path)), tmp_path)
    x = np.random.default_rng(0).uniform(0, 1, (4, 1, 3, 16, 16)).astype(np.float32)
    for scale, shift, ends in ((1, 0, (0, 1)), (2, -1, (-1, 1)), (255, 0, (0, 255))):
        form, notes = describe_pictures(model, Calibration(({"x": x * scale + shift},), "x"), None)
        assert form is not None and (form.low, form.high) == ends and len(notes) == 1
    for strange in (x * 7, x - 3, x / 9):
        form, notes = describe_pictures(model, Calibration(({"x": strange},), "x"), None)
        assert form is None and "--picture" in notes[0]


def test_a_build_that_says_nothing_of_its_pictures_takes_none() -> None:
    with pytest.raises(UsageError, match="--picture range=0,1"):
        pictures_of(tiny_build.manifest())


def test_what_does_not_fit_the_network_is_refused(tmp_path: Path) -> None:
    model = loaded(onnx.load(colours(tmp_path)), tmp_path)
    assert problems_of(model, "range=0,1:gives=map") == []
    for text in ("range=0,1:colour=grey", "range=0,1:gives=boxes"):
        assert len(problems_of(model, text)) == 1
