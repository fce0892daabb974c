"""`Build`: the result of a target for a model, as a value; nothing is compiled or run until asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgekit.runtime.build_folder.manifest import NETWORKS_FOLDER, Manifest


@dataclass(frozen=True)
class Placement:
    """The place of one tensor: bytes `offset`..`offset + size` of a block, during steps `first`..`last`.

    `block` is ``scratch`` or ``state``.
    """

    name: str
    block: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class StateField:
    """The place of one state in the state block of the generated C.

    Attributes:
        name: of the input that holds it.
        node: the layer that computes the next one; None where it is past input.
        step: of this layer in the schedule.
        dtype: as in the manifest.
        offset: in bytes.
        bytes: its size.
    """

    name: str
    node: str | None
    step: int
    dtype: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class ConstantSize:
    """An array of weights or the like in the generated C.

    Attributes:
        name: its C name.
        bytes: its size.
        reads: how often a hop reads each byte of it, in the mean; 0 where only a session or a decoder does.
        crc32: of its bytes, little-endian.
        layer: the first node that reads it; empty where no hop does.
    """

    name: str
    bytes: int
    reads: float
    crc32: int = 0
    layer: str = ""


@dataclass(frozen=True)
class Choice:
    """The kernel of one layer.

    Attributes:
        node: the layer's name.
        operator: its type.
        kernel: the one in the build.
        others: alternatives, those that the cost model prefers first.
        form: the properties that its time depends on: operator, element types, sizes.
    """

    node: str
    operator: str
    kernel: str
    others: tuple[str, ...]
    form: str


@dataclass(frozen=True)
class Layer:
    """A tensor that the generated C shows to a replay.

    Attributes:
        number: of its ``EK_LAYER``.
        node: the node's that computes it.
        name: the tensor's.
        operator: the type of that node.
        dtype: as in the manifest.
        shape: without hops.
        border: where a network of integers meets float code: ``in`` or ``out``; else None.
    """

    number: int
    node: str = field(repr=False)  # pinned digests cover the shown tensors
    name: str
    operator: str
    dtype: str
    shape: tuple[int, ...]
    border: str | None


@dataclass(frozen=True)
class Build:
    """Files by relative path, the manifest, and (C targets) the memory plan over the schedule.

    Attributes:
        files: content of every file that the target emits; the digest covers exactly these.
        manifest: the facts; its `digest` is that of `files`.
        plan: the place of every tensor, for the report.
        steps: the schedule: one label per step, for the report.
        layers: those that a replay can compare.
        notes: for the user, about the way the target runs it.
        others: manifests of the other networks of its sampler, by role.
        constants: its arrays, for a board's memory plan.
        choices: the kernel of each layer that several kernels compute, or could on another device.
        states: the fields of its state block.
    """

    files: Mapping[str, bytes]
    manifest: Manifest
    plan: tuple[Placement, ...] = field(default=())
    steps: tuple[str, ...] = field(default=())
    layers: tuple[Layer, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    others: Mapping[str, Manifest] = field(default_factory=dict)
    constants: tuple[ConstantSize, ...] = field(default=())
    choices: tuple[Choice, ...] = field(default=())
    states: tuple[StateField, ...] = field(default=())


def join_builds(build: Build, others: Mapping[str, Build]) -> Build:
    """Return a build with those of the other networks of its sampler, each in a separate folder."""
    if not others:
        return build
    inside = {
        f"{NETWORKS_FOLDER}/{role}/{name}": content
        for role, other in others.items()
        for name, content in other.files.items()
    }
    files = {**build.files, **inside}
    manifest = replace(build.manifest, memory=_total_memory(build, others), digest=digest(files))
    manifests = {role: other.manifest for role, other in others.items()}
    return replace(build, files=files, manifest=manifest, others=manifests)


def _total_memory(build: Build, others: Mapping[str, Build]) -> dict[str, int | None]:
    """The memory of a build and its other networks: all weights."""
    own = build.manifest.memory
    parts = [own, *(other.manifest.memory for other in others.values())]
    return {**own, "weights_bytes": sum(memory["weights_bytes"] or 0 for memory in parts)}


def digest(files: Mapping[str, bytes]) -> str:
    """Return ``sha256:...`` over names and contents, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return f"sha256:{total.hexdigest()}"
