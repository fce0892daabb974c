"""Wake words of microWakeWord beside the runtime of their authors: probabilities, detections, instructions, bytes.

    python bench wake_words FOLDER [--sound WAV]... [--core CORE]... [--out TABLE.md]

FOLDER has manifests and their networks, as a checkout of esphome/micro-wake-word-models. The sounds are the clips of
the demos and those that you name, one after the other. The reference is pymicro-features, the network in
ai-edge-litert and ESPHome's rule. pymicro-features has a step of 10 ms alone: features of a step of 20 ms are those of
EdgeKit's NumPy form. Instructions are counted under QEMU, front end and decision with them; the last row is the
spotter of `edgekit demo wake`, whose front end is in float.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demonstrations.wake_reference import (
    BANDS,
    Whole,
    detections,
    features,
    integers_of_means,
    levels,
    network_outputs,
)
from numpy.typing import NDArray
from tables import Table

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.micro_tables import SAMPLE_RATE, band_matrix, window_table
from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS
from edgekit.demos.wake.show import CLIPS as WORDS
from edgekit.demos.wake.show import NETWORK, calibration_clips, options
from edgekit.operators.spectral.micro_twin import band_signals, features_of_signals
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.wake_word import WakeWord, read_wake_word

CORES = ("cortex-m4", "cortex-m33", "cortex-m55", "riscv32imc")
RUNTIME = "ai-edge-litert"
COUNTED_HOPS = 20


@dataclass(frozen=True)
class Agreement:
    """How a build and the reference differ over a recording."""

    calls: int
    equal: int
    largest: int
    detected: int
    in_same_call: int
    one_call_apart: int


def join_sounds(sounds: Sequence[Path]) -> NDArray[np.int16]:
    """Return all sounds one after the other in 16 bits."""
    parts = [read_wav(path, SAMPLE_RATE).samples.reshape(-1) for path in sounds]
    return np.clip(np.rint(np.concatenate(parts) * 32768), -32768, 32767).astype(np.int16)


def features_by_twin(pcm: NDArray[np.int16], step: int) -> Whole:
    """Return the features (frames, 40) of another step than pymicro-features has."""
    window = window_table(3 * SAMPLE_RATE // 100)
    samples = np.concatenate([np.zeros(window.size - step, np.int64), pcm])
    frames = np.lib.stride_tricks.sliding_window_view(samples, window.size)[::step]
    noise, rows = np.zeros(BANDS, np.int64), []
    for signal in band_signals(frames, window, band_matrix(BANDS)):
        row, noise = features_of_signals(signal, noise)
        rows.append(row)
    return np.array(rows)


def compare(word: WakeWord, build: Path, pcm: NDArray[np.int16]) -> Agreement:
    """Run a recording through a build and through the reference."""
    step = word.step_ms * SAMPLE_RATE // 1000
    numbers = features(pcm) if word.step_ms == 10 else features_by_twin(pcm, step)
    reference = network_outputs(word.model, levels(numbers), RUNTIME)
    stream = Stream.open(build)
    hop = stream.manifest.stream["hop_samples"]
    hops = (pcm[: pcm.size // hop * hop].astype(np.float32) / 32768).reshape(-1, 1, hop)
    made = stream.run({"pcm": hops})
    calls = min(len(reference), len(hops))
    ours = integers_of_means(made["score"].ravel(), word.window)[:calls]
    wanted = detections(reference[:calls], word.cutoff, word.window, hop // step)
    gaps = np.abs(ours - reference[:calls])
    found = made["detected"].ravel()[:calls].astype(bool)
    near = found | np.roll(found, 1) | np.roll(found, -1)
    if found.sum() != wanted.sum() or not near[wanted].all():
        print(
            f"{word.name}: calls {np.flatnonzero(found)}, of the reference {np.flatnonzero(wanted)}"
        )
    return Agreement(
        calls,
        int((gaps == 0).sum()),
        int(gaps.max(initial=0)),
        int(wanted.sum()),
        int((found & wanted).sum()),
        int((near & ~found & wanted).sum()),
    )


def cost(build: Path) -> tuple[str, str, str]:
    """Return millions of instructions a second, flash and RAM of a build for a core."""
    measured = api.bench(build, device="qemu", hops=COUNTED_HOPS)
    memory = Manifest.load(build).memory
    assert measured.hop_us is not None
    each = float(np.median(measured.instructions)) / measured.hop_us
    flash = memory["weights_bytes"] + (memory["code_bytes"] or 0)
    return f"{each:.2f}", f"{flash / 1024:.1f}", f"{(measured.ram_bytes or 0) / 1024:.1f}"


def manifests(folder: Path) -> list[Path]:
    """Return the manifests of a folder."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        try:
            read_wake_word(path)
        except UsageError as error:
            print(f"left out: {error}")
        else:
            found.append(path)
    if not found:
        raise SystemExit(f"{folder} has no manifest of a wake word")
    return found


def main() -> None:
    """Compare and count."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sound", action="append", type=Path, default=[], metavar="WAV")
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable; else all")
    parser.add_argument("--out", type=Path, metavar="TABLE.md")
    given = parser.parse_args()
    cores = given.core or CORES
    sounds = [WORDS / "scene.wav", *sorted(CLIPS.rglob("*.wav")), *given.sound]
    pcm = join_sounds(sounds)
    print(f"{pcm.size / SAMPLE_RATE:.0f} s of sound")
    heads = [f"{core}: M instr./s, flash KiB, RAM KiB" for core in cores]
    table = Table("wake word", "probabilities equal", "detections equal", *heads)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for path in manifests(given.folder):
            label = str(path.relative_to(given.folder).with_suffix(""))
            row = _row_of_word(path, scratch / label.replace("/", "_"), pcm, cores)
            print(table.add_row(label, *row), flush=True)
        print(table.add_row("edgekit demo wake, w8a8", "-", "-", *_row_of_spotter(scratch, cores)))
    if given.out is not None:
        given.out.write_text(table.markdown() + "\n", encoding="utf-8")


def _row_of_word(path: Path, out: Path, pcm: NDArray[np.int16], cores: Sequence[str]) -> list[str]:
    build = out.with_name(f"{out.name}_host")
    api.export(str(path), "host", build)
    found = compare(read_wake_word(path), build, pcm)
    text = f"{found.equal:,} of {found.calls:,}"
    text += f", at most {found.largest} of 255 apart" if found.largest else ""
    alike = f"{found.in_same_call} of {found.detected}"
    alike += f", {found.one_call_apart} one call apart" if found.one_call_apart else ""
    costs = []
    for core in cores:
        api.export(str(path), core, out.with_name(f"{out.name}_{core}"))  # type: ignore[arg-type]
        costs.append(", ".join(cost(out.with_name(f"{out.name}_{core}"))))
    return [text, alike, *costs]


def _row_of_spotter(scratch: Path, cores: Sequence[str]) -> list[str]:
    clips, costs = calibration_clips(scratch / "calibration"), []
    for core in cores:
        out = scratch / f"spotter_{core}"
        api.export(str(NETWORK), core, out, **options("w8a8", clips))  # type: ignore[arg-type]
        costs.append(", ".join(cost(out)))
    return costs


if __name__ == "__main__":
    main()
