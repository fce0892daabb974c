"""A program that runs a build on hops of noise, to count its instructions."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.build import Build
from edgekit.targets.c.replay.files import FOLDER, GOLDEN_BYTES, golden_file, replay_files

LEVEL = 0.1  # standard deviation of the noise


def noise_hops(tensors: Sequence[Tensor], hops: int) -> dict[str, Array]:
    """Seeded noise for hops of some tensors, (hops, *shape), of session constants (*shape)."""
    draw = np.random.default_rng(0)

    def drawn(tensor: Tensor) -> Array:
        shape = tensor.shape if tensor.role == "constant" else (hops, *tensor.shape)
        return (LEVEL * draw.standard_normal(shape)).astype(tensor.dtype)

    return {tensor.name: drawn(tensor) for tensor in tensors}


@contextmanager
def noise_folder(build: Build, target: Profile, hops: int) -> Iterator[Path]:
    """Give a temporary folder with a build and a program that runs it on hops of noise, to count instructions."""
    plain = replace(build.manifest, sampler=None)
    inputs = noise_hops((*plain.hop_inputs, *plain.constants), hops)
    outputs = noise_hops(plain.stream_outputs, hops)
    files = {**build.files, **replay_files(plain, target)}
    files[f"{FOLDER}/golden.c"] = golden_file(plain, inputs, outputs, (), False, GOLDEN_BYTES)
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        yield folder
