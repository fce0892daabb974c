"""The test bench of an engine's C simulation, compiled."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.fpga import golden, project
from edgekit.fpga.network import Network
from edgekit.fpga.program import Program
from edgekit.runtime.runners.fpga import NO_COMPILER
from edgekit.runtime.runners.toolchain import CXX_NAMES

needs_cxx = pytest.mark.skipif(
    not any(shutil.which(name) for name in CXX_NAMES), reason=NO_COMPILER
)


Arrays = dict[str, NDArray[np.int8]]


def stored(network: Network, image: NDArray[np.int8]) -> Arrays:
    """What the golden model makes of a picture."""
    return golden.run(network, {next(iter(network.inputs.values())): image})


def built(program: Program, folder: Path, images: list[NDArray[np.int8]]) -> Path:
    """The compiled test bench, its golden vectors beside it."""
    values = [stored(program.network, image) for image in images]
    vectors = project.golden_vectors(program, images, values)
    project.write(folder, project.sources(program) | vectors)
    project.compile_test_bench(folder, folder / "tb")
    return folder / "tb"
