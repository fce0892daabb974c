"""Frames that are written to, or joined to a stream, stream with the least delay."""

from collections.abc import Callable

import pytest
import torch
from assignments import DELAYS, FORMS, Assigning, Form
from slices import slow_except
from stream_networks import Net, refused
from torch import Tensor, nn

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline

Made = tuple[nn.Module, tuple[Tensor]]


def factory(form: Form) -> Callable[[], Made]:
    return lambda: (Assigning(form), (torch.randn(1, 4, 40),))


class Factories:
    """A factory for each form, by its name."""


for one in FORMS:
    setattr(Factories, one.__name__, staticmethod(factory(one)))


@pytest.mark.rows(3)
@pytest.mark.parametrize(
    "form", slow_except(lambda form: form in FORMS[::3], FORMS), ids=lambda form: form.__name__
)
def test_written_frames_stream(form: Form) -> None:
    source = f"{__name__}:Factories.{form.__name__}"
    model = stream(torch_offline(source, name="form", time_axes={"x": 2}))
    assert model.stream.delay_samples == DELAYS.get(form, 0)


def test_the_end_of_a_stream_before_its_start_is_refused() -> None:
    net = Net()
    last = net.cut("x", -3)
    found = refused(net, net.add("Concat", last, "x", axis=2))
    assert "it brings the last 3 of all frames to the start" in found
