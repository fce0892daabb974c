"""16-bit PCM as the float hops of a build and back."""

import numpy as np

from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.runtime.interleaved_pcm import not_pcm, of_hop, to_hop

STEREO = Tensor("pcm", (1, 2, 4), "float32", "stream", layout="NCT")


def test_channels_are_apart_in_a_hop_and_together_in_samples() -> None:
    pcm = np.array([[-32768, 1], [0, 2], [16384, 3], [32767, 4]], np.int16)
    hop = to_hop({"pcm": pcm}, [STEREO])
    assert hop["pcm"].dtype == np.float32
    assert hop["pcm"][0, 0].tolist() == [-1, 0, 0.5, 32767 / 32768]
    assert np.array_equal(of_hop(hop, [STEREO])["pcm"], pcm)


def test_samples_are_rounded_half_to_even_and_saturate() -> None:
    hop = np.zeros((1, 2, 4), np.float32)
    hop[0, 0] = np.array([2.5, 3.5, 1e9, -1e9]) / 32768
    assert of_hop({"pcm": hop}, [STEREO])["pcm"][:, 0].tolist() == [2, 4, 32767, -32768]


def test_what_is_no_pcm_is_listed() -> None:
    assert "pcm [1, 2, 4]" in not_pcm([STEREO]).found
