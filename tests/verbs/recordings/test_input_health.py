"""What recorded inputs show by themselves, on a bundled recording of speech."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edgekit.demos
from edgekit.base.wav import read_wav
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.verbs.recordings.input_health import input_faults

HOP = 128
CLIPS = Path(edgekit.demos.__file__).parent / "clips"
PCM = Tensor(
    "pcm", (1, HOP), "float32", "stream", layout="NT", rate="1/1", frames_per_hop=HOP, channels=1
)
Hops = NDArray[np.float32]


@pytest.fixture(scope="module")
def speech() -> Hops:
    """The noisy clip, (hops, 128)."""
    mono = read_wav(CLIPS / "noisy.wav").samples
    return mono[: len(mono) // HOP * HOP].reshape(-1, HOP)


def faults(hops: Hops, tensor: Tensor = PCM) -> list[str]:
    return list(input_faults(tensor, list(hops[:, None]), range(len(hops))))


def test_speech_as_it_should_be_has_no_fault(speech: Hops) -> None:
    assert PCM.pcm_channels == 1
    assert faults(speech) == []
    noise = np.random.default_rng(0).normal(0, 0.1, speech.shape).astype(np.float32)
    assert faults(noise) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x * 0, "is silent"),
        (lambda x: np.clip(x * 30, -1, 1), "is saturated"),
        (lambda x: x * 32768, "were not divided by full scale"),
        (lambda x: x / 32768, "divided by full scale twice"),
        (lambda x: np.where(x == x.max(), np.nan, x), "NaN or infinity in hop"),
    ],
)
def test_sound_of_another_scale_is_named(change: object, said: str, speech: Hops) -> None:
    assert callable(change)
    (text,) = faults(change(speech).astype(np.float32))
    assert said in text


def test_swapped_bytes_are_named(speech: Hops) -> None:
    smooth = np.sin(np.arange(40 * HOP) * 0.02).reshape(-1, HOP) * 20000
    swapped = smooth.astype(np.int16).byteswap().astype(np.float32) / 32768
    assert any("see the byte order" in text for text in faults(swapped))


def test_a_hop_that_came_twice_is_named(speech: Hops) -> None:
    twice = speech.copy()
    twice[200] = twice[199]
    assert any("in hop 200 the samples of the hop before" in text for text in faults(twice))


def test_hops_that_changed_places_are_named() -> None:
    smooth = np.sin(np.arange(60 * HOP) * 0.02 + 0.3).reshape(-1, HOP).astype(np.float32) * 0.5
    assert faults(smooth) == []
    smooth[[20, 21]] = smooth[[21, 20]]
    (text,) = faults(smooth)
    assert "hop 20 and the next change places" in text


def test_inputs_that_are_no_sound_are_looked_at_for_nan_alone() -> None:
    features = Tensor("x", (1, HOP), "float32", "stream")
    hops = np.full((4, HOP), 300, np.float32)
    assert faults(hops, features) == []
    hops[2, 5] = np.inf
    assert faults(hops, features) == ["Input 'x' has NaN or infinity in hop 2."]
