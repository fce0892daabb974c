"""`from_onnx`: an .onnx file of unknown origin becomes a checked, simplified, verified `Model`."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem, UsageError, VerificationError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.sampler_table import StepTable
from edgekit.export.double import double_runner
from edgekit.export.frontend.spec import parse_specs
from edgekit.export.hop_runner import Arrays, source_runner
from edgekit.export.onnx_file.constants import Constants
from edgekit.export.onnx_file.dynamic_integers import in_float
from edgekit.export.onnx_file.external import self_contained
from edgekit.export.onnx_file.file_checks import MAX_BYTES, load, runnable
from edgekit.export.onnx_file.session_constants import declare_constants, declare_controls
from edgekit.export.onnx_file.states import (
    find_states,
    longer_than_hop,
    other_shapes,
    possible_states,
    restarting_cells,
)
from edgekit.export.onnx_file.zipmap import as_columns
from edgekit.export.own_operators.functions import with_bodies
from edgekit.export.read_onnx import read_graph
from edgekit.export.stream.saved_facts import (
    end_state_fact,
    layouts_fact,
    noises_fact,
    replaced_fact,
    streaming_fact,
    timing_fact,
)
from edgekit.export.verify import verify_import
from edgekit.graph.model import (
    SOURCE_RECIPE,
    Model,
    Quantization,
    Source,
    StatePair,
    StreamInfo,
)
from edgekit.graph.training_facts import TrainingFacts

STORED_WEIGHTS = (
    "the file's weights are integers, and its arithmetic is float: they become float32, of 4 bytes each; "
    "--recipe w8a8 or w8a16 stores them in one"
)
LARGE, LARGEST = 1e30, float(np.finfo(np.float32).max)  # the largest itself is that of masks


def from_onnx(
    path_or_bytes: str | Path | bytes,
    *,
    name: str,
    states: Iterable[tuple[str, str]] = (),
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Constants | None = None,
    session: Sequence[str] = (),
    controls: Sequence[str] = (),
    hop: int | None = None,
    sample_rate: int | None = None,
    delay: int | None = None,
    offline: bool = False,
) -> Model:
    """Import an ONNX network: float, or quantized by another tool (then it stays so).

    The integers of another tool are kept, unsigned ones shifted to signed; the recipe is then
    `SOURCE_RECIPE`.

    The file is untrusted. Its size is checked first, then ``onnx.checker`` checks it. It may point only to files in
    its folder. The result is compared with the file itself in onnxruntime.

    Args:
        path_or_bytes: the file, or its content, which then must not point to other files.
        name: recorded as the source's name.
        states: (input, output) pairs; pairs that follow from names and shapes need not be given.
        shapes: input name -> dimensions, for those that the file leaves open.
        constants: input name -> value: these inputs become constants and are folded.
        session: names of inputs that stay the same for a session.
        controls: names of inputs that hold one value per hop and may change at any hop.
        hop: samples that one call consumes.
        sample_rate: Hz.
        delay: samples; see `StreamInfo.delay_samples`.
        offline: it will be streamed, so a Scan may be a loop along time.

    Returns:
        The network at opset `OPSET` with static shapes. Facts that EdgeKit wrote into the file stay unless an argument
        replaces them.

    Raises:
        ModelError: all problems of the network.
        VerificationError: the simplified network differs from the file.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else read_file(Path(path_or_bytes))
    digest = hashlib.sha256(data).hexdigest()
    data, columns = as_columns(data)
    whole, floats = in_float(data, products=False)
    graph_model, fixed, assumed = read_graph(whole, shapes or {}, constants or {}, offline=offline)
    facts = _own_facts(graph_model)
    session = [*_facts_of_inputs(graph_model, facts, "constants"), *session]
    controls = [*_facts_of_inputs(graph_model, facts, "controls"), *controls]
    apart = [*session, *controls]
    pairs = find_states(graph_model.graph, [*states] or facts.get("states", ()), constants=apart)
    stored = _stored_weights(data, graph_model)
    notes = [*columns, *floats, *stored, *assumed]
    notes += _state_notes(graph_model.graph, pairs, apart, hop)
    model = Model(graph_model).describe(
        source=Source(name, digest),
        states=list(pairs),
        stream=stream_info(hop, sample_rate, delay, facts.get("stream", StreamInfo())),
        constants=[],
        notes=notes,
    )
    model = _declare_facts(model, facts, session, controls)
    _verify(data, fixed, model, rounds=bool(floats))
    return model


def _state_notes(
    graph: ir.Graph, pairs: Sequence[StatePair], apart: Sequence[str], hop: int | None
) -> list[str]:
    """Return notes on what a network may carry from call to call, other than its pairs of states."""
    return [
        *restarting_cells(graph),
        *other_shapes(graph, pairs),
        *possible_states(graph, pairs, apart),
        *longer_than_hop(graph, pairs, hop),
    ]


def _stored_weights(data: bytes, model: ir.Model) -> list[str]:
    """Return a note where a file stores weights as integers, and all arithmetic is float."""
    return [STORED_WEIGHTS] if b"DequantizeLinear" in data and not _is_quantized(model) else []


def _declare_facts(
    model: Model, facts: JsonObject, session: Sequence[str], controls: Sequence[str]
) -> Model:
    """Declare constants and controls, and the recipe of a network that another tool quantized."""
    if "controls" in facts:
        model = model.describe(controls=[])
    model = declare_controls(declare_constants(model, session), controls)
    if "quantization" not in facts and _is_quantized(model.ir):
        model = model.describe(quantization=Quantization(SOURCE_RECIPE))
    return model


def _facts_of_inputs(model: ir.Model, facts: JsonObject, key: str) -> list[str]:
    """Return the names in the file's facts that are inputs of the network."""
    inputs = {str(value.name) for value in model.graph.inputs}
    return [name for name in facts.get(key, ()) if name in inputs]


def _verify(data: bytes, fixed: Arrays, model: Model, *, rounds: bool = False) -> None:
    """Compare a model with its file, whose `fixed` inputs became constants; `rounds`: the file alone rounds."""
    whole = with_bodies(runnable(data))
    names = [str(value.name) for value in model.ir.graph.outputs]

    def reference(running: Callable[[Arrays], Arrays]) -> Callable[[Arrays], Arrays]:
        # by place: an output of the file that is an input has another name in the model
        return lambda feed: dict(zip(names, running(feed | fixed).values(), strict=False))

    try:
        verify_import(
            reference(source_runner(whole)),
            model,
            exact=None if rounds else lambda: reference(double_runner(whole)),
            rounds=rounds,
        )
    except VerificationError as error:
        if drowning := _dominant_weight_problems(load(data)):
            raise ModelError(drowning) from error
        raise


def _dominant_weight_problems(proto: onnx.ModelProto) -> list[Problem]:
    """Return problems of weights so large that float32 loses any addend, so that the order of sums matters."""
    found = [
        f"attribute '{attribute.name}' of {node.op_type} '{node.name}'"
        for node in proto.graph.node
        for attribute in node.attribute
        if LARGE < abs(attribute.f) < LARGEST
    ]
    for tensor in proto.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            sizes = np.abs(onnx.numpy_helper.to_array(tensor))
            if np.any((sizes > LARGE) & (sizes < LARGEST)):
                found.append(f"weight '{tensor.name}'")
    return [
        Problem(
            name,
            "values beyond 1e30 in a network that is not the same after its import",
            "weights to which float32 can still add the other operands",
            "check the file: it may be damaged",
        )
        for name in found
    ]


def input_names(path: str | Path) -> frozenset[str]:
    """Return the names of the inputs of an ONNX file.

    Raises:
        ModelError: no readable, valid ONNX file.
    """
    return frozenset(value.name for value in load(read_file(Path(path))).graph.input)


def _is_quantized(model: ir.Model) -> bool:
    return any(n.op_type in ("QuantizeLinear", "DequantizeLinear") for n in model.graph)


def stream_info(
    hop: int | None, sample_rate: int | None, delay: int | None, known: StreamInfo | None = None
) -> StreamInfo:
    """Return the stream facts, the given ones before the `known` ones.

    Raises:
        UsageError: a hop or rate below 1, or a negative delay.
    """
    known = known or StreamInfo()
    facts = (("--hop", hop, 1), ("--sample-rate", sample_rate, 1), ("delay", delay, 0))
    problems = [
        Problem(where, str(number), f"a whole number from {least}", "correct the value")
        for where, number, least in facts
        if number is not None and number < least
    ]
    if problems:
        raise UsageError(problems)
    return StreamInfo(
        known.hop_samples if hop is None else hop,
        known.sample_rate_hz if sample_rate is None else sample_rate,
        known.delay_samples if delay is None else delay,
        known.minimum_hop_samples,
    )


LFS = b"version https://git-lfs"


def read_file(path: Path) -> bytes:
    """Return the content of an .onnx file, including the data of its external files.

    Raises:
        ModelError: not readable, too large, or data outside its folder.
    """
    return self_contained(read_content(path), path.parent)


def read_content(path: Path) -> bytes:
    """Return the content of a network's file.

    Raises:
        ModelError: not readable, empty, or too large.
    """
    kind = path.suffix.lower()
    try:
        size = path.stat().st_size
        if size > MAX_BYTES or not path.is_file():
            raise ModelError(
                Problem(
                    f"file '{path}'",
                    f"{size} bytes" if path.is_file() else "not a file",
                    f"one {kind} file of at most {MAX_BYTES} bytes",
                    "give another file",
                )
            )
        data = path.read_bytes()
        if not data:
            step = "copy or export it again"
            raise ModelError(Problem(f"file '{path}'", "empty", f"a complete {kind} file", step))
        if data.startswith(LFS):
            found, step = "a pointer of Git LFS, not the file itself", "git lfs pull"
            raise ModelError(Problem(f"file '{path}'", found, f"a complete {kind} file", step))
        return data
    except OSError as error:
        raise ModelError(
            Problem(
                f"file '{path}'", str(error.strerror), f"a readable {kind} file", "check the path"
            )
        ) from error


def _own_facts(model: ir.Model) -> JsonObject:
    """Return the facts in the file's metadata that are well-formed, and drop all others from it."""
    parsed: JsonObject = {}
    for key in _FACTS:
        text = model.metadata_props.get(f"edgekit.{key}", "null")
        try:
            parsed[key] = _FACTS[key](json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError):
            parsed[key] = None
    for key in list(model.metadata_props):
        if parsed.get(key.removeprefix("edgekit.")) is None:
            del model.metadata_props[key]
    return {key: fact for key, fact in parsed.items() if fact is not None}


def _states_fact(content: Json) -> list[tuple[str, str]] | None:
    return content and [(str(pair["input"]), str(pair["output"])) for pair in content]


def _constants_fact(content: Json) -> list[str] | None:
    return content and [str(name) for name in content]


def _stream_fact(content: Json) -> StreamInfo | None:
    if content is None:
        return None
    info = StreamInfo(**content)
    if any(type(fact) not in (int, type(None)) for fact in vars(info).values()):
        raise TypeError("stream facts are whole numbers")
    return stream_info(info.hop_samples, info.sample_rate_hz, info.delay_samples, info)


def _frontend_fact(content: Json) -> str | None:
    if content is None:
        return None
    if not isinstance(content, str):
        raise TypeError("not a front end")
    parse_specs(content)
    return content


def _quantization_fact(content: Json) -> JsonObject | None:
    if content is not None and not (
        isinstance(content, dict)
        and isinstance(content.get("recipe"), str)
        and isinstance(content.get("calibrated_on"), str | None)
        and set(content) <= {"recipe", "calibrated_on"}
    ):
        raise TypeError("not a quantization")
    return dict(content) if content else None


def _trained_fact(content: Json) -> JsonObject | None:
    return content and vars(TrainingFacts.of(content))


_FACTS: JsonObject = {
    "states": _states_fact,
    "constants": _constants_fact,
    "controls": _constants_fact,
    "stream": _stream_fact,
    "frontend": _frontend_fact,
    "quantization": _quantization_fact,
    "moved_bytes": int,  # of this import: the pass that counts has replaced what the file claims
    "timing": timing_fact,
    "layouts": layouts_fact,
    "noises": noises_fact,
    "end_state": end_state_fact,
    "streaming": streaming_fact,
    "replaced": replaced_fact,
    "sampler": lambda content: content and StepTable.from_facts(content).facts(),
    "trained": _trained_fact,
}
