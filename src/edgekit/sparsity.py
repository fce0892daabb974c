"""N:M sparse weights in training: mask decay, for torch.

    pruning = GradualPruning(network, "1:4")
    for step, batch in enumerate(batches):
        with pruning.masked(step):
            loss_of(network, batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    pruning.finish()

Then `edgekit export` finds the zeros by itself.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.graph.sparsity import Pattern, mask_of, read_pattern

_RECURRENT = (nn.GRU, nn.LSTM)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


def prunable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that a sparse kernel can read, by name: Linear, 1x1 convolutions, GRU, LSTM.

    The input dimension of each is axis 1.
    """
    found: dict[str, nn.Parameter] = {}
    for name, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        found |= {f"{name}.{w}" if name else w: own[w] for w in _sparse_weights(module)}
    return found


def _sparse_weights(module: nn.Module) -> list[str]:
    """The names of a layer's own weights that a sparse kernel can read."""
    if isinstance(module, nn.Linear):
        return ["weight"]
    if isinstance(module, _CONVOLUTIONS):
        return ["weight"] if set(module.kernel_size) == {1} and module.groups == 1 else []
    if isinstance(module, _RECURRENT):
        return [w for w, _ in module.named_parameters() if w.startswith("weight_")]
    return []


class GradualPruning:
    """MdGf-Exponential: the weights outside the mask fade, and still learn.

    At step n a weight outside the mask counts exp(-decay n) times, and its gradient is passed on unchanged. The mask
    keeps the largest magnitudes of each group and is found anew at each step. Source: Bambhaniya et al., Progressive
    gradient flow for robust N:M sparsity training (2024), arXiv 2402.04744.
    """

    def __init__(
        self,
        network: nn.Module,
        pattern: str | Pattern,
        decay: float = 0.01,
        weights: dict[str, nn.Parameter] | None = None,
    ) -> None:
        """Prune `weights`, which are all that `prunable` finds where none are given.

        Raises:
            UsageError: the pattern is not known.
        """
        self.pattern = read_pattern(pattern) if isinstance(pattern, str) else pattern
        self.decay = decay
        self.weights = prunable(network) if weights is None else weights

    @contextmanager
    def masked(self, step: int) -> Iterator[None]:
        """Inside the block the network has the weights of this step; after it, the dense ones that are trained."""
        share = math.exp(-self.decay * step)
        dense = [weight.detach().clone() for weight in self.weights.values()]
        self._scale(share)
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, kept in zip(self.weights.values(), dense, strict=True):
                    weight.copy_(kept)

    def finish(self) -> None:
        """Leave only the weights of the mask."""
        self._scale(0.0)

    @torch.no_grad()
    def _scale(self, share: float) -> None:
        for weight in self.weights.values():
            mask = torch.from_numpy(self._mask(weight))
            weight.mul_(torch.where(mask, 1.0, share))

    def _mask(self, weight: Tensor) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return mask_of(weight.detach().cpu().numpy(), self.pattern, axis=1)
