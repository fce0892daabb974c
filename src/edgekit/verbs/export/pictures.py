"""Picture files that an engine is calibrated on."""

from pathlib import Path

import numpy as np

from edgekit.base.errors import CalibrationError, Problem, UsageError
from edgekit.base.picture_files import fit_picture, picture_paths, read_picture
from edgekit.base.pictures import PICTURE_FILES, read_pictures
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.clips import Calibration, load_calibration
from edgekit.verbs.doctor import require

MOST = 256  # pictures that are looked at, at equal distances


def engine_calibration(
    source: str, model: Model, picture: str | None, settings: InputSettings = NO_SETTINGS
) -> Calibration:
    """As `load_calibration`, or read a folder of PNG and JPEG files, with the values that `picture` declares.

    Raises:
        CalibrationError: files that cannot be read, or whose range of values is not declared.
        ToolError: pillow is missing.
    """
    folder = Path(source)
    if not folder.is_dir() or not any(p.suffix.lower() in PICTURE_FILES for p in folder.iterdir()):
        return load_calibration(source, model, settings)
    if picture is None:
        found, step = "no values for black and white", "add --picture range=LOW,HIGH"
        allowed = "--picture with a folder of pictures"
        raise CalibrationError(Problem(f"calibration folder '{source}'", found, allowed, step))
    require(("pillow",))
    form, (value,) = read_pictures(picture), model.stream_inputs
    every = picture_paths(folder)
    rows, problems = [], list[Problem]()
    for path in every[:: -(-len(every) // MOST)]:
        try:
            rows.append(fit_picture(read_picture(path), form, tuple(dims(value))).x)
        except UsageError as error:
            problems += error.problems
    if problems:
        raise CalibrationError(problems)
    return Calibration(({str(value.name): np.stack(rows)},), source)
