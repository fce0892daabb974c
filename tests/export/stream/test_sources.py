"""Inputs and outputs at rates of their own, and inputs that hold one value for a hop."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_networks import Net
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import Offline, has_open_time, onnx_offline, torch_offline


class Controlled(nn.Module):
    """Sound with a gain that a recurrent layer makes of frames, one for 16 samples; a mark for 40 samples beside it."""

    output_names = ("y", "mark")

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.gain = nn.GRU(2, 4, batch_first=True), nn.Conv1d(4, 2, 1)
        self.before, self.behind = nn.Conv1d(1, 2, 5), nn.Conv1d(2, 1, 7, padding=3)
        self.marks = nn.Conv1d(1, 3, 40, stride=40)

    def forward(self, f0: Tensor, loud: Tensor, pcm: Tensor) -> tuple[Tensor, Tensor]:
        frames = self.cell(torch.cat([f0, loud], 1).transpose(1, 2))[0].transpose(1, 2)
        gains = F.interpolate(self.gain(frames), scale_factor=16.0)
        y = self.behind(gains * self.before(F.pad(pcm, (4, 0))))
        return y, self.marks(y)


def controlled() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Controlled(), (torch.randn(1, 1, 5), torch.randn(1, 1, 5), torch.randn(1, 1, 80))


AXES = {"f0": 2, "loud": 2, "pcm": 2}
RATES = {"f0": Fraction(1, 16), "loud": Fraction(1, 16)}


@cache
def offline(with_rates: bool = True) -> Offline:
    rates = RATES if with_rates else {}
    return torch_offline(f"{__name__}:controlled", name="net", time_axes=AXES, rates=rates)


@pytest.mark.slow
def test_frames_beside_samples_and_an_output_at_a_rate_of_its_own():
    model = stream(offline(), hop=160)
    shapes = {str(v.name): tuple(v.shape or ()) for v in model.stream_inputs}
    assert shapes == {"f0": (1, 1, 10), "loud": (1, 1, 10), "pcm": (1, 1, 160)}
    outputs = {str(v.name): tuple(v.shape or ()) for v in model.stream_outputs}
    assert outputs == {"y": (1, 1, 160), "mark": (1, 3, 4)}
    assert model.stream.minimum_hop_samples == 80  # lcm of 16 and 40
    assert model.streaming is not None
    delays = {output.name: output.delay_samples for output in model.streaming.outputs}
    assert delays == {"y": 3, "mark": 40}  # its frames end with the samples that they are made of


def test_a_hop_that_the_rates_do_not_divide_names_the_least_one():
    with pytest.raises(UsageError, match=r"multiple of 80, .*the rates of its inputs multiply to"):
        stream(offline(), hop=120)


def test_rates_that_nobody_gave_are_asked_for():
    with pytest.raises(ModelError, match=r"forward fails.*--rate INPUT=SAMPLES"):
        stream(offline(with_rates=False))


def test_a_rate_of_what_has_no_time_is_refused():
    with pytest.raises(ModelError, match=r"--rate f1: no input with a time axis; .*f0, loud, pcm"):
        rates = {"f1": Fraction(1, 16)}
        torch_offline(f"{__name__}:controlled", name="net", time_axes=AXES, rates=rates)


def two_rates(down: int, names: tuple[str, str] = ("T", "F")) -> bytes:
    """Samples `x` times frames `z` that are repeated."""
    net = Net()
    ratio = net.const([1, 1, down])
    more = {"mode": "nearest", "nearest_mode": "floor"}
    up = net.add("Resize", "z", "", ratio, coordinate_transformation_mode="asymmetric", **more)
    y = net.add("Mul", net.conv("x", 2, 2, 3, left=1, right=1), up)
    return net.model([1, 2, names[0]], y, more={"z": [1, 2, names[1]]})


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.integers(2, 200), st.integers(1, 3))
def test_any_rate(down, times):
    rates = {"z": Fraction(1, down)}
    model = stream(onnx_offline(two_rates(down), name="net", rates=rates), hop=times * down)
    assert model.stream.minimum_hop_samples == down
    assert [tuple(v.shape or ()) for v in model.stream_inputs] == [
        (1, 2, times * down),
        (1, 2, times),
    ]


def test_strides_in_the_branch_of_the_slow_input():
    """Frames by threes among samples by threes: 8, 80 and 160 frames were once no multiple of both."""
    net = Net()
    down = net.conv("z", 2, 2, 3, stride=3)
    z = net.transposed(net.transposed(down, 2, 2, 3, 3), 2, 2, 3, 3)
    more = {"z": [1, 2, "F"]}
    data = net.model([1, 2, "T"], net.add("Add", z, "x"), more=more)
    model = stream(onnx_offline(data, name="net", rates={"z": Fraction(1, 3)}))
    assert model.stream.hop_samples == 9


def test_a_file_that_says_64_t_tells_its_rates():
    model = stream(onnx_offline(two_rates(64, ("64*T", "T")), name="net"))
    assert model.stream.hop_samples == 64
    with pytest.raises(ModelError, match="2 open dimensions"):
        onnx_offline(two_rates(64), name="net")


def test_torch_writes_derived_dims_as_they_are_read(tmp_path):
    """What `torch.export` calls `64*frames` reaches the file by that name."""
    frames = torch.export.Dim("frames", min=2, max=999)

    class Scaled(nn.Module):
        def forward(self, z: Tensor, x: Tensor) -> Tensor:
            return x * z.repeat_interleave(64, 2)

    program = torch.onnx.export(
        Scaled().eval(),
        (torch.randn(1, 2, 5), torch.randn(1, 2, 320)),
        dynamo=True,
        dynamic_shapes={"z": {2: frames}, "x": {2: 64 * frames}},
    )
    program.save(tmp_path / "net.onnx")
    dims = [
        value.type.tensor_type.shape.dim[2].dim_param
        for value in onnx.load(tmp_path / "net.onnx").graph.input
    ]
    assert dims == ["frames", "64*frames"]
    model = stream(onnx_offline(tmp_path / "net.onnx", name="net"), hop=128)
    assert [tuple(v.shape or ()) for v in model.stream_inputs] == [(1, 2, 2), (1, 2, 128)]


def knob_network(dim: int | str) -> bytes:
    """Convolutions, one with lookahead of 4 samples, and between them a gain and a bias that a knob makes."""
    net = Net()
    film = net.conv("knob", 2, 8, 1)
    gain, bias = net.cut(film, 0, 4, axis=1), net.cut(film, 4, 8, axis=1)
    y = net.add("Tanh", net.conv("x", 1, 4, 5, left=4))
    y = net.add("Add", net.add("Mul", y, gain), bias)
    y = net.conv(y, 4, 1, 9, left=4, right=4)
    return net.model([1, 1, "T"], y, more={"knob": [1, 2, dim]})


def test_a_control_with_a_time_axis_is_one_value_that_stands_in_every_frame_of_a_hop():
    model = stream(onnx_offline(knob_network("T"), name="net"), hop=32, controls=["knob"])
    assert model.controls == ("knob",) and "knob" not in model.timing
    assert [tuple(v.shape or ()) for v in model.stream_inputs] == [(1, 1, 32), (1, 2, 1)]
    assert model.stream.delay_samples == 4


def test_a_control_without_a_time_axis_is_no_session_constant():
    model = stream(onnx_offline(knob_network(1), name="net"), hop=32, controls=["knob"])
    assert model.controls == ("knob",) and model.constants == ()
    assert [tuple(v.shape or ()) for v in model.stream_inputs] == [(1, 1, 32), (1, 2, 1)]
    assert from_onnx(model.to_bytes(), name="net").controls == ("knob",)


def test_controls_that_cannot_be_are_refused():
    source = onnx_offline(knob_network(1), name="net")
    with pytest.raises(
        ModelError, match=r"--control nob: the network has no such input; .*x, knob"
    ):
        stream(source, hop=32, controls=["nob"])
    with pytest.raises(ModelError, match="--control knob: a session constant and a control"):
        stream(source, hop=32, session=["knob"], controls=["knob"])
    with pytest.raises(ModelError, match="no input is left that is new in each hop"):
        stream(source, hop=32, controls=["knob", "x"])


@pytest.mark.parametrize(
    ("dims", "is_open"),
    [
        ("unk__1,unk__2,4", True),
        ("batch,unk__2,4", True),
        ("DynamicDimension.0,DynamicDimension.1,4", True),
        ("unk__1,8,4", False),
        ("1,unk__2,4", True),
        ("time,batch,4", False),
        ("2,batch,4", False),
        ("batch,16", False),
    ],
)
def test_numbered_dimensions_are_time_behind_a_batch(
    dims: str, is_open: bool, tmp_path: Path
) -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    shape = [int(dim) if dim.isdigit() else dim for dim in dims.split(",")]
    ports = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n in "xy"]
    graph = onnx.helper.make_graph([node], "net", ports[:1], ports[1:])
    opsets = [onnx.helper.make_opsetid("", 17)]
    path = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    assert has_open_time(path, {}, ()) == is_open
