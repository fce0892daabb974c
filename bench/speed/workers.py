"""How much faster 2 workers search for types than 1: the ranking of the bundled denoiser, whose results must be equal.

    python bench workers [COUNT ...] [--tables N]

Each worker compiles once before its time is taken. On a machine that does other work, ratios say little.
"""

import argparse
import sys
import time

from tables import Table

from edgekit.base.spread import SharedValue, Team, Workers, open_team
from edgekit.demos.show_denoise import CLIPS, NETWORK, OPTIONS
from edgekit.judge.measurement import Bench, Pair, Reference, noises
from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.quantize.recipe import AUTO
from edgekit.quantize.search.space import make_space
from edgekit.targets.macs import node_macs
from edgekit.verbs.export.importing import load_model

HOPS = 400


def work(count: int) -> tuple[Bench, list[Pair]]:
    """The denoiser with its types open, and tables of grids with the clips that they are tried on."""
    model = load_model(str(NETWORK), OPTIONS).model
    calibration = load_calibration(str(CLIPS / "calibration"), model)
    seen = observe_model(model, calibration, AUTO)
    space = make_space(seen, AUTO, node_macs(seen.model))
    exact = {i: len(group.options) - 1 for i, group in enumerate(space.groups)}
    clips = [{name: array[:HOPS] for name, array in clip.items()} for clip in calibration.clips]
    tables = [space.table({**exact, i % len(exact): 0}) for i in range(count)]
    pairs = [(table, clip) for table in tables for clip in range(len(clips))]
    return Bench(space.model.to_bytes(), Reference(model, clips)), pairs


def timed(
    team: Team, shared: SharedValue, pairs: list[Pair]
) -> tuple[float, list[dict[str, float]]]:
    """Seconds, and what came."""
    team.spread(noises, [pairs[:1]] * (4 * team.size), shared)
    begun = time.perf_counter()
    found = team.joined(noises, pairs, shared)
    return time.perf_counter() - begun, found


def main() -> int:
    """Time and print; returns the exit code: 1 where results differ."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("counts", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--tables", type=int, default=60)
    asked = parser.parse_args()
    bench, pairs = work(asked.tables)
    table = Table(
        "workers", "seconds", "times as fast", "results", title=f"{len(pairs)} runs of a clip"
    )
    first, differ = None, False
    for count in asked.counts:
        with open_team(Workers(count)) as team:
            seconds, found = timed(team, SharedValue(bench), pairs)
        first = first or (seconds, found)
        equal = found == first[1]
        differ |= not equal
        words = "equal" if equal else "differ"
        table.add_row(str(count), f"{seconds:.1f}", f"{first[0] / seconds:.2f}", words)
    table.show()
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
