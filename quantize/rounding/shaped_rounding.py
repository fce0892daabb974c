"""Integer weights with errors where inputs have little power: all layers, from one run of the float network.

GPTQ (`edgekit.quantize.rounding.rounding.gptq`) runs on each layer's inputs in the float network. With eight bits the
inputs of later layers stay close to those, so errors of earlier layers are not corrected. That would need a run per
layer. Sound has little power in many directions, so this removes 5 dB or more of the noise of rounded weights.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.roles import RECURRENT, constant
from edgekit.operators.weight_layout import output_axis
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.rounding.fitted_weights import Fitted
from edgekit.quantize.rounding.means import has_bias
from edgekit.quantize.rounding.moments import Key, Rest, gather, is_layer
from edgekit.quantize.rounding.reconstruct import fit_layer
from edgekit.quantize.types.weights import weight_inputs

MOST_INPUTS = 2048  # of an output: moments grow with the square; a calibration seldom shows more
MOST_MOMENTS = 1 << 25  # numbers, of layers that are fitted in one run


def fit_shaped_weights(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    names: Collection[str],
    known: dict[str, Fitted],
    rest: Rest | None = None,
) -> Fitted:
    """Return the weights of layers of at most `MOST_INPUTS` inputs, and the addends of their biases.

    Args:
        model: the float network.
        calibration: data of the fit, with its quieter copies if ranges have them, too.
        recipe: its weights, bias correction and sparsity count; types of tensors do not.
        names: of the nodes that run in integers.
        known: earlier fits for this network and calibration; new ones are added.
        rest: silence, in which a network is to be right, too.
    """
    quiet = recipe.quiet_copies is True
    key = repr((recipe.weights, recipe.layers, recipe.bias_correction, recipe.sparse, quiet))
    if key not in known:
        again = quieter(model, quiet)
        copies = () if again is None else map(again, calibration.clips)
        heard = replace(calibration, clips=(*calibration.clips, *copies))
        known[key] = _fit_all_layers(model, heard, recipe, rest)
    return {k: weight for k, weight in known[key].items() if k[0] in names}


def _fit_all_layers(
    model: Model, calibration: Calibration, recipe: Recipe, rest: Rest | None
) -> Fitted:
    """Return the fitted weights of all layers."""
    fitted: Fitted = {}
    named = Model(model.ir.clone())
    _name_hidden(named)
    for nodes in _runs(named):
        found = gather(named, named, [str(node.name) for node in nodes], calibration, rest)
        for node in nodes:
            for index in weight_inputs(node):
                key: Key = (str(node.name), index)
                if not np.isfinite(found[key].own).all():
                    continue
                shifts = recipe.bias_correction and has_bias(node, index)
                own = replace(recipe, rounding="gptq", bias_correction=shifts)
                fitted[key] = fit_layer(node, index, found.pop(key), own, np.inf)
    return fitted


def _name_hidden(model: Model) -> None:
    """Let recurrent layers output the states of all steps, which their weights are multiplied with."""
    for node in model.ir.graph:
        if node.op_type in RECURRENT and not node.outputs[0].name:
            node.outputs[0].name = f"{node.name}.all_steps"
            node.outputs[0].dtype = ir.DataType.FLOAT


def _runs(model: Model) -> Iterator[list[ir.Node]]:
    """Yield the layers, those of one run together."""
    run: list[ir.Node] = []
    total = 0
    for node in model.ir.graph:
        sizes = _moments_of(node) if is_layer(node) else None
        if sizes is None or max(inputs for _, inputs in sizes) > MOST_INPUTS:
            continue
        count = sum(groups * inputs**2 for groups, inputs in sizes)
        if run and total + count > MOST_MOMENTS:
            yield run
            run, total = [], 0
        run.append(node)
        total += count
    if run:
        yield run


def _moments_of(node: ir.Node) -> list[tuple[int, int]] | None:
    """Return, for each weight of a layer, groups and inputs per output; None if one is not constant."""
    found = []
    for index in weight_inputs(node):
        weight = constant(node.inputs[index])
        if weight is None:
            return None
        group = node.attributes.get("group")
        groups = 1 if group is None else group.as_int()
        rows = weight.shape[1] if node.op_type in RECURRENT else weight.shape[output_axis(node)]
        if node.op_type == "ConvTranspose":
            rows *= groups
        found.append((groups, weight.size // rows))
    return found
