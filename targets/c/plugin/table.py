"""``--wrap``: the kinds of plug-ins, each in a separate folder next to its C."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.build import Build, digest
from edgekit.targets.c.plugin.clap import clap_files, clap_problems
from edgekit.targets.c.plugin.core import core_files, sound_problems
from edgekit.targets.c.plugin.knobs import Knob, knobs_of
from edgekit.targets.c.plugin.lv2 import lv2_files, lv2_problems
from edgekit.targets.describe import describe

MOST_KNOBS = 64


@dataclass(frozen=True)
class Plugin:
    """A kind of plug-in.

    Attributes:
        problems: why some knobs are none of it.
        files: its own files of a build with these knobs, by name.
    """

    problems: Callable[[Sequence[Knob]], list[Problem]]
    files: Callable[[Manifest, Sequence[Knob]], dict[str, str]]


PLUGINS = {"lv2": Plugin(lv2_problems, lv2_files), "clap": Plugin(clap_problems, clap_files)}


def wrap_problems(
    model: Model, target: str, kinds: Sequence[str], ranges: Mapping[str, str] | None
) -> list[Problem]:
    """Return the reasons why a network is no plug-in of some kinds, if any; `ranges` as `knobs_of` takes them."""
    if not kinds:
        return []
    manifest, where = describe(model, target), " ".join(f"--wrap {kind}" for kind in kinds)
    problems = sound_problems(manifest, where)
    try:
        knobs = knobs_of(manifest.controls, ranges or {})
    except UsageError as error:
        return [*problems, *error.problems]
    if len(knobs) > MOST_KNOBS:
        found = f"{len(knobs)} values of controls"
        problems.append(Problem(where, found, f"at most {MOST_KNOBS}", "join them"))
    return problems + [problem for kind in kinds for problem in PLUGINS[kind].problems(knobs)]


def wrap_build(
    build: Build, model: Model, kinds: Sequence[str], ranges: Mapping[str, str] | None
) -> Build:
    """A build of C with a plug-in of each kind."""
    if not kinds:
        return build
    knobs = knobs_of(build.manifest.controls, ranges or {})
    core, files = core_files(model, build.manifest), dict(build.files)
    for kind in kinds:
        made = {**core, **PLUGINS[kind].files(build.manifest, knobs)}
        files |= {f"{kind}/{file}": text.encode() for file, text in made.items()}
    return replace(build, files=files, manifest=replace(build.manifest, digest=digest(files)))
