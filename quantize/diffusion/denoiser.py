"""A denoiser's network in the arithmetic of the C targets, for `edgekit.base.sampler_loop.sample`: the oracle's."""

from collections.abc import Callable, Sequence

import numpy as np

from edgekit.base import sampler_loop
from edgekit.base.arrays import Array
from edgekit.base.sampler_loop import Network, Step
from edgekit.base.sampler_table import Arrays, StepTable
from edgekit.export.diffusion.split_unet import split
from edgekit.graph.model import Model
from edgekit.graph.step_groups import group_count, select_group
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer


def oracle_network(model: Model, table: StepTable) -> Network:
    """Return the network of a table, one image at a time: each step group, and the decoder alone where rows run it.

    Raises:
        ModelError: operators without a NumPy form, or no such cut.
    """
    networks = [
        _of_group(to_integer(select_group(model, group)), table)
        for group in range(group_count(model))
    ]

    def network(inputs: Arrays, step: Step) -> Sequence[Array]:
        return networks[step.group](inputs, step)

    return network


def _of_group(integer: Model, table: StepTable) -> Network:
    outputs = [str(value.name) for value in integer.stream_outputs]
    if not (table.graph == 1).any():
        call = _caller(integer)
        return lambda inputs, _: [call(inputs)[name] for name in outputs]
    whole, decoder, kept = split(integer, table.roles.x, table.cut)
    return sampler_loop.network_with_reuse(_caller(whole), _caller(decoder), outputs, kept)


def _caller(model: Model) -> Callable[[Arrays], Arrays]:
    oracle = Oracle(model)
    values = [value for value in oracle.graph.inputs if value.dtype is not None]

    def call(inputs: Arrays) -> Arrays:
        return oracle.process(
            {str(v.name): np.asarray(inputs[str(v.name)]).reshape(dims(v)) for v in values}
        )

    return call
