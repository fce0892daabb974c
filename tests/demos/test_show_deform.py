"""The bundled detector: its pictures, its boxes, and its engine on 20 of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from fpga_hls import needs_cxx

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.demos import show_deform, train_deform
from edgekit.demos.codenet import SIZES
from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CLASSES, HELD_OUT, SIZE, draw
from edgekit.demos.show_deform import DeformDemo
from edgekit.demos.train_deform import deformable, plain, target, train
from edgekit.runtime.pictures.boxes import Boxes, decode


@pytest.mark.parametrize("size", [SIZE, 256])
def test_pictures_are_those_of_their_seed_and_boxes_lie_inside(size: int) -> None:
    for seed in range(8):
        picture, again = draw(seed, size), draw(seed, size)
        np.testing.assert_array_equal(picture.image, again.image)
        assert picture.image.shape == (3, size, size) and np.abs(picture.image).max() <= 1
        assert (picture.boxes >= 0).all() and (picture.boxes <= size).all()
        assert (picture.boxes[:, 2:] > picture.boxes[:, :2]).all()


@pytest.mark.parametrize("name", ["small", "wide"])
def test_outputs_as_they_should_be_find_every_shape(name: str) -> None:
    size = SIZES[name]
    pictures = [draw(HELD_OUT + i, size.image) for i in range(20)]
    found = []
    for picture in pictures:
        wanted = target(picture, size)[None]
        heat = np.clip(wanted[:, : len(CLASSES)], 1e-4, 1 - 1e-4)
        outputs = {
            "heat": np.log(heat / (1 - heat)),
            "size": wanted[:, -6:-4],
            "offset": wanted[:, -4:-2],
        }
        found.append(decode(outputs, (size.image, size.image)))
    assert average_precision(found, pictures) > 0.97
    assert mean_average_precision(found, pictures) > 0.9
    none = [Boxes(np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, np.float32))] * 20
    assert average_precision(none, pictures) == 0


def test_a_training_that_was_ended_goes_on_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_deform, "PICTURES", 4)
    monkeypatch.setattr(train_deform, "KEPT_EVERY", 1)
    torch.manual_seed(0)
    start, loss, kept = plain(0), train_deform.detection_loss, tmp_path / "kept"
    whole = train(deformable(start, "rounded"), 3)
    steps = iter([loss, loss])
    monkeypatch.setattr(train_deform, "detection_loss", lambda *given: next(steps)(*given))
    with pytest.raises(StopIteration):
        train(deformable(start, "rounded"), 3, kept=kept)
    monkeypatch.setattr(train_deform, "detection_loss", loss)
    again = train(deformable(start, "rounded"), 3, kept=kept)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    held = torch.load(kept)
    for name, value in whole.named_parameters():
        torch.testing.assert_close(value, held["average"][f"module.{name}"], rtol=0, atol=0)
    assert any((value != held["net"][name]).any() for name, value in whole.named_parameters())


def test_of_boxes_that_overlap_the_best_of_each_class_is_kept() -> None:
    outputs = {
        "heat": np.full((1, len(CLASSES), 24, 24), -9, np.float32),
        "size": np.full((1, 2, 24, 24), 8, np.float32),
        "offset": np.zeros((1, 2, 24, 24), np.float32),
    }
    for label, column, logit in ((0, 8, 2), (0, 10, 3), (1, 10, 1), (0, 18, 0)):
        outputs["heat"][0, label, 8, column] = logit
    found = decode(outputs, (SIZE, SIZE))
    best = [
        (int(label), float(box[0])) for label, box in zip(found.labels, found.boxes, strict=True)
    ]
    assert best[:3] == [(0, 24.0), (1, 24.0), (0, 56.0)]
    assert (found.scores[3:] < 0.01).all()


@pytest.mark.slow
@needs_cxx
@pytest.mark.parametrize(("counted", "least", "loss"), [(20, 0.5, 0.1), (100, 0.6, 0.03)])
def test_the_demo_runs_the_detector_in_the_engines_simulation(
    counted: int, least: float, loss: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a few pictures, or on as many as the demo counts, over which the precision is steadier."""
    monkeypatch.setattr(show_deform, "COUNTED", counted)
    shown = api.demo("deform", out=tmp_path / "demo")
    assert isinstance(shown, DeformDemo)
    verified = shown.manifest.verification
    assert verified is not None and verified["hops"] == 20 and verified["bit_exact_with_oracle"]
    assert shown.manifest.quantization["recipe"] == "w4a8"
    assert all(sum(shares) == pytest.approx(1) for shares in shown.d_shares)
    assert len(shown.d_shares) == 3 and sum(shown.d_shares[-1][2:]) > 0.1
    assert shown.engine_ap[1] > least
    for measured, exact in zip(shown.engine_ap, shown.float_ap, strict=True):
        assert measured > exact - loss
    assert all((tmp_path / "demo" / name).stat().st_size > 1000 for name in shown.files)


def test_the_demo_has_one_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="target 'host'"):
        api.demo("deform", "host", tmp_path / "demo")
