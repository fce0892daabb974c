"""`Manifest`: the facts of a build, as written to manifest.json (schema 1)."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.base.errors import Problem, UsageError
from edgekit.base.sampler_table import StepTable
from edgekit.runtime.build_folder.manifest_check import checked_manifest

SCHEMA = 1
MANIFEST_NAME = "manifest.json"
NETWORKS_FOLDER = (
    "networks"  # of a build: its sampler's other networks, a folder with a manifest each
)
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
    """One input or output of a call: `role` is ``stream``, ``state`` or ``constant``."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    role: str
    time: Timing | None = None


@dataclass(frozen=True)
class Manifest:
    """The facts of a build: bytes and samples unless the name says otherwise; unknown is None.

    The dictionaries have the keys of manifest.json: `stream` hop_samples, sample_rate_hz, delay_samples,
    latency_samples, latency_ms, minimum_hop_samples, end_state (the state input that the end of a stream sets);
    `memory` weights_bytes, state_bytes, scratch_bytes, scratch_lower_bound_bytes, code_bytes,
    moved_bytes_per_hop (what the build copies), moved_bytes_imported (what the operators of the source move,
    and its states); `verification` by, hops, snr_db, max_abs_error, bit_exact_with_oracle; `quantization`
    recipe, calibrated_on, tensors_int8, tensors_int16, tensors_float, notes (what the user should know of the
    calibration); `streaming`, of an offline network that was rewritten to hops, outputs (a list of name,
    delay_samples, caused_by) and tensors (a list of name, node, axis, rate in frames per sample, delay_frames,
    states, state_bytes as float32); `session`, of a network with session constants, what it computes once per
    session and not per hop: parameters, macs; `sampler`, of a denoiser with one, its step table as
    `edgekit.base.sampler_table.StepTable.facts` writes it; `until`, of a step that is iterated, output, tolerance and
    most, as `edgekit.base.until.Until`; `files`, of a finished build, the digest of every other file by its name;
    `digest` is that of the emitted ones alone.
    """

    target: str
    source: dict[str, str]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    stream: dict[str, Any]
    memory: dict[str, int | None]
    macs_per_hop: int
    macs_int8: int
    macs_int16: int
    macs_float: int
    quantization: dict[str, Any]
    verification: dict[str, Any] | None = None
    tools: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    streaming: dict[str, list[dict[str, Any]]] | None = None
    session: dict[str, int] | None = None
    sampler: dict[str, Any] | None = None
    until: dict[str, Any] | None = None
    engine: dict[str, Any] | None = None
    npu: dict[str, Any] | None = None
    files: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA
    edgekit: str = __version__

    @property
    def unit(self) -> str:
        """What one run of the network is: a ``hop``, a ``call`` of a denoiser, or an engine's ``picture``."""
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
    def steps(self) -> StepTable | None:
        """The sampler, where the build has one."""
        return None if self.sampler is None else StepTable.from_facts(self.sampler)

    @property
    def c_name(self) -> str:
        """The prefix of the build's C symbols and file names: the source's name in C."""
        return c_identifier(self.source["name"])

    @property
    def stream_inputs(self) -> tuple[Tensor, ...]:
        """What the caller hands over each hop, in order."""
        return tuple(tensor for tensor in self.inputs if tensor.role == "stream")

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """What the caller hands over once per session, in order."""
        return tuple(tensor for tensor in self.inputs if tensor.role == "constant")

    @property
    def stream_outputs(self) -> tuple[Tensor, ...]:
        """What the caller gets back each hop, in order."""
        return tuple(tensor for tensor in self.outputs if tensor.role == "stream")

    @property
    def is_pcm(self) -> bool:
        """Whether a call takes one mono PCM hop and gives one back."""
        outputs = self.stream_outputs
        return self.takes_pcm and len(outputs) == 1 and self._is_audio(outputs[0])

    @property
    def takes_pcm(self) -> bool:
        """Whether a call takes one mono PCM hop, whatever it gives."""
        return len(self.stream_inputs) == 1 and self._is_audio(self.stream_inputs[0])

    def _is_audio(self, tensor: Tensor) -> bool:
        """Whether all axes but the last are 1, and the last is one hop of samples."""
        hop = self.stream.get("hop_samples")
        last = tensor.shape[-1:] == (hop,) and len(tensor.shape) > 1
        return last and set(tensor.shape[:-1]) == {1} and tensor.dtype == "float32"

    @staticmethod
    def from_json(text: str, where: str = MANIFEST_NAME) -> "Manifest":
        """Read what `to_json` wrote; the text is not trusted.

        Raises:
            UsageError: naming `where` and every key that is missing or has a value that cannot be.
        """
        return Manifest(**checked_manifest(text, where, SCHEMA, _tensor))

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
            found = error.strerror or "cannot be read"
            raise UsageError(
                Problem(f"build '{directory}'", f"{MANIFEST_NAME}: {found}", "a build folder", hint)
            ) from error
        return Manifest.from_json(text, str(path))

    def to_json(self) -> str:
        """Return the text of manifest.json; keys in the order of the contract."""
        facts = asdict(self)
        order = ("schema", "edgekit", "target", "digest", "source", "inputs", "outputs", "stream",
                 "streaming", "session", "sampler", "until", "engine", "npu", "memory", "macs_per_hop", "macs_int8",
                 "macs_int16", "macs_float", "verification", "quantization", "tools", "files")  # fmt: skip
        known = {key: facts[key] for key in order if key != "files" or self.files}
        return json.dumps(known, indent=2) + "\n"


def _tensor(row: dict[str, Any]) -> Tensor:
    time = row.get("time")
    timing = None if time is None else Timing(**time)
    return Tensor(row["name"], tuple(row["shape"]), row["dtype"], row["role"], timing)


RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long main register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while and bool catch class delete explicit export false friend
    mutable namespace new not operator or private protected public template this throw true try
    typename using virtual xor memcpy memset edgekit net size state""".split()  # noqa: SIM905
)


def c_identifier(name: str) -> str:
    """Turn any name into a lower-case C identifier, neither a keyword nor one of the library's."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    free = text[:1].isalpha() and text not in RESERVED and not text.startswith("ek_")
    return text if free else f"net_{text}".rstrip("_")


def counted(number: int, noun: str) -> str:
    """Return ``1 hop``, ``2 hops``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
