"""Transformers as denoisers: their tokens differ too much for one range of 8 bits.

In a U-Net ranges are similar at every place. In a diffusion transformer tokens differ, and steps do, too. Quantizers
for U-Nets turn its images into noise (Q-DiT, Chen et al., CVPR 2025; ViDiT-Q, Zhao et al., ICLR 2025). It needs ranges
per token found at run time, which this arithmetic does not have.
"""

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims, ints
from edgekit.operators.roles import activations
from edgekit.quantize.recipe import Recipe


def refuse_tokens(model: Model, recipe: Recipe) -> None:
    """Raise a ModelError for a denoiser of tokens in static ranges of 8 bits.

    Args:
        model: the prepared float network, see `edgekit.quantize.prepare.prepare`.
        recipe: with activations of 8 bits, or others.
    """
    if model.sampler is None or recipe.activations != "int8" or not is_transformer(model):
        return
    raise ModelError(
        Problem(
            f"recipe {recipe.name!r}",
            "a denoiser of tokens: LayerNormalization, attention, and no convolution that sees neighbours",
            "int8 activations for convolutional denoisers: tokens need ranges of their own, found at run time",
            "choose w8a16, auto or float32",
        )
    )


def is_transformer(model: Model) -> bool:
    """Whether layers are normalized, tokens attend to each other, and none but patches meet in convolutions."""
    nodes = list(model.ir.graph)
    normalized = any(node.op_type == "LayerNormalization" for node in nodes)
    attends = any(node.op_type == "MatMul" and len(activations(node)) == 2 for node in nodes)
    return normalized and attends and not any(_sees_neighbours(node) for node in nodes)


def _sees_neighbours(node: ir.Node) -> bool:
    """Whether it is a convolution whose kernels overlap; patches are adjacent."""
    if node.op_type not in ("Conv", "ConvTranspose"):
        return False
    kernel = dims(node.inputs[1])[2:]
    strides = ints(node, "strides", [1] * len(kernel))
    return any(size > step for size, step in zip(kernel, strides, strict=True))
