"""`Manifest`: the facts of a build, as written to manifest.json (schema 2)."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from edgekit import __version__
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import Layout, parse_layout, plain_layout
from edgekit.base.sampler_table import StepTable
from edgekit.runtime.build_folder.manifest_check import checked_manifest

SCHEMA = 2
MANIFEST_NAME = "manifest.json"
NETWORKS_FOLDER = (
    "networks"  # of a build: its sampler's other networks, a folder with a manifest each
)
PACKAGE_PREFIX = (
    "package-"  # of a build: package-zephyr and the like, copies for other build systems
)
RECORDER_FOLDER = "recorder"  # of a build: its C with a recorder, for a program that misbehaves
UPDATES_FOLDER = "updates"  # of a build: an example of how its weights are replaced
PLUGIN_FOLDERS = ("lv2", "clap")  # of a build: plug-ins around its C, which are compiled apart
BY_MODEL, BY_SCHEDULE = "by the cost model", "by a schedule"  # who chose a layer's kernel
MAX_MANIFEST_BYTES = 4_000_000


@dataclass(frozen=True)
class Timing:
    """The time axis of a tensor: hop h holds frames ``[h * F - delay, (h + 1) * F - delay)`` of a recording.

    F is the extent of `axis`; the whole recording has ``F / hop_samples * samples + offset`` frames.
    """

    axis: int
    delay_frames: int
    offset_frames: int


@dataclass(frozen=True)
class Tensor:
    """One input or output of a call. Unknown values, and those that do not apply, are None.

    Attributes:
        name: as in the network.
        shape: of one hop.
        dtype: as NumPy names it.
        role: ``stream``, ``state``, ``constant``, ``control`` or ``noise``. A control has one value or frame per hop,
            changed in flight. Noise is an input of the network that the build draws itself.
        time: the relation of the hops to a whole recording.
        layout: the meaning of each axis, see `edgekit.base.layout`.
        rate: frames per sample of the reference stream, as ``1/64``.
        frames_per_hop: the extent of the time axis.
        channels: of a stream of sound, or the extent of the channel axis.
        delay_samples: the delay of an output, in samples of the reference stream.
        sample_rate_hz: frames per second.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    role: str
    time: Timing | None = None
    layout: str | None = None
    rate: str | None = None
    frames_per_hop: int | None = None
    channels: int | None = None
    delay_samples: int | None = None
    sample_rate_hz: float | None = None

    @property
    def axes(self) -> Layout | None:
        """The layout, read."""
        return None if self.layout is None else parse_layout(self.layout)

    @property
    def pcm_channels(self) -> int | None:
        """The channels of a stream of float32 samples at the reference rate; None where it is none."""
        return self.sound_channels if self.rate == "1/1" else None

    @property
    def sound_channels(self) -> int | None:
        """The channels of a stream of float32 samples at a rate of its own; None where it is none."""
        if self.axes is None or self.frames_per_hop is None:
            return None
        is_float = self.role == "stream" and self.dtype == "float32"
        return self.axes.pcm_channels(self.shape, self.frames_per_hop) if is_float else None


def with_port(
    tensor: Tensor, declared: Layout | None, stream: JsonObject, delay_samples: int | None = None
) -> Tensor:
    """Return an input or output with the facts of its axes and its hop: schema 2's facts of a port.

    Args:
        tensor: name, shape, type, role and time.
        declared: its layout; None for that of `plain_layout`.
        stream: with hop_samples and sample_rate_hz.
        delay_samples: of an output.
    """
    if tensor.role not in ("stream", "control", "noise"):
        return tensor
    hop, hertz = stream.get("hop_samples"), stream.get("sample_rate_hz")
    time_axis = None if tensor.time is None else tensor.time.axis
    layout = declared or plain_layout(tensor.shape, time_axis, hop)
    tensor = replace(tensor, delay_samples=delay_samples)
    if layout is None:
        return tensor
    frames, channels = (
        layout.extent(letter, tensor.shape) if letter in layout.axes else None for letter in "TC"
    )
    made = replace(tensor, layout=str(layout), frames_per_hop=frames, channels=channels)
    if frames is not None and hop is not None:
        rate = Fraction(frames, hop)
        own = None if hertz is None else _plain_number(rate * hertz)
        made = replace(made, rate=f"{rate.numerator}/{rate.denominator}", sample_rate_hz=own)
    return replace(made, channels=made.channels or made.pcm_channels)


def _plain_number(value: Fraction | float) -> float:
    """A whole number as an int."""
    return int(value) if value == int(value) else float(value)


@dataclass(frozen=True)
class Manifest:
    """The facts of a build: bytes and samples unless the name says otherwise; unknown is None.

    The dictionaries have the keys of manifest.json. `stream` has hop_samples, sample_rate_hz, delay_samples,
    latency_samples, latency_ms, minimum_hop_samples, end_state (the state input that the end of a stream sets).
    `memory` has weights_bytes, state_bytes, scratch_bytes, scratch_lower_bound_bytes, code_bytes, moved_bytes_per_hop
    (copies of the build), moved_bytes_imported (moves of the source's operators, and its states). `verification` has
    by, hops, snr_db, max_abs_error, bit_exact_with_oracle, and failed if the build is not good enough (why, else it is
    missing). `quantization` has recipe, calibrated_on, tensors_int8,
    tensors_int16, tensors_float, hop_scales (the tensors with a scale that every hop computes anew), notes (for the
    user: on import, calibration, and memory that no usual part has). `streaming`, of an offline network that was
    rewritten to hops, has outputs (a list of name, delay_samples, caused_by, crop_samples: the part of the delay
    without a wait) and tensors (a list of name, node, axis, rate in frames per sample, delay_frames, states,
    state_bytes as float32), and where nodes were replaced before the rewrite, replaced (kind, form, operator, node,
    module) and distances (output, snr_db, max_error, peak, of: the distance of the outputs from the original's).
    `session`, of a network with session constants, has its parameters and macs computed once per session, not per hop.
    `sampler`, of a denoiser with one, is its step table as `edgekit.base.sampler_table.StepTable.facts` writes it.
    `until`, of a step that is iterated, has output, tolerance and most, as `edgekit.base.until.Until`. `decide`, of a
    build that decides on its scores, has its text and labels. `picture`, of an engine whose pictures have known values,
    has the text of `edgekit.base.pictures.Pictures` and labels. `noise`, of one that draws inputs itself, has its
    generator, default seed, inputs (distributions by name) and states (of each, the state that holds seed and place).
    `device`, of a build with an adapter to a sound device of another rate, has sample_rate_hz, latency_samples (of the
    device, from the microphone to the loudspeaker), latency_ms, state_bytes and filter_bytes. `board`, of one for a
    board of the user's own, has the facts of its board.toml, with used_bytes of each memory, and placed (a list of
    name, bytes, reads_per_hop, memory, stored, modelled_wait_cycles). `updates`, of one whose weights are replaced at
    run time, has network (SHA-256 of all C but the weights) and weights_bytes. `sparse`, of a network with N:M sparse
    weights, has a row for each of them: node, weights (w, or r of a recurrent product), pattern, stored (packed, bytes
    or dense), reason (why dense), bytes, dense_bytes. `kernels`, of C builds, has a row for each layer that has
    candidates: layer, operator, kernel, others (kernels that compute it too), by (`BY_SCHEDULE`, or `BY_MODEL`
    with the row of costs, for a host's processor).
    `files`, of a finished build, has the digest of every other file by its name. `digest` is that of the emitted ones
    alone.
    """

    target: str
    source: dict[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    stream: JsonObject
    memory: dict[str, int | None]
    macs_per_hop: int
    macs_int8: int
    macs_int16: int
    macs_float: int
    quantization: JsonObject
    verification: JsonObject | None = None
    tools: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    streaming: dict[str, list[JsonObject]] | None = None
    session: dict[str, int] | None = None
    sampler: JsonObject | None = None
    until: JsonObject | None = None
    decide: JsonObject | None = None
    noise: JsonObject | None = None
    engine: JsonObject | None = None
    picture: JsonObject | None = None
    npu: JsonObject | None = None
    device: JsonObject | None = None
    board: JsonObject | None = None
    updates: JsonObject | None = None
    sparse: list[JsonObject] | None = None
    kernels: list[JsonObject] | None = None
    files: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA
    edgekit: str = __version__

    @property
    def failure_notes(self) -> tuple[str, ...]:
        """The note on a build that its own export marked as failed; none for a good one."""
        failed = (self.verification or {}).get("failed")
        return () if failed is None else (f"this build failed its export: {failed}",)

    @property
    def unit(self) -> str:
        """The name of one run of the network: a ``hop``, a ``call`` of a denoiser, or an engine's ``picture``."""
        if self.engine is not None:
            return "picture"
        return "hop" if self.sampler is None else "call"

    @property
    def macs_text(self) -> str:
        """The multiply-accumulates of a hop by type, with their shares where there are several."""
        counts = {"int8": self.macs_int8, "int16": self.macs_int16, "float": self.macs_float}
        total = sum(counts.values())
        return ", ".join(
            f"{count:,} {kind}{'' if count == total else f' ({100 * count / total:.1f} %)'}"
            for kind, count in counts.items()
            if count
        )

    @property
    def sparse_text(self) -> str | None:
        """The storage of N:M sparse weights, the bytes that it saves, and the reasons why others are dense."""
        if not self.sparse:
            return None
        kept = [row for row in self.sparse if row["reason"] is None]
        saved = sum(row["dense_bytes"] - row["bytes"] for row in kept)
        forms = ", ".join(sorted({f"{row['pattern']} {row['stored']}" for row in kept}))
        stored = [f"{len(kept)} of {len(self.sparse)}: {forms}, {saved:,} bytes less"]
        reasons = sorted({str(row["reason"]) for row in self.sparse if row["reason"]})
        return "; ".join([*(stored if kept else []), *(f"dense: {why}" for why in reasons)])

    @property
    def schedule(self) -> dict[str, str]:
        """The kernels that a schedule chose, by layer."""
        rows = self.kernels or []
        return {row["layer"]: row["kernel"] for row in rows if row["by"] == BY_SCHEDULE}

    @property
    def kernels_text(self) -> str | None:
        """Return the number of layers by kernel, of those with candidates, and the number that a schedule chose."""
        if not self.kernels:
            return None
        counts = Counter(row["kernel"] for row in self.kernels)
        parts = [f"{count} x {kernel}" for kernel, count in sorted(counts.items())]
        chosen = len(self.schedule)
        return ", ".join(parts) + (f"; {chosen} {BY_SCHEDULE}" if chosen else "")

    @property
    def steps(self) -> StepTable | None:
        """The sampler, where the build has one."""
        return None if self.sampler is None else StepTable.from_facts(self.sampler)

    @property
    def c_name(self) -> str:
        """The prefix of the build's C symbols and file names: the source's name in C."""
        return c_identifier(self.source["name"])

    @property
    def stream_inputs(self) -> tuple[Tensor, ...]:
        """The streams that the caller hands over, in order."""
        return tuple(tensor for tensor in self.inputs if tensor.role == "stream")

    @property
    def hop_inputs(self) -> tuple[Tensor, ...]:
        """The inputs of a hop, in order: streams and controls."""
        return tuple(tensor for tensor in self.inputs if tensor.role in ("stream", "control"))

    @property
    def controls(self) -> tuple[Tensor, ...]:
        """The inputs that hold one value for a hop and may change at any hop, in order."""
        return tuple(tensor for tensor in self.inputs if tensor.role == "control")

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The inputs that the caller sets once per session, in order."""
        return tuple(tensor for tensor in self.inputs if tensor.role == "constant")

    @property
    def stream_outputs(self) -> tuple[Tensor, ...]:
        """The outputs that the caller gets each hop, in order."""
        return tuple(tensor for tensor in self.outputs if tensor.role == "stream")

    @property
    def sounds(self) -> tuple[Tensor, ...]:
        """The stream outputs that are sound, in order."""
        return tuple(tensor for tensor in self.stream_outputs if tensor.pcm_channels)

    @property
    def is_pcm(self) -> bool:
        """Whether a call takes a hop of PCM for each of its inputs, and has only PCM outputs."""
        outputs = self.stream_outputs
        return self.takes_pcm and bool(outputs) and all(t.pcm_channels for t in outputs)

    @property
    def takes_pcm(self) -> bool:
        """Whether a call takes hops of PCM alone, with any outputs."""
        inputs = self.stream_inputs
        return bool(inputs) and all(tensor.pcm_channels for tensor in inputs)

    @staticmethod
    def from_json(text: str, where: str = MANIFEST_NAME) -> "Manifest":
        """Read the result of `to_json`, or a manifest of schema 1; the text is not trusted.

        Raises:
            UsageError: naming `where` and every key that is missing or has an invalid value.
        """
        facts, schema = checked_manifest(text, where, (1, SCHEMA), _tensor)
        manifest = Manifest(**{**facts, "schema": SCHEMA})
        return manifest if schema == SCHEMA else _from_first(manifest)

    @staticmethod
    def load(directory: Path) -> "Manifest":
        """Read the manifest of a build folder; the file is not trusted.

        Raises:
            UsageError: no build there, or a manifest that cannot be used.
        """
        path = directory / MANIFEST_NAME
        hint = "edgekit export MODEL --target TARGET -o DIR writes one"
        try:
            size = path.stat().st_size
            if size > MAX_MANIFEST_BYTES:
                limit = f"at most {MAX_MANIFEST_BYTES} bytes"
                raise UsageError(Problem(f"file '{path}'", f"{size} bytes", limit, hint))
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(
                Problem(f"file '{path}'", "not UTF-8 text", "a manifest", hint)
            ) from error
        except OSError as error:
            found = f"{MANIFEST_NAME}: {error.strerror or 'cannot be read'}"
            if directory.is_file():
                found = "a file"
                hint = "give the folder around it" if directory.name == MANIFEST_NAME else hint
            elif not directory.exists():
                found = "does not exist"
            raise UsageError(
                Problem(f"build '{directory}'", found, "a build folder", hint)
            ) from error
        return Manifest.from_json(text, str(path))

    def to_json(self) -> str:
        """Return the text of manifest.json; keys in the order of the contract."""
        facts = asdict(self)
        order = ("schema", "edgekit", "target", "digest", "source", "inputs", "outputs", "stream",
                 "streaming", "session", "sampler", "until", "decide", "noise", "engine", "picture", "npu", "device",
                 "board", "updates", "memory", "sparse", "kernels", "macs_per_hop", "macs_int8", "macs_int16",
                 "macs_float", "verification", "quantization", "tools", "files")  # fmt: skip
        known = {key: facts[key] for key in order if key != "files" or self.files}
        return json.dumps(known, indent=2) + "\n"


def _tensor(row: JsonObject) -> Tensor:
    time = row.get("time")
    timing = None if time is None else Timing(**time)
    return Tensor(**{**row, "shape": tuple(row["shape"]), "time": timing})


def _from_first(manifest: Manifest) -> Manifest:
    """Add the facts of their ports to tensors of a schema 1 file; it had mono PCM only."""
    rows = (manifest.streaming or {}).get("outputs", [])
    delays = {row["name"]: row["delay_samples"] for row in rows}

    def ports(tensors: tuple[Tensor, ...], known: JsonObject) -> tuple[Tensor, ...]:
        return tuple(with_port(t, None, manifest.stream, known.get(t.name)) for t in tensors)

    if not rows:
        delay = manifest.stream["delay_samples"]
        delays = {tensor.name: delay for tensor in manifest.stream_outputs}
    return replace(
        manifest, inputs=ports(manifest.inputs, {}), outputs=ports(manifest.outputs, delays)
    )


RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long main register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while and bool catch class delete explicit export false friend
    mutable namespace new not operator or private protected public template this throw true try
    typename using virtual xor asm nullptr constexpr decltype noexcept memcpy memset edgekit net
    size state replay size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
    uintptr_t""".split()  # noqa: SIM905
)
OWN = ("ek_", "replay_")  # prefixes of the names of kernels and of a replay program


def c_identifier(name: str) -> str:
    """Turn any name into a lower-case C identifier, neither a keyword nor one of the library's."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    free = text[:1].isalpha() and text not in RESERVED and not text.startswith(OWN)
    return text if free else f"net_{text}".rstrip("_")


def count_text(number: int, noun: str) -> str:
    """Return ``1 hop``, ``2 hops``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
