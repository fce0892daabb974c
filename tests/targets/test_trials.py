"""Runs of one network in C over clips: what is judged is what the oracle gives, clip by clip."""

import numpy as np
from one_node import network
from tiny_build import needs_cc

from edgekit.graph.model import StatePair
from edgekit.targets.trials import Trials


@needs_cc
def test_every_clip_begins_at_the_fresh_state() -> None:
    model = network(
        "float[1,4] x, float[1,4] h", "float[1,4] y, float[1,4] n", "n = Add (x, h)\ny = Neg (n)"
    )
    model = model.describe(states=[StatePair("h", "n")])
    draw = np.random.default_rng(0)
    clips = [{"x": draw.integers(-9, 9, (hops, 1, 4)).astype(np.float32)} for hops in (3, 5, 2)]
    trials = Trials(model, clips, "c99", quick=True, instances=1)
    (found,) = trials.run(lambda index, outputs: (index, outputs["y"]), clips=[2, 0])
    assert [index for index, _ in found] == [2, 0]
    for index, y in found:
        np.testing.assert_array_equal(y, -np.cumsum(clips[index]["x"], axis=0))
