"""A system as a build in portable C, in float32 and in integers, held to its source, its oracle and its own loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.sampler_table import Arrays
from edgekit.base.until import Until
from edgekit.export.diffusion.description import Description
from edgekit.graph.model import Model
from edgekit.judge.sampling import (
    calls_of_networks,
    own_trajectories,
    sampled_calls,
    verify_loop,
)
from edgekit.judge.verification import verify
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.build_folder.manifest import NETWORKS_FOLDER, Manifest
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c
from edgekit.verbs.export.importing import ImportOptions, load_model

FLOAT = "float32"
FLOAT_DB = 100.0
CALLS = 24  # that calibrate, and of a network without a sampler also those that verify
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class System:
    """A row: what runs, how it is described, and what is so of it alone.

    Attributes:
        name: of the system.
        source: authors and year.
        runs: what of it runs on a device, in words.
        own: the mechanism's own check, in words.
        factory: of the module beside the one of `check`: of `networks` for `checks`.
        check: the mechanism's own check.
        sampler: the description, where it is a denoiser.
        draws: inputs of a call by name, (calls, *shape), of a random generator; without a sampler.
        integers: the recipe of its integers.
        least_db: that it reaches in them, on the calls that verify it.
        weights: bytes in float32 and in integers.
        until: of a step network.
        session: its session constants.
        calibrated: another calibration than its own calls, of a float model.
        time_axes, hop: of a network of whole recordings.
        part_of: the paper that it belongs to, if the paper's name is another.
    """

    name: str
    source: str
    runs: str
    own: str
    factory: str
    check: "Callable[[Running], None]"
    sampler: Description | None = None
    draws: Callable[[np.random.Generator, int], Mapping[str, NDArray[Any]]] | None = None
    integers: str = "w8a8"
    least_db: float = 25.0
    weights: tuple[int, int] = (0, 0)
    until: Until | None = None
    session: Sequence[str] = ()
    calibrated: Callable[[Model], Calibration] | None = None
    time_axes: Mapping[str, int] = field(default_factory=dict)
    hop: int | None = None
    part_of: str = ""

    @property
    def paper(self) -> str:
        """The name of its paper in the first table."""
        return self.part_of or self.name

    @property
    def key(self) -> str:
        """The name as a test's."""
        return self.name.lower().replace(" ", "-").translate(str.maketrans("", "", ",'+"))


@dataclass(frozen=True)
class Running:
    """A build of a system in a recipe."""

    system: System
    recipe: str
    model: Model  # that was lowered
    float_model: Model
    stream: Stream
    calls: Arrays
    outputs: Arrays
    snr_db: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sampler(self) -> Sampler:
        """Its loop."""
        return Sampler(self.stream)


@cache
def imported(system: System) -> tuple[Model, Any]:
    """The float network, its time folded, and the factory's example."""
    options = ImportOptions(
        sampler=system.sampler,
        iterate=system.until,
        session_constants=tuple(system.session),
        time_axes=system.time_axes,
        hop=system.hop,
    )
    module = system.check.__module__.replace("checks", "networks")
    made = load_model(f"{module}:{system.factory}", options)
    return made.model, made.examples


def drawn(system: System, seed: int, n: int = CALLS) -> Arrays:
    """Inputs of n calls; session constants of one."""
    assert system.draws is not None
    made = system.draws(np.random.default_rng(seed), n)
    return {name: np.asarray(array) for name, array in made.items()}


def calibration(system: System, model: Model, examples: Any) -> Calibration:
    """What the integers are calibrated on."""
    if system.calibrated is not None:
        return system.calibrated(model)
    if system.sampler is not None:
        return own_trajectories(model, examples, CALLS)
    return Calibration((drawn(system, 0),), "drawn")


def quantized(system: System, recipe: str) -> Model:
    """A network and those beside it, in a recipe."""
    model, examples = imported(system)
    if recipe == FLOAT:
        return model
    made = quantize(model, calibration(system, model, examples), recipe)
    others = calls_of_networks(model, examples) if model.networks else {}
    networks = {
        role: quantize(model.networks[role], Calibration((calls,), "own"), recipe)
        for role, calls in others.items()
    }
    return replace(made, networks=networks)


def opened(model: Model, folder: Path) -> Stream:
    """A build in portable C that is compiled quickly."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = write_build(lower_c(model, "c99"), folder).manifest
    library, compiler = load_library(folder, manifest, quick=True)
    others = {}
    for role in model.networks:
        place = folder / NETWORKS_FOLDER / role
        own = Manifest.load(place)
        others[role] = Stream(own, NativeRunner(library, own, place, compiler))
    return Stream(manifest, NativeRunner(library, manifest, folder, compiler), others)


def running(system: System, recipe: str, folder: Path) -> Running:
    """Build a system and hold it to its source, integers to their oracle, and its loop in C to the one in Python."""
    model, (float_model, examples) = quantized(system, recipe), imported(system)
    stream = opened(model, folder)
    calls = drawn(system, 1) if system.sampler is None else {}
    if system.sampler is not None:
        calls = sampled_calls(float_model, float_model, examples, 2, 16)
    least = FLOAT_DB if recipe == FLOAT else system.least_db
    facts, outputs = verify(stream, float_model, model, calls, least)
    for role, other in stream.others.items():
        told = calls_of_networks(float_model, examples)[role]
        checked, _ = verify(other, float_model.networks[role], model.networks[role], told, least)
        assert recipe == FLOAT or checked["bit_exact_with_oracle"] is True
    if system.sampler is not None:
        verify_loop(stream, model)
    db = float("inf") if facts["snr_db"] is None else float(facts["snr_db"])
    return Running(system, recipe, model, float_model, stream, calls, outputs, db, facts)
