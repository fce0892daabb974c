"""A network that computes several items at once is told so; one whose items depend on each other is not."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.layout import parse_layout
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.importing import load_model

NOTE = "a call takes 4 items at a time"
LAYERS = {
    "convolution": "y = Conv<pads = [1, 1]>(x, w)",
    "mean of the items": "m = ReduceMean<keepdims = 1>(x, axis) y = Sub(x, m)",
}


def network(folder: Path, body: str, batch: int = 4) -> str:
    constants = "float[2, 2, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, int64[1] axis = {0}"
    graph = f"net (float[{batch}, 2, 8] x) => (float[{batch}, 2, 8] y) <{constants}> {{ {body} }}"
    text = f'<ir_version: 9, opset_import: ["" : 21]> {graph}'
    path = folder / "net.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    return str(path)


def notes(source: str, **options: object) -> str:
    return " ".join(load_model(source, ImportOptions(**options)).model.notes)  # type: ignore[arg-type]


def test_items_that_are_computed_apart_are_a_batch(tmp_path: Path) -> None:
    assert NOTE in notes(network(tmp_path, LAYERS["convolution"]))


@pytest.mark.parametrize(("layer", "batch"), [("convolution", 1), ("mean of the items", 4)])
def test_other_networks_get_no_note(layer: str, batch: int, tmp_path: Path) -> None:
    assert "items at a time" not in notes(network(tmp_path, LAYERS[layer], batch))


def test_the_note_names_both_readings_and_a_layout_decides(tmp_path: Path) -> None:
    source = network(tmp_path, LAYERS["convolution"])
    declared = "or declare that they are channels, as in --layout x=C.."
    assert notes(source).endswith(declared)
    assert "items at a time" not in notes(source, layouts={"x": parse_layout("C..")})
    batch = notes(source, layouts={"x": parse_layout("N.T")})
    assert NOTE in batch and "channels" not in batch


def test_a_stream_of_several_items_gets_the_note_too(tmp_path: Path) -> None:
    source = network(tmp_path, "y = Relu(x)")
    assert NOTE in notes(source, time_axes={"x": 2}, hop=4)


def test_the_report_and_the_manifest_have_the_notes_of_an_import(tmp_path: Path) -> None:
    source = network(tmp_path, LAYERS["convolution"])
    exported = api.export(source, "onnxruntime", tmp_path / "b")
    assert any(NOTE in note for note in exported.notes)
    (note,) = Manifest.load(tmp_path / "b").quantization["notes"]
    assert NOTE in note and NOTE in (tmp_path / "b" / "report.html").read_text()


def test_convolutions_of_several_items_say_why_an_integer_recipe_keeps_them_in_float(
    tmp_path: Path,
) -> None:
    reason = "integer convolutions take a first axis of 1, not 4"
    source = network(tmp_path, LAYERS["convolution"])
    (tmp_path / "clips").mkdir()
    np.savez(tmp_path / "clips" / "clip.npz", x=np.ones((3, 4, 2, 8), np.float32))
    options = {"recipe": "w8a8", "calibration": tmp_path / "clips"}
    found = api.export(source, "c99", tmp_path / "b", **options)  # type: ignore[arg-type]
    (note,) = [note for note in found.notes if "kept in float" in note]
    assert "Conv" in note and note.endswith(reason)
    with pytest.raises(UsageError, match=reason):
        api.export(source, "c99", tmp_path / "c", strict=True, **options)  # type: ignore[arg-type]
