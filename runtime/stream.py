"""`Stream`: a build on this machine, one hop after another with its state carried."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array, Float64, Int16
from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.blocks import Blocks
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.input_fit import fit_inputs, matching_arrays, ports_of
from edgekit.runtime.build_folder.manifest import NETWORKS_FOLDER, Manifest, Tensor
from edgekit.runtime.controls import Controls
from edgekit.runtime.interleaved_pcm import not_pcm, of_hop, to_hop
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.executorch import ExecutorchRunner
from edgekit.runtime.runners.fpga import FpgaRunner
from edgekit.runtime.runners.litert import LitertRunner
from edgekit.runtime.runners.onnxruntime import OnnxruntimeRunner
from edgekit.runtime.runners.runner import Runner
from edgekit.runtime.runners.toolchain import Compiler
from edgekit.runtime.runners.wasm import WasmRunner
from edgekit.runtime.seeds import checked_seed

Arrays = dict[str, Array]


def _other_streams(directory: Path, manifest: Manifest, runner: Runner) -> "dict[str, Stream]":
    """Return the other networks of a build's sampler, by role; those of C are in its library or module."""
    table, found = manifest.steps, dict[str, Stream]()
    for role in table.networks if table is not None else ():
        folder = directory / NETWORKS_FOLDER / role
        own = Manifest.load(folder)
        if isinstance(runner, NativeRunner):
            other: Runner = NativeRunner(runner.library, own, folder, runner.compiler)
        elif isinstance(runner, WasmRunner):
            other = WasmRunner(folder, own, runner.module)
        else:
            other = RUNNERS[manifest.target](folder, own)
        found[role] = Stream(own, other)
    return found


NPUS = ("ethos-u55", "ethos-u65", "ethos-u85")  # targets that take LiteRT's file
STREAM_DTYPES = ("float32", "bool", "int8", "uint8", "int32", "int64")
RUNNERS: dict[str, Callable[[Path, Manifest], Runner]] = {
    "host": NativeRunner.open,
    "c99": NativeRunner.open,
    "wasm": WasmRunner,
    "onnxruntime": OnnxruntimeRunner,
    "fpga": FpgaRunner,
    "litert": LitertRunner,
    "executorch": ExecutorchRunner,
    **dict.fromkeys(NPUS, LitertRunner),  # the file that the NPU's compiler took
}


class Stream:
    """One running instance of a build; `manifest` describes its inputs and outputs.

    Arrays go by the names of `manifest.stream_inputs` and `manifest.stream_outputs`, in the types given
    there: float32, or bool, int8, uint8, int32, int64. A build with `manifest.constants` takes these in
    `session`, before its first hop. One with `manifest.controls` takes these in `turn`, at any time, or together with
    the inputs.
    """

    def __init__(
        self,
        manifest: Manifest,
        runner: Runner,
        others: "Mapping[str, Stream] | None" = None,
        in_session: bool = False,
    ) -> None:
        """Wrap a loaded runner; `open` is the usual way here. `others` run its sampler's other networks."""
        self.manifest = manifest
        self.others = others or {}
        self.runner = runner
        self._blocks: Blocks | None = None
        self.in_session = in_session or not manifest.constants
        self._controls = Controls(manifest.controls)
        self._ports = None if manifest.controls else ports_of(manifest.stream_inputs)
        self._given_names = [tensor.name for tensor in manifest.stream_outputs]

    @staticmethod
    def open(directory: str | Path, seed: int | None = None) -> "Stream":
        """Load a build folder as a fresh instance; the C code of a C build is compiled and run.

        Args:
            directory: of the build.
            seed: of the noise that it draws, see `reset`.

        Raises:
            UsageError: no usable build, one that does not run on this machine, or a seed for one without noise.
            ToolError: no C compiler (or onnxruntime), or it failed.
        """
        directory = Path(directory)
        manifest = open_build(directory)
        if manifest.target not in RUNNERS:
            found, allowed = f"target {manifest.target}", f"target {', '.join(RUNNERS)}"
            raise UsageError(
                Problem(f"build '{directory}'", found, allowed, "export for --target host")
            )
        tensors = *_stream_tensors(manifest), *manifest.constants
        other = [t for t in tensors if t.dtype not in STREAM_DTYPES]
        other += [t for t in manifest.outputs if t.role == "constant"]
        if other:
            raise UsageError(
                [
                    Problem(
                        f"tensor '{t.name}'",
                        f"{t.role} {t.dtype}",
                        f"stream {', '.join(STREAM_DTYPES)}",
                        "export again",
                    )
                    for t in other
                ]
            )
        runner = RUNNERS[manifest.target](directory, manifest)
        stream = Stream(manifest, runner, _other_streams(directory, manifest, runner))
        stream.reset(seed)
        return stream

    @property
    def compiler(self) -> Compiler | None:
        """The compiler that made a C build's library; None for onnxruntime."""
        return self.runner.compiler

    def session(self, constants: Mapping[str, ArrayLike]) -> None:
        """Set the session constants: the part that depends on them alone is computed here, once.

        They stay until they are given anew; states stay as they are.

        Args:
            constants: one array of the manifest's shape and type for each of `manifest.constants`.

        Raises:
            UsageError: names, shapes or types that do not fit, all of them.
        """
        expected = self.manifest.constants
        arrays = fit_inputs(constants, expected, "one array per session constant")
        self.runner.session([arrays[tensor.name] for tensor in expected])
        self.in_session = True

    def turn(self, controls: Mapping[str, ArrayLike]) -> None:
        """Set controls; they hold from the next hop on until they are set again. States stay as they are.

        Args:
            controls: by name a number, an array of the manifest's shape, or one with an extra first axis. That is a
                value for each hop to come, of which the last one holds.

        Raises:
            UsageError: names or shapes that do not fit, all of them.
        """
        self._controls.turn(controls)

    def reset(self, seed: int | None = None) -> None:
        """Return to the state of a fresh instance; session constants stay, controls begin with their first value.

        Args:
            seed: of the noise that the build draws, 64 bits; None for the last one, 0 at first.

        Raises:
            UsageError: the build draws no noise, or the seed has more bits.
        """
        if seed is not None:
            self.runner.seed(checked_seed(seed, self.manifest))
        self._blocks = None
        self._controls.restart()
        self.runner.reset()

    def push(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        """Take a block of any length for each stream input; return the frames that it completes.

        Blocks have the manifest's shape and type but for the length of the time axis; so have the outputs.
        Output frame n is the offline network's frame ``n - delay``. Controls may be given together with the inputs, as
        `turn` takes them.

        Raises:
            UsageError: names, shapes or types that do not fit, or a build without time axes.
        """
        self._blocks = self._blocks or Blocks(self, self.runner.end)
        return self._blocks.push(self._without_controls(inputs))

    def flush(self) -> Arrays:
        """End the stream: return the frames that are still to come; the state is fresh afterwards.

        A rest that is no whole number of minimum hops is filled up with zeros.

        Raises:
            UsageError: a build without time axes.
        """
        return (self._blocks or Blocks(self, self.runner.end)).flush()

    def clip(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        """Run a whole recording from the fresh state, as the offline network would: no delay, no rest.

        Args:
            inputs: one array for each stream input, of any length along its time axis; session
                constants and controls too, where they are to be set.

        Raises:
            UsageError: names, shapes or types that do not fit, or a build without time axes.
        """
        inputs = self._without_constants(inputs)
        self.reset()
        delays = Blocks(self, self.runner.end).delays()
        parts = self.push(inputs), self.flush()
        whole = {
            name: np.concatenate([p[name] for p in parts], t.axis) for name, t in delays.items()
        }
        return {
            name: np.delete(array, np.s_[: delays[name].delay_frames], delays[name].axis)
            for name, array in whole.items()
        }

    def process(self, inputs: Mapping[str, ArrayLike]) -> Arrays:
        """Run one hop.

        Args:
            inputs: one array of the manifest's shape and type for each stream input; controls as `turn` takes
                them, where they are to be set.

        Raises:
            UsageError: names, shapes or types that do not fit, all of them.
        """
        ports = self._ports if self.in_session else None
        hop = None if ports is None else matching_arrays(inputs, ports)
        if hop is None:
            arrays = self._checked_hops(self._without_controls(inputs), hops=False)
            hop = self._of_hop(arrays)
        outputs, _ = self.runner.process(hop)
        return dict(zip(self._given_names, outputs, strict=True))

    def iterate(
        self,
        inputs: Mapping[str, ArrayLike],
        most: int | None = None,
        tolerance: float | None = None,
    ) -> tuple[Arrays, int]:
        """Call a step network on the same inputs until it has settled, from the state as it is.

        Args:
            inputs: as `process` takes them.
            most: the most calls; by default the number named at the export.
            tolerance: the limit for its output of change; likewise.

        Returns:
            The last call's outputs, and the number of calls: `most` also where it did not settle, which the output of
            change shows.

        Raises:
            UsageError: no step network, fewer than one call, or inputs as `process`.
        """
        until = self.manifest.until
        if until is None:
            found, step = "no step network", "export with --iterate OUTPUT:TOLERANCE:MOST"
            name = self.manifest.source["name"]
            raise UsageError(Problem(f"build '{name}'", found, "one that is iterated", step))
        limit = until["most"] if most is None else most
        accepted = np.float32(until["tolerance"] if tolerance is None else tolerance)
        if limit < 1:
            raise UsageError(Problem("most", str(limit), "1 or more calls", "allow one"))
        calls, outputs = 0, Arrays()
        while calls < limit:
            outputs, calls = self.process(inputs), calls + 1
            if np.ravel(outputs[until["output"]])[0] <= accepted:
                break
        return outputs, calls

    def process_s16(self, pcm: Int16) -> Int16:
        """Run one hop of 16-bit PCM, (hop,) or (1, hop); the answer has the same shape.

        Raises:
            UsageError: the build does not take one mono PCM hop and give one, or `pcm` does not fit.
        """
        manifest, hop = self.manifest, self.manifest.stream["hop_samples"]
        ports = _stream_tensors(manifest)
        if [tensor.pcm_channels for tensor in ports] != [1, 1]:
            raise UsageError(not_pcm(_stream_tensors(manifest)))
        if pcm.dtype != np.int16 or pcm.shape not in ((hop,), (1, hop)):
            found = f"{pcm.dtype} {pcm.shape}"
            raise UsageError(
                Problem("input 'pcm'", found, f"int16 ({hop},) or (1, {hop})", "cut into hops")
            )
        (out,) = self.process_interleaved({ports[0].name: pcm.reshape(hop, 1)}).values()
        return out.reshape(pcm.shape)

    def process_interleaved(self, pcm: Mapping[str, Int16]) -> dict[str, Int16]:
        """Run one hop of 16-bit PCM, (samples, channels) of each input; the outputs are alike.

        Samples are scaled by 2^-15, and rounded half to even and saturated on the way back.

        Raises:
            UsageError: the build does not take and give PCM alone, or `pcm` does not fit.
        """
        manifest = self.manifest
        if not manifest.is_pcm:
            raise UsageError(not_pcm(_stream_tensors(manifest)))
        inputs, outputs = manifest.stream_inputs, manifest.stream_outputs
        expected = [
            Tensor(t.name, (t.frames_per_hop or 0, t.pcm_channels or 0), "int16", "stream")
            for t in inputs
        ]
        given = fit_inputs(pcm, expected, "one hop of each input, channels interleaved")
        if isinstance(self.runner, NativeRunner):
            knobs = self._controls.next() if manifest.controls else {}
            controls = [knobs[tensor.name] for tensor in manifest.controls]
            results = self.runner.process_s16([given[t.name] for t in inputs], controls)
            return {t.name: result for t, result in zip(outputs, results, strict=True)}
        return of_hop(self.process(to_hop(given, inputs)), outputs)

    def run(
        self, inputs: Mapping[str, ArrayLike], progress: Callable[[int], None] | None = None
    ) -> Arrays:
        """Run many hops in order, from the state as it is.

        Args:
            inputs: one array for each stream input, first axis = hops, equally many in each. Session constants too, in
                their own shape, and controls, as `turn` takes them, where they are to be set.
            progress: gets the hops done after each hop.

        Returns:
            One array for each stream output, first axis = hops.

        Raises:
            UsageError: names, shapes or types that do not fit, all of them.
        """
        return self.timed_run(inputs, progress)[0]

    def timed_run(
        self, inputs: Mapping[str, ArrayLike], progress: Callable[[int], None] | None = None
    ) -> tuple[Arrays, Float64]:
        """Do as `run`; also returns the microseconds of each hop, around the runner's call only."""
        streams = self._without_controls(self._without_constants(inputs))
        arrays = self._checked_hops(streams, hops=True)
        hops = min((len(array) for array in arrays.values()), default=0)
        outputs = {
            t.name: np.empty((hops, *t.shape), t.dtype) for t in self.manifest.stream_outputs
        }
        times_us = np.empty(hops)
        for hop in range(hops):
            results, elapsed_ns = self.runner.process(
                self._of_hop({name: array[hop] for name, array in arrays.items()})
            )
            times_us[hop] = elapsed_ns / 1000
            for output, result in zip(outputs.values(), results, strict=True):
                output[hop] = result
            if progress:
                progress(hop + 1)
        return outputs, times_us

    def _check_named(self, inputs: object) -> None:
        if not isinstance(inputs, Mapping):
            names = ", ".join(tensor.name for tensor in self.manifest.stream_inputs)
            found, step = f"a {type(inputs).__name__}", "name the arrays"
            raise UsageError(Problem("inputs", found, f"a dictionary of {names}", step))

    def _without_constants(self, inputs: Mapping[str, ArrayLike]) -> Mapping[str, ArrayLike]:
        """The stream inputs; session constants among the inputs are taken."""
        self._check_named(inputs)
        names = {tensor.name for tensor in self.manifest.constants}
        if names & inputs.keys():
            self.session({name: inputs[name] for name in names & inputs.keys()})
        return {name: array for name, array in inputs.items() if name not in names}

    def _without_controls(self, inputs: Mapping[str, ArrayLike]) -> Mapping[str, ArrayLike]:
        """Return the streams; set the controls among the inputs."""
        self._check_named(inputs)
        names = self._controls.names()
        if names & inputs.keys():
            self.turn({name: inputs[name] for name in names & inputs.keys()})
        return {name: array for name, array in inputs.items() if name not in names}

    def _of_hop(self, streams: Arrays) -> list[Array]:
        """Return the inputs of the next hop, in order."""
        given = {**streams, **self._controls.next()} if self.manifest.controls else streams
        return [given[tensor.name] for tensor in self.manifest.hop_inputs]

    def _checked_hops(self, inputs: Mapping[str, ArrayLike], hops: bool) -> Arrays:
        """Return the inputs as arrays, after listing everything that does not fit."""
        if not self.in_session:
            listed = ", ".join(f"{t.name} {list(t.shape)}" for t in self.manifest.constants)
            step = "give a .npz with --constants, call session, or give them with the inputs"
            raise UsageError(Problem("session constants", "not given", listed, step))
        step = "one array per stream input" + (", first axis = hops" if hops else "")
        return fit_inputs(inputs, self.manifest.stream_inputs, step, hops)


def _stream_tensors(manifest: Manifest) -> tuple[Tensor, ...]:
    return (*manifest.hop_inputs, *manifest.stream_outputs)
