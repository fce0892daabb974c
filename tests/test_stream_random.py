"""Random networks of the table's operators: streamed, they equal the whole, with the least delay."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from stream_layers import TIMES, Joined, joined_inputs, layers, network_of
from stream_networks import check, least_delay

SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


DRAWN = layers(), st.integers(0, 99), st.integers(1, 200)


@settings(max_examples=50, **SLOW)
@given(*DRAWN)
def test_streamed_by_any_hop_it_equals_the_whole(layer, seed, samples):
    check(network_of(layer, seed), (1, 2, 3, 7), samples=samples)


@pytest.mark.slow
@settings(max_examples=20 * TIMES, **SLOW)
@given(joined_inputs(), st.integers(0, 99), st.integers(1, 200))
def test_streams_of_several_rates_and_a_knob(drawn: Joined, seed, samples):
    """The knob is another one in every hop; one without a time axis stays, since the whole has one value of it."""
    controls = [] if drawn.knob is None else ["knob"]
    check(drawn.network(seed), samples=samples, rates=drawn.rates, controls=controls)


@pytest.mark.slow
@settings(max_examples=200 * TIMES, **SLOW)
@given(*DRAWN)
def test_many_more_streamed_by_any_hop_equal_the_whole(layer, seed, samples):
    check(network_of(layer, seed), (1, 2, 3, 7), samples=samples)


@settings(max_examples=25 * TIMES, **SLOW)
@given(layers(depth=2, stateful=False), st.integers(0, 99), st.integers(1, 2))
def test_the_delay_is_the_least_that_the_receptive_field_allows(layer, seed, times):
    data = network_of(layer, seed)
    (model,) = check(data, (times,))
    hop, delay = model.stream.hop_samples, model.streaming.outputs[0].delay_samples
    assume(delay < 400)  # the brute force takes a run per sample
    samples = hop * -(-(2 * delay + 8 * hop) // hop)
    assert least_delay(data, hop, samples, least=hop // times) == delay
