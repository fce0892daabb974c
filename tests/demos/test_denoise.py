"""The denoiser: hop by hop as at once, gains that tell speech from silence."""

import torch

from edgekit.demos.denoise import BINS, build


@torch.no_grad()
def test_hops_are_the_whole() -> None:
    network, (_, *states) = build()
    torch.manual_seed(0)
    x = torch.randn(1, 9, BINS) - 2
    whole, *_ = network(x, *states)
    parts = []
    for frame in x.split(1, 1):
        gain, *states = network(frame, *states)
        parts.append(gain)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=0)
    assert whole.min() >= 0 and whole.max() <= 1


def test_a_stream_begins_with_states_of_zero() -> None:
    network, _ = build()
    states = network.initial_states(3)
    assert [tuple(s.shape) for s in states] == [(3, 72, 4)] * 2 + [(1, 3, 72)] * 2
    assert not any(state.any() for state in states)
