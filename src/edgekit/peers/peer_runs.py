"""The peers to compare with a build, and the network that each runs: the build's, or its float form."""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.graph.model import Model
from edgekit.peers.contender import WorkerContender
from edgekit.peers.peer import PEERS
from edgekit.peers.program import plain_onnx, write_program
from edgekit.runtime.bench.contenders import Arrays, Contender, OnnxruntimeContender, Timed
from edgekit.targets.describe import describe
from edgekit.targets.onnxruntime import place_qdq
from edgekit.targets.session import split_session

CALIBRATION_HOPS = 60


@dataclass(frozen=True)
class PeerRun:
    """The networks and inputs for a comparison with a build.

    Attributes:
        own: its network.
        plain: the same in float, from which peers make their integer forms; `own` where only
            that is known.
        inputs: of hops, (hops, *shape), session constants (*shape); peers are also calibrated on them.
        cache: a folder that keeps the peers' conversions; a temporary one where None.
    """

    own: Model
    plain: Model
    inputs: Arrays
    cache: Path | None = None

    @property
    def is_integer(self) -> bool:
        """Whether the build computes in integers."""
        return self.own.quantization.recipe != "float32"

    def onnxruntime(self) -> tuple[Contender, str]:
        """Return onnxruntime on the build's network.

        Raises:
            ToolError: onnxruntime refuses it.
        """
        return hop_part(place_qdq(self.own), self.inputs)

    def forms(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return (peer, form) of each row for the named peers of `PEERS`."""
        return {
            row: (name, form)
            for name in names
            for row, form in PEERS[name].forms(self.is_integer).items()
        }

    def worker(self, name: str, form: str, stack: ExitStack) -> tuple[Contender, str]:
        """Start a peer on the network; it ends with `stack`.

        Raises:
            ToolError: it is not installed, or refuses the network.
        """
        peer = PEERS[name]
        peer.python()
        hop, kept = session_values(self.plain, self.inputs)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgekit-")))
        program = scratch / "program"
        program.mkdir()
        write_program(
            hop, program, record_hops(hop, {**self.inputs, **kept}) if form == "static" else {}
        )
        if self.cache is not None:
            program = _cached_program(program, self.cache / name)
        contender = stack.enter_context(WorkerContender(peer, program, form))
        return SessionContender(contender, kept), contender.version


@dataclass(frozen=True)
class SessionContender:
    """A contender that gets the session's results besides the inputs of a hop."""

    contender: Contender
    kept: Arrays

    def run(self, inputs: Arrays) -> Timed:
        """See `Contender`."""
        return self.contender.run({**inputs, **self.kept})


def hop_part(model: Model, inputs: Arrays) -> tuple[Contender, str]:
    """Return onnxruntime on the part of a network that runs in each hop, and its version.

    Raises:
        ToolError: onnxruntime refuses it.
    """
    hop, kept = session_values(model, inputs)
    contender = OnnxruntimeContender(plain_onnx(hop), describe(hop, "host"))
    return SessionContender(contender, kept), contender.version


def session_values(model: Model, inputs: Arrays) -> tuple[Model, Arrays]:
    """Return the part of a network that runs in each hop, and the other part's results for `inputs`."""
    from edgekit.export.hop_runner import in_onnxruntime

    parts = split_session(model)
    if parts.session is None:
        return model, {}
    given = {name: inputs[name] for name in model.constants}
    return parts.hop, dict(in_onnxruntime(plain_onnx(parts.session))(given))


def record_hops(hop: Model, inputs: Arrays) -> Arrays:
    """Return the values of all inputs in the first hops, states included, (hops, *shape), in the graph's order."""
    from edgekit.export.hop_runner import run_hops

    fixed = set(hop.constants)
    first = {n: a if n in fixed else a[:CALIBRATION_HOPS] for n, a in inputs.items()}
    hops = len(next(array for name, array in first.items() if name not in fixed))
    names = [str(value.name) for value in hop.ir.graph.inputs]
    found = run_hops(hop, first, [name for name in names if name not in fixed])
    found.update({name: np.stack([first[name]] * hops) for name in fixed})
    return {name: found[name] for name in names}


def _cached_program(program: Path, cache: Path) -> Path:
    """Return the same program in the cache, with its earlier conversions."""
    digest = hashlib.sha256()
    for path in (program / "program.json", program / "network.onnx"):
        digest.update(path.read_bytes())
    for path in (program / "weights.npz", program / "calibration.npz"):
        for name, array in np.load(path).items():
            digest.update(name.encode() + array.tobytes())
    folder = cache / digest.hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        shutil.move(program, folder)
    return folder
