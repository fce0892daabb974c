"""`Model`: an ordinary ONNX network plus facts beyond ONNX, kept in its metadata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import onnx_ir as ir
from onnx_ir import Value

from edgekit.base.decide import DETECTED, LABEL
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.layout import Layout, parse_layout
from edgekit.base.sampler_table import StepTable
from edgekit.base.until import Until
from edgekit.graph.noises import Noise
from edgekit.graph.training_facts import TrainingFacts

OPSET = 21  # the first one whose QuantizeLinear knows int16
SOURCE_RECIPE = "source"  # of a network that another tool quantized
FRONTEND_DOMAIN = "edgekit"
SSM = "DiagonalSSM"  # the operator of this domain that `edgekit.export.own_operators.ssm` marks
LOOP = "Loop"  # start of the operators' names of this domain that `edgekit.export.loops` makes, as Loop.0
FLOAT_NODE = "edgekit.keep_float"  # node metadata: the quantizer leaves this node in float
ROUNDABLE = "edgekit.roundable"  # metadata of a state: a recipe may keep it in int16, though float computes it
TFLITE = "edgekit.tflite"  # of an average or sum of int8 of a .tflite: it rounds as LiteRT does
WITHIN_HOP = "edgekit.within_hop"  # of a recurrent cell: its layer also reads the sequence backward


@dataclass(frozen=True)
class StatePair:
    """A state: graph output `output` of one hop is graph input `input` of the next; both start at zero."""

    input: str
    output: str


@dataclass(frozen=True)
class StreamInfo:
    """Relation of the network to a sample stream; unknown fields are None.

    Attributes:
        hop_samples: samples that one call consumes.
        sample_rate_hz: samples per second.
        delay_samples: shift of the output stream, ``y_stream[n] = y_offline[n - delay]``.
        minimum_hop_samples: the whole stream must be a multiple of this.
    """

    hop_samples: int | None = None
    sample_rate_hz: int | None = None
    delay_samples: int | None = None
    minimum_hop_samples: int | None = None


@dataclass(frozen=True)
class Timing:
    """Relation of one input or output of a hop to that of the offline network.

    With F frames in a hop, hop h holds the offline frames ``[h * F - delay, (h + 1) * F - delay)``; the
    offline tensor has ``F / hop_samples * samples + offset`` frames.

    Attributes:
        axis: the time axis.
        delay_frames: the shift.
        offset_frames: the offset above, as of a convolution without padding (negative).
    """

    axis: int
    delay_frames: int = 0
    offset_frames: int = 0


@dataclass(frozen=True)
class TensorTime:
    """Relation of a tensor of a streamed network to its input.

    Attributes:
        name: in the offline network.
        node: the node that makes it; None for an input.
        axis: of time.
        rate: its frames per sample, as ``"1/2"``.
        delay_frames: below 0 if frames are known before their time.
        states: names of the state inputs that are kept from hop to hop because of it.
        state_bytes: of these, as float32.
    """

    name: str
    node: str | None
    axis: int
    rate: str
    delay_frames: int
    states: tuple[str, ...]
    state_bytes: int


@dataclass(frozen=True)
class OutputDelay:
    """The delay of an output in samples of the input, rounded up, and the node where it last grew.

    Part of the delay, `crop_samples`, comes from frames that the output lacks, as after convolutions without padding:
    its frame 0 belongs to a later time. It adds no waiting time: the last frame comes ``delay_samples -
    crop_samples`` after the last sample.
    """

    name: str
    delay_samples: int
    caused_by: str | None
    crop_samples: int = 0

    @property
    def waiting_samples(self) -> int:
        """Samples between the last sample of a recording and its last frame."""
        return max(self.delay_samples - self.crop_samples, 0)


@dataclass(frozen=True)
class StreamingFacts:
    """Results of the rewrite to hops: every output but the states, every tensor that carries time."""

    outputs: tuple[OutputDelay, ...]
    tensors: tuple[TensorTime, ...]


@dataclass(frozen=True)
class ReplacedNode:
    """A node of the offline network that was replaced by another form.

    Attributes:
        kind: its original kind: ``pad``, ``mean``, ``norm``, ``max``, ``attention`` or ``stft``.
        form: its new form, as on the command line: ``mean=window:100``.
        operator: of the node.
        node: its name.
        module: of the user's module that it stands in; None if the file does not state it.
    """

    kind: str
    form: str
    operator: str
    node: str
    module: str | None = None


@dataclass(frozen=True)
class Distance:
    """Difference between an output of the network with replaced nodes and the original, over whole recordings.

    Attributes:
        output: its name.
        snr_db: None if both are equal, or the original is silent.
        max_error: the largest difference.
        peak: the largest value of the original.
        of: the data of the measurement: ``examples``, ``calibration`` or ``noise``.
    """

    output: str
    snr_db: float | None
    max_error: float
    peak: float
    of: str


@dataclass(frozen=True)
class Replacements:
    """Replaced nodes of an offline network before its rewrite to hops, and its distance from the original."""

    nodes: tuple[ReplacedNode, ...]
    distances: tuple[Distance, ...]


@dataclass(frozen=True)
class Source:
    """Origin of a model: its `name` (no path) and the `sha256` of the imported ONNX bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Quantization:
    """Quantization of a model: the `recipe` and the last path component of the calibration source."""

    recipe: str
    calibrated_on: str | None = None


@dataclass(frozen=True)
class Model:
    """A network with static shapes, as one ONNX graph at opset `OPSET`.

    The facts below live in ``ir.metadata_props`` under ``edgekit.*``, so a saved model keeps them and
    still opens in any ONNX tool. Values are never changed in place: passes return a new `Model`.

    Attributes:
        ir: the graph, and the facts.
        networks: the other networks of a denoiser's sampler, by role; no file holds them, and passes leave them out.
    """

    ir: ir.Model
    networks: Mapping[str, "Model"] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """Name and digest of the imported network."""
        return Source(**self._load("source", {"name": "model", "sha256": ""}))

    @property
    def states(self) -> tuple[StatePair, ...]:
        """The state pairs, in the order of the graph's inputs."""
        return tuple(StatePair(**pair) for pair in self._load("states", []))

    @property
    def stream(self) -> StreamInfo:
        """Hop, rate and delay."""
        return StreamInfo(**self._load("stream", {}))

    @property
    def timing(self) -> dict[str, Timing]:
        """Time axes of stream inputs and outputs, by name, if known."""
        return {name: Timing(**facts) for name, facts in self._load("timing", {}).items()}

    @property
    def layouts(self) -> dict[str, Layout]:
        """Declared axes of inputs and outputs, by name."""
        return {name: parse_layout(text) for name, text in self._load("layouts", {}).items()}

    @property
    def end_state(self) -> str | None:
        """State input that holds the number of samples after the end of the stream so far.

        It is 0 before the end. The caller of the hops sets it once, before the hop in which the stream ends. The
        network counts on from there, so that frames after the end read as zero.
        """
        end: str | None = self._load("end_state", None)
        return end

    @property
    def streaming(self) -> StreamingFacts | None:
        """Results of the rewrite to hops; None if the network was given in streaming form."""
        facts = self._load("streaming", None)
        return facts and StreamingFacts(
            tuple(OutputDelay(**output) for output in facts["outputs"]),
            tuple(
                TensorTime(**{**tensor, "states": tuple(tensor["states"])})
                for tensor in facts["tensors"]
            ),
        )

    @property
    def most_hops(self) -> int | None:
        """Hops of the longest recording, if the stream equals its source up to a declared end only."""
        hops: int | None = self._load("most_hops", None)
        return hops

    @property
    def replaced(self) -> Replacements | None:
        """Replaced nodes of the offline network; None if there are none."""
        facts = self._load("replaced", None)
        return facts and Replacements(
            tuple(ReplacedNode(**row) for row in facts["nodes"]),
            tuple(Distance(**row) for row in facts["distances"]),
        )

    @property
    def frontend(self) -> str | None:
        """Specification ``stft:...`` or ``frame:...`` of a PCM front end, if there is one."""
        frontend: str | None = self._load("frontend", None)
        return frontend

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions of the import that the user should know."""
        return tuple(self._load("notes", []))

    @property
    def sampler(self) -> StepTable | None:
        """Step table of a denoiser, see `edgekit.export.diffusion.description`; None without one."""
        facts = self._load("sampler", None)
        return None if facts is None else StepTable.from_facts(facts)

    @property
    def until(self) -> Until | None:
        """Condition on which its calls have settled, if it is a step that is iterated."""
        facts = self._load("until", None)
        return None if facts is None else Until(**facts)

    @property
    def decide(self) -> JsonObject | None:
        """Decision on its scores, added by `edgekit.export.decide`: ``text``, and ``labels``."""
        facts: JsonObject | None = self._load("decide", None)
        return facts

    @property
    def trained(self) -> TrainingFacts:
        """Training facts of a denoiser."""
        return TrainingFacts(**self._load("trained", {}))

    @property
    def moved_bytes(self) -> int | None:
        """Bytes that the operators of the imported network move, see `passes.count_moves`; None if not counted."""
        moved: int | None = self._load("moved_bytes", None)
        return moved

    @property
    def quantization(self) -> Quantization:
        """Recipe of the model; ``float32`` without quantization."""
        return Quantization(**self._load("quantization", {"recipe": "float32"}))

    @property
    def dense(self) -> bool:
        """Whether N:M sparse weights are stored whole, as its recipe states."""
        return bool(self._load("dense", False))

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the inputs that stay the same for a session, as an embedding of a speaker."""
        return tuple(self._load("constants", []))

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the stream inputs that hold one value per hop and may change at any hop, as a knob."""
        return tuple(self._load("controls", []))

    @property
    def hops_alone(self) -> bool:
        """Whether each hop is computed alone, though hops follow one another: a network of windows."""
        return bool(self._load("hops_alone", False))

    @property
    def noises(self) -> tuple[Noise, ...]:
        """Inputs that the build draws itself, by the number of their noise; they are no graph inputs."""
        return tuple(Noise(**r | {"shape": tuple(r["shape"])}) for r in self._load("noises", []))

    @property
    def device_rate_hz(self) -> int | None:
        """Samples per second of the sound device that feeds the network; None if the network has its own rate."""
        rate: int | None = self._load("device_rate_hz", None)
        return rate

    @property
    def given_inputs(self) -> tuple[Value, ...]:
        """The graph inputs that are not states, in order: stream inputs and session constants."""
        states = {pair.input for pair in self.states}
        return tuple(value for value in self.ir.graph.inputs if value.name not in states)

    @property
    def stream_inputs(self) -> tuple[Value, ...]:
        """Graph inputs with new values in every hop, in order."""
        constants = set(self.constants)
        return tuple(value for value in self.given_inputs if value.name not in constants)

    @property
    def signal_inputs(self) -> tuple[Value, ...]:
        """Stream inputs that are no controls, in order; all of them if there are only controls."""
        controls, streams = set(self.controls), self.stream_inputs
        return tuple(value for value in streams if value.name not in controls) or streams

    @property
    def constant_inputs(self) -> tuple[Value, ...]:
        """The graph inputs that stay the same for a session, in order."""
        constants = set(self.constants)
        return tuple(value for value in self.given_inputs if value.name in constants)

    @property
    def stream_outputs(self) -> tuple[Value, ...]:
        """The graph outputs that are not states, in order."""
        states = {pair.output for pair in self.states}
        return tuple(value for value in self.ir.graph.outputs if value.name not in states)

    @property
    def measured_outputs(self) -> tuple[str, ...]:
        """Stream outputs with a distance to another build's: no decisions, which are right or wrong."""
        decisions = () if self.decide is None else (DETECTED, LABEL)
        names = (str(value.name) for value in self.stream_outputs)
        return tuple(name for name in names if name not in decisions)

    def describe(self, **facts: object) -> "Model":
        """Return a copy with facts replaced; they are named as the properties above."""
        model = self.ir.clone()
        for key, value in facts.items():
            model.metadata_props[f"edgekit.{key}"] = json.dumps(value, default=vars, sort_keys=True)
        return replace(self, ir=model)

    def to_bytes(self) -> bytes:
        """Serialize to ONNX; the same model has the same bytes."""
        return bytes(ir.to_proto(self.ir).SerializeToString(deterministic=True))

    @staticmethod
    def from_bytes(data: bytes) -> "Model":
        """Read the bytes of `to_bytes` (for files of other tools use `from_onnx`, which checks them)."""
        import onnx

        return Model(ir.from_proto(onnx.load_model_from_string(data)))

    def save(self, path: Path) -> None:
        """Write one .onnx file."""
        path.write_bytes(self.to_bytes())

    def _load(self, key: str, default: Json) -> Json:
        text = self.ir.metadata_props.get(f"edgekit.{key}")
        return default if text is None else json.loads(text)
