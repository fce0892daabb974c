"""Instructions of a build's network on another core than it was made for."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgekit.base.arrays import Array
from edgekit.base.errors import CheckFailed
from edgekit.base.npz import read_npz
from edgekit.graph.model import Model
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.device import measure_qemu
from edgekit.targets.c.plan.fit import misfits
from edgekit.targets.c.replay.files import golden_source
from edgekit.targets.devices import profile
from edgekit.verbs.targets import TARGETS

Arrays = Mapping[str, Array]


def replay_on_core(core: str, build: Path, hops: int) -> Measurement:
    """Lower a build's network for a core, replay the build's golden hops there under QEMU, and count some of them.

    The build is not verified again: the network is the same, and the replay compares the outputs.

    Raises:
        CheckFailed: the network does not fit the core's board, or the outputs differ from golden data.
        ToolError: no cross compiler or emulator, or one failed.
    """
    model, device = Model.from_bytes((build / "model.onnx").read_bytes()), profile(core)
    made = TARGETS[core].lower(model, core)
    if wrong := misfits(made.manifest, device):
        raise CheckFailed(wrong[0])
    manifest = replace(made.manifest, verification=Manifest.load(build).verification)
    inputs, outputs = (
        _hops(read_npz(build / "golden" / f"{kind}.npz"), manifest, hops)
        for kind in ("input", "output")
    )
    golden = golden_source(made, manifest, model, inputs, outputs, device)
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        for path, content in {**made.files, "replay/golden.c": golden}.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_bytes(content)
        return measure_qemu(Path(name), manifest, device, hops)


def _hops(arrays: Arrays, manifest: Manifest, hops: int) -> Arrays:
    """Return the first hops of a recording; constants of a session have one value."""
    constants = {tensor.name for tensor in manifest.constants}
    return {name: a if name in constants else a[:hops] for name, a in arrays.items()}
