"""`deploy`: a network of a Python program becomes a build, with modules and arrays in the place of files."""

import copy
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack

import numpy as np
import onnx

from edgekit import api
from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.base.progress import Progress
from edgekit.build import Build
from edgekit.export.torch_source import unwrap_module
from edgekit.verbs.export.literal_names import TargetName
from edgekit.verbs.export.options import DeployOptions
from edgekit.verbs.held_factories import HELD, hold_factory
from edgekit.verbs.keywords import suggest_keywords
from edgekit.verbs.targets import TARGETS

NETWORKS = (
    "a torch module, an exported program, an onnx.ModelProto, a path or package.module:factory"
)
Arrays = dict[str, Array]


@suggest_keywords
def deploy(
    network: Any,
    example: Any = None,
    *,
    target: TargetName = "host",
    calibration: Any = None,
    out: str | Path | None = None,
    progress: Progress = api.silent,
    **options: Unpack[DeployOptions],
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
        options: the others of `edgekit.api.export`, as `edgekit.verbs.export.options.DeployOptions` declares them.

    Raises:
        UsageError: all problems with the request or the network.
        CheckFailed: the build does not compile, is not the same network, or does not fit its board.
    """
    temporary = None
    if out is None:
        temporary = TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        out = Path(temporary.name) / "build"
    if not isinstance(target, str):
        raise UsageError(unavailable("target", repr(target), TARGETS, ()))
    with _without_held_names(), ExitStack() as held:
        source = held.enter_context(_source(network, example))
        clips = None if calibration is None else held.enter_context(_calibration(calibration))
        made = api.export(source, target, out, progress=progress, calibration=clips, **options)
    return replace(made, _temporary=temporary)


def _check_network(network: Any) -> None:
    """Refuse values that resemble a network and are none."""
    torch = sys.modules.get("torch")
    taken = () if torch is None else (torch.nn.Module, torch.export.ExportedProgram)
    if isinstance(network, type) or (callable(network) and not isinstance(network, taken)):
        found, step = f"{getattr(network, '__name__', network)!s}, not a module", "give an instance"
        raise UsageError(Problem("network", found, NETWORKS, step))
    if isinstance(network, Mapping):
        found, step = (
            "a dictionary, such as one of weights",
            "load it into its module, and give that",
        )
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
