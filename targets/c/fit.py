"""Whether a build fits the memories of its microcontroller, and if not, by how much."""

import hashlib
from collections.abc import Callable

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.board import Board
from edgekit.runtime.devices.profile import Profile, Region
from edgekit.targets.build import Build
from edgekit.targets.c.place import Placing, items, place
from edgekit.targets.devices import profile

STACK_BYTES = 8192  # kept free for the stack


Misfits = Callable[[Build, Manifest], tuple[str, ...]]  # of a build and its facts so far


def fit_of(target: str, board: Board | None) -> tuple[Profile, Misfits]:
    """Return a target's profile with the memories that a build must fit, and what says where it does not."""
    device = profile(target)
    if board is None:
        return device, lambda _, manifest: misfits(manifest, device)
    flash = sum(memory.bytes - memory.reserved_bytes for memory in board.memory if memory.keeps)
    own = Profile(board.name, device.emits, memory={"weights": Region(0, flash)})
    return own, lambda build, manifest: placing(build, manifest, board).misfits


def placing(build: Build, manifest: Manifest, board: Board) -> Placing:
    """Place a build on a board; its code counts once the manifest knows its size."""
    return place(board, items(build.constants, manifest.memory, build.plan, board))


def misfits(manifest: Manifest, profile: Profile) -> tuple[str, ...]:
    """Say for each memory that is too small what is needed, what there is, and the difference."""
    memory = {name: size or 0 for name, size in manifest.memory.items()}
    needed = {
        "code": memory["code_bytes"],
        "weights": memory["weights_bytes"],
        "ram": memory["state_bytes"] + memory["scratch_bytes"] + STACK_BYTES,
    }
    return tuple(
        f"does not fit {profile.board}: {name} needs {size:,} bytes, {size - region.bytes:,} more than there are"
        for name, size in needed.items()
        if (region := profile.memory.get(name)) is not None and size > region.bytes
    )


def least_weights_bytes(model: Model, bits: int) -> int:
    """Bytes that the weights take at least where no float is narrower than `bits`; equal arrays count once."""
    sizes: dict[bytes, int] = {}
    for value in model.ir.graph.initializers.values():
        if (array := value.const_value) is None or not value.uses():
            continue
        content = hashlib.sha256(array.tobytes()).digest()
        is_float = array.dtype == ir.DataType.FLOAT
        sizes[content] = array.size * bits // 8 if is_float else array.nbytes
    return sum(sizes.values())


def weights_misfit(model: Model, bits: int, profile: Profile) -> tuple[str, ...]:
    """As `misfits`, of the weights alone, before anything is lowered; the real ones are larger."""
    region = profile.memory.get("weights")
    if region is None or (size := least_weights_bytes(model, bits)) <= region.bytes:
        return ()
    return (
        f"does not fit {profile.board}: weights need {size:,} bytes or more, "
        f"{size - region.bytes:,} more than there are",
    )
