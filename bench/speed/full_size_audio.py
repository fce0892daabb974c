"""Networks of hearables at their published sizes, with seeded weights: the time of a hop against its deadline.

    python bench full_size_audio [--only REGEX] [--keep FOLDER] [--cores cortex-a53 cortex-a76] [--write]

Each network is streamed by `edgekit stream`, exported to C in float32 and in an integer recipe, and run hop by hop
beside the torch network over the same recording: the ratio is of the whole output. In integers the export holds the C
to the NumPy oracle in every bit. A hop's time is the median of many on one core; emulated cores count the instructions
of one hop (QEMU), where that takes no hours. Streamed networks, builds and rows in FOLDER are not made again, and
``--only`` with ``--write`` leaves the other networks' rows of the page. Seeded weights say nothing of sound, and their
ratios little of trained ones'.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speed.audio_networks import parameters
from speed.audio_rows import NETWORKS
from tables import Table, rows_between

from edgekit import api
from edgekit.base.errors import EdgeKitError, ToolError
from edgekit.base.npz import write_npz
from edgekit.base.output import replacement_path
from edgekit.base.wav import Samples
from edgekit.demos.hearable import portable_memory
from edgekit.export.hop_runner import snr_db
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.runtime.stream import Arrays, Stream
from edgekit.verbs.bench.other_core import replay_on_core
from edgekit.verbs.export.options import ExportOptions, StreamOptions

PAGE = Path(__file__).parents[2] / "docs" / "results" / "full-size.md"
BEGIN, END = "<!-- full size: begin -->", "<!-- full size: end -->"
CORES = ("cortex-a53", "cortex-a76")
CALIBRATED = 3  # recordings, besides the one that is compared
MIXED = "mixed"  # integers and float32, as a recipe.toml
MIN_SNR_DB = {"float32": 60.0}
MIN_INTEGER_SNR_DB = 5.0  # with seeded weights; the table says what it is
MOST_COUNTED_MACS = 100_000_000  # of a hop: an emulator writes a line for each instruction
ROUND_US, MOST_HOPS = 1_000_000, 2000  # of each of five rounds under the clock, about
COUNTED_HOPS = 1


@dataclass(frozen=True)
class Row:
    """One build of a network.

    Attributes:
        network: of `NETWORKS`.
        recipe: of its numbers.
        parameters: without what is `Network.beside`.
        macs: of a hop.
        deadline_ms: a hop's length.
        hop_us: median.
        least_us: of all hops: what other work on the machine adds to the median is not in it.
        weights_bytes: of flash, as portable C.
        ram_bytes: states and scratch, as portable C.
        snr_db: against the torch network.
        exact: whether C and oracle are equal in every bit.
        cores: instructions of a hop, and what a model of the core makes of them in ms, by core.
    """

    network: str
    recipe: str
    parameters: int
    macs: int
    deadline_ms: float
    hop_us: float
    least_us: float
    weights_bytes: int
    ram_bytes: int
    snr_db: float
    exact: bool | None
    cores: dict[str, tuple[int, float | None]] = field(default_factory=dict)


def offline(network: Any, inputs: Arrays, tensors: tuple[Tensor, ...]) -> Samples:
    """What torch makes of the recording whose hops these are; of a network with states, hop by hop."""
    asked = signature(network.forward).parameters
    names = [name for name in asked if name in inputs]
    timed = {tensor.name: tensor.time for tensor in tensors}
    with torch.no_grad():
        if len(names) == len(asked):
            whole = (
                np.concatenate(list(inputs[n]), t.axis) if (t := timed.get(n)) else inputs[n]
                for n in names
            )
            return np.asarray(network(*map(torch.from_numpy, whole)))
        states, made = network.states(), []
        for hop in zip(*(inputs[n] for n in names), strict=True):
            said, *states = network(*map(torch.from_numpy, hop), *states)
            made.append(said.numpy())
        return np.stack(made)


def compared(network: torch.nn.Module, stream: Stream, inputs: Arrays) -> float:
    """The ratio in dB of a build's output over all hops to torch's, behind its delay."""
    (heard,) = stream.run(inputs).values()
    expected = offline(network, inputs, stream.manifest.inputs)
    timing = stream.manifest.stream_outputs[0].time
    if timing is not None:
        axis, late = timing.axis, timing.delay_frames
        heard = np.concatenate(list(heard), axis).swapaxes(0, axis)[late:]
        expected = expected.swapaxes(0, axis)[: len(heard)]
    return snr_db(expected, heard)


def counted(build: Path, core: str) -> tuple[int, float | None]:
    """Instructions of one hop of the same numbers on an emulated core, and their time in ms by its model."""
    found = replay_on_core(core, build, COUNTED_HOPS)
    assert found.instructions is not None
    model_us = None if found.modelled is None else found.modelled.us_per_hop
    return found.instructions[0], None if model_us is None else model_us / 1000


class Told:
    """Says each stage of some work once, and after how many processor seconds it began."""

    def __init__(self, what: str) -> None:
        """Of ``what``."""
        self.what, self.stage = what, ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """As `edgekit.api` calls it."""
        if stage != self.stage:
            self.stage = stage
            print(f"{self.what}: {time.process_time():.0f} s: {stage}", file=sys.stderr, flush=True)


def exported(name: str, recipe: str, folder: Path) -> Path:
    """Stream a network and export it, in a folder that keeps what was made before; returns the build.

    Raises:
        EdgeKitError: it was refused, or is not the same network.
    """
    chosen, build, told = NETWORKS[name], folder / f"{name}-{recipe}", Told(f"{name} {recipe}")
    if build.exists():
        return build
    source, options = f"{chosen.build.__module__}:{chosen.build.__name__}", chosen.options
    if "time_axes" in options:
        streamed, options = folder / f"{name}.onnx", StreamOptions()
        if not streamed.exists():
            api.stream(source, streamed, progress=told, **chosen.options)
        source = str(streamed)
    seeds = range(1, CALIBRATED + 1)  # the one that is compared has 0
    drawn = [chosen.signals(np.random.default_rng(seed), chosen.hops) for seed in seeds]
    clips = folder / f"{name}-clips"
    clips.mkdir(exist_ok=True)
    for number, clip in enumerate(drawn):
        write_npz(clips / f"{number}.npz", clip)
    least = MIN_SNR_DB.get(recipe, MIN_INTEGER_SNR_DB)
    if callable(chosen.recipe) and recipe == MIXED:
        recipe = str(folder / f"{name}.toml")
        Path(recipe).write_text(chosen.recipe(Path(source), drawn))
    given: ExportOptions = {
        **options,
        "recipe": recipe,
        "calibration": str(clips),
        "min_snr_db": least,
    }
    api.export(source, "host", build, progress=told, **given)
    return build


def timed(build: Path) -> tuple[float, float]:
    """Median and least microseconds of a hop, of rounds of about a second."""
    hops = 1
    for _ in range(2):
        times = api.bench(build, hops=hops).times
        assert times is not None
        hops = int(np.clip(ROUND_US / times.median_us, 1, MOST_HOPS))
    return times.median_us, float(times.us.min())


def measured(name: str, recipe: str, folder: Path) -> Row:
    """Export, compare and time one build.

    Raises:
        EdgeKitError: something of it failed.
    """
    chosen, build = NETWORKS[name], exported(name, recipe, folder)
    network, stream = chosen.build()[0], Stream.open(build)
    manifest, memory = stream.manifest, portable_memory(build)
    ratio = compared(network, stream, chosen.signals(np.random.default_rng(0), chosen.hops))
    hop, rate = manifest.stream["hop_samples"], manifest.stream["sample_rate_hz"]
    return Row(
        name,
        recipe,
        parameters(network, chosen.beside),
        manifest.macs_per_hop,
        hop * 1000 / rate,
        *timed(build),
        memory["weights_bytes"] or 0,
        sum(memory[part] or 0 for part in ("state_bytes", "scratch_bytes")),
        ratio,
        (manifest.verification or {}).get("bit_exact_with_oracle"),
    )


def row_of(name: str, recipe: str, folder: Path, cores: list[str]) -> Row:
    """The row that is kept, or a new one, with the instructions of all cores where a hop is cheap enough."""
    path = folder / f"{name}-{recipe}.json"
    row = Row(**json.loads(path.read_text())) if path.exists() else measured(name, recipe, folder)
    save(row, path)
    for core in cores if row.macs <= MOST_COUNTED_MACS else []:
        if core not in row.cores:
            try:
                count = counted(folder / f"{name}-{recipe}", core)
            except ToolError as error:
                print(f"{name} {recipe}, {core}: {error}", file=sys.stderr, flush=True)
                continue
            row = replace(row, cores={**row.cores, core: count})
            save(row, path)
    return row


def save(row: Row, path: Path) -> None:
    """Keep a row; a run that is killed leaves what was there."""
    with replacement_path(path) as new:
        new.write_text(json.dumps(asdict(row)))


HEAD = (
    "network",
    "parameters (published)",
    "recipe",
    "million MACs per hop",
    "hop, ms",
    "median us per hop",
    "least us per hop",
    "median / hop, %",
    "flash, kB",
    "RAM, kB",
    "SNR, dB",
    "C = oracle",
)


def head(cores: list[str]) -> list[str]:
    """Of the table."""
    return [*HEAD, *(f"{core}, million instructions per hop (modelled time)" for core in cores)]


def cells(row: Row, cores: list[str]) -> list[str]:
    """Of the table."""
    network = NETWORKS[row.network]
    published = f" ({network.published})" if network.published else ""
    return [
        network.title,
        f"{row.parameters:,}{published}",
        row.recipe,
        f"{row.macs / 1e6:,.2f}",
        f"{row.deadline_ms:.3g}",
        f"{row.hop_us:,.0f}",
        f"{row.least_us:,.0f}",
        f"{row.hop_us / row.deadline_ms / 10:,.1f}",
        f"{row.weights_bytes / 1e3:,.0f}",
        f"{row.ram_bytes / 1e3:,.0f}",
        f"{row.snr_db:.1f}",
        {True: "yes", False: "no", None: ""}[row.exact],
        *(count_text(row, core) for core in cores),
    ]


def count_text(row: Row, core: str) -> str:
    """Instructions, and the time that a model of the core makes of them."""
    if core not in row.cores:
        return "-"
    count, ms = row.cores[core]
    return f"{count / 1e6:,.2f}" + ("" if ms is None else f" ({ms:.2f} ms)")


def fill(table: Table, names: list[str], folder: Path, cores: list[str]) -> bool:
    """Add all rows, which come on standard error, too; returns whether something was refused."""
    refused = False
    for name in names:
        chosen = NETWORKS[name].recipe
        for recipe in ("float32", MIXED if callable(chosen) else chosen):
            try:
                line = cells(row_of(name, recipe, folder, cores), cores)
            except EdgeKitError as error:
                line = [NETWORKS[name].title, "", recipe, str(error).splitlines()[0]]
                refused = True
            print(table.add_row(*line), file=sys.stderr, flush=True)
    return refused


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="networks")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--cores", nargs="*", choices=CORES, default=list(CORES))
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    if given.write and given.cores != list(CORES):
        parser.error("--write takes all cores: leave --cores out")
    names = [name for name in NETWORKS if re.search(given.only, name)]
    scratch = Path(tempfile.mkdtemp(prefix="edgekit-")) if given.keep is None else given.keep
    scratch.mkdir(parents=True, exist_ok=True)
    table = Table(*head(given.cores), numbers=len(HEAD) - 3 + len(given.cores))
    try:
        refused = fill(table, names, scratch, given.cores)
    finally:
        if given.keep is None:
            shutil.rmtree(scratch)
    table.show()
    if given.write and not refused:
        put(table)
    return int(refused)


def put(table: Table) -> None:
    """Write rows into the page; rows of other networks and recipes stay as they are there."""
    titles = [network.title for network in NETWORKS.values()]
    lines = (*rows_between(PAGE, BEGIN, END), *table.rows)
    named = {(line[0], line[2]): line for line in lines}
    table.rows = sorted(named.values(), key=lambda line: titles.index(line[0]))
    table.put(PAGE, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
