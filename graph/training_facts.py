"""Training facts of a denoiser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingFacts:
    """Training facts that a denoiser states: the prediction type, and T."""

    prediction: str | None = None
    timesteps: int | None = None

    @staticmethod
    def of(facts: Mapping[str, Any]) -> "TrainingFacts":
        """Return the facts in a mapping of any origin.

        Raises:
            ValueError: unknown keys, or values of another type.
        """
        made = TrainingFacts(facts.get("prediction"), facts.get("timesteps"))
        kinds = isinstance(made.prediction, str | None) and type(made.timesteps) in (
            int,
            type(None),
        )
        if facts.keys() - vars(made).keys() or not kinds:
            raise ValueError(
                f"{dict(facts)!r}: a text prediction and an integer timesteps are known"
            )
        return made
