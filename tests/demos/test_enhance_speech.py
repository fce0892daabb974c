"""Speech enhanced by a diffusion model: spectra there and back, and pieces that overlap."""

import numpy as np

from edgekit.demos.enhance_speech import analysis, calibration, pieces, synthesis


def test_sound_comes_back_from_its_compressed_spectrum() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 4000).astype(np.float32)
    found = synthesis(analysis(sound), sound.size)
    assert found.shape == sound.shape and np.abs(found - sound).max() < 1e-4


def test_pieces_share_frames_and_cover_all() -> None:
    spectrum = np.arange(20.0)[None, None]
    parts = list(pieces(spectrum, 8, 2))
    assert all(part.shape[-1] == 8 for part in parts)
    assert set(np.concatenate([part.ravel() for part in parts])) >= set(range(20))


def test_the_calibration_has_conditions_of_the_models_length() -> None:
    clip = next(calibration(32))
    assert all(array.shape[-1] == 32 for array in clip.values() if array.ndim > 2)
