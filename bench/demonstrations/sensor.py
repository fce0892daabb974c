"""The two networks of the drifting sensor on recordings that nothing here was trained on, through the generated C.

    python bench sensor [--recordings N]

Each recording is three minutes of the simulated sensor, drawn anew. Prints the mean squared error of each build with
the standard error over the recordings, and by how much the hierarchy's is lower than the flat network's, recording by
recording.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.demos.sensor.data import RATE, recordings
from edgekit.demos.sensor.show import (
    BUILDS,
    HERE,
    calibration_clips,
    options,
    positions,
    squared_error,
)
from edgekit.runtime.stream import Stream

SECONDS, SEED = 180, 2026


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=20)
    count = parser.parse_args().recordings
    pads, exact = recordings(np.random.default_rng(SEED), count, SECONDS * RATE)
    errors: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for name, (kind, recipe) in BUILDS.items():
            build = Path(scratch) / name.replace(" ", "-")
            api.export(str(HERE / f"{kind}.onnx"), "host", build, **options(recipe, calibration))
            stream = Stream.open(build)
            errors[name] = np.array(
                [
                    squared_error(positions(stream, one)[0], true)
                    for one, true in zip(pads, exact, strict=True)
                ]
            )
    table = Table("build", "mean squared error", "standard error", "below the flat one's, %")
    flat = errors["flat float32"]
    for name, each in errors.items():
        lower = 100 * (1 - each.mean() / flat.mean())
        error = each.std() / np.sqrt(count)
        table.add_row(name, f"{each.mean():.4f}", f"{error:.4f}", f"{lower:.1f}")
    table.show()


if __name__ == "__main__":
    main()
