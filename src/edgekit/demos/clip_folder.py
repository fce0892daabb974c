"""`edgekit clips`: the recordings that come with EdgeKit, to calibrate a network and to try it."""

import shutil
from pathlib import Path

import numpy as np

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import complete_folder
from edgekit.base.wav import Samples, read_wav, write_wav

CLIPS = Path(__file__).with_name("clips")
CREDITS = "CREDITS.md"
NOISE = "noise.wav"
MOST_CHANNELS = 16
STEP_SAMPLES = 8  # 0.5 ms: microphones 17 cm apart, the sound from the side
STEP_GAIN = np.float32(10 ** (-1 / 20))  # 1 dB


def clips(out: str | Path, channels: int = 1) -> tuple[str, ...]:
    """Write a folder of licensed recordings, 16 kHz, and return the names of its files.

    ``calibration`` holds speech in five noises, at several levels, and speech alone. ``noisy.wav`` is a recording that
    is not among them, to try a network on; ``clean.wav`` is its speech and ``noise.wav`` its noise. ``CREDITS.md`` has
    authors and licences.

    Args:
        out: the folder to make.
        channels: of each recording, 1 to 16. Each channel is 8 samples later and 1 dB quieter than the one before, as
            from a sound at the side of a row of microphones.

    Raises:
        UsageError: `out` is not a new or empty folder, or too many channels.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        allowed, step = f"1 to {MOST_CHANNELS}", "give the number that the network takes"
        raise UsageError(Problem("channels", str(channels), allowed, step))
    files = sorted(path for path in CLIPS.rglob("*") if path.is_file())
    with complete_folder(Path(out)) as folder:
        for path in files:
            _write(path, folder / path.relative_to(CLIPS), channels)
        noisy, clean = (read_wav(CLIPS / name) for name in ("noisy.wav", "clean.wav"))
        noise = _spread(noisy.samples - clean.samples, channels)
        write_wav(folder / NOISE, noise, noisy.sample_rate_hz, noisy.subtype)
    return (*(path.relative_to(CLIPS).as_posix() for path in files), NOISE)


def _write(source: Path, out: Path, channels: int) -> None:
    """Write one file of the clips; sound gets its channels."""
    out.parent.mkdir(exist_ok=True)
    if channels == 1 or source.name == CREDITS:
        shutil.copy(source, out)
        return
    clip = read_wav(source)
    write_wav(out, _spread(clip.samples, channels), clip.sample_rate_hz, clip.subtype)


def _spread(samples: Samples, channels: int) -> Samples:
    """Return (samples,) as (channels, samples), each channel later and quieter than the one before."""
    spread = np.zeros((channels, samples.size), np.float32)
    for channel in range(channels):
        late = channel * STEP_SAMPLES
        spread[channel, late:] = samples[: samples.size - late] * STEP_GAIN**channel
    return spread
