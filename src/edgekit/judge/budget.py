"""What a build may take of its device: bounds on what a search for types may choose, and what a candidate takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.judge.candidates import Auto
    from edgekit.targets.build import Build

COUNTED_HOPS = 2  # of which the last one counts
FLAGS = {"flash": "--max-flash", "ram": "--max-ram", "instructions": "--max-instructions"}
UNITS = {"flash": "bytes of flash", "ram": "bytes of RAM", "instructions": "instructions a hop"}


@dataclass(frozen=True)
class Limits:
    """The most that a build for a target may take.

    Attributes:
        target: whose C it is.
        most: by the keys of `FLAGS`: bytes of weights, bytes of states and scratch, instructions of a hop. What
            is not bounded has no key.
    """

    target: str
    most: Mapping[str, int]

    def fits(self, taken: Mapping[str, int]) -> bool:
        """Whether a candidate is within all bounds."""
        return all(taken[key] <= most for key, most in self.most.items())

    def within(self, pool: Sequence["Auto"]) -> "list[Auto]":
        """Those of a pool that fit."""
        return [auto for auto in pool if self.fits(auto.taken)]

    def excess(self, taken: Mapping[str, int]) -> float:
        """How many times a bound a candidate takes, of the bound that it misses most."""
        return max(taken[key] / max(most, 1) for key, most in self.most.items())

    def taken(self, quantized: "Model") -> dict[str, int]:
        """What a candidate takes of what is bounded; instructions are counted under QEMU.

        Raises:
            ToolError: no cross compiler or emulator, or one failed.
        """
        from edgekit.targets.c.lower import lower_c

        if not self.most:
            return {}
        build = lower_c(quantized, self.target)
        memory = {key: count or 0 for key, count in build.manifest.memory.items()}
        found = {
            "flash": memory["weights_bytes"],
            "ram": memory["state_bytes"] + memory["scratch_bytes"],
        }
        if "instructions" in self.most:
            found["instructions"] = instructions(build, self.target)
        return {key: found[key] for key in self.most}


def instructions(build: "Build", target: str) -> int:
    """The instructions of a hop of noise on a device's core, executed under QEMU.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
    """
    from edgekit.runtime.devices.cross import compile_replay
    from edgekit.runtime.devices.emulator import count
    from edgekit.targets.c.replay.noise import noise_folder
    from edgekit.targets.devices import profile

    device = profile(target)
    with noise_folder(build, device, COUNTED_HOPS) as folder:
        program = folder / "program"
        compile_replay(folder, device, program, [f"-DREPLAY_COUNTED_HOPS={COUNTED_HOPS}"])
        return count(device, program).hops[-1]


UNBOUNDED = Limits("", {})


def nothing_fits(pool: Sequence["Auto"], limits: Limits, least: float) -> str | None:
    """Why nothing that is good enough may be taken: the nearest, what it takes and reaches; None where nothing is.

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
