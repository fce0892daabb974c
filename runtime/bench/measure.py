"""Results of a benchmark, and the measurement of a build on this machine: one core, in turn with its peers."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import CheckFailed
from edgekit.base.json_values import JsonObject
from edgekit.base.npz import read_npz
from edgekit.runtime.bench.contenders import Arrays, Contender
from edgekit.runtime.bench.golden import apart_db
from edgekit.runtime.bench.modelled_time import ModelledTime
from edgekit.runtime.build_folder.manifest import Manifest

ROUNDS = 5
WARM_UP_HOPS = 200
LEAST_SNR_DB = 10.0  # below, a peer computes something else, and its time has no meaning


MOST_NAMED = 3  # of the slow layers for which nothing can be done
FLOAT_SHARE = 0.5  # of the integers' time, below which float is advised: conversions at its borders come on top


@dataclass(frozen=True)
class Times:
    """Microseconds of single hops, in the order in which they ran."""

    us: Float64

    @property
    def median_us(self) -> float:
        """The hop in the middle."""
        return float(np.median(self.us))

    @property
    def max_us(self) -> float:
        """The longest hop."""
        return float(self.us.max())

    @property
    def p99_us(self) -> float:
        """The time that 99 of 100 hops keep."""
        return float(np.percentile(self.us, 99))


@dataclass(frozen=True)
class PeerTimes:
    """A peer on the same hops: its times, and our output's distance from its own, None for none."""

    times: Times
    snr_db: float | None
    version: str


@dataclass(frozen=True)
class SlowLayer:
    """An integer layer that takes longer than its float form on the same device; costs are in the unit of `ByLayer`.

    An integer recipe computes in float all layers that make or read a tensor kept in float. Float sums
    then keep the scalar order, so they take longer than in a float network.

    Attributes:
        layer: its name.
        operator: its type.
        tensor: its result, as ``[tensors]`` in recipe.toml names it.
        integers: its cost in the build.
        float32: its cost in the float network.
        kernels: the number of other kernels that compute it.
        readers: the layers that read its result.
        all_integers: the cost of it and its readers in the build.
        all_in_recipe: their cost in float within a recipe of integers, without conversions at their borders.
    """

    layer: str
    operator: str
    tensor: str
    integers: float
    float32: float
    kernels: int
    readers: tuple[str, ...]
    all_integers: float
    all_in_recipe: float

    def steps(self, unit: str) -> list[str]:
        """Return the steps that may make it faster; empty where none is known."""
        steps = []
        if self.kernels:
            steps.append(f"export with --tune, which measures {self.kernels} more of its kernels")
        if self.all_in_recipe < FLOAT_SHARE * self.all_integers:
            what = "it and what reads it take" if self.readers else "it takes"
            costs = f"{_cost(self.all_integers, unit)} now and {_cost(self.all_in_recipe, unit)} in float"
            step = f'set "{self.tensor}" = "float32" in the table [tensors] of recipe.toml and measure again: '
            steps.append(f"{step}{what} {costs}, without conversions")
        return steps

    def text(self, unit: str) -> str:
        """Return a text with its costs."""
        own, plain = _cost(self.integers, unit), _cost(self.float32, unit)
        return f"{self.operator} {self.layer} takes {own} {unit} in integers and {plain} in float32"


def _cost(cost: float, unit: str) -> str:
    return f"{cost:,.{2 if unit == 'us' else 0}f}"


@dataclass(frozen=True)
class ByLayer:
    """The cost of each layer in a hop.

    Attributes:
        unit: ``us`` or ``instructions``.
        rows: (layer, operator, cost), in the order in which they run.
        slow: integer layers that take longer than their float forms, the worst first.
        uncompared: the reason why integer layers were not compared with their float forms; empty where they were.
    """

    unit: str
    rows: tuple[tuple[str, str, float], ...]
    slow: tuple[SlowLayer, ...] = ()
    uncompared: str = ""

    @property
    def advice(self) -> tuple[str, ...]:
        """Name the integer layers that take longer than in float32, each with steps to take; the others in one line."""
        steps = {layer: layer.steps(self.unit) for layer in self.slow}
        lines = [f"{row.text(self.unit)}; next: {', or '.join(s)}" for row, s in steps.items() if s]
        others = [row for row, s in steps.items() if not s]
        if others:
            lost = _cost(sum(row.integers - row.float32 for row in others), self.unit)
            lines.append(
                f"{', '.join(row.text(self.unit) for row in others[:MOST_NAMED])}"
                f"{f' and so on, {len(others)} layers' if len(others) > MOST_NAMED else ''}: {lost} {self.unit} more "
                "together; float in this recipe hardly helps: its sums keep the scalar order, and values are converted"
            )
        return tuple(lines)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the advice, and the reason where layers were not compared."""
        uncompared = f"integer layers were not compared with float32: {self.uncompared}"
        return (*self.advice, uncompared) if self.uncompared else self.advice

    @property
    def total(self) -> float:
        """The cost of all layers together."""
        return sum(cost for *_, cost in self.rows)

    def percent(self, cost: float) -> float:
        """The share of a cost."""
        return 100 * cost / (self.total or 1.0)

    def to_dict(self) -> JsonObject:
        """Return the facts of ``edgekit bench --json``."""
        rows = [
            {
                "layer": name,
                "operator": operator,
                "cost": round(cost, 3),
                "percent": round(self.percent(cost), 2),
            }
            for name, operator, cost in self.rows
        ]
        slow = [vars(layer) for layer in self.slow]
        why = self.uncompared or None
        return {"unit": self.unit, "layers": rows, "slower_than_float": slow, "uncompared": why}


@dataclass(frozen=True)
class Measurement:
    """The results of a benchmark; values that the device does not report are None or empty.

    Attributes:
        device: as ``--device`` names it.
        hops: the number measured.
        unit: the name of one: a ``hop`` of a stream, of a denoiser a ``call`` of its network or an ``image``.
        hop_us: the length of a hop of the stream.
        ram_bytes: state, scratch, and stack where that is known; None where the runner does not report it.
        times: of each hop.
        instructions: executed in each hop.
        functions: executed instructions by function, over all hops.
        most_added: instructions that data may add to a hop at most; infinite where no bound is known.
        stack_bytes: the greatest depth in the replay of golden data.
        modelled: a time on the device.
        core: the CPU to which the process was bound.
        machine: of a device that is reached over a link, its description of itself.
        against: peers by name.
        layers: (name, comparison of its result with golden) in the order of the schedule.
        by_layer: the cost of each layer.
        failed: why the export marked the build as failed; None of a good one.
    """

    device: str
    hops: int
    hop_us: float | None
    ram_bytes: int | None
    times: Times | None = None
    instructions: tuple[int, ...] = ()
    functions: Mapping[str, int] = field(default_factory=dict)
    most_added: float = inf
    stack_bytes: int | None = None
    modelled: ModelledTime | None = None
    core: int | None = None
    machine: str | None = None
    against: Mapping[str, PeerTimes] = field(default_factory=dict)
    layers: tuple[tuple[str, str], ...] = ()
    by_layer: ByLayer | None = None
    unit: str = "hop"
    failed: str | None = None

    def to_dict(self) -> JsonObject:
        """Return the facts of ``edgekit bench --json``."""
        counts = self.instructions
        return {
            "failed": self.failed,
            "device": self.device,
            "hops": self.hops,
            "unit": self.unit,
            **self._time_facts(),
            "instructions_per_hop": int(np.median(counts)) if counts else None,
            "max_instructions_per_hop": max(counts, default=None),
            "instruction_bound": self.instruction_bound,
            "instructions_by_function": {
                name: round(count / self.hops) for name, count in self.functions.items()
            },
            "modelled": None if self.modelled is None else vars(self.modelled),
            "ram_bytes": self.ram_bytes,
            "stack_bytes": self.stack_bytes,
            "core": self.core,
            "machine": self.machine,
            "against": {name: _peer(peer, self.times) for name, peer in self.against.items()},
            "layers": dict(self.layers),
            "by_layer": None if self.by_layer is None else self.by_layer.to_dict(),
        }

    @property
    def instruction_bound(self) -> int | None:
        """Instructions of a hop at most, for any data; None where no bound is known, or nothing was counted.

        The fewest of a hop are at most what was counted, and data adds at most `most_added` to them.
        """
        if not self.instructions or self.most_added == inf:
            return None
        return max(self.instructions) + int(self.most_added)

    def _time_facts(self) -> JsonObject:
        """Return the statistics of the times, in the order in which they are printed."""
        facts: JsonObject = dict.fromkeys(("median_us", "p99_us", "max_us"))
        late = factor = None
        if self.times is not None:
            facts = {name: round(getattr(self.times, name), 3) for name in facts}
            if self.hop_us is not None:
                late = int(np.sum(self.times.us > self.hop_us))
            if self.hop_us:
                factor = float(f"{self.times.median_us / self.hop_us:.3g}")
        return {**facts, "hop_us": self.hop_us, "real_time_factor": factor, "deadline_misses": late}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Name a hop that takes longer than it lasts."""
        time, how = None if self.times is None else self.times.median_us, "measured"
        if time is None and self.modelled is not None:
            time, how = self.modelled.us_per_hop, "modelled"
        if time is None or not self.hop_us or time <= self.hop_us:
            return ()
        found = f"a {self.unit} lasts {self.hop_us:,.0f} us and takes {time:,.0f} us ({how})"
        step = "w8a8 where it computes in float, a longer hop, a smaller network or a faster core"
        return (f"slower than real time: {found}; next: {step}",)

    def label(self, name: str) -> str:
        """Return the printed name of a fact of `to_dict`."""
        return name.replace("hop", self.unit).replace("_", " ")


def _peer(peer: PeerTimes, ours: Times | None) -> JsonObject:
    ratio = None if ours is None else float(f"{peer.times.median_us / ours.median_us:.3g}")
    return {
        "median_us": round(peer.times.median_us, 3),
        "p99_us": round(peer.times.p99_us, 3),
        "ratio": ratio,
        "snr_db": peer.snr_db,
        "version": peer.version,
    }


def golden_inputs(directory: Path, manifest: Manifest, hops: int) -> Arrays:
    """Return a build's golden inputs, repeated up to `hops`, (hops, *shape).

    Session constants have their own shape.

    Raises:
        UsageError: no golden inputs.
    """
    arrays = read_npz(directory / "golden" / "input.npz")
    constants = {tensor.name for tensor in manifest.constants}
    return {
        name: array if name in constants else np.resize(array, (hops, *array.shape[1:]))
        for name, array in arrays.items()
    }


def hop_us(manifest: Manifest) -> float | None:
    """Return how long a hop lasts; None where the stream has no rate."""
    hop, rate = manifest.stream["hop_samples"], manifest.stream["sample_rate_hz"]
    return None if hop is None or rate is None else hop * 1e6 / rate


def ram_bytes(manifest: Manifest, stack_bytes: int | None = None) -> int | None:
    """Return state, scratch and stack; None where the build knows neither of the first two."""
    blocks = [manifest.memory[name] for name in ("state_bytes", "scratch_bytes")]
    if blocks == [None, None]:
        return None
    return sum(size or 0 for size in (*blocks, stack_bytes))


def measure_local(
    ours: Contender,
    peers: Mapping[str, tuple[Contender, str]],
    inputs: Arrays,
    manifest: Manifest,
    progress: Callable[[int, int], None],
) -> Measurement:
    """Warm up, compare outputs, then time ours and the peers in turn, `ROUNDS` times, bound to one core.

    Args:
        ours: the build.
        peers: others on the same network, and their versions, by name.
        inputs: of one round, (hops, *shape).
        manifest: the build's facts.
        progress: gets the rounds done and the number of rounds.

    Raises:
        CheckFailed: a peer's outputs are not those of the same network.
    """
    constants = {tensor.name for tensor in manifest.constants}
    short = {n: a if n in constants else a[:WARM_UP_HOPS] for n, a in inputs.items()}
    with one_core() as core:
        expected, _ = ours.run(short)
        ratios = {
            name: _lowest_snr_db(name, expected, peer.run(short)[0])
            for name, (peer, _) in peers.items()
        }
        own: list[Float64] = []
        others: dict[str, list[Float64]] = {name: [] for name in peers}
        for number in range(ROUNDS):
            own.append(ours.run(inputs)[1])
            for name, (peer, _) in peers.items():
                others[name].append(peer.run(inputs)[1])
            progress(number + 1, ROUNDS)
    times = Times(np.concatenate(own))
    against = {
        name: PeerTimes(Times(np.concatenate(others[name])), ratios[name], version)
        for name, (_, version) in peers.items()
    }
    return Measurement(
        "local",
        len(times.us),
        hop_us(manifest),
        ram_bytes(manifest),
        times,
        core=core,
        against=against,
    )


@contextmanager
def one_core() -> Iterator[int | None]:
    """Bind this process to the last core that it may use, where the system can; return its number."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def _lowest_snr_db(name: str, ours: Arrays, theirs: Arrays) -> float | None:
    """The lowest ratio of our outputs against a peer's; None where all are equal."""
    ratios = apart_db(ours, theirs)
    for output, snr_db in ratios.items():
        if not snr_db >= LEAST_SNR_DB:
            found = f"{snr_db:.1f} dB apart, at least {LEAST_SNR_DB:g} needed"
            raise CheckFailed(f"{name}: output '{output}' is not that of the same network: {found}")
    lowest = min(ratios.values(), default=np.inf)
    return None if lowest == np.inf else round(lowest, 2)
