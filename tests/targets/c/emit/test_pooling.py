"""Pooling: its kernels, and what they do not have."""

from one_node import hop, network


def test_a_pool_gets_the_sizes_of_a_convolution() -> None:
    node = "y = MaxPool <kernel_shape = [2], strides = [2]> (x)"
    body = hop(network("float[1,2,6] x", "float[1,2,3] y", node))
    sizes = "2, 1, 6, 2, 1, 3, 1, 2, 1, 2, 1, 1, 0, 0, 1"
    assert f"ek_max_pool_f32(v_x, v_y, &(const ek_conv_shape){{{sizes}}});" in body


def test_a_mean_says_whether_padding_counts() -> None:
    calls = set()
    for counts in (0, 1):
        node = (
            f"y = AveragePool <kernel_shape = [3], pads = [1, 1], count_include_pad = {counts}> (x)"
        )
        body = hop(network("float[1,2,6] x", "float[1,2,6] y", node))
        calls |= {line for line in body.splitlines() if "ek_avg" in line or "ek_average" in line}
    assert len(calls) == 2
