"""A network that scales with its input, `f(k x) = k f(x)`, at any level: normalised before integers see it."""

from torch import Tensor, nn

SMALLEST = 1e-20  # mean square below which an input counts as silent


class RmsNormalized(nn.Module):
    """``rms(x) f(x / rms(x))``, exact in float where `f` has no biases: a blind denoiser (Mohan et al., ICLR 2020).

    An integer network calibrated at one level of noise loses the quieter ones in its steps. Around it, x and y must
    stay in float. Of networks of sound they do. Others need ``[tensors]`` of the recipe.toml with ``x = "float32"``
    and ``y = "float32"``.
    """

    output_names = ("y",)

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network, x (1, ...) -> y (1, ...), with ``f(k x) = k f(x)`` for all k > 0."""
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return y of an x at any level; an x of zeros stays so."""
        square = x.square().mean(dim=tuple(range(1, x.ndim)), keepdim=True)
        level = square.clamp(min=SMALLEST).sqrt()
        y: Tensor = level * self.network(x / level)
        return y
