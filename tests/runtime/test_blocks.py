"""Random offline networks as C, through `Stream` in blocks of any size: equal to onnxruntime on the whole."""

from itertools import pairwise

import numpy as np
import pytest
from c_kernels import needs_cc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quick_build import load_kernels, quick_build
from stream_layers import TIMES, layers, network_of

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare
from edgekit.verbs.export.importing import ImportOptions, with_surroundings
from edgekit.verbs.targets import TARGETS

pytestmark = needs_cc
# The offline network has a frame left, wherever a layer cuts frames off: five, at the lowest rate.
LEAST_STEPS = 6


@pytest.fixture(scope="module", autouse=True)
def kernels():
    load_kernels()


@pytest.mark.slow
@settings(max_examples=40 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    layers(),
    st.integers(0, 99),
    st.integers(LEAST_STEPS, 80),
    st.lists(st.floats(0, 1), max_size=6),
    st.sampled_from((1, 2, 3, 7)),
)
def test_blocks_of_any_size_give_the_whole(layer, seed, steps, cuts, times):
    data = network_of(layer, seed)
    analysis = analyse(onnx_offline(data, name="net"))
    least = analysis.facts.minimum_hop()
    samples = steps * least
    x = np.random.default_rng(seed).standard_normal((1, 1, samples)).astype(np.float32)
    whole = in_onnxruntime(data)({"x": x})
    places = sorted({0, *(int(cut * samples) for cut in cuts), samples})
    blocks = [x[:, :, start:end] for start, end in pairwise(places)]
    hop = times * least
    model = with_surroundings(rewrite(analysis, hop), ImportOptions())
    delay = model.stream.delay_samples
    assert not TARGETS["host"].check(model)
    stream = quick_build(model)
    pushed = [*(stream.push({"x": block}) for block in blocks), stream.flush()]
    for name, expected in whole.items():
        parts = np.concatenate([part[name] for part in pushed], axis=2)
        compare({name: expected}, {name: parts[:, :, delay:]}, what=f"blocks by hop {hop}")
    compare(whole, stream.clip({"x": x}), what=f"the clip by hop {hop}")
