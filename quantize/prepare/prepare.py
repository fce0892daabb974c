"""Prepares a float network for quantization: it computes the same, in shapes that suit integers."""

from functools import lru_cache

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.deform.dilation import keep_offsets
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.equalize import equalize
from edgekit.quantize.prepare.fuse import fuse, layer_normalization
from edgekit.quantize.prepare.hop_scales import hop_scales
from edgekit.quantize.prepare.keep_spectra import keep_spectra
from edgekit.quantize.prepare.migrate import migrate
from edgekit.quantize.prepare.partial_results import mark_partial_results
from edgekit.quantize.prepare.split_shortcut import split_shortcut
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import Recipe


def prepare(model: Model, calibration: Calibration, recipe: Recipe) -> Model:
    """Return the float model that the recipe's integers are made from.

    Names of nodes and tensors are those of `model`; tensors that a pass scales are so in every hop.
    """
    model = _suit_integers(model.ir)
    if recipe.split_shortcut:
        model = split_shortcut(model, recipe.layers)
    if recipe.equalize is True:
        model = equalize(model)
    if recipe.migrate > 0:
        model = migrate(model, calibration, recipe.migrate)
    if not recipe.hop_scales:
        return model
    return hop_scales(model, calibration, behind_biases=recipe.products == "int8")


@lru_cache(maxsize=1)  # a search prepares one network in many ways
def _suit_integers(network: ir.Model) -> Model:
    """Return what all recipes have in common."""
    normalized = fuse(Model(network), [layer_normalization])  # it divides by no level of its own
    return mark_partial_results(unpack_states(keep_offsets(fuse(keep_spectra(normalized)))))
