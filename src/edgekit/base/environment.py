"""Separate environments for Python packages that clash with those of this one; they run in other processes."""

import os
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import ToolError

VARIABLE = "EDGEKIT_PEERS"


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        name: of its folder.
        packages: arguments of pip install, pinned.
    """

    name: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Return the environment's folder: ``$EDGEKIT_PEERS/NAME``, or ``~/.cache/edgekit/peers/NAME``."""
        root = os.environ.get(VARIABLE)
        return (Path(root) if root else Path.home() / ".cache" / "edgekit" / "peers") / self.name

    @property
    def install(self) -> str:
        """The commands that make it."""
        packages = " ".join(f"'{package}'" for package in self.packages)
        return f"python3 -m venv {self.folder} && {self.folder}/bin/pip install {packages}"

    @property
    def is_here(self) -> bool:
        """Whether it was made."""
        return (self.folder / "bin" / "python").is_file()

    def python(self) -> Path:
        """Return its interpreter.

        Raises:
            ToolError: there is none; the message gives the commands that make it.
        """
        if not self.is_here:
            raise ToolError(f"{self.name} is not installed in {self.folder}; {self.install}")
        return self.folder / "bin" / "python"


EXECUTORCH = Environment("executorch", ("executorch==1.5.1", "torch>=2.13,<2.14"))
