"""A part of `bench/robustness/soak_states.py`: hours of a minute, a state that drifts, a ring, a run that goes on."""

from pathlib import Path

import numpy as np
import onnx
from c_kernels import needs_cc
from level_networks import HOP, RATE, leaky
from robustness.soak_states import SoakedNetwork

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model

SOUND = (0.1 * np.random.default_rng(0).standard_normal(60 * RATE)).astype(np.float32)
HOURS, FRAMES = 4, 7  # of the ring: they do not divide an hour


def soaked(pole: float, path: Path) -> SoakedNetwork:
    return SoakedNetwork(leaky(pole), path, SOUND)


def remembering() -> Model:
    """A dilated convolution over this hop and six before."""
    text = f"""
    <ir_version: 10, opset_import: ["" : 21]>
    remembering (float[1,{HOP}] pcm, float[1,{HOP},{FRAMES - 1}] past)
        => (float[1,{HOP}] y, float[1,{HOP},{FRAMES - 1}] past_next)
    <int64[3] column = {{1, {HOP}, 1}}, int64[2] row = {{1, {HOP}}},
     int64[1] first = {{1}}, int64[1] last = {{{FRAMES}}}, int64[1] time = {{2}},
     float[{HOP},1,3] w = {{{", ".join(["0.2"] * 3 * HOP)}}}>
    {{
      new = Reshape(pcm, column)
      all = Concat<axis = 2>(past, new)
      past_next = Slice(all, first, last, time)
      filtered = Conv<group = {HOP}, dilations = [3]>(all, w)
      y = Reshape(filtered, row)
    }}
    """
    data = onnx.parser.parse_model(text).SerializeToString()
    model = from_onnx(data, name="remembering", states=[("past", "past_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


@needs_cc
def test_a_state_that_settles_is_equal_in_all_hours(tmp_path: Path) -> None:
    network = soaked(0.9, tmp_path / "progress")
    network.run(HOURS, 600.0)
    rows = network.progress.distances
    assert [row.hour for row in rows] == [3, HOURS]
    assert all(row.is_small and row.equal == 1 for row in rows)


@needs_cc
def test_a_state_that_grows_is_found(tmp_path: Path) -> None:
    network = soaked(1.0, tmp_path / "progress")
    network.run(HOURS, 600.0)
    last = network.progress.distances[-1]
    assert not last.is_small and last.shift[1] == "held" and last.equal == 0


@needs_cc
def test_a_run_goes_on_where_an_earlier_one_stopped(tmp_path: Path) -> None:
    for hours in (1.5, HOURS):
        part = soaked(0.9999, tmp_path / "parts")
        part.run(hours, 600.0)
    whole = soaked(0.9999, tmp_path / "whole")
    whole.run(HOURS, 600.0)
    assert part.progress.distances == whole.progress.distances
    assert np.array_equal(part.runner.state, whole.runner.state)


@needs_cc
def test_rings_are_compared_where_they_begin_at_the_same_place(tmp_path: Path) -> None:
    network = SoakedNetwork(remembering(), tmp_path / "progress", SOUND)
    assert "past.ring" in network.places and len(network.begins) == 1
    assert len(network.rows) == len(SOUND) // HOP // FRAMES * FRAMES
    network.run(HOURS, 600.0)
    assert [row.equal for row in network.progress.distances] == [1.0, 1.0]
