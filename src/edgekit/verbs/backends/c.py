"""C sources: for this machine, portable, and for emulated devices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgekit.base.errors import Problem
from edgekit.graph.model import Model
from edgekit.targets.build import Build
from edgekit.targets.c.lower import check_c, lower_c
from edgekit.targets.c.plugin.table import wrap_build, wrap_problems
from edgekit.targets.devices import profile
from edgekit.verbs.export.option_checks import texts_of
from edgekit.verbs.processor.cost_rows import host_costs
from edgekit.verbs.targets import WEIGHTS

INSIDE, EXTERNAL = WEIGHTS


def check(
    model: Model,
    wrap: str | Sequence[str] = (),
    weights: str = INSIDE,
    knobs: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Return all problems of a model against C, plug-ins around it, and weights that a bundle holds."""
    problems = check_c(model) + wrap_problems(model, "c99", texts_of(wrap), knobs)
    if knobs and not wrap:
        found, allowed = "no plug-in", "--wrap with it"
        problems.append(Problem("--knob", found, allowed, "add --wrap lv2, or leave it out"))
    if weights == EXTERNAL and model.sampler is not None:
        found, allowed = "a denoiser with its sampler", "a network that runs hop by hop"
        problems.append(Problem("--weights external", found, allowed, "leave it out"))
    return problems


def lower(
    model: Model,
    target: str,
    wrap: str | Sequence[str] = (),
    weights: str = INSIDE,
    knobs: Mapping[str, str] | None = None,
    schedule: Mapping[str, str] | None = None,
) -> Build:
    """Return the build, with plug-ins where they are asked for; `host` has the costs of this machine's processor."""
    device = replace(profile(target), costs=host_costs()) if target == "host" else None
    build = lower_c(model, target, device, weights == EXTERNAL, schedule)
    return wrap_build(build, model, texts_of(wrap), knobs)
