"""The int8 files of MLPerf Tiny on emulated cores: modelled cycles beside those that boards took.

    python bench mlperf_tiny CHECKOUT [--keywords CHECKOUT] [--core CORE]...

CHECKOUT is one of mlcommons/tiny, `--keywords` one of eembc/energyrunner, whose 1,000 inputs of the keyword network are
classified by the generated C. Instructions are counted under QEMU, kind by kind; the model of targets/devices.toml
makes cycles of that. Published are results of the closed division: v1.3 of X-CUBE-AI 10.2 on NUCLEO-L4R5ZI-P
(Cortex-M4, IAR) and NUCLEO-U575ZI-Q (Cortex-M33, gcc), v1.2 of X-CUBE-AI 9.0 on NUCLEO-H7A3ZI-Q (Cortex-M7) and of
Renesas on RA8D1 (Cortex-M85). They are of other kernels than these, with flash wait states; those of the streaming
wake word are of v1.3 and hold its features, too. A second column has those of Bosch's HALE of v1.2 on the same boards.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from layers.layer_instructions import count_kinds
from tables import Table

from edgekit.export.from_tflite import from_tflite
from edgekit.graph.model import Model
from edgekit.judge.tflite_runtimes import compare_runtimes
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import lower_c
from edgekit.targets.devices import profile

TRAINED = "benchmark/training"
FILES = {
    "ad": f"{TRAINED}/anomaly_detection/trained_models/ad01_int8.tflite",
    "ic": f"{TRAINED}/image_classification/trained_models/pretrainedResnet_quant.tflite",
    "kws": f"{TRAINED}/keyword_spotting/trained_models/kws_ref_model.tflite",
    "vww": f"{TRAINED}/visual_wake_words/trained_models/vww_96_int8.tflite",
    "sww": f"{TRAINED}/streaming_wakeword/trained_models/str_ww_ref_model.tflite",
}
PUBLISHED = {  # thousands of cycles: MHz over inferences a second
    "cortex-m4": {"ad": 575, "ic": 19881, "kws": 5210, "vww": 10732, "sww": 2146},
    "cortex-m33": {"ad": 514, "ic": 17519, "kws": 4639, "vww": 9483, "sww": 1861},
    "cortex-m7": {"ad": 343, "ic": 11437, "kws": 3169, "vww": 6665, "sww": 1190},
    "cortex-m85": {"ad": 255, "ic": 4070, "kws": 1663, "vww": 6429},
    "cortex-m55": {},
}
BOSCH = {
    "cortex-m4": {"ad": 700, "ic": 21665, "kws": 7219, "vww": 21661},
    "cortex-m33": {"ad": 609, "ic": 19286, "kws": 6173, "vww": 19173},
    "cortex-m7": {"ad": 381, "ic": 12838, "kws": 4113, "vww": 12254},
}
KEYWORDS = "datasets/kws01"
CLASSES = 12
HEAD = (
    *("core", "network", "MMAC", "M instructions", "M cycles, modelled"),
    *("published", "published / modelled", "HALE", "HALE / modelled"),
)


def read(checkout: Path, name: str) -> Model:
    """Return the network of a file; exits where the checkout does not have it."""
    path = checkout / FILES[name]
    if not path.is_file():
        raise SystemExit(f"{path} does not exist: give a checkout of mlcommons/tiny")
    model = from_tflite(path, name=name)
    print(name, *compare_runtimes(path, None, model), sep="; ")
    return model


def accuracy(model: Model, folder: Path) -> tuple[int, int]:
    """Return how many of the keyword inputs the generated C classifies right, and how many there are."""
    with (folder / "y_labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [(name, int(label)) for name, _, label in csv.reader(file)]
    (value,) = model.stream_inputs
    grid = np.float32(0.5847029089927673), np.int64(83)  # of the file's input
    hops = [np.fromfile(folder / name, np.int8).astype(np.int64) for name, _ in rows]
    reals = np.stack([(hop - grid[1]).astype(np.float32) * grid[0] for hop in hops])
    shape = tuple(int(n) for n in value.shape or ())
    with tempfile.TemporaryDirectory() as name:
        for file, content in (build := lower_c(model, "host", profile("host"))).files.items():
            (Path(name) / file).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / file).write_bytes(content)
        (Path(name) / "manifest.json").write_text(build.manifest.to_json(), encoding="utf-8")
        stream = Stream.open(name)
        made = stream.run({str(value.name): reals.reshape(len(rows), *shape)})
    (scores,) = made.values()
    found = scores.reshape(len(rows), CLASSES).argmax(axis=1)
    return int((found == [label for _, label in rows]).sum()), len(rows)


def comparison_cells(board: int | None, cycles: float | None) -> list[str]:
    """Return published cycles in millions, and their ratio to modelled ones."""
    if board is None:
        return ["-", "-"]
    return [f"{board / 1e3:.3g}", "-" if cycles is None else f"{board / 1e3 / cycles:.2f}"]


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("checkout", type=Path, help="of mlcommons/tiny")
    parser.add_argument("--keywords", type=Path, metavar="CHECKOUT", help="of eembc/energyrunner")
    parser.add_argument("--core", action="append", choices=PUBLISHED, help="repeatable; else all")
    options = parser.parse_args()
    networks = {name: read(options.checkout, name) for name in FILES}
    if options.keywords is not None:
        right, count = accuracy(networks["kws"], options.keywords / KEYWORDS)
        print(f"kws: {right} of {count} keywords right by the generated C")
    table = Table(*HEAD, numbers=len(HEAD) - 2)
    for core in options.core or PUBLISHED:
        for name, model in networks.items():
            macs, kinds = count_kinds(model, core)
            instructions = sum(kinds.values())
            each = profile(core).cycles_of(kinds)
            cycles = None if each is None else each * instructions / 1e6
            row = [core, name, f"{macs / 1e6:.3g}", f"{instructions / 1e6:.3g}"]
            row.append("-" if cycles is None else f"{cycles:.3g}")
            for published in (PUBLISHED, BOSCH):
                row += comparison_cells(published.get(core, {}).get(name), cycles)
            print(table.add_row(*row), flush=True)
    table.show()


if __name__ == "__main__":
    main()
