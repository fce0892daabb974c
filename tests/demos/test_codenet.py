"""The detector in the manner of CoDeNet: sizes of its outputs, its units, and the bundled weights."""

import pytest
import torch

from edgekit.demos.codenet import SIZES, Detector, Unit, small
from edgekit.demos.shapes import HELD_OUT, draw
from edgekit.runtime.pictures.boxes import decode, iou


@pytest.mark.parametrize(
    ("name", "stride"), [("a", 4), ("b", 4), ("e", 4), ("small", 2), ("wide", 4)]
)
def test_outputs_have_a_part_of_the_resolution(name: str, stride: int) -> None:
    assert SIZES[name].stride == stride


@torch.no_grad()
def test_outputs_are_heat_size_and_offset() -> None:
    size = SIZES["small"]
    heat, sides, offset = Detector(size).eval()(torch.zeros(2, 3, size.image, size.image))
    cells = size.image // size.stride
    assert heat.shape == (2, size.classes, cells, cells)
    assert sides.shape == offset.shape == (2, 2, cells, cells)


@torch.no_grad()
def test_a_unit_passes_half_of_the_channels_on() -> None:
    x = torch.randn(1, 8, 4, 4)
    y = Unit(8, 8, 1).eval()(x)
    assert torch.equal(y[:, ::2], x[:, :4]) and y.shape == x.shape
    assert Unit(8, 16, 2).eval()(x).shape == (1, 16, 2, 2)


@torch.no_grad()
def test_the_bundled_detector_finds_a_shape() -> None:
    network, (x,) = small()
    named = dict(zip(network.output_names, (y.numpy() for y in network(x)), strict=True))
    found, picture = decode(named, (96, 96)), draw(HELD_OUT)
    assert iou(found.boxes[0], picture.boxes).max() > 0.5
