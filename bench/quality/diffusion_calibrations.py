"""What a denoiser can be calibrated on: its own calls, as often as each rule says, and what others have used."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgekit.base.sampler_table import StepTable
from edgekit.demos.show_digits import labels
from edgekit.export.diffusion.schedule import Schedule
from edgekit.graph.model import Model
from edgekit.judge.sampling import float_network
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.trajectory import Kept, diverse, normal, record, uniform

Images = NDArray[np.float32]
CALLS = 512
SEED = 1000
RATES = Schedule("cosine").ab
MIDDLE = "ConvTranspose"  # the first one reads what the innermost blocks make


def sampler_of(model: Model) -> StepTable:
    """The model's step table."""
    assert model.sampler is not None
    return model.sampler


def record_calls(model: Model, kept: Kept) -> Calibration:
    """The calls of a table of images by rows."""
    return record(model, float_network(model), kept, SEED, labels(len(kept)))


def densest(model: Model, _: Images) -> Calibration:
    """Density and diversity of the innermost features of one image's trajectory."""
    table = sampler_of(model)
    (calls,) = record_calls(model, np.ones((1, table.rows), bool)).clips
    source = onnx.load_from_string(model.to_bytes())
    middle = next(node.input[0] for node in source.graph.node if node.op_type == MIDDLE)
    source.graph.output.append(onnx.helper.make_empty_tensor_value_info(middle))
    import onnxruntime  # after edgekit, which switches its telemetry off

    session = onnxruntime.InferenceSession(source.SerializeToString())
    features = [
        np.asarray(session.run([middle], {name: array[i] for name, array in calls.items()})[0])
        for i in range(table.rows)
    ]
    return record_calls(model, diverse(table, np.stack(features), CALLS))


def last_row(model: Model, _: Images) -> Calibration:
    """Calls of the least noise only."""
    kept = np.zeros((CALLS // 4, sampler_of(model).rows), bool)
    kept[:, -1] = True
    return record_calls(model, kept)


def made(model: Model, real: Images, signal: bool, noise: bool) -> Calibration:
    """Images, noise, or both mixed as the schedule mixes them, at all steps."""
    table, random = sampler_of(model), np.random.default_rng(SEED)
    step = np.arange(CALLS) % table.rows
    rate = RATES[(len(RATES) // table.rows) * (table.rows - 1 - step)][:, None, None, None]
    x0, z = real[:CALLS], random.standard_normal((CALLS, *real.shape[1:]))
    x = np.sqrt(rate) * x0 + np.sqrt(1 - rate) * z if signal and noise else x0 if signal else z
    calls: dict[str, Any] = {
        table.roles.x: x[:, None].astype(np.float32),
        str(table.roles.time): step[:, None],
        **labels(CALLS),
    }
    return Calibration((calls,), "made")


SOURCES: dict[str, Callable[[Model, Images], Calibration]] = {
    "uniform": lambda model, _: record_calls(model, uniform(sampler_of(model), CALLS)),
    "normal (NDTC)": lambda model, _: record_calls(model, normal(sampler_of(model), CALLS, SEED)),
    "density and diversity": densest,
    "noised real images": lambda model, real: made(model, real, True, True),
    "pure noise": lambda model, real: made(model, real, False, True),
    "real images": lambda model, real: made(model, real, True, False),
    "one t": last_row,
}
