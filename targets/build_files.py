"""A build's files in a folder: written, read back, and run on this machine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, NETWORKS_FOLDER, Manifest
from edgekit.runtime.stream import Stream

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.targets.build import Build


class FilesOf(Mapping[str, bytes]):
    """Files of a folder by name, read when they are asked for: a network may have hundreds of megabytes."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """List these files in `folder`."""
        self._folder, self._names = folder, tuple(names)

    def __getitem__(self, name: str) -> bytes:
        """The content of one file."""
        if name not in self._names:
            raise KeyError(name)
        return (self._folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._names)

    def __len__(self) -> int:
        """The number of files."""
        return len(self._names)


def write_build(build: "Build", folder: Path) -> "Build":
    """Write a build's files and its manifest, which is not verified yet; the build returned reads them there."""
    for name, content in build.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / MANIFEST_NAME).write_text(build.manifest.to_json(), encoding="utf-8")
    for role, manifest in build.others.items():
        write_network(folder, role, manifest)
    return replace(build, files=FilesOf(folder, build.files))


def write_network(
    folder: Path, role: str, manifest: Manifest, model: "Model | None" = None
) -> None:
    """Write the facts of another network of a sampler, and its model where the build has none."""
    from edgekit.targets.onnxruntime import with_zero_points

    own = folder / NETWORKS_FOLDER / role
    own.mkdir(parents=True, exist_ok=True)
    (own / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    if model is not None and not (own / "model.onnx").exists():
        with_zero_points(model).save(own / "model.onnx")


def read_model(directory: Path) -> "Model":
    """Read the network that a build was lowered from.

    Raises:
        UsageError: the folder does not hold it.
    """
    from edgekit.graph.model import Model

    path = directory / "model.onnx"
    try:
        model = Model.from_bytes(path.read_bytes())
        roles = () if model.sampler is None else model.sampler.networks
        networks = {role: read_model(directory / NETWORKS_FOLDER / role) for role in roles}
        return replace(model, networks=networks)
    except OSError as error:
        found = error.strerror or "cannot be read"
        raise UsageError(
            Problem(f"file '{path}'", found, "a build's network", "export again")
        ) from error


def open_portable(directory: Path) -> Stream:
    """Run the network of a build for another machine as portable C: the same integers, and float sums in one order.

    Raises:
        UsageError: the folder holds no such build.
        ToolError: no C compiler, or it failed.
    """
    return portable_stream(read_model(directory))


def portable_stream(model: "Model") -> Stream:
    """Compile a network as portable C for this machine and open it.

    Raises:
        ToolError: no C compiler, or it failed.
    """
    from edgekit.targets.c.lower import lower_c

    with TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        write_build(lower_c(model, "c99"), Path(name))
        return Stream.open(name)
