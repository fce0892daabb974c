"""`SquareDeformConv2d` against torchvision, its export, and general deformable convolution in C."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.fpga import SquareDeformConv2d
from edgekit.fpga.torch_module import VARIANTS
from edgekit.runtime.stream import Stream

CHANNELS, SIZE = 6, (7, 9)


def spread(layer: SquareDeformConv2d) -> SquareDeformConv2d:
    """Offsets that reach both bounds."""
    with torch.no_grad():
        if layer.variant != "plain":
            layer.offset.weight.normal_(0, 2)
    return layer.eval()


class Net(nn.Module):
    """A layer of a variant behind an ordinary convolution."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.deform = spread(SquareDeformConv2d(CHANNELS, 3, variant, bias=True))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return self.deform(torch.relu(self.first(x)))


class Factories:
    """What `edgekit export` calls, one per variant."""


for _variant in VARIANTS:
    setattr(
        Factories,
        _variant,
        staticmethod(lambda v=_variant: (Net(v), (torch.randn(1, 3, *SIZE),))),
    )


def test_the_package_loads_without_torch() -> None:
    code = "import sys, edgekit.fpga; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_d_is_rounded_half_up_and_bounded() -> None:
    layer = SquareDeformConv2d(1, 7)
    with torch.no_grad():
        layer.offset.weight.fill_(1.0)
        layer.offset.bias.zero_()  # type: ignore[union-attr]
        s = torch.tensor([-3.0, -0.5, 0.49, 0.5, 1.5, 2.5, 6.4, 6.5, 7.5, 90.0])
        d = layer.dilation(s.reshape(1, 1, 1, -1)).ravel()
    assert d.tolist() == [0, 0, 0, 1, 2, 3, 6, 7, 7, 7]


@pytest.mark.parametrize("d", range(8))
def test_d_is_the_dilation_of_an_ordinary_convolution(d: int) -> None:
    layer = SquareDeformConv2d(CHANNELS, 7)
    x = torch.randn(2, CHANNELS, 20, 18)
    with torch.no_grad():
        layer.offset.bias.fill_(float(d))  # type: ignore[union-attr]
        if d:
            weight = layer.conv.weight
            expected = nn.functional.conv2d(x, weight, padding=d, dilation=d, groups=CHANNELS)
        else:
            expected = x * layer.conv.weight.sum((2, 3)).reshape(1, -1, 1, 1)
        torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_gradient(variant: str) -> None:
    layer = SquareDeformConv2d(CHANNELS, 7, variant)  # type: ignore[arg-type]
    layer(torch.randn(2, CHANNELS, *SIZE)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_computes_what_torchvision_does(variant: str) -> None:
    layer = spread(SquareDeformConv2d(CHANNELS, 7, variant, bias=True))  # type: ignore[arg-type]
    x = torch.randn(2, CHANNELS, *SIZE)
    with torch.no_grad():
        expected = layer(x)
    torch.testing.assert_close(layer(x).detach(), expected, atol=2e-5, rtol=1e-5)


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("variant", ["full", "bounded", "square", "rounded"])
def test_variants_export_and_run_in_c(variant: str, tmp_path: Path) -> None:
    source = f"{__name__}:Factories.{variant}"
    manifest = api.export(source, "host", tmp_path / "build").manifest
    assert manifest.verification["snr_db"] > 90
    operators = {node.op_type for node in _graph(tmp_path / "build" / "model.onnx")}
    assert "DeformConv" in operators
    assert ("Floor" in operators) == (variant == "rounded")


def _graph(path: Path) -> list[object]:
    import onnx

    return list(onnx.load(path).graph.node)


class General(nn.Module):
    """Everything that torchvision's operator can do at once."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 2, 3, 2))
        self.bias = nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
        y: Tensor = deform_conv2d(x, offset, self.weight, self.bias, (2, 1), (1, 2), (1, 2), mask)
        return y


def general() -> tuple[nn.Module, tuple[Tensor, ...]]:
    random = torch.Generator().manual_seed(3)
    shapes = ((1, 4, 9, 8), (1, 24, 5, 10), (1, 12, 5, 10))
    return General(), tuple(torch.randn(*shape, generator=random) * 2 for shape in shapes)


@needs_cc
def test_general_deformable_convolution_equals_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, examples = general()
    api.export(f"{__name__}:general", "host", tmp_path / "build")
    stream = Stream.open(tmp_path / "build")
    names = ("x", "offset", "mask")
    arrays = {name: e.numpy()[None] for name, e in zip(names, examples, strict=True)}
    (found,) = stream.run(arrays).values()
    with torch.no_grad():
        expected = module(*examples).numpy()
    np.testing.assert_allclose(found[0], expected, atol=2e-5)


def test_wrong_arguments_are_named_together() -> None:
    with pytest.raises(UsageError) as caught:
        SquareDeformConv2d(4, 8, "cubic")  # type: ignore[arg-type]
    assert [p.found for p in caught.value.problems] == ["variant 'cubic'", "dmax 8"]
