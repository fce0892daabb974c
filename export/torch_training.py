"""Layers that compute as in training, though a network was put into eval mode."""

from torch import nn

from edgekit.base.errors import ModelError, Problem

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of a batch normalization
BEFORE_EXPORT = "call model.eval() before torch.export.export"


def set_eval_mode(module: nn.Module) -> None:
    """Put a module into eval mode.

    Raises:
        ModelError: every dropout and batch normalization that stays in training mode, as the class overrides
            ``eval`` or ``train``.
    """
    module.eval()  # some return nothing
    problems = [
        Problem(
            f"layer '{path}'" if path else "the module",
            f"a {type(layer).__name__} in training mode, though eval() was called",
            "layers in eval mode",
            "let the module's own eval and train call those of nn.Module",
        )
        for path, layer in module.named_modules()
        if layer.training and _trains(layer)
    ]
    if problems:
        raise ModelError(problems)


def _trains(layer: nn.Module) -> bool:
    """Whether a layer in training mode computes something else than in eval mode."""
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        return layer.running_mean is not None
    return isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0
