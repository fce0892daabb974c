"""`edgekit clips`: the recordings that come with EdgeKit, to calibrate a network and to try it."""

import shutil
from pathlib import Path

from edgekit.base.output import complete_folder
from edgekit.base.wav import read_wav, write_wav

CLIPS = Path(__file__).with_name("clips")
CREDITS = "CREDITS.md"
NOISE = "noise.wav"


def clips(out: str | Path) -> tuple[str, ...]:
    """Write a folder of licensed recordings, 16 kHz mono, and return the names of its files.

    ``calibration`` holds speech in six noises and levels. ``noisy.wav`` is a recording that is not among them, to try
    a network on; ``clean.wav`` is its speech and ``noise.wav`` its noise. ``CREDITS.md`` has authors and licences.

    Args:
        out: the folder to make.

    Raises:
        UsageError: `out` is not a new or empty folder.
    """
    with complete_folder(Path(out)) as folder:
        shutil.copytree(CLIPS, folder, dirs_exist_ok=True)
        noisy, clean = (read_wav(CLIPS / name) for name in ("noisy.wav", "clean.wav"))
        noise = noisy.samples - clean.samples
        write_wav(folder / NOISE, noise, noisy.sample_rate_hz, noisy.subtype)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return tuple(path.relative_to(folder).as_posix() for path in files)
