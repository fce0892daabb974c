"""An onnxruntime build in this process, states carried from hop to hop."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import ToolError, UsageError
from edgekit.base.installation import install_extra
from edgekit.base.sampler_loop import Network, network_with_reuse
from edgekit.base.sampler_table import Arrays
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.runner import StateRunner, misfit

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

MODEL_NAME, ONCE_NAME = "model.onnx", "session.onnx"
KEY_NAME, DECODER_NAME = "key.onnx", "decoder.onnx"


class OnnxruntimeRunner(StateRunner):
    """onnxruntime on a build's model.onnx, with the states between its hops.

    The outputs of session.onnx are its inputs for the session constants.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Load the build's model.onnx, single-threaded, with all states at zero.

        Raises:
            UsageError: model.onnx is missing or unreadable, or the manifest does not describe it.
            ToolError: onnxruntime is not installed.
        """
        super().__init__(manifest)
        self._network = _open(directory, MODEL_NAME)
        self._once = _open(directory, ONCE_NAME) if manifest.constants else None
        self._outputs = [tensor.name for tensor in manifest.stream_outputs]
        self._pairs = self._state_pairs(directory)
        self._check(directory, manifest)
        self._shapes = {t.name: (t.shape, t.dtype) for t in manifest.inputs if t.role == "state"}
        self._noises = [] if manifest.noise is None else list(manifest.noise["states"].values())
        self._seed = 0
        self.reset()

    def process(self, inputs: Sequence[Array]) -> tuple[list[Array], int]:
        """Run one hop; return the outputs and the nanoseconds that onnxruntime took."""
        feeds = dict(zip(self._inputs, inputs, strict=True)) | self._states | self._kept
        wanted = [*self._outputs, *self._pairs.values()]
        start = time.perf_counter_ns()
        results: list[Array] = list(self._network.run(wanted, feeds))
        elapsed = time.perf_counter_ns() - start
        count = len(self._outputs)
        self._states = dict(zip(self._pairs, results[count:], strict=True))
        return results[:count], elapsed

    def session(self, constants: Sequence[Array]) -> None:
        """Take the session constants."""
        assert self._once is not None
        names = [output.name for output in self._once.get_outputs()]
        feeds = dict(zip(self._constants, constants, strict=True))
        self._kept = dict(zip(names, map(np.asarray, self._once.run(names, feeds)), strict=True))

    def reset(self) -> None:
        """Return to the state of a fresh instance: all states zero, but for the seed of its noise."""
        self._states = {name: np.zeros(*self._shapes[name]) for name in self._pairs}
        for name in self._noises:
            self._states[name][:4] = [self._seed >> 16 * part & 0xFFFF for part in range(4)]

    def seed(self, seed: int) -> None:
        """Draw noise of this seed, from its beginning, from the next `reset` on."""
        self._seed = seed

    def _state_pairs(self, directory: Path) -> dict[str, str]:
        text = self._network.get_modelmeta().custom_metadata_map.get("edgekit.states", "[]")
        try:
            return {str(pair["input"]): str(pair["output"]) for pair in json.loads(text)}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UsageError(misfit(directory, f"{MODEL_NAME}: unreadable state pairs")) from error

    def _check(self, directory: Path, manifest: Manifest) -> None:
        """Compare names, shapes and states of model.onnx, and of session.onnx, with the manifest."""
        given = [tensor for tensor in manifest.inputs if tensor.role not in ("constant", "noise")]
        kept: dict[str, tuple[int, ...]] = {}
        if self._once is not None:
            kept = _shapes(self._once.get_outputs())
            found = _shapes(self._once.get_inputs())
            if found != _shapes(manifest.constants):
                raise UsageError(misfit(directory, f"{ONCE_NAME}: its inputs are {found}"))
        network, outputs = self._network, list(manifest.outputs)
        ends = set(self._pairs), set(self._pairs.values())
        for kind, nodes, tensors, states, others in (
            ("inputs", network.get_inputs(), given, ends[0], kept),
            ("outputs", network.get_outputs(), outputs, ends[1], {}),
        ):
            found = _shapes(nodes)
            carried = {tensor.name for tensor in tensors if tensor.role == "state"}
            if found != _shapes(tensors) | others or carried != states:
                raise UsageError(misfit(directory, f"{MODEL_NAME}: its {kind} are {found}"))


def reusing_network(directory: Path, manifest: Manifest) -> Network:
    """Return the network of a build with encoder propagation, one image at a time: key.onnx and decoder.onnx.

    Raises:
        UsageError: a file is missing, or the manifest does not describe it.
        ToolError: onnxruntime is not installed.
    """
    key, decoder = _open(directory, KEY_NAME), _open(directory, DECODER_NAME)
    outputs = [tensor.name for tensor in manifest.stream_outputs]
    kept = [node.name for node in key.get_outputs() if node.name not in outputs]
    types = {tensor.name: tensor.dtype for tensor in manifest.stream_inputs}
    known = {*types, *kept}
    for part, name in ((key, KEY_NAME), (decoder, DECODER_NAME)):
        if not {node.name for node in part.get_inputs()} <= known:
            raise UsageError(
                misfit(directory, f"{name}: its inputs are {_shapes(part.get_inputs())}")
            )

    def caller(part: "InferenceSession") -> Callable[[Arrays], Arrays]:
        shapes = _shapes(part.get_inputs())
        names = [node.name for node in part.get_outputs()]

        def call(inputs: Arrays) -> Arrays:
            feed = {
                name: inputs[name].astype(types.get(name, inputs[name].dtype)).reshape(shape)
                for name, shape in shapes.items()
            }
            return dict(zip(names, part.run(names, feed), strict=True))

        return call

    return network_with_reuse(caller(key), caller(decoder), outputs, kept)


def session_options() -> "SessionOptions":
    """Return options of onnxruntime with one thread, whose int8 products do not saturate.

    On x86 without VNNI its kernels add pairs of products in 16 bits (`session.x64quantprecision` in its documentation).
    The bundled denoiser keeps 8 dB with them, and 39 without.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def _open(directory: Path, name: str) -> "InferenceSession":
    """A file of the build in onnxruntime, with one thread."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ToolError(f"onnxruntime is not installed; {install_extra('export')}") from error
    path = str(directory / name)
    try:
        return onnxruntime.InferenceSession(
            path, session_options(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        # onnxruntime raises its own classes, which it does not export, with Exception as base.
        raise UsageError(misfit(directory, f"{name}: {error}")) from error


class Port(Protocol):
    """A name and a shape: onnxruntime's ports, and tensors of a manifest."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def shape(self) -> Sequence[int]:
        """Its shape."""
        ...


def _shapes(nodes: Sequence[Port]) -> dict[str, tuple[int, ...]]:
    return {node.name: tuple(node.shape) for node in nodes}
