"""The golden network of a replay: portable C on this machine, whose state block and layers can be set and read."""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.interleaved_pcm import to_hop
from edgekit.runtime.recording_file import LAYERS, SHORT, STATES, Frame, RecordingLayout
from edgekit.runtime.runners.c import NativeRunner, load_library
from edgekit.targets.build import Build, Layer, StateField
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c

LOOK_HEADER = """\
#ifndef EK_LAYER
extern void (*ek_replay_look)(int number, const void *data);
#define EK_LAYER(number, data) (ek_replay_look == NULL ? (void)(data) : ek_replay_look(number, data))
#endif
"""
LOOK = "#include <stddef.h>\nvoid (*ek_replay_look)(int number, const void *data);\n"
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)
INDICES = (
    np.int32,
    np.int64,
)  # a recording is not trusted: a layer reads at the places that it computes
Arrays = dict[str, Array]
Ports = dict[Any, tuple[tuple[int, ...], str]]


@dataclass(frozen=True)
class HopParts:
    """The parts of a recorded hop.

    Attributes:
        short: whether sound is 16-bit samples.
        states: the state block before the hop, where it was recorded.
        inputs: in the order of the process function.
        layers: the results of layers by number, where they were recorded.
        outputs: by name.
    """

    short: bool
    states: bytes | None
    inputs: list[Array]
    layers: dict[int, Array] | None
    outputs: Arrays


class GoldenNetwork:
    """The portable C of a network. Its state block has the bytes that every target's has."""

    def __init__(self, build: Build, runner: NativeRunner) -> None:
        """Take the build and its compiled form; `open_golden` makes both."""
        self.build, self.manifest, self._runner = build, build.manifest, runner
        self._pointer = ctypes.c_void_p.in_dll(runner.library, "ek_replay_look")
        self.fresh = runner.state.copy()

    @property
    def state(self) -> Array:
        """The state block, as bytes; it can be written."""
        return self._runner.state

    def load(self, block: bytes) -> None:
        """Set the state block."""
        self.state[...] = np.frombuffer(block, np.uint8)

    def run(self, hop: HopParts) -> Arrays:
        """Run one hop from the state as it is; return the outputs.

        Raises:
            CheckFailed: the process function refused it.
        """
        manifest, runner = self.manifest, self._runner
        if hop.short and manifest.is_pcm:
            count = len(manifest.stream_inputs)
            made = runner.process_s16(hop.inputs[:count], hop.inputs[count:])
        elif hop.short:
            ports = manifest.stream_inputs
            pcm = {t.name: array for t, array in zip(ports, hop.inputs, strict=False)}
            made, _ = runner.process([*to_hop(pcm, ports).values(), *hop.inputs[len(ports) :]])
        else:
            made, _ = runner.process(hop.inputs)
        names = [tensor.name for tensor in manifest.stream_outputs]
        return dict(zip(names, made, strict=True))

    def trace(
        self, hop: HopParts, device: Mapping[int, Array] | None = None
    ) -> tuple[Arrays, dict[int, Array]]:
        """Run one hop; return the outputs, and the result of each layer by its number.

        Args:
            hop: its inputs.
            device: the results of layers that the device had: each layer then computes from those before it.
        """
        found: dict[int, Array] = {}

        def look(number: int, address: int) -> None:
            values = _layer_array(address, self.build.layers[number])
            found[number] = values.copy()
            if device is not None and values.dtype not in INDICES:
                values[...] = device[number]

        callback = CALLBACK(look)
        self._pointer.value = ctypes.cast(callback, ctypes.c_void_p).value
        try:
            outputs = self.run(hop)
        finally:
            self._pointer.value = None
        return outputs, found


def _layer_array(address: int, layer: Layer) -> Array:
    """The result of a layer, where it is."""
    dtype = np.dtype(layer.dtype)
    size = int(np.prod(layer.shape, dtype=np.int64)) * dtype.itemsize
    block = (ctypes.c_uint8 * size).from_address(address)
    return np.frombuffer(memoryview(block), np.uint8).view(dtype).reshape(layer.shape)


@contextmanager
def open_golden(model: Model, layout: RecordingLayout) -> Iterator[GoldenNetwork]:
    """Compile a network as portable C with a look at each layer.

    Raises:
        UsageError: this version lays the states out in another way than that of the build did.
        ToolError: no C compiler, or it failed.
    """
    build = lower_c(model, "c99")
    _check_layout(build, layout)
    with TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_build(build, folder)
        (folder / "look.h").write_text(LOOK_HEADER, encoding="utf-8")
        (folder / "look.c").write_text(LOOK, encoding="utf-8")
        for path in folder.glob("*.c"):
            if b"EK_LAYER(" in (text := path.read_bytes()):
                path.write_bytes(b'#include <stddef.h>\n#include "look.h"\n' + text)
        library, compiler = load_library(folder, build.manifest)
        yield GoldenNetwork(build, NativeRunner(library, build.manifest, folder, compiler))


def _check_layout(build: Build, layout: RecordingLayout) -> None:
    """Refuse a build whose states or layers this version lays out in another way."""
    own = [(row.name, row.offset, row.bytes) for row in build.states]
    theirs = [(row["name"], row["offset"], row["bytes"]) for row in layout.states]
    layers = [(row.name, row.dtype, row.shape) for row in build.layers]
    shown = [(row["name"], row["dtype"], tuple(row["shape"])) for row in layout.layers]
    same_size = build.manifest.memory["state_bytes"] == layout.state_bytes
    if own != theirs or layers != shown or not same_size:
        found = "other states or layers than this version makes of its model.onnx"
        step = "replay with the version that made it, see `edgekit` in manifest.json"
        raise UsageError(Problem("build", found, "those of this version", step))


def parts_of(frame: Frame, manifest: Manifest, layout: RecordingLayout) -> HopParts:
    """Cut the payload of a hop into its parts.

    Raises:
        UsageError: a payload of another size than the build's.
    """
    short = bool(frame.kind & SHORT)
    outs = _ports(manifest.stream_outputs, short and manifest.is_pcm)
    ins = _ports(manifest.hop_inputs, False)
    if short:
        ins = _ports(manifest.stream_inputs, True) | _ports(manifest.controls, False)
    layers: Ports = {}
    if frame.kind & LAYERS:
        layers = {row["number"]: (tuple(row["shape"]), row["dtype"]) for row in layout.layers}
    at = layout.state_bytes if frame.kind & STATES else 0
    states, whole = frame.payload[:at] or None, at + sum(map(_ports_bytes, (ins, layers, outs)))
    check_size(frame, whole)
    inputs, at = _arrays_of(frame.payload, at, ins)
    device, at = _arrays_of(frame.payload, at, layers)
    outputs, _ = _arrays_of(frame.payload, at, outs)
    return HopParts(short, states, list(inputs.values()), device if layers else None, outputs)


def check_size(frame: Frame, size: int) -> None:
    """Refuse a frame whose payload has another size than the build's.

    Raises:
        UsageError: it has.
    """
    if size != len(frame.payload):
        found = f"hop {frame.number} has {len(frame.payload):,} bytes"
        allowed = f"{size:,}, of this build"
        raise UsageError(Problem("recording", found, allowed, "record with the build's recorder"))


def _arrays_of(payload: bytes, at: int, ports: Ports) -> tuple[dict[Any, Array], int]:
    """Return the arrays that begin at a place of a payload, by the names of their ports, and their end."""
    arrays = {}
    for name, port in ports.items():
        raw = np.frombuffer(payload, np.uint8, _size(*port), at)
        arrays[name] = raw.view(port[1]).reshape(port[0])
        at += raw.size
    return arrays, at


def _ports_bytes(ports: Ports) -> int:
    return sum(_size(*port) for port in ports.values())


def _ports(tensors: Sequence[Tensor], short: bool) -> Ports:
    """The shape and type of each array of a hop, by name; `short`: as 16-bit samples, channels interleaved."""
    if short:
        return {t.name: ((t.frames_per_hop or 0, t.pcm_channels or 1), "int16") for t in tensors}
    return {t.name: (t.shape, t.dtype) for t in tensors}


def _size(shape: tuple[int, ...], dtype: str) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def field_of(block: bytes | Array, row: StateField) -> Array:
    """One field of a state block."""
    raw = np.frombuffer(bytes(block), np.uint8)[row.offset : row.offset + row.bytes]
    return raw.view(row.dtype)
