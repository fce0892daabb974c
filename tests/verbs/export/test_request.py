"""A request is read once, into groups."""

from pathlib import Path
from typing import Any

import pytest
from tiny_networks import recurrent

from edgekit.base.errors import UsageError
from edgekit.base.spread import DASK
from edgekit.quantize.recipe import AUTO
from edgekit.verbs.export.request import read_request


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "clip.npz").touch()  # the folder is a calibration, too
    return str(recurrent(tmp_path / "net.onnx"))


def problems_of(source: str, target: str, out: Path, **options: Any) -> str:
    with pytest.raises(UsageError) as refused:
        read_request(source, target, out, options)  # type: ignore[arg-type]
    return str(refused.value)


def test_options_are_values_in_groups(source: str, tmp_path: Path) -> None:
    given: Any = {
        "recipe": "auto",
        "calibration": str(tmp_path),
        "max_ram": 1000,
        "workers": 2,
        "min_snr_db": 20,
        "hop": 4,
        "rates": {"x": 2},
        "strict": True,
        "weights": "external",
    }
    request = read_request(source, "cortex-m55", tmp_path / "out", given)
    assert request.quantization.recipe is AUTO and request.quantization.is_asked
    assert request.quantization.limits.most == {"ram": 1000}
    assert request.quantization.required_metric is None and DASK in request.needs
    assert request.imports.hop == 4 and request.output.strict and not request.output.force
    assert request.own == {"weights": "external"}
    plain = read_request(source, "host", tmp_path / "out", {})
    assert not plain.quantization.is_asked and plain.quantization.recipe.name == "float32"


def test_everything_is_told_at_once(source: str, tmp_path: Path) -> None:
    text = problems_of(
        source,
        "hosst",
        tmp_path / "out",
        recipe="w8a9",
        min_snr_db=float("nan"),
        hop=4,
        device_rate=48_000,
        metric="os:nothing",
        tune=True,
        schedule="gone.toml",
    )
    for said in (
        "target 'hosst': unknown",
        "w8a9",
        "--min-snr: nan",
        "--device-rate 48000: no sample rate",
        "--metric 'os:nothing'",
        "--tune: given with --schedule",
        "gone.toml",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        (
            "host",
            {"max_ram": 5, "recipe": "w8a8"},
            "--max-ram: recipe 'w8a8', which chooses nothing",
        ),
        ("host", {"max_ram": 0, "recipe": "auto"}, "--max-ram: 0"),
        ("host", {"max_ram": 5, "recipe": "auto"}, "no calibration"),
        ("litert", {"max_ram": 5, "recipe": "auto", "calibration": "."}, "no such plan"),
        ("host", {"max_instructions": 5, "recipe": "auto", "calibration": "."}, "not counted"),
        ("host", {"workers": 2}, "--workers: recipe 'float32', which searches for nothing"),
        ("host", {"recipe": "w8a8"}, "an .onnx holds no example inputs"),
        ("host", {"recipe": "float16"}, "multiplies by float32 or integer weights only"),
        ("host", {"part": "XC7Z020"}, "--part: given for target 'host'"),
        ("host", {"weights": "outside"}, "--weights 'outside': not known"),
        ("fpga", {"recipe": "w8a16", "calibration": "."}, "recipe 'w8a16': not known"),
        ("host", {"metric": "os:getcwd"}, "--metric: nothing that it must reach"),
        ("host", {"frontend": "stft"}, "--frontend"),
        ("host", {"sampler": "gone.toml", "hop": 4}, "--sampler with --hop"),
        ("host", {"replace": ["pad=none"]}, "--replace"),
    ],
)
def test_what_does_not_go_together(
    source: str, tmp_path: Path, target: str, options: dict[str, Any], said: str
) -> None:
    assert said in problems_of(source, target, tmp_path / "out", **options)
