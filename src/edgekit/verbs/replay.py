"""Sources of a program that replays golden data: a build's own, and those that run and compare them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.base.errors import CheckFailed, Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.npz import read_npz
from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Layer
from edgekit.targets.c.replay.files import (
    FOLDER,
    GOLDEN_BYTES,
    Held,
    golden_file,
    layer_values,
    replay_files,
)
from edgekit.verbs.targets import TARGETS

LAYER_HOPS = 8


@dataclass(frozen=True)
class Look:
    """A build's layers, their expected values, (hops, *shape), and the files that an export would write otherwise."""

    layers: tuple[Layer, ...]
    held: Held
    changed: tuple[str, ...]


def look(directory: Path, manifest: Manifest, model: Model) -> Look:
    """Lower a build's network again, and run the oracle, for a look at each of its layers.

    Raises:
        UsageError: the manifest is of other sources than this version makes of the network.
    """
    own: JsonObject = {} if manifest.updates is None else {"weights": "external"}
    if manifest.schedule:
        own["schedule"] = manifest.schedule
    build = TARGETS[manifest.target].lower(model, manifest.target, **own)
    if build.manifest.digest != manifest.digest:
        found = "other sources than this version makes of its model.onnx"
        raise UsageError(
            Problem(f"build '{directory}'", found, "its own", "export the network again")
        )
    shown = [replace(layer, border=None) for layer in build.layers]
    held = layer_values(model, shown, read_npz(directory / "golden" / "input.npz"), LAYER_HOPS)
    changed = tuple(
        name for name, content in build.files.items() if _content(directory / name) != content
    )
    return Look(build.layers, held, changed)


@contextmanager
def replay_folder(
    directory: Path, manifest: Manifest, target: Profile, held: Held | None = None
) -> Iterator[Path]:
    """Give a temporary folder with the build's sources and the replay program around them.

    A denoiser with a sampler replays calls of its network.

    Args:
        directory: the build.
        manifest: its facts.
        target: its device.
        held: expected values of layers; None for the golden data of the export, if any.
    """
    sources = (*directory.glob("*.c"), *directory.glob("*.h"))
    files = {
        **{source.name: source.read_bytes() for source in sources},
        **replay_files(replace(manifest, sampler=None), target),
        f"{FOLDER}/golden.c": _golden(directory, manifest, target, held),
    }
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / FOLDER).mkdir()
        for path, content in files.items():
            (folder / path).write_bytes(content)
        yield folder


def _golden(directory: Path, manifest: Manifest, target: Profile, held: Held | None) -> bytes:
    """Return golden.c as the export wrote it, or with expected values of layers."""
    written = _content(directory / FOLDER / "golden.c")
    if held is None and manifest.sampler is None and written is not None:
        return written
    inputs, outputs = (
        read_npz(directory / "golden" / f"{name}.npz") for name in ("input", "output")
    )
    facts, plain = manifest.verification or {}, replace(manifest, sampler=None)
    exact = held is None and not target.is_cross and bool(facts.get("bit_exact_with_oracle"))
    limit = _limit(manifest, target, held or ())
    return golden_file(plain, inputs, outputs, held or (), exact, limit)


def with_changed(error: CheckFailed, seen: Look) -> CheckFailed:
    """Return the error of a build's replay, with the files that are no longer those of its export."""
    if not seen.changed:
        return error
    files = ", ".join(seen.changed)
    return CheckFailed(f"{error}\nnot as the export wrote them: {files}")


def _limit(manifest: Manifest, target: Profile, held: Held) -> int:
    """Bytes of golden data: enough for all layers, as far as the device's memory goes."""
    limit = sum(values.nbytes for _, values in held) or GOLDEN_BYTES
    if target.is_bare:
        free = target.memory["weights"].bytes - (manifest.memory["weights_bytes"] or 0)
        limit = min(limit, max(1, free // 2))
    return limit


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
