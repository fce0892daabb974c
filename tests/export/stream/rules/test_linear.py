"""Matrix products whose rows are frames."""

import numpy as np
from stream_networks import Net, check, delays, refused


def test_rows_of_a_late_stream():
    net = Net()
    late = net.add("Transpose", net.conv("x", 2, 3, 3, left=1, right=1), perm=[0, 2, 1])
    y = net.add("MatMul", late, net.weight(3, 4))
    flat = net.add("Reshape", y, net.const([-1, 4], np.int64))
    y = net.add("Gemm", flat, net.weight(2, 4), net.weight(2), transB=1)
    (model, *_) = check(net.model([1, 2, "T"], y, rank=2))
    assert delays(model) == [1]


def test_a_sum_over_time_is_refused():
    net = Net()
    y = net.add("MatMul", "x", net.add("Transpose", "x", perm=[0, 2, 1]))
    assert "it sums over all of time" in refused(net, y)
