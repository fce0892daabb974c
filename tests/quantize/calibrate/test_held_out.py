"""Ranges without some of the clips are those of a calibration that never had them."""

import numpy as np
import pytest
from builds import float_model, noise

from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import BLOCK_HOPS, Calibration, observe
from edgekit.quantize.calibrate.held_out import Part, Parts
from edgekit.quantize.recipe import RECIPES

W8A8 = RECIPES["w8a8"]


@pytest.mark.parametrize(
    ("clips", "folds"),
    [
        (2, ((0,), (1,))),
        (3, ((0,), (2,))),
        (4, ((1,), (3,))),
        (5, ((1,), (3,))),
        (6, ((0, 2, 4), (1, 3, 5))),
        (8, ((0, 2, 4, 6), (1, 3, 5, 7))),
        (9, ((0, 2, 4, 6, 8), (1, 3, 5, 7))),
    ],
)
def test_clips_that_are_left_out(clips: int, folds: tuple[tuple[int, ...], ...]) -> None:
    parts = Parts([10] * clips)
    assert parts.folds == folds
    assert parts.parts == tuple(Part(clip, 0, 10) for clip in range(clips))


def test_of_one_clip_quarters_are_left_out() -> None:
    parts = Parts([11])
    assert [(part.first, part.last) for part in parts.parts] == [(0, 2), (2, 5), (5, 8), (8, 11)]
    assert parts.folds == ((1,), (3,))
    clip = {"x": np.arange(11)[:, None], "speaker": np.ones(3)}
    kept = parts.clips_without((1,), [clip], ["speaker"])
    assert [list(np.ravel(part["x"])) for part in kept] == [[0, 1], [5, 6, 7], [8, 9, 10]]
    assert all(part["speaker"].shape == (3,) for part in kept)


def test_what_is_seen_without_a_fold_is_what_others_show() -> None:
    model = float_model("gru_mask")
    loudness = [1.0, 50.0, 2.0, 0.5]
    clips = tuple(
        {name: array * np.float32(factor) for name, array in noise(model, 80, seed=seed).items()}
        for seed, factor in enumerate(loudness)
    )
    calibration, parts = Calibration(clips, "x"), Parts([80] * 4)
    seen = observe_model(model, calibration, W8A8, parts)
    plain = observe_model(model, calibration, W8A8)
    assert all(
        np.array_equal(o.sample, plain.observers[n].sample) for n, o in seen.observers.items()
    )
    for fold in parts.folds:
        kept = tuple(clip for i, clip in enumerate(clips) if i not in fold)
        expected = observe(seen.model, Calibration(kept, "x"))
        found = seen.without(fold)
        assert len(found.calibration.clips) == 3
        for name, observer in found.observers.items():
            ends = expected[name].minimum, expected[name].maximum
            assert (observer.minimum, observer.maximum) == ends, name
            assert np.isin(observer.sample, expected[name].sample).all(), name
            assert observer.hops == expected[name].hops
            assert np.allclose(observer.total, expected[name].total), name
    assert seen.without((1,)).observers["x"].maximum < seen.observers["x"].maximum / 10


def test_quarters_of_a_long_clip_end_inside_of_blocks() -> None:
    model, hops = float_model("gru_mask"), 3 * BLOCK_HOPS
    (name, array), *_ = noise(model, hops).items()
    array[hops // 4] += 100  # the first hop of the second quarter
    parts = Parts([hops])
    seen = observe_model(model, Calibration(({name: array},), "x"), W8A8, parts)
    assert seen.observers[name].maximum > 90 > 50 > seen.without((1,)).observers[name].maximum
    assert seen.without((3,)).observers[name].maximum > 90
