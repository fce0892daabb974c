"""FPGA engines: the deformable-convolution engine and the torch module that trains for it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.fpga.torch_module import SquareDeformConv2d

__all__ = ["SquareDeformConv2d"]


def __getattr__(name: str) -> Any:
    """Load the torch module when it is asked for: the rest works without torch."""
    if name == "SquareDeformConv2d":
        from edgekit.fpga.torch_module import SquareDeformConv2d

        return SquareDeformConv2d
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
