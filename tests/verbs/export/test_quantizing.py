"""What an export says of scales per hop, and of targets that have none."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from c_kernels import needs_cc
from level_networks import network, sound

from edgekit import api
from edgekit.quantize.prepare.hop_scales import readers
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.quantizing import fixed_scales
from edgekit.verbs.export.request import Quantization
from edgekit.verbs.targets import TARGETS


def clips() -> Iterator[dict[str, np.ndarray]]:
    """Two clips for a network of `level_networks`."""
    for seed in range(2):
        yield {"pcm": sound(40, seed)}


@pytest.mark.slow
@needs_cc
def test_the_manifest_and_the_report_name_what_has_a_scale_per_hop(tmp_path: Path) -> None:
    network(0, biases=False).save(tmp_path / "x.onnx")
    manifest = api.export(
        str(tmp_path / "x.onnx"),
        "host",
        tmp_path / "out",
        recipe="w8a8",
        calibration=f"{__name__}:clips",
    ).manifest
    named = manifest.quantization["hop_scales"]
    assert len(named) >= 2
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"<td>scales per hop</td><td>{', '.join(named)}</td>" in page


@pytest.mark.parametrize(
    ("target", "recipe", "biases", "is_said"),
    [
        ("litert", "w8a8", True, True),
        ("ethos-u55", "w8a16", False, True),
        ("litert", "float32", True, False),
        ("cortex-m4", "w8a8", True, False),
    ],
)
def test_a_target_with_fixed_scales_is_told_what_reads_them(
    target: str, recipe: str, biases: bool, is_said: bool
) -> None:
    model = network(0, biases)
    request: Any = SimpleNamespace(
        target=TARGETS[target], quantization=Quantization(recipe=RECIPES[recipe])
    )
    notes = fixed_scales(model, request)
    assert len(notes) == is_said
    assert all(f"target '{target}' has fixed scales" in note for note in notes)
    assert all(name in note for note in notes for name in readers(model))


def test_of_a_network_of_no_sound_nothing_is_said() -> None:
    model = network(0, True).describe(stream={"hop_samples": 64})
    request: Any = SimpleNamespace(
        target=TARGETS["litert"], quantization=Quantization(recipe=RECIPES["w8a8"])
    )
    assert fixed_scales(model, request) == ()
