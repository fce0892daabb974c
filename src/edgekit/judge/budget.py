"""The device resources that a candidate of a search takes, and the message if no candidate fits the bounds."""

from collections.abc import Sequence

from edgekit.graph.model import Model
from edgekit.judge.candidates import Auto
from edgekit.judge.limits import FLAGS, Limits
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.targets.build import Build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.replay.noise import noise_folder
from edgekit.targets.devices import profile

COUNTED_HOPS = 2  # of which the last one counts
UNITS = {"flash": "bytes of flash", "ram": "bytes of RAM", "instructions": "instructions a hop"}


def device_costs(quantized: Model, limits: Limits) -> dict[str, int]:
    """Return the bounded costs of a candidate, by the keys of `FLAGS`; instructions are counted under QEMU.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
    """
    if not limits.most:
        return {}
    build = lower_c(quantized, limits.target)
    memory = {key: count or 0 for key, count in build.manifest.memory.items()}
    found = {
        "flash": memory["weights_bytes"],
        "ram": memory["state_bytes"] + memory["scratch_bytes"],
    }
    if "instructions" in limits.most:
        found["instructions"] = instructions(build, limits.target)
    return {key: found[key] for key in limits.most}


def instructions(build: Build, target: str) -> int:
    """The instructions of a hop of noise on a device's core, executed under QEMU.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
    """
    device = profile(target)
    with noise_folder(build, device, COUNTED_HOPS) as folder:
        program = folder / "program"
        compile_replay(folder, device, program, [f"-DREPLAY_COUNTED_HOPS={COUNTED_HOPS}"])
        return count(device, program).hops[-1]


def nothing_fits(pool: Sequence[Auto], limits: Limits, least: float) -> str | None:
    """Return why no good candidate fits: the nearest, its costs and quality; None where there is none.

    The nearest misses its bounds by the least.
    """
    good = [auto for auto in pool if auto.snr_db >= least]
    if not good:
        return None
    nearest = min(good, key=lambda auto: limits.excess(auto.taken))
    rows = ", ".join(
        f"{nearest.taken[key]:,} {UNITS[key]} ({FLAGS[key]} {most:,})"
        for key, most in limits.most.items()
    )
    over = [FLAGS[key] for key, most in limits.most.items() if nearest.taken[key] > most]
    return (
        f"recipe 'auto': nothing that reaches {least:g} is within the bounds; the nearest, like {nearest.recipe.name}, "
        f"reaches {nearest.snr_db:.1f} and takes {rows}; next: raise {' and '.join(over) or 'them'}, or give a "
        "lower --min-snr"
    )
