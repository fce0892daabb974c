"""Samplers of diffusion models: a description becomes a step table, which a model carries in its metadata."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.sampler_table import NETWORKS, OWN, Roles, StepTable
from edgekit.base.toml_file import parse_toml, read_text
from edgekit.export.diffusion.discrete import Discrete
from edgekit.export.diffusion.schedule import SPACINGS, Schedule
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

    from edgekit.graph.model import Model

MAX_SAMPLER_BYTES = 4_000_000


class Sampler(Discrete):
    """The description of such a sampler: what is wrong with it, and its rows."""

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the description."""
        found = self.schedule.problems()
        total = self.schedule.timesteps

        def complain(name: str, what: object, allowed: str) -> None:
            found.append(Problem(f"sampler, {name}", str(what), allowed, "correct it"))

        for name, words in (
            ("prediction", PREDICTIONS),
            ("kind", SAMPLERS),
            ("spacing", SPACINGS),
            ("variance", VARIANCES),
        ):
            if getattr(self, name) not in words:
                complain(name, f"'{getattr(self, name)}'", ", ".join(words))
        if not 1 <= self.steps <= total:
            complain("steps", self.steps, f"1 to the schedule's {total} timesteps")
        if self.kind == "diffusevae" and self.roles.y is None:
            complain("roles.y", None, "the input that holds the VAE's reconstruction")
        if self.eta < 0 or (self.eta and self.kind != "ddim"):
            complain("eta", f"{self.eta} with {self.kind}", "0 to 1, with ddim")
        if self.variance != "small" and self.kind not in ("ddpm", "diffusevae"):
            complain("variance", f"'{self.variance}' with {self.kind}", "with ddpm or diffusevae")
        found += guidance_problems(self) + self.given_problems(self.roles, has_schedule=True)
        if self.keys and self.networks:
            complain("keys", f"with networks {', '.join(self.networks)}", "one of the two")
        if self.one_more_step and (self.start, self.noise) != ("noise", "drawn"):
            what = f"start = '{self.start}', noise = '{self.noise}'"
            complain("one_more_step", what, "the noise of a seed: it draws the start by itself")
        if self.clip is not None and not self.clip > 0:
            complain("clip", self.clip, "a number above 0, or none")
        return [*found, *(_encode_problems(self) if self.kind == ENCODE else _times_problems(self))]

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
    """What is wrong with times that are given: they fall."""
    times, total = sampler.timesteps, sampler.schedule.timesteps
    if not times or (_rise((*reversed(times), total)) and len(times) == sampler.steps):
        return []
    allowed = f"integers that fall, from below {total} to 0, as many as steps"
    return [Problem("sampler, timesteps", str(times), allowed, "correct it")]


def _rise(times: Sequence[float]) -> bool:
    """Whether each is above the one before, from 0 up."""
    return times[0] >= 0 and all(a < b for a, b in pairwise(times))


def _encode_problems(sampler: Sampler) -> list[Problem]:
    """What rows that rise do not have."""
    times, total = sampler.timesteps, sampler.schedule.timesteps
    limits = {
        "steps": (sampler.steps, times or sampler.steps < total, f"below {total} timesteps"),
        "timesteps": (
            times,
            not times or (_rise((*times, total)) and len(times) == sampler.steps + 1),
            f"integers that rise, from 0 to below {total}, one more than steps: where it ends",
        ),
        "clip": (sampler.clip, sampler.clip is None, "none"),
        "guidance": (sampler.guidance, sampler.guidance == 1, "1"),
        "start": (sampler.start, sampler.start != "analytic", "an image, which is given"),
        "start_noise": (sampler.start_noise, not sampler.start_noise, "none"),
        "one_more_step": (sampler.one_more_step, not sampler.one_more_step, "false"),
        "networks": ("first", "first" not in sampler.networks, "others: the start is an image"),
        "prior_noise": (sampler.prior_noise, not sampler.prior_noise, "0"),
    }
    return [
        Problem(f"sampler, {name}", f"{value} with {ENCODE}", allowed, "correct it")
        for name, (value, fits, allowed) in limits.items()
        if not fits
    ]


SAMPLERS: dict[str, Callable[[Sampler], StepTable]] = {
    "ddim": ddim,
    "ddpm": ddpm,
    "dpm++2m": dpm_solver,
    "diffusevae": diffuse_vae,
    ENCODE: ddim_encode,
}
Description = Sampler | Ouve | Bridge | Rddm | Interpolant
OTHERS: dict[str, type[Ouve | Bridge | Rddm | Interpolant]] = {
    "ouve": Ouve,
    "bridge": Bridge,
    "rddm": Rddm,
    "interpolant": Interpolant,
}  # by what `kind` of a sampler.toml says


def condition_values(model: "Model") -> "dict[str, ir.Value]":
    """The inputs of a denoiser and its networks that the loop does not fill, and what the rows read, by name."""
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
    for role in NETWORKS:
        for value in model.networks[role].stream_inputs if role in model.networks else ():
            if role == "y" or value.name != roles.x:
                found.setdefault(str(value.name), value)
    return found


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
    """Where the network says what it was trained for, the sampler must agree."""
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
    """Every role must be an input of the network."""
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
    """The outputs must be shaped as x, y too, and as many as the rows have coefficients."""
    from edgekit.graph.nodes import static_shape

    inputs = {str(value.name): value for value in model.stream_inputs}
    roles, found = table.roles, list[Problem]()
    shape = static_shape(inputs[roles.x])
    outputs = [static_shape(value) for value in model.stream_outputs]
    if shape is None or shape[0] != 1 or any(output != shape for output in outputs):
        what = f"x {shape}, outputs {', '.join(map(str, outputs))}"
        allowed = "outputs shaped as x, (1, channels, ...)"
        found.append(Problem("sampler", what, allowed, "name the network's noisy input as roles.x"))
    expected, calls = table.v.shape[1], table.calls
    if len(outputs) * calls != expected:
        what = f"{len(outputs)} outputs of the network, {calls} calls a step"
        allowed = f"{expected} network outputs per step"
        found.append(Problem("sampler", what, allowed, "choose the sampler of this network"))
    if (mean := table.start_mean) is not None and shape is not None:
        values = math.prod(shape)
        if mean.size not in (1, values):
            what, allowed = f"{mean.size} numbers", f"1, or the {values} of x"
            found.append(Problem("sampler, start_mean", what, allowed, "correct it"))
    for role in OWN:
        if (name := getattr(roles, role)) in inputs:
            what, step = f"'{name}' is an input of the network", f'name it: {role} = "NAME"'
            found.append(Problem(f"sampler, roles.{role}", what, "a name of its own", step))
    if table.needs_y and roles.y in inputs and static_shape(inputs[roles.y]) != shape:
        what = f"'{roles.y}' is {static_shape(inputs[roles.y])}"
        found.append(Problem("sampler, y", what, f"shaped as x, {shape}", "correct roles.y"))
    return found


def read_sampler(path: Path) -> Description:
    """Read a sampler.toml: the fields of `Sampler`, with tables ``schedule``, ``roles`` and ``roles.null``.

    A `kind` of `OTHERS` has the fields of that description, and ``roles``.

    Raises:
        UsageError: the file cannot be read, has unknown keys, or describes no sampler.
    """
    where, step = f"sampler '{path.name}'", "see docs/diffusion.md"
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
    kind: type[Any], given: Any, where: str, problems: list[Problem]
) -> JsonObject:
    """The arguments of a dataclass from a TOML table; what does not fit goes to `problems`."""
    known = {f.name: f.default for f in fields(kind)}
    if not isinstance(given, Mapping):
        problems.append(Problem(where, repr(given), "a table", "see docs/diffusion.md"))
        return {}
    filled = {}
    for key, value in given.items():
        if key not in known:
            problems.append(Problem(where, f"unknown key '{key}'", ", ".join(known), "correct it"))
        elif wrong := _misfit(value, known[key], key):
            problems.append(Problem(f"{where}, {key}", repr(value), wrong, "correct it"))
        else:
            filled[key] = tuple(value) if isinstance(value, list) else value
    return filled


def _misfit(value: Any, default: Any, key: str) -> str | None:
    """What kind of value is allowed, where this one is of another."""

    def is_number(item: Any) -> bool:
        return type(item) in (int, float)

    items = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    )
    texts = all(isinstance(item, str) for item in items)
    if key == "networks":
        fits = isinstance(value, Mapping) and texts
        return None if fits else "a table of texts, as last = 'package.module:factory'"
    if default is MISSING:
        fits = isinstance(value, Mapping) and all(map(is_number, items))
        return None if fits else "a table of numbers"
    if key == "cut":
        return None if isinstance(value, list) and texts else "a list of names"
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(map(is_number, value))
        fits = fits or (key == "keys" and isinstance(value, str))
        return None if fits else "a list of numbers"
    return _misfit_of_one(value, default, key, is_number(value))


def _misfit_of_one(value: Any, default: Any, key: str, is_number: bool) -> str | None:
    """The same of a value that is no table and no list."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, float) or key in ("clip", "start_noise"):
        return None if is_number else "a number"
    if isinstance(default, int):
        return None if type(value) is int else "an integer"
    return None if isinstance(value, str) else "a text"
