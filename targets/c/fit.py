"""Whether a build fits the memories of its microcontroller, and if not, by how much."""

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
