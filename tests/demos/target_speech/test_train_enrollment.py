"""How embeddings are judged: by the angle to their own talker, and by who is nearest."""

import torch

from edgekit.demos.target_speech.train_enrollment import judge, loss_of

TALKERS = torch.eye(3)
PLACES = torch.tensor([0, 2])


class Told(torch.nn.Module):
    """Says the embeddings that it is handed."""

    def embeddings(self, seen: torch.Tensor) -> torch.Tensor:
        return seen


def test_the_own_talker_costs_least() -> None:
    own = TALKERS[PLACES][:, :, None].repeat(1, 1, 4)
    assert loss_of(own, PLACES, TALKERS) < 1e-3 < loss_of(own.flip(0), PLACES, TALKERS)


def test_who_is_nearest_is_counted_at_the_end() -> None:
    said = torch.zeros(2, 3, 4)
    said[0, 0, -1] = said[1, 1, -1] = 1  # the second is taken for another talker
    own, right = judge(Told(), (said, PLACES), TALKERS)  # type: ignore[arg-type]
    assert (own, right) == (0.5, 50.0)
