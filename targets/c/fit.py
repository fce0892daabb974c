"""Whether a build fits the memories of its microcontroller, and if not, by how much."""

import hashlib

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.profile import Profile

STACK_BYTES = 8192  # kept free for the stack


def misfits(manifest: Manifest, profile: Profile) -> tuple[str, ...]:
    """Say for each memory that is too small what is needed, what there is, and the difference."""
    memory = {name: size or 0 for name, size in manifest.memory.items()}
    needed = {
        "code": memory["code_bytes"],
        "weights": memory["weights_bytes"],
        "ram": memory["state_bytes"] + memory["scratch_bytes"] + STACK_BYTES,
    }
    board = profile.qemu[-1] if profile.qemu else profile.name
    return tuple(
        f"does not fit {board}: {name} needs {size:,} bytes, {size - region.bytes:,} more than there are"
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
    board = profile.qemu[-1] if profile.qemu else profile.name
    return (
        f"does not fit {board}: weights need {size:,} bytes or more, "
        f"{size - region.bytes:,} more than there are",
    )
