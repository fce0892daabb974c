"""The interface between a `Stream` and the code that runs a build."""

from pathlib import Path
from typing import Protocol

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.toolchain import Compiler


class Runner(Protocol):
    """A runner of the hops of one instance."""

    @property
    def compiler(self) -> Compiler | None:
        """The compiler that made it, for C builds."""
        ...

    def process(self, inputs: list[Array]) -> tuple[list[Array], int]:
        """Run one hop; return the outputs and the nanoseconds it took."""
        ...

    def session(self, constants: list[Array]) -> None:
        """Take the session constants."""

    def end(self, valid_samples: int) -> None:
        """Declare that the stream ends in the next hop, after this number of its samples."""

    def reset(self) -> None:
        """Return to the state of a fresh instance; a seed stays."""

    def seed(self, seed: int) -> None:
        """Draw noise of this seed, from the next `reset` on."""


def misfit(directory: Path, found: str) -> Problem:
    """Return the problem of a build whose model is another one than its manifest describes."""
    allowed = "the model that the manifest describes"
    return Problem(f"build '{directory.name}'", found, allowed, "export the network again")


class StateRunner:
    """The common part of runners whose engine keeps no states: these go from hop to hop here."""

    compiler = None

    def __init__(self, manifest: Manifest) -> None:
        """Start without states; the results of the session constants are kept separately."""
        self._inputs = [tensor.name for tensor in manifest.hop_inputs]
        self._constants = [tensor.name for tensor in manifest.constants]
        self._hop, self._end_state = manifest.stream["hop_samples"], manifest.stream["end_state"]
        self._kept = dict[str, Array]()
        self._states = dict[str, Array]()

    def end(self, valid_samples: int) -> None:
        """Declare that the stream ends in the next hop, after this number of its samples."""
        if self._end_state is not None:
            self._states[self._end_state][...] = self._hop - valid_samples

    def seed(self, seed: int) -> None:
        """Draw no noise, as most builds of this kind."""
