"""The enrollment network: embeddings of what was heard so far."""

import torch

from edgekit.demos.target_speech.enrollment import BANDS, HOP, build


@torch.no_grad()
def test_an_embedding_has_length_one_and_nothing_looks_ahead() -> None:
    network, (ears,) = build()
    whole = network(ears)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(1, whole.shape[2]))
    part = network(ears[..., : 20 * HOP])
    torch.testing.assert_close(whole[..., : part.shape[2]], part, atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_voice_straight_ahead_is_not_in_the_difference() -> None:
    network, (ears,) = build()
    same = network.features(ears[:, :1].repeat(1, 2, 1))
    assert same.shape[1:3] == (2, BANDS) and same[:, 1].max() < same[:, 0].min()
