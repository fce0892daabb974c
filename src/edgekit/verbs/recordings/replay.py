"""The verb that replays a recording against the golden network: `replay`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from struct import unpack
from zlib import crc32

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.progress import Progress, silent
from edgekit.quantize.recipe import FLOATS
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest, count_text
from edgekit.runtime.interleaved_pcm import to_hop
from edgekit.runtime.recording import (
    WEIGHTS,
    Frame,
    Recording,
    RecordingLayout,
    build_number,
    read_recording,
)
from edgekit.targets.build_files import read_model
from edgekit.verbs.recordings.differences import (
    COMPILER_DB,
    OPTIONS,
    Tolerance,
    differing_fields,
    distance_text,
    first_layer,
    ratio_db,
    tolerance_of,
)
from edgekit.verbs.recordings.golden import GoldenNetwork, HopParts, open_golden, parts_of
from edgekit.verbs.recordings.input_health import input_faults

HEALTH_HOPS = 4096  # that the look at inputs takes
MOST_FINDINGS = 20  # of single hops; `differing` counts all
STATUS = {
    -1: "a pointer is NULL, or scratch is misaligned",
    -2: "the session constants were not set",
}


@dataclass(frozen=True)
class Finding:
    """One thing that a replay found.

    Attributes:
        kind: ``transport``, ``input``, ``reset``; or a fault: ``weights``, ``status``, ``states``, ``buffer``,
            ``outputs``.
        text: a sentence or two.
        hop: the number, where it is of one.
        layer: the first that differs, where it is known.
    """

    kind: str
    text: str
    hop: int | None = None
    layer: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether the device does not compute its network."""
        return self.kind not in ("transport", "input", "reset")


@dataclass(frozen=True)
class Replay:
    """The result of a replay.

    Attributes:
        hops: recorded.
        judged: of these, compared with the golden network; the states before the others are not known.
        differing: of the judged ones.
        findings: in the order of the hops; those of the whole recording come first.
    """

    hops: int
    judged: int
    differing: int
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that say that the device does not compute its network."""
        return tuple(finding for finding in self.findings if finding.is_fault)

    @property
    def first_hop(self) -> int | None:
        """The first hop that differs."""
        return next((finding.hop for finding in self.faults if finding.hop is not None), None)

    @property
    def first_layer(self) -> str | None:
        """The first layer that differs, as far as the recording shows it."""
        return next((finding.layer for finding in self.faults if finding.layer), None)

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.faults:
            hop = self.first_hop
            where = "" if hop is None else f" from hop {hop} on"
            return f"The device does not compute what its network computes{where}."
        if not self.judged:
            return "No hop could be compared: no states before one were recorded."
        return (
            f"The device computes what its network computes, in {count_text(self.judged, 'hop')}."
        )

    def to_dict(self) -> JsonObject:
        """The JSON of ``--json``."""
        return {
            "same": not self.faults and self.judged > 0,
            "hops": self.hops,
            "judged": self.judged,
            "differing": self.differing,
            "first_hop": self.first_hop,
            "first_layer": self.first_layer,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
        }


def replay(recording: str | Path, directory: str | Path, progress: Progress = silent) -> Replay:
    """Run a device's recording against the golden network; name the first hop and layer that differ.

    Args:
        recording: a file that ``NAME_record`` of a build's ``recorder/`` wrote, or `run` with `record`.
        directory: the build that ran on the device.
        progress: gets the stage, the hops done, and all of them.

    Raises:
        UsageError: no such file or build, or a recording of another build.
        ToolError: no C compiler, or it failed.
    """
    folder = Path(directory)
    found, manifest = read_recording(Path(recording)), open_build(folder)
    layout = RecordingLayout.load(folder)
    _check_build(found, manifest, Path(recording))
    progress("compile", 0, 1)
    tolerance = tolerance_of(manifest, manifest.quantization["recipe"] not in FLOATS)
    with open_golden(read_model(folder), layout) as golden:
        walk = _Walk(golden, manifest, layout, tolerance)
        for done, frame in enumerate(found.frames, 1):
            walk.take(frame)
            progress("replay", done, len(found.frames))
    findings = (*_transport(found), *walk.input_findings(), *walk.findings)
    hops = sum(not frame.kind & WEIGHTS for frame in found.frames)
    return Replay(hops, walk.judged, walk.differing, findings)


def _check_build(found: Recording, manifest: Manifest, path: Path) -> None:
    """Refuse a recording of another build."""
    own = build_number(manifest.digest)
    if others := {frame.build for frame in found.frames} - {own}:
        listed = ", ".join(f"sha256:{number:08x}..." for number in sorted(others))
        what = Problem(
            f"recording '{path}'",
            f"of build {listed}",
            f"of this build, sha256:{own:08x}...",
            "name the build that is on the device, see `digest` in its manifest.json; or load this one there",
        )
        raise UsageError(what)


def _transport(found: Recording) -> Iterator[Finding]:
    """What is wrong with the file."""
    if found.damaged:
        text = f"{count_text(found.damaged, 'frame')} damaged: the transport lost or changed bytes."
        yield Finding("transport", text)
    if found.other_bytes:
        text = f"{count_text(found.other_bytes, 'byte')} of no whole frame, skipped."
        yield Finding("transport", text)


@dataclass
class _Walk:
    """Goes through the frames, with the golden network at the device's states where they are known."""

    golden: GoldenNetwork
    manifest: Manifest
    layout: RecordingLayout
    tolerance: Tolerance
    judged: int = 0
    differing: int = 0
    findings: list[Finding] = field(default_factory=list)
    _last: Frame | None = None
    _pending: tuple[Frame, HopParts, bytes] | None = (
        None  # a hop that differs, and the states before it
    )
    _is_known: bool = False  # whether golden has the device's states
    _outputs: dict[str, Array] = field(default_factory=dict)
    _inputs: dict[int, list[Array]] = field(default_factory=dict)
    _unknown: int = 0

    def take(self, frame: Frame) -> None:
        """Compare one frame."""
        if frame.kind & WEIGHTS:
            self._take_weights(frame)
            return
        hop = parts_of(frame, self.manifest, self.layout)
        follows = self._follows(frame)
        after = (
            hop.states
            if follows and self._last is not None and self._last.after == frame.before
            else None
        )
        self._name_pending(after)
        self._check_states(frame, hop, follows)
        if hop.states is not None:
            self.golden.load(hop.states)
            self._is_known = True
        self._remember(frame, hop)
        if frame.status:
            self._is_known = False
            why = STATUS.get(frame.status, "see the header of the build")
            self._add(
                "status",
                f"In hop {frame.number} the process function returned {frame.status}: {why}.",
                frame,
            )
        elif self._is_known:
            self._judge(frame, hop)
        self._last = frame

    def close(self) -> None:
        """Name the layer of a hop that no later one follows."""
        self._name_pending(None)

    def _take_weights(self, frame: Frame) -> None:
        """Compare the checksums of the weights; the device began anew."""
        self._name_pending(None)
        self._last, self._is_known = None, False
        sums = unpack(f"<{len(frame.payload) // 4}I", frame.payload)
        rows = [
            row
            for row, found in zip(self.layout.weights, sums, strict=False)
            if row["crc32"] != found
        ]
        if not rows:
            return
        names = ", ".join(f"{row['array']} of layer '{row['layer']}'" for row in rows[:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        text = f"Weights on the device are not those of the build: {names}{more}."
        if len(rows) > len(self.layout.weights) // 2:
            text += " Most of them differ: it has the weights of another network or of an update."
        else:
            text += " Flash or its copy in RAM is damaged, or was overwritten."
        self.findings.append(Finding("weights", text, None, rows[0]["layer"] or None))

    def _follows(self, frame: Frame) -> bool:
        """Whether a frame is that of the next hop; says so where hops are missing."""
        last = self._last
        if last is None:
            return False
        lost = frame.number - last.number - 1
        if lost > 0:
            first, end = last.number + 1, frame.number - 1
            which = f"Hop {first} is" if lost == 1 else f"Hops {first} to {end} are"
            self._add("transport", f"{which} missing: the transport lost them.", frame)
        elif lost < 0:
            self._add(
                "transport",
                f"After hop {last.number} the device began again at {frame.number}.",
                frame,
            )
        if lost:
            self._is_known = False
        return lost == 0

    def _check_states(self, frame: Frame, hop: HopParts, follows: bool) -> None:
        """See whether something else changed the states between two hops."""
        last = self._last
        if not follows or last is None or last.after == frame.before:
            return
        between = f"between hops {last.number} and {frame.number}"
        if hop.states is None:
            self._is_known = False
            self._add("states", f"The states changed {between}, and no copy was recorded.", frame)
            return
        fresh = self.golden.fresh
        exact = Tolerance(True, 0.0)
        if not differing_fields(self.golden.build.states, fresh, hop.states, exact):
            self._add("reset", f"The states were reset {between}.", frame)
            return
        rows = differing_fields(
            self.golden.build.states, self.golden.state, hop.states, self.tolerance
        )
        known = self._is_known and self._pending is None and bool(rows)
        names = ", ".join(
            f"'{row.name}' ({distance_text(own, other)})" for row, own, other in rows[:3]
        )
        what = f": {names}{f' and {len(rows) - 3} more' if len(rows) > 3 else ''}" if known else ""
        self._add(
            "states",
            f"Something else than the network changed its states {between}{what}. "
            "See what writes beyond its own memory: another task, a DMA, the stack.",
            frame,
            rows[0][0].node if known else None,
        )

    def _remember(self, frame: Frame, hop: HopParts) -> None:
        if len(self._inputs) < HEALTH_HOPS:
            inputs = hop.inputs
            if hop.short:
                ports = self.manifest.stream_inputs
                pcm = {t.name: array for t, array in zip(ports, inputs, strict=False)}
                inputs = [*to_hop(pcm, ports).values(), *inputs[len(ports) :]]
            self._inputs[frame.number] = inputs

    def _judge(self, frame: Frame, hop: HopParts) -> None:
        """Run a hop from the device's states, and compare."""
        before = self.golden.state.tobytes()
        outputs = self.golden.run(hop)
        self.judged += 1
        given = crc32(b"".join(np.ascontiguousarray(array).tobytes() for array in hop.inputs))
        wrong = [
            n for n, value in outputs.items() if not self.tolerance.fits(value, hop.outputs[n])
        ]
        same_states = not self.tolerance.exact or crc32(self.golden.state.tobytes()) == frame.after
        if given != frame.inputs_after:
            self._add(
                "buffer",
                f"The input of hop {frame.number} changed while it was computed: "
                "a DMA or an interrupt writes into the buffer that the network reads.",
                frame,
            )
        if wrong or not same_states or self._has_other_layers(hop, before):
            self.differing += 1
            self._is_known = False
            if given == frame.inputs_after:
                self._say_outputs(frame, hop, outputs, wrong)
                self._pending = frame, hop, before
        self._outputs = outputs

    def _has_other_layers(self, hop: HopParts, before: bytes) -> bool:
        """Whether a layer differs that neither outputs nor states show in this hop."""
        if hop.layers is None:
            return False
        after = self.golden.state.tobytes()
        self.golden.load(before)
        found = first_layer(self.golden, hop, None, self.tolerance)
        self.golden.load(after)
        return found is not None

    def _say_outputs(
        self, frame: Frame, hop: HopParts, outputs: dict[str, Array], wrong: Sequence[str]
    ) -> None:
        """Say how a hop differs; the layer follows once the states after it are known."""
        if not wrong:
            text = f"In hop {frame.number} the outputs are equal, and the states after it are not."
        else:
            name = wrong[0]
            golden, device = outputs[name], hop.outputs[name]
            text = (
                f"In hop {frame.number} output '{name}' differs ({distance_text(golden, device)})."
            )
            last = self._outputs.get(name)
            if last is not None and np.array_equal(last, device) and last.any():
                text += " It is that of the hop before: it was read before it was written, or stayed in a cache."
            elif self.tolerance.exact and ratio_db(golden, device) > COMPILER_DB:
                text += f" So near, it is rather the compiler's options: {OPTIONS}."
        self._add("outputs", text, frame)

    def _name_pending(self, after: bytes | None) -> None:
        """Name the layer of the hop that differed last, from the states after it where they were recorded."""
        if self._pending is None:
            return
        frame, hop, before = self._pending
        self._pending = None
        held = self.golden.state.tobytes()
        self.golden.load(before)
        found = first_layer(self.golden, hop, after, self.tolerance)
        self.golden.load(held)
        if found is None:
            return
        for place, finding in enumerate(self.findings):
            if finding.kind == "outputs" and finding.hop == frame.number and finding.layer is None:
                text = f"{finding.text} {found.text}"
                self.findings[place] = Finding("outputs", text, frame.number, found.layer)

    def _add(self, kind: str, text: str, frame: Frame, layer: str | None = None) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, text, frame.number, layer))

    def input_findings(self) -> Iterator[Finding]:
        """Yield what the inputs show by themselves."""
        self.close()
        rows = defaultdict[int, list[Array]](list)
        for inputs in self._inputs.values():
            for place, array in enumerate(inputs):
                rows[place].append(array)
        for place, tensor in enumerate(self.manifest.hop_inputs):
            for text in input_faults(tensor, rows[place], list(self._inputs)):
                yield Finding("input", text)
