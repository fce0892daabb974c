"""Key steps of encoder propagation for one network: given, regular, the paper's, or searched under a budget."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgekit.base import sampler_loop
from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.sampler_loop import Network
from edgekit.base.sampler_table import Arrays, StepTable
from edgekit.export.diffusion.split_unet import paper_keys, split, uniform_keys, with_keys
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

SEARCHED_IMAGES, SEARCH_SEED = 2, 0
WAYS = "a list of rows, 'paper', 'every:M' or 'saving:SHARE'"


def with_key_steps(model: Model, keys: str | Sequence[int], prior_noise: float) -> Model:
    """Return a float denoiser whose step table runs only the decoder, except at the key rows.

    Args:
        model: with a step table, and a cut in it or one that is found.
        keys: rows; ``paper``; ``every:M``; or ``saving:SHARE``, which searches keys that save this share of the
            weights' work and change a few images least.
        prior_noise: see `with_keys`.

    Raises:
        UsageError: other keys than these, or a network without such a cut.
    """
    table = model.sampler
    if table is None:
        found, step = "no step table", "attach a sampler first"
        raise ModelError(Problem("encoder propagation", found, "a model with a sampler", step))
    split(model, table.roles.x, table.cut)
    try:
        chosen = _chosen_keys(model, table, keys, prior_noise)
    except ValueError as error:
        step = "correct keys in the sampler.toml"
        raise UsageError(Problem("encoder propagation, keys", f"{keys!r}", WAYS, step)) from error
    made = with_keys(table, chosen, prior_noise)
    share = saved_share(model, made)
    note = (
        f"encoder propagation: rows {', '.join(map(str, chosen))} of {table.rows} run the whole network, the others "
        f"its decoder, {100 * share:.0f} % less of the network's products"
    )
    return model.describe(sampler=made.facts(), notes=[*model.notes, note])


def _chosen_keys(
    model: Model, table: StepTable, keys: str | Sequence[int], prior_noise: float
) -> tuple[int, ...]:
    """Return the rows that `keys` name. Raises a ValueError unless they are one of `WAYS`."""
    if not isinstance(keys, str):
        return tuple(int(key) for key in keys)
    name, _, number = keys.partition(":")
    if name == "paper" and not number:
        return paper_keys(table.rows)
    if name == "every" and int(number) >= 1:
        return uniform_keys(table.rows, int(number))
    if name == "saving" and 0 < float(number) < 1:
        return search_keys(model, table, float(number), prior_noise)
    raise ValueError(keys)


def saved_share(model: Model, table: StepTable) -> float:
    """Return the share of multiply-accumulates in convolutions that a sampling saves."""
    _, decoder, _ = split(model, table.roles.x, table.cut)
    part = _products(decoder) / max(1, _products(model))
    return float((1 - part) * np.mean(table.graph == 1))


def search_keys(
    model: Model, table: StepTable, saving: float, prior_noise: float = 0.0
) -> tuple[int, ...]:
    """Return the keys that save a share of the products and change a few images least: one more at a time.

    Raises:
        UsageError: even a single key does not save so much.
    """
    whole = onnx_network(model, table)
    expected = _images(model, table, whole)
    count = table.rows
    while count > 1 and saved_share(model, with_keys(table, range(count))) < saving:
        count -= 1
    least = saved_share(model, with_keys(table, (0,)))
    if least < saving:
        allowed = f"up to {least:.2f} with this cut"
        raise UsageError(
            Problem("encoder propagation, keys", f"saving:{saving:g}", allowed, "ask for less")
        )
    keys: tuple[int, ...] = (0,)
    while len(keys) < count:
        tried = [tuple(sorted((*keys, row))) for row in range(table.rows) if row not in keys]

        def error(chosen: tuple[int, ...]) -> float:
            made = with_keys(table, chosen, prior_noise)
            return float(
                np.square(_images(model, made, onnx_network(model, made)) - expected).sum()
            )

        keys = min(tried, key=error)
    return keys


def onnx_network(model: Model, table: StepTable) -> Network:
    """Return a table's network in onnxruntime, for one image at a time and any recipe.

    Raises:
        ModelError: there is no such cut.
    """
    outputs = [str(value.name) for value in model.stream_outputs]
    if not (table.graph == 1).any():
        call = _caller(model)
        return lambda inputs, _: [call(inputs)[name] for name in outputs]
    whole, decoder, kept = split(model, table.roles.x, table.cut)
    return sampler_loop.network_with_reuse(_caller(whole), _caller(decoder), outputs, kept)


def _caller(model: Model) -> Callable[[Arrays], Arrays]:
    """Run a graph on the inputs that it has, in their types."""
    running, values = in_onnxruntime(model.to_bytes()), list(model.ir.graph.inputs)

    def call(inputs: Arrays) -> Arrays:
        feed = {
            str(v.name): inputs[str(v.name)].astype(v.dtype.numpy()).reshape(static_shape(v) or ())
            for v in values
            if v.dtype is not None
        }
        return running(feed)

    return call


def _images(model: Model, table: StepTable, network: Network) -> Array:
    """Return a few images one by one, conditions at zero."""
    roles = table.roles
    given = {
        str(v.name): np.zeros((1, *(static_shape(v) or ())[1:]), v.dtype.numpy())
        for v in model.stream_inputs
        if v.dtype is not None and v.name not in (roles.x, roles.time, roles.group)
    }
    x = next(value for value in model.stream_inputs if value.name == roles.x)
    shape = (static_shape(x) or ())[1:]
    for name, whole in table.own_conditions((1, *shape)).items():
        given.setdefault(name, np.zeros(whole, np.float32))
    drawn = [
        sampler_loop.sample(table, network, shape, 1, SEARCH_SEED, given, first=image)
        for image in range(SEARCHED_IMAGES)
    ]
    return np.concatenate(drawn)


def _products(model: Model) -> int:
    """Multiply-accumulates of convolutions and matrix products with constants."""
    total = 0
    for node in model.ir.graph:
        weights = node.inputs[1] if facts_of(node).linear else None
        shape = static_shape(weights)
        if shape is None:
            continue
        y = static_shape(node.outputs[0] if node.op_type == "Conv" else node.inputs[0]) or ()
        total += math.prod(shape) * (math.prod(y[2:]) if node.op_type != "Gemm" else 1)
    return total
