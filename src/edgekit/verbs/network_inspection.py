"""Facts of a network that is not built yet: its operators, its streaming form, and its costs on a target."""

from collections import Counter
from dataclasses import asdict

from edgekit.base.json_values import JsonObject
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.targets.network import layers
from edgekit.targets.report import render
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.inspection_result import Inspection
from edgekit.verbs.targets import TARGETS

MODEL_TARGET = "host"  # the target for memory and work


def inspect_network(source: str, options: ImportOptions) -> Inspection:
    """Return the facts of a network, with those that its file does not contain.

    Raises:
        UsageError: it cannot be imported.
    """
    model = load_model(source, options).model
    operators = operator_counts(model)
    target = TARGETS[MODEL_TARGET]
    rate, streaming = model.stream.sample_rate_hz, None
    if model.streaming is not None:
        tensors = [asdict(tensor) for tensor in model.streaming.tensors]
        streaming = {**streaming_facts(model), "tensors": tensors}
    if refused := tuple(target.check(model)):
        return Inspection("model", None, operators, refused, streaming, rate, None)
    build = target.lower(model, MODEL_TARGET)
    page = render(build.manifest, build.plan, build.steps, (), network=layers(model))
    return Inspection("model", build.manifest, operators, (), streaming, rate, page)


def operator_counts(model: Model) -> dict[str, int]:
    """Return how often each operator occurs, the most frequent first."""
    counts = Counter(node.op_type for node in model.ir.graph)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def streaming_facts(model: Model) -> JsonObject:
    """Return hop, delays, states and outputs of a streamed network: the output of `edgekit stream --json`."""
    info, streaming = model.stream, model.streaming
    hop, delay = info.hop_samples or 0, info.delay_samples or 0
    outputs = streaming.outputs if streaming else ()
    latency = hop + max((output.waiting_samples for output in outputs), default=delay)
    latency_ms = info.sample_rate_hz and round(latency * 1000 / info.sample_rate_hz, 3)
    return {
        "hop_samples": hop,
        "minimum_hop_samples": info.minimum_hop_samples,
        "delay_samples": delay,
        "latency_samples": latency,
        "latency_ms": latency_ms,
        "constants": list(model.constants),
        "states": _state_facts(model),
        "outputs": [
            {**asdict(output), "waiting_samples": output.waiting_samples} for output in outputs
        ],
        "replaced": None if (replaced := model.replaced) is None else asdict(replaced),
    }


def _state_facts(model: Model) -> list[JsonObject]:
    inputs = {str(value.name): value for value in model.ir.graph.inputs}
    tensors = model.streaming.tensors if model.streaming else ()
    rates = {state: tensor.rate for tensor in tensors for state in tensor.states}
    return [
        {
            **asdict(pair),
            "shape": list(static_shape(inputs[pair.input]) or ()),
            "dtype": "float32",
            "rate": rates.get(pair.input),
        }
        for pair in model.states
    ]
