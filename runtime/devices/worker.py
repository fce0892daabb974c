"""The part of a benchmark on a device with Python; it prints the same lines as the replay program in C."""

import signal
import zipfile
from pathlib import Path

from edgekit.base.npz import read_npz
from edgekit.runtime.bench.contenders import Contender, OnnxruntimeContender, StreamContender
from edgekit.runtime.bench.measure import golden_inputs, measure_local
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.remote import LIMIT_S
from edgekit.runtime.stream import Stream

PER_LINE = 64


def work(archive: str, hops: int) -> None:
    """Unpack a build from `archive` into the folder of this process, run its golden hops, and time `hops` a round.

    Raises:
        UsageError: the build cannot be used.
        ToolError: its runner is not installed here.
    """
    signal.alarm(LIMIT_S)  # a program that hangs ends by itself, whatever became of who started it
    with zipfile.ZipFile(archive) as content:
        names = [name for name in content.namelist() if name.startswith("build/")]
        content.extractall(members=names)
    directory = Path("build")
    manifest = Manifest.load(directory)
    ours = _contender(directory, manifest)
    outputs, _ = ours.run(read_npz(directory / "golden" / "input.npz"))
    arrays = [outputs[tensor.name] for tensor in manifest.stream_outputs]
    for hop in range(len(arrays[0])):
        for index, array in enumerate(arrays):
            print("golden", hop, index, array[hop].tobytes().hex())
    inputs = golden_inputs(directory, manifest, hops)
    measured = measure_local(ours, {}, inputs, manifest, lambda done, total: None)
    if measured.core is not None:
        print("core", measured.core)
    assert measured.times is not None
    nanoseconds = [round(us * 1000) for us in measured.times.us]
    for start in range(0, len(nanoseconds), PER_LINE):
        print("times", *nanoseconds[start : start + PER_LINE])
    print("PASS")


def _contender(directory: Path, manifest: Manifest) -> Contender:
    if manifest.target == "onnxruntime" and not manifest.constants:
        return OnnxruntimeContender((directory / "model.onnx").read_bytes(), manifest)
    return StreamContender(Stream.open(directory))
