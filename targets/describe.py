"""The part of a manifest that does not depend on how a target lowers the model."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace

import onnx_ir as ir

from edgekit.base.json_values import JsonObject
from edgekit.base.layout import parse_layout
from edgekit.base.random_normals import GENERATOR
from edgekit.graph.model import Model
from edgekit.graph.nodes import named_outputs
from edgekit.graph.noises import Noise
from edgekit.operators.geometry import dims
from edgekit.operators.roles import HOP_SCALE
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.audio.device import device_facts
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, Timing, with_port

DTYPES = {
    ir.DataType.FLOAT: "float32",
    ir.DataType.INT8: "int8",
    ir.DataType.INT16: "int16",
    ir.DataType.BOOL: "bool",
    ir.DataType.UINT8: "uint8",
    ir.DataType.INT32: "int32",
    ir.DataType.INT64: "int64",
}


MEMORY = (
    "weights_bytes",
    "state_bytes",
    "scratch_bytes",
    "scratch_lower_bound_bytes",
    "code_bytes",
    "moved_bytes_per_hop",
    "moved_bytes_imported",
)


def describe(model: Model, target: str) -> Manifest:
    """Return a manifest with inputs, outputs, stream and quantization; the rest is for the target."""
    stream = _stream(model)
    noises = tuple(drawn_input(row, stream) for row in model.noises)
    manifest = Manifest(
        target=target,
        source={"name": model.source.name, "sha256": model.source.sha256},
        inputs=(*_tensors(model, model.ir.graph.inputs, stream, {}), *noises),
        outputs=tuple(_tensors(model, model.ir.graph.outputs, stream, _delays(model))),
        stream=stream,
        memory=dict.fromkeys(MEMORY),
        macs_per_hop=0,
        macs_int8=0,
        macs_int16=0,
        macs_float=0,
        quantization=_quantization(model),
        streaming=_streaming_facts(model),
        sampler=None if (table := model.sampler) is None else table.facts(),
        until=None if (until := model.until) is None else asdict(until),
        decide=model.decide,
        noise=_noise(model),
    )
    if model.device_rate_hz is None:
        return manifest
    return replace(manifest, device=device_facts(manifest, model.device_rate_hz))


def _tensors(
    model: Model, values: Iterable[ir.Value], stream: JsonObject, delays: Mapping[str, int | None]
) -> Iterator[Tensor]:
    """Yield the manifest's rows of inputs or outputs; `delays` of these in samples, where they have one."""
    times = {name: Timing(**vars(timing)) for name, timing in model.timing.items()}
    roles = dict.fromkeys(model.constants, "constant") | dict.fromkeys(model.controls, "control")
    roles |= {name: "state" for pair in model.states for name in (pair.input, pair.output)}
    for value in values:
        name = str(value.name)
        plain = Tensor(name, dims(value), _dtype(value), roles.get(name, "stream"), times.get(name))
        yield with_port(plain, model.layouts.get(name), stream, delays.get(name))


def _delays(model: Model) -> dict[str, int | None]:
    """Samples that each output is late."""
    rows = () if model.streaming is None else model.streaming.outputs
    delays = {str(value.name): model.stream.delay_samples for value in model.stream_outputs}
    return {**delays, **{row.name: row.delay_samples for row in rows}}


def drawn_input(row: Noise, stream: JsonObject) -> Tensor:
    """An input that the build draws."""
    layout = None if row.layout is None else parse_layout(row.layout)
    return with_port(Tensor(row.name, row.shape, "float32", "noise"), layout, stream)


def _noise(model: Model) -> JsonObject | None:
    if not (rows := model.noises):
        return None
    return {
        "generator": GENERATOR,
        "seed": 0,
        "inputs": {row.name: row.distribution for row in rows},
        "states": {row.name: row.state for row in rows},
    }


def _dtype(value: ir.Value) -> str:
    assert value.dtype is not None
    return DTYPES[value.dtype]


def _stream(model: Model) -> dict[str, int | float | str | None]:
    hop, rate, delay = (
        model.stream.hop_samples,
        model.stream.sample_rate_hz,
        model.stream.delay_samples,
    )
    outputs = model.streaming.outputs if model.streaming else ()
    waiting = max((output.waiting_samples for output in outputs), default=delay)
    latency = None if hop is None or waiting is None else hop + waiting
    return {
        "hop_samples": hop,
        "sample_rate_hz": rate,
        "delay_samples": delay,
        "latency_samples": latency,
        "latency_ms": None if latency is None or rate is None else round(latency * 1000 / rate, 3),
        "minimum_hop_samples": model.stream.minimum_hop_samples,
        "end_state": model.end_state,
    }


def _streaming_facts(model: Model) -> dict[str, list[JsonObject]] | None:
    if (facts := model.streaming) is None:
        return None
    tensors = [{**asdict(tensor), "states": list(tensor.states)} for tensor in facts.tensors]
    found = {"outputs": [asdict(output) for output in facts.outputs], "tensors": tensors}
    if (replaced := model.replaced) is not None:
        found["replaced"] = [asdict(row) for row in replaced.nodes]
        found["distances"] = [asdict(row) for row in replaced.distances]
    return found


def _quantization(model: Model) -> JsonObject:
    """Return counts of activations by stored type, in the integer graph, and the tensors with a scale per hop."""
    graph = to_integer(model).ir.graph
    values = [*graph.inputs, *(v for node in graph for v in named_outputs(node))]
    stored = [DTYPES[v.dtype] for v in values if v.dtype in DTYPES]
    return {
        "recipe": model.quantization.recipe,
        "calibrated_on": model.quantization.calibrated_on,
        "tensors_int8": stored.count("int8"),
        "tensors_int16": stored.count("int16"),
        "tensors_float": stored.count("float32"),
        "hop_scales": [
            node.metadata_props[HOP_SCALE]
            for node in model.ir.graph
            if HOP_SCALE in node.metadata_props
        ],
    }
