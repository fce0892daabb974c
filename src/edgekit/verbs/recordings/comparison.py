"""Go through the frames of a recording, and compare each with the golden network."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import iter_unpack
from zlib import crc32

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.progress import Progress
from edgekit.quantize.recipe import FLOATS
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.interleaved_pcm import to_hop
from edgekit.runtime.recording_file import WEIGHTS, Frame, RecordingLayout
from edgekit.targets.build import StateField
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
from edgekit.verbs.recordings.findings import Replay, ReplayFinding
from edgekit.verbs.recordings.golden import (
    GoldenNetwork,
    HopParts,
    check_size,
    open_golden,
    parts_of,
)
from edgekit.verbs.recordings.input_health import input_faults

HEALTH_HOPS = 4096  # that the look at inputs takes
MOST_FINDINGS = 20  # of single hops; `differing` counts all
STATUS = {
    -1: "a pointer is NULL, or scratch is misaligned",
    -2: "the session constants were not set",
}


def compare_frames(
    folder: Path,
    manifest: Manifest,
    layout: RecordingLayout,
    frames: Sequence[Frame],
    progress: Progress,
) -> Replay:
    """Compare the frames of a recording with the golden network of a build.

    Raises:
        UsageError: frames of another size than the build's, or a build of another version.
        ToolError: no C compiler, or it failed.
    """
    tolerance = tolerance_of(manifest, manifest.quantization["recipe"] not in FLOATS)
    with open_golden(read_model(folder), layout) as golden:
        comparison = Comparison(golden, manifest, layout, tolerance)
        for done, frame in enumerate(frames, 1):
            comparison.take(frame)
            progress("replay", done, len(frames))
        inputs = tuple(comparison.input_findings())
        findings = (*inputs, *comparison.findings)
    hops = sum(not frame.kind & WEIGHTS for frame in frames)
    return Replay(hops, comparison.judged, comparison.differing, findings)


@dataclass
class Comparison:
    """Goes through the frames, with the golden network at the device's states where they are known."""

    golden: GoldenNetwork
    manifest: Manifest
    layout: RecordingLayout
    tolerance: Tolerance
    judged: int = 0
    differing: int = 0
    findings: list[ReplayFinding] = field(default_factory=list)
    _last: Frame | None = None
    _pending: tuple[Frame, HopParts, bytes] | None = None  # a hop that differs; the states before
    _is_known: bool = False  # whether golden has the device's states
    _outputs: dict[str, Array] = field(default_factory=dict)
    _inputs: dict[int, list[Array]] = field(default_factory=dict)

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

    def _take_weights(self, frame: Frame) -> None:
        """Compare the checksums of the weights; the device began anew."""
        self._name_pending(None)
        self._last, self._is_known = None, False
        weights = self.layout.weights
        check_size(frame, 4 * len(weights))
        pairs = zip(weights, iter_unpack("<I", frame.payload), strict=True)
        rows = [row for row, (found,) in pairs if row["crc32"] != found]
        if not rows:
            return
        layers = {row["array"]: f" of layer '{row['layer']}'" * bool(row["layer"]) for row in rows}
        names = ", ".join(f"{name}{layer}" for name, layer in [*layers.items()][:3])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        text = f"Weights on the device are not those of the build: {names}{more}."
        if len(rows) > len(weights) // 2:
            text += " Most of them differ: it has the weights of another network or of an update."
        else:
            text += " Flash or its copy in RAM is damaged, or was overwritten."
        self.findings.append(ReplayFinding("weights", text, None, rows[0]["layer"] or None))

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
        fields, exact = self.golden.build.states, Tolerance(True, 0.0)
        if not differing_fields(fields, self.golden.fresh, hop.states, exact):
            self._add("reset", f"The states were reset {between}.", frame)
            return
        rows = []
        if self._is_known and self._pending is None:
            rows = differing_fields(fields, self.golden.state, hop.states, self.tolerance)
        text = (
            f"Something else than the network changed its states {between}{_listed_fields(rows)}. "
        )
        text += "See what writes beyond its own memory: another task, a DMA, the stack."
        self._add("states", text, frame, rows[0][0].node if rows else None)

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
                text += f" The difference is small, so the likely cause is the compiler's options: {OPTIONS}."
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
                self.findings[place] = ReplayFinding("outputs", text, frame.number, found.layer)

    def _add(self, kind: str, text: str, frame: Frame, layer: str | None = None) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(ReplayFinding(kind, text, frame.number, layer))

    def input_findings(self) -> Iterator[ReplayFinding]:
        """Yield what the inputs show by themselves."""
        self._name_pending(None)
        rows = defaultdict[int, list[Array]](list)
        for inputs in self._inputs.values():
            for place, array in enumerate(inputs):
                rows[place].append(array)
        for place, tensor in enumerate(self.manifest.hop_inputs):
            for text in input_faults(tensor, rows[place], list(self._inputs)):
                yield ReplayFinding("input", text)


def _listed_fields(rows: Sequence[tuple[StateField, Array, Array]]) -> str:
    """Return the first fields that differ, each with how, after a colon."""
    listed = ", ".join(
        f"'{row.name}' ({distance_text(own, other)})" for row, own, other in rows[:3]
    )
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f": {listed}{more}" if rows else ""
