"""The table of peers, the other engines that run networks: packages, environments, forms of a network."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.base.environment import EXECUTORCH, Environment


@dataclass(frozen=True)
class Peer(Environment):
    """Another engine for networks; its name is that of ``--against``, and its worker is ``run_<name>.py``.

    Attributes:
        integer_forms: the forms to compare with an integer build: the peer's own roundings of the float network, or
            ``float`` without any. ``dynamic`` rounds activations as they come, ``static`` on calibrated scales. A float
            build is compared with the float network.
    """

    integer_forms: tuple[str, ...]

    def forms(self, is_integer: bool) -> Mapping[str, str]:
        """Return the forms to measure, by the name of their row."""
        if not is_integer:
            return {self.name: "float"}
        return {f"{self.name} {form}": form for form in self.integer_forms}


PEERS = {
    peer.name: peer
    for peer in (
        Peer("litert", ("litert-torch==0.10.0", "ai-edge-litert==2.3.0"), ("dynamic", "static")),
        Peer(EXECUTORCH.name, EXECUTORCH.packages, ("static",)),
        Peer("tract", ("tract==0.23.9", "numpy"), ("float",)),
    )
}
