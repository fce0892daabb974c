"""Finds where a quantized network loses quality: every tensor of the oracle against the float network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.hops import of_hop
from edgekit.graph.model import Model
from edgekit.graph.nodes import named_outputs
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import TENSOR, stored_type
from edgekit.operators.scheme import QuantType

REPORT_HOPS = 100


@dataclass(frozen=True)
class TensorRow:
    """One tensor: its type, its range in float, and its signal-to-noise ratios.

    `alone_db` is the SNR of its rounding alone: the float network's tensor on the grid of its type, against itself.
    `snr_db` is cumulative: the tensor of the quantized network, all its causes upstream included, against the same
    tensor of the float network. Infinity if both are equal. `scale` and `zero_point` are None for a float tensor.
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


class TensorComparison:
    """Compares every tensor of an oracle's first `REPORT_HOPS` hops with the float network's."""

    def __init__(self, float_model: Model) -> None:
        """Store the network whose tensors have the names of the quantized one's."""
        self._float = float_model
        self._names = {v.name for node in float_model.ir.graph for v in named_outputs(node)}
        self._origins: dict[str, tuple[str, str, QuantType | None]] = {}
        self._seen: dict[str, list[np.ndarray]] = {}

    def see(self, oracle: Oracle) -> None:
        """Record the oracle's values of the current hop."""
        if not self._seen:
            self._origins = self._find(oracle)
            self._seen = {name: [] for name in self._origins}
        for name, rows in self._seen.items():
            if len(rows) < REPORT_HOPS:
                rows.append(oracle.values[name])

    def _find(self, oracle: Oracle) -> dict[str, tuple[str, str, QuantType | None]]:
        """Name in the float network, operator and type of each tensor that both have."""
        found = {}
        for node in oracle.graph:
            for value in named_outputs(node):
                origin = value.metadata_props.get(TENSOR, str(value.name))
                for name in (origin, origin.removesuffix("_raw")):
                    if name in self._names:
                        found[str(value.name)] = (name, node.op_type, stored_type(value))
                        break
        return found

    def rows(self, samples: Mapping[str, np.ndarray]) -> list[TensorRow]:
        """Return one row per tensor, in graph order; `samples` are the oracle's inputs from its first hop on."""
        if not self._seen:
            return []
        hops = len(next(iter(self._seen.values())))
        fed = {str(value.name) for value in self._float.given_inputs}
        streams = {str(value.name) for value in self._float.stream_inputs}
        given = {n: a[:hops] if n in streams else a for n, a in samples.items() if n in fed}
        wanted = sorted({name for name, _, _ in self._origins.values()})
        reference = run_hops(self._float, given, tap=wanted)
        return [
            _row(origin, np.stack(self._seen[stored]), reference[origin[0]])
            for stored, origin in self._origins.items()
        ]


def tensor_report(
    float_model: Model, quantized: Model, samples: Mapping[str, np.ndarray]
) -> list[TensorRow]:
    """Run up to `REPORT_HOPS` hops of the samples, (hops, *shape), through both; one row per tensor, in graph order."""
    watched, oracle = TensorComparison(float_model), Oracle(quantized)
    first = samples[str(float_model.stream_inputs[0].name)]
    for hop in range(min(len(first), REPORT_HOPS)):
        oracle.process(of_hop(float_model, samples, hop))
        watched.see(oracle)
    return watched.rows(samples)


def _row(
    origin: tuple[str, str, QuantType | None], stored: np.ndarray, float_: np.ndarray
) -> TensorRow:
    name, op, kind = origin
    real = stored if kind is None else kind.dequantize(stored)
    expected = float_.reshape(real.shape)
    alone = expected if kind is None else kind.dequantize(kind.quantize(expected))
    return TensorRow(
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
