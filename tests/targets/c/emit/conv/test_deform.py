"""Deformable convolutions: image by image, with work space for what the taps of one pixel read."""

import numpy as np
import onnx_ir as ir
import pytest
from one_node import hop, network, refused

from edgekit.targets.c.emit.conv.deform import traits_deform_conv

W = np.ones((2, 2, 3, 3), np.float32)
NODE = "y = DeformConv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, w, o)"


@pytest.mark.parametrize("images", [1, 2])
def test_several_images_are_a_loop(images: int) -> None:
    inputs = f"float[{images},2,4,4] x, float[{images},18,4,4] o"
    model = network(inputs, f"float[{images},2,4,4] y", NODE, w=W)
    body = hop(model)
    assert body.count("ek_deform_conv_f32(") == 1
    assert ("for (int32_t n = 0; n < 2; n++) {" in body) == (images == 2)
    (node,) = model.ir.graph
    assert isinstance(node, ir.Node) and traits_deform_conv(node).scratch == 4 * 2 * 9
    assert refused(model) == []
