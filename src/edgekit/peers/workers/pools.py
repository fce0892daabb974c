"""ONNX's pools in torch."""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.base.json_values import JsonObject


def pool(x: Tensor, attributes: JsonObject, largest: bool) -> Tensor:
    """The largest, or the mean, of each window of `x` (1, channels, *sizes), by the attributes of ONNX's pool.

    Raises:
        ValueError: the window lies as torch's pools have none.
    """
    kernel: Sequence[int] = attributes["kernel_shape"]
    rank = len(kernel)
    strides, dilations = (list(attributes.get(n, [1] * rank)) for n in ("strides", "dilations"))
    begin, end = pad_sizes(x.shape[2:], attributes, kernel, strides, dilations)
    if attributes.get("ceil_mode", 0):
        raise ValueError("a pool that rounds its size up has no form in torch")
    is_padded_alone = begin != end or any(p * 2 > k for p, k in zip(begin, kernel, strict=True))
    counted = bool(attributes.get("count_include_pad", 0))
    if not largest:
        _check_mean(dilations, is_padded_alone and not counted)
    if is_padded_alone:
        sides = [p for pair in zip(reversed(begin), reversed(end), strict=True) for p in pair]
        x = F.pad(x, sides, value=float("-inf") if largest else 0.0)
        begin = [0] * rank
    if largest:
        best: Callable[..., Tensor] = (F.max_pool1d, F.max_pool2d)[rank - 1]
        return best(x, list(kernel), strides, begin, dilations)
    mean: Callable[..., Tensor] = (F.avg_pool1d, F.avg_pool2d)[rank - 1]
    return mean(x, list(kernel), strides, begin, False, counted)


def _check_mean(dilations: Sequence[int], leaves_padding_out: bool) -> None:
    if max(dilations) > 1:
        raise ValueError("a dilated mean has no form in torch")
    if leaves_padding_out:
        raise ValueError("a mean with padding of two sizes has no form in torch")


def pad_sizes(
    sizes: Sequence[int],
    attributes: JsonObject,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Return padding before and after each axis."""
    rank = len(kernel)
    how = str(attributes.get("auto_pad", "NOTSET"))
    if not how.startswith("SAME"):
        pads = list(attributes.get("pads", [0] * 2 * rank))
        return pads[:rank], pads[rank:]
    begin, end = [], []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        needed = max((-(-size // stride) - 1) * stride + dilation * (taps - 1) + 1 - size, 0)
        more = (needed + 1) // 2
        begin.append(more if how == "SAME_LOWER" else needed - more)
        end.append(needed - begin[-1])
    return begin, end
