"""16-bit PCM, (samples, channels), as the float hops of a build and back."""

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.base.arrays import Array, Float32, Int16
from edgekit.base.errors import Problem
from edgekit.base.layout import frames_to_hops, hops_to_frames
from edgekit.runtime.build_folder.manifest import Tensor

FULL_SCALE = np.float32(32768)


def to_hop(pcm: Mapping[str, Int16], tensors: Sequence[Tensor]) -> dict[str, Float32]:
    """Return the hop of each tensor, which is PCM, of its samples."""
    return {
        t.name: frames_to_hops(pcm[t.name].T.astype(np.float32) / FULL_SCALE, axes, t.shape)[0]
        for t in tensors
        if (axes := t.axes)
    }


def of_hop(hop: Mapping[str, Array], tensors: Sequence[Tensor]) -> dict[str, Int16]:
    """Return the samples of each tensor, rounded half to even and saturated."""
    planes = {t.name: hops_to_frames(hop[t.name][None], axes) for t in tensors if (axes := t.axes)}
    return {
        name: np.clip(np.rint(plane.T * FULL_SCALE), -32768, 32767).astype(np.int16)
        for name, plane in planes.items()
    }


def not_pcm(tensors: Sequence[Tensor]) -> Problem:
    """Return the inputs and outputs of a build that are no PCM, in words."""
    found = ", ".join(f"{t.name} {list(t.shape)}" for t in tensors)
    return Problem(
        "build", f"takes and gives {found}", "one PCM hop in, one out", "export with --frontend"
    )
