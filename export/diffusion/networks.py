"""Additional networks of a denoiser's sampler: their requirements, and how they are called."""

from collections.abc import Mapping
from dataclasses import replace

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.base.sampler_table import NETWORKS
from edgekit.export.diffusion.description import condition_values
from edgekit.graph.model import Model, Source
from edgekit.graph.nodes import static_shape


def with_networks(model: Model, networks: Mapping[str, Model]) -> Model:
    """Return a denoiser with the other networks of its sampler, each named after it and its role.

    ``first`` reads x and returns one tensor shaped as x. ``y`` reads conditions and returns one shaped as x. ``last``
    reads x and returns one of any shape. Their other inputs are conditions, shared by name. A single input may have
    any name.

    Raises:
        ModelError: all problems of the networks.
    """
    table = model.sampler
    assert table is not None
    roles, shape = table.roles, _x_shape(model)
    problems, made = list[Problem](), {}
    for role in (role for role in NETWORKS if role in networks):
        other = _rename_only_input(networks[role], roles.x) if role != "y" else networks[role]
        source = Source(f"{model.source.name}_{role}", other.source.sha256)
        made[role] = other.describe(source=source)
        problems += _problems(role, other, roles.x, shape)
    digests = {role: other.source.sha256 for role, other in made.items()}
    joined = replace(model.describe(sampler=table.with_(networks=digests).facts()), networks=made)
    if problems := problems or _conflicts(joined):
        raise ModelError(problems)
    return joined


def _x_shape(model: Model) -> tuple[int, ...] | None:
    assert model.sampler is not None
    x = model.sampler.roles.x
    return next(static_shape(value) for value in model.stream_inputs if value.name == x)


def _rename_only_input(model: Model, x: str) -> Model:
    """Give a network's single input the name of the denoiser's."""
    if len(model.stream_inputs) != 1 or model.stream_inputs[0].name == x:
        return model
    copy = model.ir.clone()
    taken = [v for node in copy.graph for v in node.outputs] + list(
        copy.graph.initializers.values()
    )
    for value in taken:
        if value.name == x:
            value.name = f"{x}_inside"
    copy.graph.inputs[0].name = x
    return replace(model, ir=copy)


def _problems(role: str, model: Model, x: str, shape: tuple[int, ...] | None) -> list[Problem]:
    where, found = f"sampler, networks.{role}", list[Problem]()
    if model.states or model.constants:
        what, allowed = "states or session constants", "a network without"
        found.append(Problem(where, what, allowed, "change the network"))
    if (wrong := _misfit_of_outputs(role, model, shape)) is not None:
        found.append(Problem(where, *wrong, "change the network"))
    inputs = {str(value.name): static_shape(value) for value in model.stream_inputs}
    if role != "y" and inputs.get(x) != shape:
        listed = ", ".join(f"{name} {of}" for name, of in inputs.items())
        allowed = f"an input '{x}' of shape {shape}"
        found.append(Problem(where, f"inputs {listed}", allowed, "change the network"))
    return found


def _misfit_of_outputs(
    role: str, model: Model, shape: tuple[int, ...] | None
) -> tuple[str, str] | None:
    """Return the outputs that were found and those that are allowed; None if they fit."""
    outputs = [static_shape(value) for value in model.stream_outputs]
    floats = all(value.dtype == ir.DataType.FLOAT for value in model.stream_outputs)
    if len(outputs) != 1 or not floats:
        return f"outputs {', '.join(map(str, outputs))}", "one of float32"
    if role != "last" and outputs[0] != shape:
        return f"output {outputs[0]}", f"shaped as x, {shape}"
    if (outputs[0] or (0,))[0] != 1:
        return f"output {outputs[0]}", "a first axis of 1"
    return None


def _conflicts(model: Model) -> list[Problem]:
    """Return conflicts: inputs that the loop fills otherwise, or that two networks have in different shapes."""
    table, known, found = model.sampler, condition_values(model), list[Problem]()
    assert table is not None
    roles = table.roles
    filled = {roles.x, roles.time, roles.group, roles.y if "y" in table.networks else None}
    for role, other in model.networks.items():
        for value in other.stream_inputs:
            name = str(value.name)
            if name == roles.x and role != "y":
                continue
            what = f"input '{name}' {static_shape(value)}"
            if name in filled:
                allowed = "names that the loop does not fill itself"
                found.append(Problem(f"sampler, networks.{role}", what, allowed, "rename it"))
            elif (static_shape(known[name]), known[name].dtype) != (
                static_shape(value),
                value.dtype,
            ):
                allowed = f"{static_shape(known[name])} of {known[name].dtype}, as elsewhere"
                found.append(Problem(f"sampler, networks.{role}", what, allowed, "rename it"))
    return found
