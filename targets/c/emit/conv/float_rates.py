"""The cost model of float convolutions: the share of a core's products that two kernels reach on a shape.

What depends on the processor is in its row of `KernelCosts`.
"""

from edgekit.operators.geometry import ConvShape
from edgekit.runtime.devices.profile import KernelCosts

WIDE = 8  # lanes above which tiles of twelve sums wait less for their outputs
ROOM = 24576  # floats of inputs with their padding, ``EK_ROOM``
LEAST_COLUMNS = {8: 6, 16: 14}  # of a block of channels' vectors by lanes, ``EK_TILE_POSITIONS``
PAGE = 1024  # floats of a memory page
NEAR_WEIGHTS = 1 << 16  # floats; more are not near any more when the next block begins
FAR_WEIGHTS = 4  # the time of a vector of them, in a block's products


def rate_by_channels(s: ConvShape, lanes: int, costs: KernelCosts) -> float:
    """Return the share that ``ek_conv_channels_f32`` reaches: of its lanes, its sums and its copies.

    Args:
        s: the shape, with a single group.
        lanes: of a vector.
        costs: of the processor.
    """
    kernel, panels = s.k_h * s.k_w, -(-s.out_c // lanes)
    taps, inside = s.in_c * kernel, is_inside(s)
    products = s.out_h * s.out_w * taps * panels
    copies = 0 if inside else s.in_c * _time_of_blocks(s, lanes, costs)
    summed = taps / (taps + costs.channels_start)
    far = costs.far_inputs if inside and kernel == 1 and s.in_h * s.in_w >= PAGE else 1
    return s.out_c / (panels * lanes) * summed * far * products / (products + copies)


def _time_of_blocks(s: ConvShape, lanes: int, costs: KernelCosts) -> float:
    """The time in which blocks copy one padded channel, cut as ``ek_cut_of`` does, and read its weights again."""
    reach = (s.k_h - 1) * s.dil_h + 1, (s.k_w - 1) * s.dil_w + 1
    weights = s.k_h * s.k_w * -(-s.out_c // lanes)
    read = FAR_WEIGHTS * weights * (s.in_c * weights * lanes > NEAR_WEIGHTS)
    wide = ROOM // (s.in_c * reach[0]) - reach[1]
    most = min(s.out_w, max(1, wide // s.stride_w + 1))
    found = []
    while True:
        across = -(-s.out_w // most)
        pitch = (-(-s.out_w // across) - 1) * s.stride_w + reach[1]
        down = -(-s.out_h // max(1, (ROOM // (s.in_c * pitch) - reach[0]) // s.stride_h + 1))
        height = (-(-s.out_h // down) - 1) * s.stride_h + reach[0]
        rows, vectors = down * across * height, -(-pitch // lanes)
        time = (
            rows * (costs.copied_row + costs.copied_vector * vectors) + (down * across - 1) * read
        )
        found.append((rows * vectors, time))
        most = (most + 1) // 2
        if down == 1 or most < LEAST_COLUMNS[lanes]:
            return min(found)[1]


def rate_by_rows(s: ConvShape, lanes: int, costs: KernelCosts) -> float:
    """Return the share that ``ek_conv_f32`` reaches: of its lanes, its sums, and its rows.

    Rows are laid out by their strides for all outputs at once; narrow ones cost more.
    """
    positions, taps = s.out_h * s.out_w, s.in_c * s.k_h * s.k_w
    full = positions / (-(-positions // lanes) * lanes)
    share = _share_of_rows(s, lanes, costs)
    return full * share * taps / (taps + costs.rows_start) * costs.rows_speed


def _share_of_rows(s: ConvShape, lanes: int, costs: KernelCosts) -> float:
    """The share of the time that products take, idle lanes and sums aside; at most 1."""
    kernel, stride, positions = s.k_h * s.k_w, s.stride_h * s.stride_w, s.out_h * s.out_w
    one_row = is_inside(s) and stride == 1
    pointwise = one_row and kernel == 1
    wide = lanes > WIDE
    share = (0.97 if wide else 0.95) if one_row else _share_of_laid_rows(s, lanes, costs)
    if s.out_w < 12 and not pointwise:
        share *= costs.narrow_rows
    if positions < 4 * lanes and not (wide and pointwise and positions % lanes == 0):
        share *= costs.few_rows
    return share


def _share_of_laid_rows(s: ConvShape, lanes: int, costs: KernelCosts) -> float:
    """That of rows that are laid out for all outputs."""
    kernel, stride = s.k_h * s.k_w, s.stride_h * s.stride_w
    apart = kernel <= stride > 1  # each tap has a plane of its own, so that bands have few
    gathered = costs.laid_row * (1 if s.stride_w <= 2 else 8) / max(kernel / stride, 1)
    share = 0.95 if lanes > WIDE and s.out_w % lanes == 0 else 0.9
    share *= 0.95 if stride > 1 else 1
    return share * s.out_c / (s.out_c + max(gathered, 6 * apart)) * (costs.planes if apart else 1)


def is_inside(s: ConvShape) -> bool:
    """Whether no tap is outside the input."""
    ends = [
        (s.out_h - 1) * s.stride_h + (s.k_h - 1) * s.dil_h < s.in_h,
        (s.out_w - 1) * s.stride_w + (s.k_w - 1) * s.dil_w < s.in_w,
    ]
    return s.pad_top == s.pad_left == 0 and all(ends)
