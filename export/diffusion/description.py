"""Samplers of diffusion models: a description becomes a step table, which a model carries in its metadata."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.sampler_table import NETWORKS, OWN, Roles, StepTable
from edgekit.base.toml_file import parse_toml, read_text
from edgekit.export.diffusion.discrete import Discrete
from edgekit.export.diffusion.field_forms import form_of
from edgekit.export.diffusion.schedule import SPACINGS, Limit, Schedule, limit_problems
from edgekit.export.diffusion.step_tables import (
    ENCODE,
    PREDICTIONS,
    VARIANCES,
    ddim,
    ddim_encode,
    ddpm,
    diffuse_vae,
    dpm_solver,
    first_network,
    guidance_problems,
    one_more_step,
    visited_steps,
)
from edgekit.export.diffusion.step_tables_sde import Bridge, Interpolant, Ouve, Rddm

if TYPE_CHECKING:  # a description is read before onnx is imported
    import onnx_ir as ir
    from _typeshed import DataclassInstance

    from edgekit.graph.model import Model

MAX_SAMPLER_BYTES = 4_000_000


class Sampler(Discrete):
    """Description of a sampler of a discrete schedule: its problems, and its rows."""

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the description."""
        return [
            *self.schedule.problems(),
            *limit_problems("sampler", self._limits_of_fields()),
            *guidance_problems(self),
            *self.given_problems(self.roles, has_schedule=True),
            *limit_problems("sampler", self._limits_of_rows()),
            *(_encode_problems(self) if self.kind == ENCODE else _times_problems(self)),
        ]

    def _limits_of_fields(self) -> Iterator[Limit]:
        kind, eta, total = self.kind, self.eta, self.schedule.timesteps
        for name, words in WORDS.items():
            word = getattr(self, name)
            yield name, f"'{word}'", word in words, ", ".join(words)
        yield (
            "steps",
            self.steps,
            1 <= self.steps <= total,
            f"1 to the schedule's {total} timesteps",
        )
        has_y = kind != "diffusevae" or self.roles.y is not None
        yield "roles.y", None, has_y, "the input that holds the VAE's reconstruction"
        has_eta = not (eta < 0 or (eta and kind != "ddim"))
        yield "eta", f"{eta} with {kind}", has_eta, "0 to 1, with ddim"
        has_variance = self.variance == "small" or kind in ("ddpm", "diffusevae")
        variance = f"'{self.variance}' with {kind}"
        yield "variance", variance, has_variance, "with ddpm or diffusevae"

    def _limits_of_rows(self) -> Iterator[Limit]:
        listed = f"with networks {', '.join(self.networks)}"
        yield "keys", listed, not (self.keys and self.networks), "one of the two"
        given = f"start = '{self.start}', noise = '{self.noise}'"
        draws = not self.one_more_step or (self.start, self.noise) == ("noise", "drawn")
        allowed = "the noise of a seed: it draws the start by itself"
        yield "one_more_step", given, draws, allowed
        yield "clip", self.clip, self.clip is None or self.clip > 0, "a number above 0, or none"

    def table(self) -> StepTable:
        """Return the rows.

        Raises:
            UsageError: everything that is wrong with the description.
        """
        if problems := self.problems():
            raise UsageError(problems)
        table = SAMPLERS[self.kind](self)
        table = table.with_(cut=self.cut) if self.cut else table
        table = self.with_given(table, visited_steps(self)[1])
        if self.one_more_step:
            return one_more_step(table, self)
        return first_network(table) if "first" in self.networks else table


def _times_problems(sampler: Sampler) -> list[Problem]:
    """Return a problem if the given timesteps do not fall."""
    times, total = sampler.timesteps, sampler.schedule.timesteps
    if not times or (_rise((*reversed(times), total)) and len(times) == sampler.steps):
        return []
    allowed = f"integers that fall, from below {total} to 0, as many as steps"
    return [Problem("sampler, timesteps", str(times), allowed, "correct it")]


def _rise(times: Sequence[float]) -> bool:
    """Whether each is above the one before, from 0 up."""
    return times[0] >= 0 and all(a < b for a, b in pairwise(times))


def _encode_problems(sampler: Sampler) -> list[Problem]:
    """Return the problems of a sampler whose timesteps rise: options that encoding does not have."""
    times, total = sampler.timesteps, sampler.schedule.timesteps
    rises = not times or (_rise((*times, total)) and len(times) == sampler.steps + 1)
    ends = f"integers that rise, from 0 to below {total}, one more than steps: where it ends"
    has_end = bool(times) or sampler.steps < total
    limits: list[Limit] = [
        ("steps", sampler.steps, has_end, f"below {total} timesteps"),
        ("timesteps", times, rises, ends),
        ("clip", sampler.clip, sampler.clip is None, "none"),
        ("guidance", sampler.guidance, sampler.guidance == 1, "1"),
        ("start", sampler.start, sampler.start != "analytic", "an image, which is given"),
        ("start_noise", sampler.start_noise, not sampler.start_noise, "none"),
        ("one_more_step", sampler.one_more_step, not sampler.one_more_step, "false"),
        ("networks", "first", "first" not in sampler.networks, "others: the start is an image"),
        ("prior_noise", sampler.prior_noise, not sampler.prior_noise, "0"),
    ]
    named = ((name, f"{value} with {ENCODE}", fits, what) for name, value, fits, what in limits)
    return limit_problems("sampler", named)


SAMPLERS: dict[str, Callable[[Sampler], StepTable]] = {
    "ddim": ddim,
    "ddpm": ddpm,
    "dpm++2m": dpm_solver,
    "diffusevae": diffuse_vae,
    ENCODE: ddim_encode,
}
WORDS: Mapping[str, Collection[str]] = {
    "prediction": PREDICTIONS,
    "kind": SAMPLERS,
    "spacing": SPACINGS,
    "variance": VARIANCES,
}
Description = Sampler | Ouve | Bridge | Rddm | Interpolant
OTHERS: dict[str, type[Ouve | Bridge | Rddm | Interpolant]] = {
    "ouve": Ouve,
    "bridge": Bridge,
    "rddm": Rddm,
    "interpolant": Interpolant,
}  # by `kind` of a sampler.toml


def condition_values(model: "Model") -> "dict[str, ir.Value]":
    """Return the inputs of a denoiser and its networks that the loop does not fill, and those of the rows, by name."""
    import onnx_ir as ir

    from edgekit.graph.nodes import static_shape

    table, values = model.sampler, {str(v.name): v for v in model.stream_inputs}
    assert table is not None
    roles = table.roles
    filled = {roles.x, roles.time, roles.group, roles.y if "y" in table.networks else None}
    found = {name: value for name, value in values.items() if name not in filled}
    x = values[roles.x]
    for name, shape in table.own_conditions(static_shape(x) or ()).items():
        found.setdefault(name, ir.Value(name=name, shape=ir.Shape(shape), type=x.type))
    for name, value in _inputs_of_networks(model, roles.x):
        found.setdefault(name, value)
    return found


def _inputs_of_networks(model: "Model", x: str) -> "Iterator[tuple[str, ir.Value]]":
    """Yield name and value of each input of the additional networks, except x."""
    for role in filter(model.networks.__contains__, NETWORKS):
        for value in model.networks[role].stream_inputs:
            if role == "y" or value.name != x:
                yield str(value.name), value


def attach(model: "Model", sampler: Description | StepTable) -> "Model":
    """Return the model with a step table that `model.sampler` reads.

    Raises:
        UsageError: everything that is wrong with the sampler, or does not fit the network.
    """
    problems = _role_problems(model, sampler.roles)
    if isinstance(sampler, Sampler | Ouve):
        problems += _trained_problems(model, sampler)
    problems += sampler.problems()
    if problems:
        raise UsageError(problems)
    table = sampler if isinstance(sampler, StepTable) else sampler.table()
    if problems := _shape_problems(model, table):
        raise ModelError(problems)
    return model.describe(sampler=table.facts())


def _trained_problems(model: "Model", sampler: Sampler | Ouve) -> list[Problem]:
    """Return the problems where the sampler disagrees with the facts that the network states about its training."""
    trained = model.trained
    pairs: list[tuple[str, object, object]] = [
        ("prediction", sampler.prediction, trained.prediction)
    ]
    if isinstance(sampler, Sampler):
        pairs.append(("schedule, timesteps", sampler.schedule.timesteps, trained.timesteps))
    step = "describe the sampler as the network was trained"
    return [
        Problem(f"sampler, {name}", str(found), f"{known}: the network's own", step)
        for name, found, known in pairs
        if known is not None and found != known
    ]


def _role_problems(model: "Model", roles: Roles) -> list[Problem]:
    """Return problems of roles that are no inputs of the network."""
    inputs = {str(value.name): value for value in model.stream_inputs}
    named = [("x", roles.x), ("time", roles.time), ("group", roles.group)]
    named += [("null", name) for name in roles.null]
    found = []
    for role, name in named:
        if name is not None and name not in inputs:
            what = f"the network has no input '{name}'"
            step = f'name the input: {role} = "INPUT"' + (
                "" if role == "x" else ", or leave it out"
            )
            found.append(Problem(f"sampler, roles.{role}", what, ", ".join(inputs), step))
    return found


def _shape_problems(model: "Model", table: StepTable) -> list[Problem]:
    """Return a problem unless the outputs, and y, have the shape of x, and the rows one coefficient per output."""
    from edgekit.graph.nodes import static_shape

    inputs = {str(value.name): value for value in model.stream_inputs}
    outputs = [static_shape(value) for value in model.stream_outputs]
    roles, found = table.roles, list[Problem]()
    shape = static_shape(inputs[roles.x])
    if shape is None or shape[0] != 1 or any(output != shape for output in outputs):
        what = f"x {shape}, outputs {', '.join(map(str, outputs))}"
        allowed = "outputs shaped as x, (1, channels, ...)"
        found.append(Problem("sampler", what, allowed, "name the network's noisy input as roles.x"))
    expected, calls = table.v.shape[1], table.calls
    if len(outputs) * calls != expected:
        what = f"{len(outputs)} outputs of the network, {calls} calls a step"
        allowed = f"{expected} network outputs per step"
        found.append(Problem("sampler", what, allowed, "choose the sampler of this network"))
    found += [*_mean_problems(table, shape), *_own_name_problems(roles, inputs)]
    y = inputs.get(roles.y or "") if table.needs_y else None
    if y is not None and static_shape(y) != shape:
        what = f"'{roles.y}' is {static_shape(y)}"
        found.append(Problem("sampler, y", what, f"shaped as x, {shape}", "correct roles.y"))
    return found


def _own_name_problems(roles: Roles, inputs: Collection[str]) -> list[Problem]:
    """Return problems of the sampler's additional values whose names an input of the network has, too."""
    found = []
    for role in OWN:
        if (name := getattr(roles, role)) in inputs:
            what, step = f"'{name}' is an input of the network", f'name it: {role} = "NAME"'
            found.append(Problem(f"sampler, roles.{role}", what, "a name of its own", step))
    return found


def _mean_problems(table: StepTable, shape: tuple[int, ...] | None) -> list[Problem]:
    if (mean := table.start_mean) is None or shape is None:
        return []
    values = math.prod(shape)
    what, allowed = f"{mean.size} numbers", f"1, or the {values} of x"
    fits = mean.size in (1, values)
    return [] if fits else [Problem("sampler, start_mean", what, allowed, "correct it")]


def read_sampler(path: Path) -> Description:
    """Read a sampler.toml: the fields of `Sampler`, with tables ``schedule``, ``roles`` and ``roles.null``.

    A `kind` of `OTHERS` has the fields of that description, and ``roles``.

    Raises:
        UsageError: the file cannot be read, has unknown keys, or describes no sampler.
    """
    where, step = f"sampler '{path.name}'", "see `edgekit help sampler`"
    given = parse_toml(read_text(path, where, MAX_SAMPLER_BYTES, step), where, step)
    problems: list[Problem] = []
    other = OTHERS.get(str(given.get("kind")))
    if other is not None:
        del given["kind"]
        return _read_other_sampler(other, given, where)
    schedule = _dataclass_arguments(
        Schedule, given.pop("schedule", {}), f"{where}, schedule", problems
    )
    roles = _dataclass_arguments(Roles, given.pop("roles", {}), f"{where}, roles", problems)
    sampler = _dataclass_arguments(Sampler, given, where, problems)
    if problems:
        raise UsageError(problems)
    return Sampler(**{**sampler, "schedule": Schedule(**schedule), "roles": Roles(**roles)})


def _read_other_sampler(
    kind: type[Ouve | Bridge | Rddm | Interpolant], given: JsonObject, where: str
) -> Description:
    problems: list[Problem] = []
    roles = given.pop("roles", None)
    filled = _dataclass_arguments(kind, given, where, problems)
    named = {} if roles is None else _dataclass_arguments(Roles, roles, f"{where}, roles", problems)
    if problems:
        raise UsageError(problems)
    made = kind(**filled)
    return made if roles is None else replace(made, roles=Roles(**named))


def _dataclass_arguments(
    kind: "type[DataclassInstance]", given: Json, where: str, problems: list[Problem]
) -> JsonObject:
    """Return the arguments of a dataclass from a TOML table; misfits go to `problems`."""
    known = {f.name: form_of(f.name, f.default) for f in fields(kind)}
    if not isinstance(given, Mapping):
        problems.append(Problem(where, repr(given), "a table", "see `edgekit help sampler`"))
        return {}
    filled = {}
    for key, value in given.items():
        if key not in known:
            problems.append(Problem(where, f"unknown key '{key}'", ", ".join(known), "correct it"))
        elif not known[key].fits(value):
            words = known[key].words
            problems.append(Problem(f"{where}, {key}", repr(value), words, "correct it"))
        else:
            filled[key] = tuple(value) if isinstance(value, list) else value
    return filled
