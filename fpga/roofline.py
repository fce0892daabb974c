"""A layer's roofline: the least cycles that its multipliers, its weights and its pictures in DRAM take, each alone."""

from dataclasses import dataclass

from edgekit.fpga.cycles import LayerCycles
from edgekit.fpga.spec import TAPS, EngineSpec


@dataclass(frozen=True)
class Roof:
    """Least cycles of a layer (S. Williams, Roofline, CACM 2009, with a roof for each kind of transfer).

    Attributes:
        multipliers: with a product from each of them in every cycle; a pool compares a beat in a cycle.
        weights: with the port moving only weights and scaling.
        dram: with the port moving only the pictures and results in DRAM.
    """

    multipliers: int
    weights: int
    dram: int

    @property
    def least(self) -> int:
        """Cycles that no engine of this size can go below."""
        return max(self.multipliers, self.weights, self.dram)

    @property
    def bound(self) -> str:
        """The bound of the layer."""
        roofs = {"multipliers": self.multipliers, "weights": self.weights, "DRAM": self.dram}
        return max(roofs, key=lambda name: roofs[name])


def roof(row: LayerCycles, spec: EngineSpec) -> Roof:
    """Return the roofs of a layer."""
    products = spec.lanes * (spec.columns if row.path == "dense" else TAPS)
    computed = -(-row.macs // products) if row.macs else row.compute
    moved = (-(-count // spec.port_bytes) for count in (row.weight_bytes, row.dram_bytes))
    return Roof(computed, *moved)
