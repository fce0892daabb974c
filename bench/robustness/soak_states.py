"""Hours of sound with waits through published networks in integers: are the states of the last hour as in the second?

    python bench soak_states [NETWORK ...] [--recipes w8a8 auto] [--hours 24] [--minutes N] [--folder FOLDER]

The generated C takes the same hour again and again: mixtures, silence of 3 to 200 s, noise at -60 dBFS and DC. The
states, as they lie in memory, are sampled every ten seconds, in each hour at the same places. The hour has whole turns
of all rings: in each one their frames lie at the same places. An hour has the distribution of another one when the
means of a state's elements differ by at most `SHIFT` of their deviation, and their quantiles by `SPREAD` of their
range. Without drift most samples are even equal: the share of these is printed, too. A call takes `--minutes` of this
machine at most and keeps state, hop and samples, so that a later one goes on. Prints the hours so far, and exits with 1
where the last full hour differs from the second.
"""

import argparse
import ctypes
import math
import pickle
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from quality import quant_audio
from quality.quant_audio import RATE
from quality.quant_bench import DENOISER, Bench
from quality.quant_goals import SILERO, fetch_all
from quality.quant_waits import WAITS, before_sound

from edgekit.base.arrays import Array
from edgekit.base.output import replacement_path
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.runtime.runners.toolchain import compile_shared
from edgekit.targets.c.lower import lower_c

NETWORKS = ("GTCRN", "DTLN", "NSNet2", DENOISER, SILERO)
SAMPLED_SECONDS = 10
HOUR = 3600 * RATE  # samples
MOST_TURN = 4096  # hops in which a ring turns once
KEPT_SECONDS = 120  # of this machine, between two writes of the progress
SHIFT, SPREAD = 0.05, 0.05
KEPT = FOLDER.parent / "soak-states"
QUANTILES = np.linspace(0, 1, 41)


@dataclass(frozen=True)
class Distance:
    """How far the states of an hour are from those of the second; the state that is farthest has the largest.

    Attributes:
        hour: counts from 1.
        shift: of elements' means, by their deviation, and the name of the state.
        spread: of quantiles, by their range, and the name of the state.
        equal: the share of the samples that are equal in all bytes.
    """

    hour: int
    shift: tuple[float, str]
    spread: tuple[float, str]
    equal: float

    @property
    def is_small(self) -> bool:
        """Whether it is within the limits."""
        return self.shift[0] <= SHIFT and self.spread[0] <= SPREAD

    def __str__(self) -> str:
        """The distance for people."""
        return (
            f"hour {self.hour} against hour 2: means differ by {self.shift[0]:.4f} of their deviation at most "
            f"({self.shift[1]}), quantiles by {self.spread[0]:.4f} of their range ({self.spread[1]}), "
            f"{100 * self.equal:.1f} % of samples equal"
        )


@dataclass
class Progress:
    """How far a network is: hops that it took, its memory, the states sampled, the distances of full hours."""

    hops: int = 0
    seconds: float = 0.0  # of this machine
    memory: bytes = b""
    second: dict[str, list[Array]] = field(default_factory=dict)
    current: dict[str, list[Array]] = field(default_factory=dict)
    distances: list[Distance] = field(default_factory=list)


class HopLoop:
    """Runs hops of a C build with one input, one after another in a loop of C, from the states that it has."""

    def __init__(self, runner: NativeRunner, manifest: Manifest) -> None:
        """Compile the loop."""
        self.runner, self.outputs = runner, manifest.stream_outputs
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "time.so"
            with as_file(files("edgekit.runtime") / "replay" / "time.c") as source:
                compile_shared([source], [], library)
            self.time_hops = ctypes.CDLL(str(library)).ek_time_hops

    def run(self, block: Array) -> None:
        """Run a block, (hops, *shape), contiguous; RuntimeError if the build returns an error."""
        made = [np.empty(t.shape, t.dtype) for t in self.outputs]
        ins = block.ctypes.data + np.arange(len(block), dtype=np.uintp) * np.uintp(block.strides[0])
        outs = np.tile(np.array([a.ctypes.data for a in made], np.uintp), len(block))
        times = np.empty(len(block), np.int64)
        process, network, scratch = map(ctypes.c_void_p, self.runner.addresses)
        given, found, told = (ctypes.c_void_p(a.ctypes.data) for a in (ins, outs, times))
        status = self.time_hops(
            process, network, scratch, given, 1, found, len(made), len(block), told
        )
        if status != 0:
            raise RuntimeError(f"the build's process function returned {status}")


class SoakedNetwork:
    """A network in C, the bytes of its states, and its progress."""

    def __init__(self, model: Model, path: Path, sound: Array) -> None:
        """Compile it; go on from what `path` keeps. Each hour takes `sound`, (samples,)."""
        build = lower_c(model, "host")
        with tempfile.TemporaryDirectory() as folder:
            for name, content in build.files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            library, compiler = load_library(Path(folder), build.manifest)
        self.runner = NativeRunner(library, build.manifest, Path("soak"), compiler)
        self._loop = HopLoop(self.runner, build.manifest)
        self.places = {
            state.name: (state.offset, state.bytes, np.dtype(state.dtype)) for state in build.states
        }
        # where a ring begins: it turns
        self.begins = [self.places.pop(name) for name in [*self.places] if name.endswith(".place")]
        (value,), hop = model.stream_inputs, model.stream.hop_samples
        assert hop
        rows = sound[: len(sound) // hop * hop].reshape(-1, *dims(value))
        turns = self._hops_of_turns(rows)
        self.rows = np.ascontiguousarray(rows[: len(rows) // turns * turns], np.float32)
        self.every = SAMPLED_SECONDS * RATE // hop
        self.path, self.progress = path, Progress()
        if path.is_file():
            kept = pickle.loads(path.read_bytes())  # written by `keep`
            past = [Distance(**row) for row in kept.pop("distances")]
            self.progress = Progress(**kept, distances=past)
            self.runner.state[:] = np.frombuffer(self.progress.memory, np.uint8)

    def _hops_of_turns(self, rows: Array) -> int:
        """Return the hops in which all rings turn, each some times; the states are fresh after it.

        ValueError if there are more than an hour has, or one ring takes more than `MOST_TURN`.
        """
        first = [self._memory(place) for place in self.begins]
        left, turns = dict(enumerate(first)), 1
        for hop in range(1, MOST_TURN + 1):
            if not left:
                break
            self._loop.run(np.ascontiguousarray(rows[:1], np.float32))
            for ring in [
                i for i, at in left.items() if np.array_equal(self._memory(self.begins[i]), at)
            ]:
                turns = math.lcm(turns, hop)
                del left[ring]
        self.runner.reset()
        if left or turns > len(rows):
            raise ValueError("an hour has no whole turns of all rings")
        return turns

    def _memory(self, place: tuple[int, int, np.dtype]) -> Array:
        """Return the values of a state."""
        offset, size, dtype = place
        return self.runner.state[offset : offset + size].view(dtype).copy()

    def run(self, hours: float, seconds: float) -> None:
        """Take sound until all hours are done, or the time is up."""
        done, rows = self.progress, self.rows
        last, begin = int(hours * len(rows)), time.monotonic()
        earlier, kept = done.seconds, begin
        while done.hops < last and time.monotonic() < begin + seconds:
            first = done.hops % len(rows)
            block = rows[first : first + min(self.every, last - done.hops)]
            self._loop.run(block)
            done.hops += len(block)
            done.seconds = earlier + time.monotonic() - begin
            self._sample((done.hops - 1) // len(rows), done.hops % len(rows) == 0)
            if time.monotonic() > kept + KEPT_SECONDS:
                self.keep()
                kept = time.monotonic()
        self.keep()

    def _sample(self, hour: int, is_full: bool) -> None:
        """Add the states to those of this hour, which counts from 0."""
        done = self.progress
        for name, place in self.places.items():
            done.current.setdefault(name, []).append(self._memory(place))
        if is_full:
            if hour == 1:
                done.second = done.current
            elif hour > 1:
                done.distances.append(distance(hour + 1, done.second, done.current))
            done.current = {}

    def keep(self) -> None:
        """Write the progress."""
        self.progress.memory = self.runner.state.tobytes()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacement_path(self.path) as temporary:
            # a class of a script that runs would have another name than one of a module
            temporary.write_bytes(pickle.dumps(asdict(self.progress)))

    @property
    def hours(self) -> float:
        """The hours of sound that it took."""
        return self.progress.hops / len(self.rows)


def distance(
    hour: int, second: Mapping[str, list[Array]], current: Mapping[str, list[Array]]
) -> Distance:
    """Return how far the samples of an hour are from those of the second one."""
    found = {name: distances(second[name], current[name]) for name in second}
    shift = max(found, key=lambda name: found[name][0])
    spread = max(found, key=lambda name: found[name][1])
    pairs = [
        np.array_equal(a.view(np.uint8), b.view(np.uint8))
        for name in second
        for a, b in zip(second[name], current[name], strict=True)
    ]
    equal = float(np.mean(pairs))
    return Distance(hour, (found[shift][0], shift), (found[spread][1], spread), equal)


def distances(first: list[Array], last: list[Array]) -> tuple[float, float]:
    """Return the mean distance of elements' means by their deviation, and the largest of quantiles by the range."""
    a, b = (np.stack(rows).astype(np.float64) for rows in (first, last))
    deviation = np.sqrt((a.var(axis=0) + b.var(axis=0)).mean() / 2)
    shift = float(np.abs(a.mean(axis=0) - b.mean(axis=0)).mean() / max(deviation, 1e-9))
    ends = max(float(np.ptp(a)), 1e-9)
    return shift, float(np.abs(np.quantile(a, QUANTILES) - np.quantile(b, QUANTILES)).max() / ends)


def hour_of_sound(bench: Bench) -> Array:
    """An hour of mixtures and all waits but that of speech, again and again."""
    noisy = [m.noisy for m in quant_audio.varied(bench.data, bench.set, 108)]
    parts, place = list[Array](), 0
    for wait in WAITS[1:-1]:
        parts += [*noisy[place : place + 10], *before_sound(bench, wait)]
        place += 10
    return np.resize(np.concatenate(parts), HOUR).astype(np.float32)


def show(head: str, soaked: SoakedNetwork) -> bool:
    """Print how far a network is; returns whether its last full hour is as the second."""
    done = soaked.progress
    speed = 3600 * soaked.hours / max(done.seconds, 1e-9)
    line = (
        f"{head}: {soaked.hours:.2f} h in {done.seconds / 60:.1f} minutes, {speed:.0f} x real time"
    )
    if not done.distances:
        print(f"{line}; three full hours are needed", flush=True)
        return True
    last = done.distances[-1]
    print(f"{line}; {last}: {'ok' if last.is_small else 'FAILED'}", flush=True)
    return last.is_small


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--recipes", nargs="+", default=["w8a8", "auto"], metavar="NAME")
    parser.add_argument("--hours", type=float, default=24.0, help="of sound")
    parser.add_argument("--minutes", type=float, default=1e9, help="of this machine, each build")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--folder", type=Path, default=KEPT, help="where progress is kept")
    given = parser.parse_args()
    fetch_all(given.data)
    bench, failed = Bench(given.data), 0
    sound = hour_of_sound(bench)
    for name in given.networks:
        for recipe in given.recipes:
            stem = f"{name} {recipe}".replace(" ", "-").replace(",", "")
            kept = given.folder / f"{stem}.onnx"
            if not kept.is_file():
                kept.parent.mkdir(parents=True, exist_ok=True)
                bench.made(name, recipe).quantized.save(kept)
            model = Model.from_bytes(kept.read_bytes())
            soaked = SoakedNetwork(model, kept.with_suffix(".progress"), sound)
            soaked.run(given.hours, 60 * given.minutes)
            failed += not show(f"{name}, {recipe}", soaked)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
