"""What a `Stream` asks of whatever runs a build."""

from typing import Protocol

from edgekit.base.arrays import Array
from edgekit.runtime.runners.toolchain import Compiler


class Runner(Protocol):
    """What runs the hops of one instance."""

    @property
    def compiler(self) -> Compiler | None:
        """The compiler that made it, for C builds."""
        ...

    def process(self, inputs: list[Array]) -> tuple[list[Array], int]:
        """Run one hop; returns the outputs and the nanoseconds it took."""
        ...

    def session(self, constants: list[Array]) -> None:
        """Take the session constants."""

    def end(self, valid_samples: int) -> None:
        """Say that the stream ends in the next hop, behind so many of its samples."""

    def reset(self) -> None:
        """Return to the state of a fresh instance; a seed stays."""

    def seed(self, seed: int) -> None:
        """Draw noise of this seed, from the next `reset` on."""
