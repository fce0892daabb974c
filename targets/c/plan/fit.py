"""Whether a build fits the memories of its microcontroller, and if not, by how much."""

import hashlib
from collections.abc import Callable

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.board import Board
from edgekit.runtime.devices.profile import Profile, Region
from edgekit.targets.build import Build
from edgekit.targets.c.plan.place import BoardPlacement, items, place
from edgekit.targets.devices import profile

STACK_BYTES = 8192  # kept free for the stack


Misfits = Callable[[Build, Manifest], tuple[str, ...]]  # of a build and its facts so far


def fit_of(target: str, board: Board | None) -> tuple[Profile, Misfits]:
    """Return a target's profile with the memories that a build must fit, and the message for one that does not."""
    device = profile(target)
    if board is None:
        return device, lambda _, manifest: misfits(manifest, device)
    flash = sum(memory.bytes - memory.reserved_bytes for memory in board.memory if memory.keeps)
    own = Profile(board.name, device.emits, memory={"weights": Region(0, flash)})
    return own, lambda build, manifest: place_build(build, manifest, board).misfits


def place_build(build: Build, manifest: Manifest, board: Board) -> BoardPlacement:
    """Place a build on a board; its code counts once the manifest knows its size."""
    return place(board, items(build.constants, manifest.memory, build.plan, board))


def misfits(manifest: Manifest, profile: Profile) -> tuple[str, ...]:
    """Return for each memory that is too small the bytes needed, those available, and the difference."""
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


def beyond_parts(manifest: Manifest, profile: Profile, model: Model, bits: int) -> tuple[str, ...]:
    """Say where a build needs more memory than any usual part of its core has.

    Args:
        manifest: the build's facts.
        profile: of its target; one without `parts` has no such limits.
        model: the network before it was quantized.
        bits: of its narrowest float weights in the build.
    """
    if not profile.parts:
        return ()
    memory = {name: size or 0 for name, size in manifest.memory.items()}
    flash = max(profile.parts, key=lambda part: part.flash_bytes)
    ram = max(profile.parts, key=lambda part: part.ram_bytes)
    weights, working = memory["weights_bytes"], memory["state_bytes"] + memory["scratch_bytes"]
    narrower = ""
    if weights > flash.flash_bytes:
        narrower = _narrower_recipes(model, bits, flash.flash_bytes)
    rows = (
        ("weights", weights, "flash", flash.name, flash.flash_bytes, narrower),
        ("states and scratch", working, "RAM", ram.name, ram.ram_bytes, ", or a smaller network"),
    )
    return tuple(
        f"{_mib(needed)} of {what}: no usual {profile.name} part has as much {kind}; the largest listed, "
        f"{part}, has {_mib(most)}. They need external {kind}, which a --board file describes{step}"
        for what, needed, kind, part, most, step in rows
        if needed > most
    )


def _narrower_recipes(model: Model, bits: int, flash_bytes: int) -> str:
    """Return the size of the weights with integer recipes; empty where they are as narrow already."""
    sizes = {
        name: sum(least_weights_bytes(net, width) for net in (model, *model.networks.values()))
        for name, width in (("w8a8", 8), ("w4a8", 4))
        if width < bits
    }
    said = " and ".join(f"about {_mib(size)} with --recipe {name}" for name, size in sizes.items())
    if not said:
        return ", or a smaller network"
    fits = " or ".join(name for name, size in sizes.items() if size <= flash_bytes)
    return f". They take {said}; " + (f"{fits} fits" if fits else "none of these fits")


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"


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
    """Return the result of `misfits` for the weights alone, before anything is lowered; the real ones are larger."""
    region = profile.memory.get("weights")
    if region is None or (size := least_weights_bytes(model, bits)) <= region.bytes:
        return ()
    return (
        f"does not fit {profile.board}: weights need {size:,} bytes or more, "
        f"{size - region.bytes:,} more than there are",
    )
