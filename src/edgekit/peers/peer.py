"""The table of peers, which are what others run networks with: packages, environments, forms of a network."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import ToolError

VARIABLE = "EDGEKIT_PEERS"


@dataclass(frozen=True)
class Peer:
    """What others run networks with, in an environment of its own.

    Attributes:
        name: as ``--against`` names it; its worker is ``run_<name>.py``.
        packages: what pip installs, pinned.
        integer_forms: what stands beside an integer build: the peer's own roundings of the float
            network (``dynamic``: activations rounded as they come; ``static``: on calibrated scales)),
            or ``float`` where it has none. Beside a float build it is the float network.
    """

    name: str
    packages: tuple[str, ...]
    integer_forms: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where its environment is: ``$EDGEKIT_PEERS/NAME``, or ``~/.cache/edgekit/peers/NAME``."""
        root = os.environ.get(VARIABLE)
        return (Path(root) if root else Path.home() / ".cache" / "edgekit" / "peers") / self.name

    @property
    def install(self) -> str:
        """The commands that make it."""
        packages = " ".join(f"'{package}'" for package in self.packages)
        return f"python3 -m venv {self.folder} && {self.folder}/bin/pip install {packages}"

    def python(self) -> Path:
        """Return the interpreter of its environment.

        Raises:
            ToolError: there is none; says how to make it.
        """
        found = self.folder / "bin" / "python"
        if not found.is_file():
            raise ToolError(f"{self.name} is not installed in {self.folder}; {self.install}")
        return found

    def forms(self, is_integer: bool) -> Mapping[str, str]:
        """Return the forms to measure, by the name of their row."""
        if not is_integer:
            return {self.name: "float"}
        return {f"{self.name} {form}": form for form in self.integer_forms}


PEERS = {
    peer.name: peer
    for peer in (
        Peer("litert", ("litert-torch==0.10.0", "ai-edge-litert==2.3.0"), ("dynamic", "static")),
        Peer("executorch", ("executorch==1.5.1", "torch>=2.13,<2.14"), ("static",)),
        Peer("tract", ("tract==0.23.9", "numpy"), ("float",)),
    )
}
