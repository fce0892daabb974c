"""`deploy`: a network of a Python program becomes a build, with modules and arrays in the place of files."""

import copy
import html
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike

from edgekit import api
from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.progress import Progress
from edgekit.export.torch_source import unwrap_module
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.held_factories import HELD, hold_factory
from edgekit.verbs.open_stream import open_stream
from edgekit.verbs.targets import TARGETS

REPORT = "report.html"
NETWORKS = (
    "a torch module, an exported program, an onnx.ModelProto, a path or package.module:factory"
)
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Build:
    """A verified build: its folder, its manifest, and notes for the user.

    A temporary folder of `deploy` is removed with the last reference to the build.
    """

    directory: Path
    manifest: Manifest
    notes: tuple[str, ...]
    _kept: "TemporaryDirectory[str] | None" = field(default=None, repr=False)

    def stream(self) -> Stream:
        """Return a fresh instance that runs hop by hop; see `edgekit.runtime.stream.Stream`."""
        return open_stream(self.directory)[0]

    @cached_property
    def _running(self) -> Stream:
        return self.stream()

    def run(self, inputs: ArrayLike | Mapping[str, ArrayLike]) -> Array | Arrays:
        """Run the build from its fresh state.

        Args:
            inputs: one array, or one for each stream input by name: of one call, as the network takes it; of many
                calls, along a further first axis; or, of a build with time axes, a recording of any length.

        Returns:
            The same form: of one call, many, or a recording. One array where one was given and the build has one
            stream output, else one by name.

        Raises:
            UsageError: names, shapes or types that do not fit.
            ToolError: a compiler or package is missing, or failed.
        """
        hops = self.manifest.hop_inputs
        if isinstance(inputs, Mapping):
            return self._run_by_name({name: _data(name, array) for name, array in inputs.items()})
        if len(hops) != 1:
            allowed = f"a dictionary of {', '.join(t.name for t in hops)}"
            raise UsageError(Problem("inputs", "one array", allowed, "name the arrays"))
        name = hops[0].name
        found = self._run_by_name({name: _data(name, inputs)})
        return found if len(found) != 1 else next(iter(found.values()))

    def _run_by_name(self, arrays: Arrays) -> Arrays:
        """Run one call, many or a recording, according to the shapes."""
        stream, names = self._running, {t.name for t in self.manifest.hop_inputs}
        shapes = [
            (arrays[t.name].shape, tuple(t.shape))
            for t in self.manifest.hop_inputs
            if t.name in arrays
        ]
        stream.reset()
        if shapes and all(found == shape for found, shape in shapes):
            one = {name: array[None] if name in names else array for name, array in arrays.items()}
            return {name: array[0] for name, array in stream.run(one).items()}
        is_hops = all(found[1:] == shape for found, shape in shapes)
        if self.manifest.streaming is not None and not is_hops:
            return dict(stream.clip(arrays))
        return dict(stream.run(arrays))

    def bench(self, **options: Any) -> Measurement:
        """Measure it; the options are those of `edgekit.api.bench`."""
        return api.bench(self.directory, **options)

    def report(self) -> str:
        """Return its report, as HTML.

        Raises:
            UsageError: its folder was removed.
        """
        try:
            return (self.directory / REPORT).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            found, step = f"{REPORT} is gone", "deploy again; out=DIR keeps the build"
            where = f"build '{self.directory}'"
            raise UsageError(
                Problem(where, found, "a folder that is left as it is", step)
            ) from error

    def _repr_html_(self) -> str:
        page = html.escape(self.report(), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="600" style="border: 0"></iframe>'


def deploy(
    network: Any,
    example: Any = None,
    *,
    target: str = "host",
    calibration: Any = None,
    out: str | Path | None = None,
    progress: Progress = api.silent,
    **options: Any,
) -> Build:
    """Make a verified build of a network.

    Args:
        network: a torch module (it is copied, and put into eval mode), a ``torch.export.ExportedProgram``, an
            ``onnx.ModelProto``, a path to a .pt2 or .onnx, or ``package.module:factory``.
        example: of a module, the inputs of one call: a tensor or array, several in a tuple, or a dictionary.
        target: a name of `edgekit.api.targets`.
        calibration: recordings or calls that integers are calibrated on: a path or ``package.module:factory`` as for
            `edgekit.api.export`; one array; one dictionary of an array by input; or any finite iterable of these, a
            DataLoader too: of an item that is a tuple or list the first is taken, and of a batch each is a call.
        out: the folder to make: new or empty, or with `force` a build; a temporary one where left out.
        progress: as for `edgekit.api.export`.
        options: the others that `edgekit.verbs.export.options.ExportOptions` declares.

    Raises:
        UsageError: all problems with the request or the network.
        CheckFailed: the build does not compile, is not the same network, or does not fit its board.
    """
    kept = (
        TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) if out is None else None
    )
    folder = Path(kept.name) / "build" if out is None and kept else Path(out or "")
    if not isinstance(target, str):
        raise UsageError(unavailable("target", repr(target), TARGETS, ()))
    with _without_held_names(), ExitStack() as held:
        source = held.enter_context(_source(network, example))
        if calibration is not None:
            held_name = held.enter_context(_calibration(calibration))
            options = {**options, "calibration": held_name}
        made = api.export(source, target, folder, progress=progress, **options)
    return Build(made.directory, made.manifest, made.notes, kept)


def _check_network(network: Any) -> None:
    """Refuse values that resemble a network and are none."""
    torch = sys.modules.get("torch")
    taken = () if torch is None else (torch.nn.Module, torch.export.ExportedProgram)
    if isinstance(network, type) or (callable(network) and not isinstance(network, taken)):
        found, step = f"{getattr(network, '__name__', network)!s}, not a module", "give an instance"
        raise UsageError(Problem("network", found, NETWORKS, step))
    if isinstance(network, Mapping):
        found, step = "a dictionary, as of weights", "load it into its module, and give that"
        raise UsageError(Problem("network", found, NETWORKS, step))
    if torch is not None and isinstance(network, torch.jit.ScriptModule):
        step = "give the module that it was made of"
        raise UsageError(Problem("network", "a TorchScript module", NETWORKS, step))


@contextmanager
def _source(network: object, example: object) -> Iterator[str]:
    torch = sys.modules.get("torch")
    network = network if torch is None else unwrap_module(network)
    _check_network(network)
    is_program = torch is not None and isinstance(network, torch.export.ExportedProgram)
    if example is not None and (is_program or isinstance(network, str | Path | onnx.ModelProto)):
        found, step = f"given with a {type(network).__name__}", "leave it out"
        raise UsageError(Problem("example", found, "a torch module's", step))
    if isinstance(network, str | Path):
        yield str(network)
    elif torch is not None and isinstance(network, torch.nn.Module):
        inputs = None if example is None else _tensors(example)
        with hold_factory(
            type(network).__name__, lambda: (copy.deepcopy(network), inputs)
        ) as source:
            yield source
    elif torch is not None and is_program:
        with _temporary_file("network.pt2") as path:
            torch.export.save(network, path)
            yield str(path)
    elif isinstance(network, onnx.ModelProto):
        with _temporary_file("network.onnx") as path:
            path.write_bytes(network.SerializeToString())
            yield str(path)
    else:
        step = "give the network itself"
        raise UsageError(Problem("network", f"a {type(network).__name__}", NETWORKS, step))


@contextmanager
def _temporary_file(name: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix="edgekit-") as folder:
        yield Path(folder) / name


def _tensors(example: Any) -> Any:
    """The example with its arrays as tensors: by name, or a tuple."""
    if isinstance(example, Mapping):
        return {name: _tensor(value) for name, value in example.items()}
    items = example if isinstance(example, tuple | list) else (example,)
    return tuple(_tensor(value) for value in items)


def _tensor(value: Any) -> Any:
    import torch

    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        found, step = f"a {type(value).__name__}", "give the inputs of one call"
        raise UsageError(Problem("example", found, "tensors or arrays", step)) from error
    if tensor.is_meta:
        raise UsageError(Problem("example", "on the device meta", "values", "give real inputs"))
    return tensor.cpu()


@contextmanager
def _calibration(calibration: Any) -> Iterator[str]:
    if isinstance(calibration, str | Path):
        yield str(calibration)
        return
    is_one = isinstance(calibration, Mapping) or hasattr(calibration, "__array__")
    if not is_one and not isinstance(calibration, Iterable):
        allowed, step = "a path, arrays, or an iterable of arrays", "give recordings of the input"
        found = f"a {type(calibration).__name__}"
        raise UsageError(Problem("calibration", found, allowed, step))
    # read once: an export asks for it more than once
    clips = [_clip(item) for item in ([calibration] if is_one else calibration)]
    if not clips:
        step = "give it anew: a generator that was read before is at its end"
        raise UsageError(Problem("calibration", "nothing in it", "arrays", step))
    with hold_factory("calibration", lambda: clips) as source:
        yield source


def _clip(item: Any) -> Arrays | Array:
    if isinstance(item, Mapping):
        return {name: _array(value) for name, value in item.items()}
    return _array(item[0] if isinstance(item, tuple | list) else item)


def _data(name: str, value: Any) -> Array:
    """An input of `Build.run` as an array of numbers."""
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "biufc":
        found, step = f"a {type(value).__name__}", "read files first; edgekit.api.run takes paths"
        raise UsageError(Problem(f"input '{name}'", found, "numbers", step))
    return array


def _array(value: Any) -> Array:
    if isinstance(value, str | Path):
        step = "read the files, or give their folder as one path"
        raise UsageError(Problem("calibration", f"a path, {str(value)!r}", "arrays", step))
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


@contextmanager
def _without_held_names() -> Iterator[None]:
    """Have errors name a module or calibration by its own name, not as a source of this process."""
    try:
        yield
    except UsageError as error:
        names = [
            [text.replace(HELD, "") for text in astuple(problem)] for problem in error.problems
        ]
        raise type(error)([Problem(*texts) for texts in names]) from error
