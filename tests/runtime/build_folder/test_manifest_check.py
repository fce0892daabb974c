"""Manifests of any origin: every impossible fact is named."""

from pathlib import Path

import pytest
import tiny_build
from tiny_build import HOP

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.manifest import MAX_MANIFEST_BYTES, Manifest


def test_the_manifest_reads_back_what_it_wrote(tmp_path: Path) -> None:
    manifest = tiny_build.manifest(tools={"cc": "gcc 1.2.3"}, digest="sha256:00")
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 3),
        ("inputs.0.layout", "NC"),
        ("inputs.0.layout", "NTT"),
        ("inputs.0.layout", 2),
        ("inputs.0.rate", "1"),
        ("inputs.0.rate", "0/1"),
        ("inputs.0.frames_per_hop", HOP + 1),
        ("inputs.0.channels", 0),
        ("inputs.0.delay_samples", -1),
        ("inputs.0.sample_rate_hz", "high"),
        ("inputs.0.secret", 1),
        ("target", 5),
        ("digest", ...),
        ("sampler", {}),
        ("macs_per_hop", -1),
        ("macs_float", True),
        ("inputs", {}),
        ("inputs.0", []),
        ("inputs.0.shape", [1, 0]),
        ("inputs.0.shape", [1 << 40]),
        ("inputs.0.shape", [65536, 65536]),
        ("inputs.0.shape", [1.0, 4]),
        ("inputs.0.shape", [1] * 9),
        ("inputs.0.dtype", "object"),
        ("inputs.0.dtype", []),
        ("inputs.0.role", "secret"),
        ("inputs.0.name", ""),
        ("inputs.0.name", "x" * 5000),
        ("memory.state_bytes", 1 << 40),
        ("memory.scratch_bytes", -1),
        ("memory.scratch_bytes", ...),
        ("memory", None),
        ("stream", []),
        ("stream.hop_samples", 0),
        ("stream.latency_ms", "12"),
        ("source.name", 3),
        ("tools", {"cc": 4}),
        ("verification", 1),
        ("verification", {}),
        ("quantization.recipe", None),
        ("extra", 1),
    ],
)
def test_a_manifest_with_an_impossible_fact_is_refused_by_key(
    tmp_path: Path, key: str, value: object
) -> None:
    tiny_build.write(tmp_path)
    tiny_build.edit(tmp_path, key, value)
    with pytest.raises(UsageError) as error:
        Manifest.load(tmp_path)
    shown = key.split(".")[0]
    assert all(shown in problem.where for problem in error.value.problems), str(error.value)


def test_all_problems_of_a_manifest_are_listed(tmp_path: Path) -> None:
    tiny_build.write(tmp_path)
    for key in ("target", "macs_int8", "memory.state_bytes", "inputs.0.dtype"):
        tiny_build.edit(tmp_path, key, -5)
    with pytest.raises(UsageError) as error:
        Manifest.load(tmp_path)
    assert len(error.value.problems) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"schema": NaN}',
        b"[" * 100_000,
        b" " * (MAX_MANIFEST_BYTES + 1),
    ],
    ids=["empty", "list", "null", "cut", "binary", "nan", "deep", "large"],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(data)
    with pytest.raises(UsageError):
        Manifest.load(tmp_path)
