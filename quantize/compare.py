"""Where a quantized network loses: every tensor of the oracle against the float network."""

from dataclasses import dataclass

import numpy as np

from edgekit.export.running import run_hops, snr_db
from edgekit.graph.hops import of_hop
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import TENSOR, stored_type
from edgekit.quantize.calibrate.clips import Calibration

REPORT_HOPS = 100


@dataclass(frozen=True)
class TensorRow:
    """One tensor: how it is stored, the range seen in float, and its signal-to-noise ratios.

    `alone_db` is what its own rounding leaves, all else exact: the float network's tensor on the grid of
    its type, against itself. `snr_db` is cumulative: the tensor of the quantized network, all its causes
    upstream included, against the same tensor of the float network. Infinity where both are equal. `scale`
    and `zero_point` are None for a float tensor.
    """

    name: str
    op: str
    dtype: str
    scale: float | None
    zero_point: int | None
    minimum: float
    maximum: float
    alone_db: float
    snr_db: float


def tensor_report(
    float_model: Model, quantized: Model, calibration: Calibration
) -> list[TensorRow]:
    """Run the first clip (up to `REPORT_HOPS` hops) through both; one row per tensor, in graph order."""
    clip = dict(calibration.clips[0])
    clip |= {n: clip[n][:REPORT_HOPS] for v in float_model.stream_inputs if (n := str(v.name))}
    reference_names = {str(v.name) for node in float_model.ir.graph for v in node.outputs}
    oracle = Oracle(quantized)
    tensors = {}
    for node in oracle.graph:
        for value in node.outputs:
            origin = value.metadata_props.get(TENSOR, str(value.name))
            for name in (origin, origin.removesuffix("_raw")):
                if name in reference_names:
                    tensors[str(value.name)] = (name, node.op_type, stored_type(value))
                    break
    wanted = sorted({name for name, _, _ in tensors.values()})
    reference = run_hops(float_model, clip, tap=wanted)
    seen: dict[str, list[np.ndarray]] = {name: [] for name in tensors}
    for hop in range(len(clip[str(float_model.stream_inputs[0].name)])):
        oracle.process(of_hop(float_model, clip, hop))
        for stored_name, rows in seen.items():
            rows.append(oracle.values[stored_name])
    report = []
    for stored_name, (name, op, kind) in tensors.items():
        stored = np.stack(seen[stored_name])
        real = stored if kind is None else kind.dequantize(stored)
        expected = reference[name].reshape(real.shape)
        alone = expected if kind is None else kind.dequantize(kind.quantize(expected))
        report.append(
            TensorRow(
                name,
                op,
                "float32" if kind is None else kind.dtype,
                None if kind is None else kind.scale,
                None if kind is None else kind.zero_point,
                float(expected.min()),
                float(expected.max()),
                snr_db(expected, alone),
                snr_db(expected, real),
            )
        )
    return report
