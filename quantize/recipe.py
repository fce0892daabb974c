"""Recipes: which type a tensor gets. A recipe is a value; `RECIPES` names the ones that ship."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How to quantize.

    Attributes:
        name: as given to ``--recipe``.
        weights: ``int8`` per output channel, or None for a float network.
        activations: ``int8`` asymmetric per tensor.
        smooth_inputs: type of a tensor that only sigmoid-like functions read.
        observer: how ranges are chosen, a key of `edgekit.quantize.observers.OBSERVERS`.
    """

    name: str
    weights: str | None = None
    activations: str = "float32"
    smooth_inputs: str = "float32"
    observer: str = "mse"

    def to_toml(self) -> str:
        """Return recipe.toml."""
        lines = [
            f'name = "{self.name}"',
            f'weights = "{self.weights or "float32"}"',
            f'activations = "{self.activations}"',
            f'smooth_inputs = "{self.smooth_inputs}"',
        ]
        if self.weights:
            lines.append(f'observer = "{self.observer}"')
        return "\n".join(lines) + "\n"


RECIPES = {
    "float32": Recipe("float32"),
    "w8a8": Recipe("w8a8", weights="int8", activations="int8", smooth_inputs="int16"),
}
LATER_RECIPES = ("w8a16", "w4a8", "auto")  # named in the contract, refused until they exist
