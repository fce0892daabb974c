"""What happens to a float network before it is quantized; it computes the same, in shapes that suit integers."""

from edgekit.export.model import Model
from edgekit.quantize.calibrate import Calibration
from edgekit.quantize.dilation import keep_offsets
from edgekit.quantize.equalize import equalize
from edgekit.quantize.fuse import fuse
from edgekit.quantize.migrate import migrate
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.split_shortcut import split_shortcut
from edgekit.quantize.unpack import unpack_states


def prepare(model: Model, calibration: Calibration, recipe: Recipe) -> Model:
    """Return the float model that the recipe's integers are made from.

    Names of nodes and tensors are those of `model`; tensors that a pass scales are so in every hop.
    """
    model = unpack_states(keep_offsets(fuse(model)))
    if recipe.split_shortcut:
        model = split_shortcut(model, recipe.layers)
    if recipe.equalize:
        model = equalize(model)
    if recipe.migrate > 0:
        model = migrate(model, calibration, recipe.migrate)
    return model
