"""Hours of sound with waits through published networks in integers: are the states of the last hour as in the second?

    python bench soak_states [NETWORK ...] [--recipes w8a8 auto] [--hours 24] [--minutes N] [--folder FOLDER]

The generated C takes the same hour again and again: mixtures, silence of 3 to 200 s, noise at -60 dBFS and DC. The
states, as they lie in memory, are sampled every ten seconds. An hour has the distribution of another one when the means
of a state's elements differ by at most `SHIFT` of their deviation, and their quantiles by `SPREAD` of their range. A
call takes `--minutes` of this machine at most and keeps state, hop and samples, so that a later one goes on. Prints the
hours so far; exits with 1 where the last full hour is unlike the second.
"""

import argparse
import pickle
import sys
import tempfile
import time
from dataclasses import dataclass, field
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
from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.targets.c.lower import lower_c

NETWORKS = ("GTCRN", "DTLN", "NSNet2", DENOISER, SILERO)
SAMPLED_SECONDS = 10
HOUR = 3600 * RATE  # samples
SHIFT, SPREAD = 0.05, 0.05
KEPT = FOLDER.parent / "soak-states"
QUANTILES = np.linspace(0, 1, 41)


@dataclass
class Progress:
    """How far a network is: hops that it took, its memory, and the sampled states of each hour."""

    hops: int = 0
    memory: bytes = b""
    hours: list[dict[str, list[Array]]] = field(default_factory=list)


class Soaked:
    """A network in C, the bytes of its states, and its progress."""

    def __init__(self, model: Model, path: Path) -> None:
        """Compile it; go on from what `path` keeps."""
        build = lower_c(model, "host")
        with tempfile.TemporaryDirectory() as folder:
            for name, content in build.files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            library, compiler = load_library(Path(folder), build.manifest)
        self.runner = NativeRunner(library, build.manifest, Path("soak"), compiler)
        kinds = {str(v.name): v for pair in state_values(to_integer(model)) for v in pair}
        self.places = {
            place.name: (place.offset, place.size, kinds[place.name].dtype.numpy())  # type: ignore[union-attr]
            for place in build.plan
            if place.block == "state" and place.name in kinds
        }
        self.model, self.path, self.progress = model, path, Progress()
        if path.is_file():
            self.progress = pickle.loads(path.read_bytes())  # written by `keep`
            self.runner.state[:] = np.frombuffer(self.progress.memory, np.uint8)

    def run(self, sound: Array, hours: float, seconds: float) -> None:
        """Take sound until all hours are done, or the time is up."""
        (value,), hop, done = self.model.stream_inputs, self.model.stream.hop_samples, self.progress
        assert hop
        rows = sound[: len(sound) // hop * hop].reshape(-1, *dims(value))
        every, last = SAMPLED_SECONDS * RATE // hop, int(hours * len(rows))
        end = time.monotonic() + seconds
        while done.hops < last and time.monotonic() < end:
            for _ in range(min(every, last - done.hops)):
                self.runner.process([rows[done.hops % len(rows)]])
                done.hops += 1
            self._sample((done.hops - 1) // len(rows))
        self.keep()

    def _sample(self, hour: int) -> None:
        hours = self.progress.hours
        while len(hours) <= hour:
            hours.append({name: [] for name in self.places})
        memory = self.runner.state
        for name, (offset, size, dtype) in self.places.items():
            hours[hour][name].append(memory[offset : offset + size].view(dtype).copy())

    def keep(self) -> None:
        """Write the progress."""
        self.progress.memory = self.runner.state.tobytes()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacement_path(self.path) as temporary:
            temporary.write_bytes(pickle.dumps(self.progress))

    def compare_hours(self, hours: float) -> tuple[str, bool]:
        """The largest distances of the last full hour from the second, and whether they are within the limits."""
        full = self.progress.hours[: int(hours)]
        full = full[:-1] if len(full) > self.progress.hops / self.hops_per_hour else full
        if len(full) < 3:
            return f"{len(full)} full hours: three are needed", True
        found = {name: distances(full[1][name], full[-1][name]) for name in self.places}
        shift = max(found, key=lambda name: found[name][0])
        spread = max(found, key=lambda name: found[name][1])
        text = (
            f"means differ by {found[shift][0]:.4f} of their deviation at most ({shift}), "
            f"quantiles by {found[spread][1]:.4f} of their range ({spread})"
        )
        good = all(a <= SHIFT and b <= SPREAD for a, b in found.values())
        return f"hour {len(full)} against hour 2: {text}", good

    @property
    def hops_per_hour(self) -> int:
        """Hops of the hour of sound."""
        return HOUR // (self.model.stream.hop_samples or 1)


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
            soaked = Soaked(Model.from_bytes(kept.read_bytes()), kept.with_suffix(".progress"))
            soaked.run(sound, given.hours, 60 * given.minutes)
            text, good = soaked.compare_hours(given.hours)
            hours = soaked.progress.hops / soaked.hops_per_hour
            print(
                f"{name}, {recipe}: {hours:.2f} h; {text}: {'ok' if good else 'FAILED'}", flush=True
            )
            failed += not good
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
