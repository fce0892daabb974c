"""Integer networks of the fuzzer on emulated cores, many in one program: the oracle's bits."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from device_programs import Golden, write_programs
from devices import CROSS, missing, run_program

from edgekit.base.errors import CheckFailed
from edgekit.export.verify import draw
from edgekit.operators.oracle import Oracle
from edgekit.runtime.devices.cross import compile_replay
from edgekit.targets.devices import profile
from edgekit.verbs.targets import TARGETS
from fuzz.judge import HOPS, Seed, imported, in_integers

OPTIONS = ("-O1", "-Wall", "-Wextra", "-Werror")


@cache
def cores() -> tuple[str, ...]:
    """The devices that this machine can compile for and emulate."""
    return tuple(name for name in CROSS if missing(name) is None)


def on_core(seeds: Sequence[Seed], core: str, folder: Path) -> str | None:
    """Build and run accepted seeds in one program; returns what went wrong, None where nothing did."""
    device = profile(core)
    try:
        write_programs(folder, [golden(seed, core) for seed in seeds], device)
        compile_replay(folder, device, folder / "program", OPTIONS)
        run_program(core, folder / "program")
    except CheckFailed as error:
        return f"{core}: {error}"
    return None


def golden(seed: Seed, core: str) -> Golden:
    """The integer form of an accepted seed, lowered for a core, and what the oracle makes of noise."""
    random = np.random.default_rng(seed.number)
    model = imported(seed.data(), f"fuzz{seed.number}")
    samples = {str(v.name): draw(v, random, HOPS, 1) for v in model.stream_inputs}
    with np.errstate(all="ignore"):
        integer = in_integers(model, random)
        assert integer is not None, seed
        return Golden(
            TARGETS[core].lower(integer, core), samples, Oracle(integer).run_hops(samples), False
        )
