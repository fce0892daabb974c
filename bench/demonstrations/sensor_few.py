"""The two networks of the drifting sensor after a training on a few recordings of a minute each.

    python bench sensor_few [--counts 3 4] [--draws 5] [--recordings 20]

Each draw has recordings and first weights of its own. The flat network is trained twice: for as long as the hierarchy,
by seconds of the processor, and for as many steps. Its step takes four times as long. Errors are means over recordings
of a minute that are drawn anew, and in no training. "Below" is how far the hierarchy's error lies below the flat one's.
The networks of the first draw also run in int8, in the generated C.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from tables import Table

from edgekit import api
from edgekit.base.arrays import Float32
from edgekit.demos.export_networks import NETWORKS
from edgekit.demos.sensor.data import CHUNK, PADS, RATE, recordings
from edgekit.demos.sensor.few_recordings import SECONDS, FewRecordings
from edgekit.demos.sensor.network import Flat, Hierarchy
from edgekit.demos.sensor.show import calibration_clips, options, positions, squared_error
from edgekit.runtime.stream import Stream

SEED, RECIPE = 2026, "w8a8"
# name -> network, steps, highest learning rate, which other draws chose
TRAININGS = {
    "hierarchy": ("hierarchy", 100, 4e-3),
    "flat, as long": ("flat", 24, 8e-3),
    "flat, as many steps": ("flat", 100, 2e-3),
}


def open_int8(network: Hierarchy | Flat, calibration: Path, folder: Path) -> Stream:
    """Export a network to C in int8 for this machine."""
    folder.mkdir()
    traced = NETWORKS["sensor/flat"].trace(network, (torch.randn(1, 6 * CHUNK, PADS),))
    onnx.save(traced, folder / "network.onnx")
    build = folder / "build"
    api.export(str(folder / "network.onnx"), "host", build, **options(RECIPE, calibration))
    return Stream.open(build)


def error_in_torch(network: Hierarchy | Flat, pads: Float32, exact: Float32) -> float:
    """The mean squared error over recordings."""
    with torch.inference_mode():
        found = network(torch.from_numpy(pads)).numpy()
    return float(
        np.mean([squared_error(one, true) for one, true in zip(found, exact, strict=True)])
    )


def error_in_c(stream: Stream, pads: Float32, exact: Float32) -> float:
    """The same of a build."""
    found = [positions(stream, one)[0] for one in pads]
    return float(
        np.mean([squared_error(one, true) for one, true in zip(found, exact, strict=True)])
    )


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--recordings", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    pads, exact = recordings(np.random.default_rng(SEED), given.recordings, SECONDS * RATE)
    head = ("recordings", "training", "seconds", "errors of the draws", "mean", "below, %")
    table = Table(*head, "first draw in int8")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for count in given.counts:
            means = dict[str, float]()
            for name, (kind, steps, rate) in TRAININGS.items():
                errors, seconds, networks = list[float](), list[float](), []
                for draw in range(1, given.draws + 1):
                    began = time.process_time()
                    networks.append(FewRecordings(count, draw, steps, rate).train(kind))
                    seconds.append(time.process_time() - began)
                    errors.append(error_in_torch(networks[-1], pads, exact))
                stream = open_int8(networks[0], calibration, Path(scratch) / f"{count}-{name}")
                means[name] = float(np.mean(errors))
                below = 100 * (1 - means["hierarchy"] / means[name])
                draws = " ".join(f"{error:.3f}" for error in errors)
                cells = (f"{np.median(seconds):.1f}", draws, f"{means[name]:.3f}", f"{below:.0f}")
                integers = f"{error_in_c(stream, pads, exact):.3f}"
                print(table.add_row(str(count), name, *cells, integers), flush=True)
    table.show()


if __name__ == "__main__":
    main()
