"""Mid and side: a network that drops the side gives both ears the same, one that keeps it changes nothing."""

from pathlib import Path

import numpy as np
import pytest
from port_networks import Mixer
from tiny_build import needs_cc

from edgekit.base.errors import UsageError
from edgekit.export.mid_side import with_mid_side
from edgekit.graph.model import Model
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c

SOUND = (0.3 * np.random.default_rng(0).standard_normal((2, 100))).astype(np.float32)


def network(side: float, layout: str) -> Model:
    """Mid as it is, and the side times a factor."""
    weights = {("out", "ears"): np.diag(np.float32([1, side]))}
    return Mixer({"ears": (2, layout)}, {"out": (2, layout)}, 16, weights).model()


def heard(model: Model, folder: Path) -> np.ndarray:
    write_build(lower_c(model, "c99"), folder)
    return run_sounds(Stream.open(folder), {"ears": SOUND})["out"]


@needs_cc
@pytest.mark.parametrize(("side", "layout"), [(1, "NCT"), (0, "NTC")])
def test_left_and_right_go_in_and_come_out(side: int, layout: str, tmp_path: Path) -> None:
    found = heard(with_mid_side(network(side, layout), ["ears", "out"]), tmp_path)
    expected = SOUND if side else np.tile(SOUND.mean(axis=0), (2, 1))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@needs_cc
def test_an_input_alone(tmp_path: Path) -> None:
    found = heard(with_mid_side(network(1, "NCT"), ["ears"]), tmp_path)
    left, right = SOUND
    np.testing.assert_allclose(found, [(left + right) / 2, (left - right) / 2], atol=1e-6)


def test_what_is_no_stereo_is_refused() -> None:
    mono = Mixer(
        {"x": (1, "NCT")}, {"out": (3, "NCT")}, 16, {("out", "x"): np.ones((3, 1), np.float32)}
    )
    with pytest.raises(UsageError) as error:
        with_mid_side(mono.model(), ["x", "out", "y"])
    assert [problem.found for problem in error.value.problems] == [
        "shape [1, 1, 16]",
        "shape [1, 3, 16]",
        "no input or output of this name",
    ]
