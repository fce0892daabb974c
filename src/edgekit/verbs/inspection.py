"""The facts of a build folder, or of a network that is not built yet."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.output import output_problem, replacement_path
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest
from edgekit.verbs.export.importing import ImportOptions, find_code, load_model, source_problems

if TYPE_CHECKING:
    from edgekit.graph.model import Model

MODEL_TARGET = "host"  # what a network's memory and work are counted for
MAX_REPORT_BYTES = 64_000_000


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        kind: ``build`` or ``model``.
        manifest: the build's; or that of the network lowered for `MODEL_TARGET`, not verified;
            None where the target does not support the network.
        operators: how often a network holds each operator.
        problems: what keeps a network from being lowered.
        streaming: of an offline network that was rewritten to hops, or its build: `outputs` and
            `tensors` as in `Manifest.streaming`; of a network also what `streaming_facts` tells.
        sample_rate_hz: None where it is not known.
        page: a report as HTML; None where there is no manifest.
    """

    kind: str
    manifest: Manifest | None
    operators: dict[str, int]
    problems: tuple[Problem, ...]
    streaming: JsonObject | None
    sample_rate_hz: int | None
    page: str | None

    def to_dict(self) -> JsonObject:
        """Return all but the page, for JSON."""
        return {
            "kind": self.kind,
            "manifest": None if self.manifest is None else asdict(self.manifest),
            "operators": self.operators,
            "problems": [asdict(problem) for problem in self.problems],
            "streaming": self.streaming,
        }


def inspect(source: str, html: Path | None = None) -> Inspection:
    """See `edgekit.api.inspect`."""
    path = Path(source)
    if html is not None and (problem := output_problem(html, path)):
        raise UsageError(problem)
    found = _build(path) if path.is_dir() else _network(source)
    if html is None:
        return found
    if found.page is None:
        step = "see what `edgekit inspect` lists"
        raise UsageError(Problem(f"'{source}'", "no report", "a build or supported network", step))
    with replacement_path(html, path) as temporary:
        temporary.write_text(found.page, encoding="utf-8")
    return found


def _build(directory: Path) -> Inspection:
    manifest = open_build(directory)
    report = directory / "report.html"
    page = None
    if report.is_file() and report.stat().st_size <= MAX_REPORT_BYTES:
        page = report.read_text(encoding="utf-8", errors="replace")
    rate = manifest.stream["sample_rate_hz"]
    return Inspection("build", manifest, {}, (), manifest.streaming, rate, page)


def _network(source: str) -> Inspection:
    if Path(source).name == MANIFEST_NAME:
        step = "give the folder around it"
        raise UsageError(Problem(f"'{source}'", "a manifest", "a build folder or a network", step))
    if ":" not in source and not Path(source).exists():
        allowed = "a build folder, package.module:factory, a .pt2 or an .onnx"
        raise UsageError(Problem(f"'{source}'", "does not exist", allowed, "check the path"))
    if unusable := source_problems(source, ImportOptions()):
        raise UsageError(unusable)
    find_code(source)
    from edgekit.targets.network import layers
    from edgekit.targets.report import render
    from edgekit.verbs.targets import TARGETS

    model = load_model(source, ImportOptions()).model
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


def operator_counts(model: "Model") -> dict[str, int]:
    """Return how often each operator occurs, the most frequent first."""
    counts = Counter(node.op_type for node in model.ir.graph)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def streaming_facts(model: "Model") -> JsonObject:
    """Return hop, delays, states and outputs of a streamed network: what `edgekit stream --json` prints."""
    from edgekit.graph.nodes import static_shape

    info, streaming = model.stream, model.streaming
    hop, delay = info.hop_samples or 0, info.delay_samples or 0
    inputs = {str(value.name): value for value in model.ir.graph.inputs}
    tensors = streaming.tensors if streaming else ()
    rates = {state: tensor.rate for tensor in tensors for state in tensor.states}
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
        "states": [
            {
                **asdict(pair),
                "shape": list(static_shape(inputs[pair.input]) or ()),
                "dtype": "float32",
                "rate": rates.get(pair.input),
            }
            for pair in model.states
        ],
        "outputs": [
            {**asdict(output), "waiting_samples": output.waiting_samples} for output in outputs
        ],
        "replaced": None if (replaced := model.replaced) is None else asdict(replaced),
    }
