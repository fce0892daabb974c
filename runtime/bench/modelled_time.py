"""The time that a model gives for a hop on a device."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelledTime:
    """A modelled time: instructions, times a stated number of cycles each, at a clock.

    `energy_uj_per_hop` likewise: of the mean hop, by the energy of an instruction in a board.toml; None without.
    """

    clock_hz: int
    cycles_per_instruction: float
    us_per_hop: float
    cycles_from: str
    energy_uj_per_hop: float | None = None
    energy_from: str = ""

    @property
    def energy_text(self) -> str | None:
        """Return the energy of a hop, marked as a model."""
        if self.energy_uj_per_hop is None:
            return None
        return f"{self.energy_uj_per_hop:,} uJ a hop; energy: {self.energy_from or 'as board.toml states it'}"
