"""A source run as it came, and the constants of a file that may be lengths."""

import numpy as np
import onnx
import torch
from stream_networks import Net

from edgekit.export.stream.source_runs import file_run, length_numbers, module_run
from edgekit.export.torch_source import TorchModule

X = np.random.default_rng(0).normal(size=(1, 2, 500)).astype(np.float32)


def test_a_module_in_single_and_in_double():
    loaded = TorchModule("net", torch.nn.Conv1d(2, 3, 5), {"input": torch.randn(1, 2, 9)})
    (single,), (double,) = (module_run(loaded, {"input": X}, in_double=n) for n in (False, True))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single, double, atol=1e-5)
    assert loaded.module.weight.dtype == torch.float32


def test_a_file_at_any_length_with_an_input_that_is_a_constant():
    net = Net()
    data = net.model([1, 2, "T"], net.add("Add", "x", "z"), more={"z": [1, 2, 1]})
    run = file_run(data, {}, {"z": [[[1.0], [2.0]]]})
    for frames in (7, 500):
        (y,) = run({"x": X[..., :frames]})
        np.testing.assert_array_equal(y, X[..., :frames] + np.float32([[1], [2]]))


def test_lengths_in_a_file():
    net = Net()
    y = net.add("Clip", net.cut("x", 0, 250), net.const(-0.5), net.const(0.5))
    rows = net.add("Gather", net.weight(1000, 2), net.const([3], np.int64), axis=0)
    proto = onnx.load_model_from_string(net.model([1, 2, "T"], net.add("Add", y, rows)))
    found = {number.samples: number.place for number in length_numbers(proto.graph)}
    assert found == {250: "Slice 'slice0'", 1000: "Gather 'gather2'"}
