"""What a denoiser says that it was trained for."""

import pytest

from edgekit.graph.training_facts import TrainingFacts


def test_what_is_left_out_is_unknown() -> None:
    assert TrainingFacts.of({"timesteps": 50}) == TrainingFacts(None, 50)


@pytest.mark.parametrize(
    "facts", [{"steps": 3}, {"timesteps": 1.5}, {"timesteps": True}, {"prediction": 7}]
)
def test_other_keys_and_types_are_refused(facts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a text prediction and an integer timesteps are known"):
        TrainingFacts.of(facts)
