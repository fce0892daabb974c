"""What verbs that write a network refuse before anything is loaded."""

from pathlib import Path
from typing import Any

import pytest
from tiny_networks import recurrent

from edgekit.base.errors import UsageError
from edgekit.verbs.export.network_requests import (
    read_finetune_request,
    read_prune_request,
    read_quantize_request,
    read_stream_request,
)


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "clip.npz").touch()  # the folder is a calibration, too
    return str(recurrent(tmp_path / "net.onnx"))


def test_prune_names_each_problem(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_prune_request(source, tmp_path / "x.txt", "3:2", "(", -1)
    text = str(refused.value)
    assert len(refused.value.problems) == 4 and "--smallest: -1" in text
    made = read_prune_request(source, tmp_path / "x.onnx", "2:4", None, None)
    assert str(made.pattern) == "2:4" and "torch" not in made.needs


@pytest.mark.parametrize(
    ("recipe", "more", "said"),
    [
        ("float32", {}, "no integers"),
        ("w8a8", {"min_snr_db": 20.0}, "--min-snr: with recipe 'w8a8'"),
        ("auto", {"target": "host"}, "--target host: no bound"),
        ("auto", {"target": "hots"}, "target 'hots': unknown"),
        ("w8a8", {"options": {"workers": 2}}, "searches for nothing"),
    ],
)
def test_quantize_names_each_problem(
    source: str, tmp_path: Path, recipe: str, more: dict[str, Any], said: str
) -> None:
    given: dict[str, Any] = {"min_snr_db": None, "target": None, "options": {}} | more
    out, clips = tmp_path / "x.onnx", str(tmp_path)
    with pytest.raises(UsageError, match=said):
        read_quantize_request(source, out, recipe, clips, **given)
    made = read_quantize_request(source, out, "w8a8", clips, None, None, {})
    assert made.target.name == "host" and made.quantization.recipe.name == "w8a8"


def test_finetune_names_each_problem(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_finetune_request(source, tmp_path / "x.npz", "auto", "gone", 0, -1, {})
    assert [problem.where for problem in refused.value.problems] == [
        "recipe 'auto'",
        "--steps",
        "--seed",
        "calibration source 'gone'",
        f"output '{tmp_path / 'x.npz'}'",
    ]
    made = read_finetune_request(source, tmp_path / "x.onnx", "w8a8", str(tmp_path), 9, 1, {})
    assert made.steps == 9 and made.needs[-1] == "torch"


def test_stream_has_no_recipe(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--rate x"):
        read_stream_request(source, tmp_path / "x.onnx", {"rates": {"x": 0}})
    assert read_stream_request(source, tmp_path / "x.onnx", {"hop": 4}).imports.hop == 4
