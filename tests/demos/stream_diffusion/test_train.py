"""A training of the diffusion buffer from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.demos.denoise_data import Corpus
from edgekit.demos.stream_diffusion import train
from edgekit.demos.stream_diffusion.facts import RATE


@pytest.mark.slow
def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    clip = (3000 * random.standard_normal(RATE)).astype(np.int16)
    voices = {"asterisk-a": [[clip]], "flite-b": [[clip]], "klettres-c": [[clip]]}
    corpus = Corpus(voices, {"wind": [np.tile(clip, 8)]})
    out = tmp_path / "made.npz"
    for _ in range(2):
        train.train(corpus, corpus, 1, out, quick=True)
    kept = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert kept["step"] == 4 and out.stat().st_size < 400_000
