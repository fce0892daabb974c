"""The verb that streams a file through a build: `run`."""

from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import output_problem, replacing
from edgekit.runtime.audio.files import run_wav
from edgekit.runtime.rows import run_wav_to_rows
from edgekit.verbs.doctor import require
from edgekit.verbs.export.work import Progress
from edgekit.verbs.opening import Opening

RUNS = ((".wav", ".wav"), (".wav", ".npz"), (".wav", ".csv"), (".wav", ".json"), (".npz", ".npz"))
PICTURES = (".png", ".jpg", ".jpeg")  # named in a refusal


def run(
    directory: str | Path,
    source: Path,
    out: Path,
    opening: Opening,
    progress: Progress,
) -> tuple[str, ...]:
    """See `edgekit.api.run`."""
    kinds = source.suffix.lower(), out.suffix.lower()
    if kinds not in RUNS:
        found = " to ".join(kind or "no ending" for kind in kinds)
        allowed, step = ", ".join(map(" to ".join, RUNS)), "name two such files"
        if kinds[0] in PICTURES or source.is_dir():
            step = "a picture does not say what values the network takes: write them as a .npz"
        raise UsageError(Problem("IN and OUT", found, allowed, step))
    if problem := output_problem(out, source):
        raise UsageError(problem)
    if kinds[0] == ".wav":
        require(("soundfile",))
    progress("compile", 0, 1)
    stream, notes = opening.open(directory)
    if kinds[0] == ".wav":
        run_audio = run_wav if kinds[1] == ".wav" else run_wav_to_rows
        return *notes, *run_audio(
            stream, source, out, lambda done, total: progress("stream", done, total)
        )
    arrays = read_npz(source)
    hops = max((len(array) for array in arrays.values() if array.ndim), default=0)
    outputs = stream.run(arrays, lambda done: progress("stream", done, hops))
    with replacing(out, source) as temporary:
        write_npz(temporary, outputs)
    return notes
