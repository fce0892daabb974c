"""Channels that may be scaled together leave the network as it is."""

import pytest
from builds import float_model
from channel_networks import SCALED, check_same, rescaled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_layers import layers, network_of
from zoo import ZOO

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.quantize.prepare.unpack import unpack_states


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(layers(), st.integers(0, 99))
def test_any_factors_leave_random_streamed_networks_as_they_were(layer, seed) -> None:
    model = stream(onnx_offline(network_of(layer, seed), name="net"))
    check_same(model, rescaled(model, seed)[0])


@pytest.mark.parametrize("name", ZOO)
def test_any_factors_leave_the_zoo_as_it_was(name: str) -> None:
    model = unpack_states(float_model(name))
    changed, count = rescaled(model, 7)
    assert (count > 0) == (name in SCALED)
    check_same(model, changed)
