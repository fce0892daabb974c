"""What `edgekit inspect` and the report tell of inputs and outputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from port_networks import Mixer

from edgekit import api
from edgekit.cli.inspect import show_manifest
from edgekit.runtime.build_folder.port_rows import port_rows, stream_rows
from edgekit.targets.describe import describe

MIXER = Mixer.drawn(
    np.random.default_rng(0), {"mic": (2, "NCT"), "ref": (1, "NTC")}, {"out": (3, "TC")}, 16
)


def test_channels_rates_and_delays_are_told() -> None:
    manifest = describe(MIXER.model(), "c99")
    late = replace(manifest.outputs[0], delay_samples=1600)
    manifest = replace(manifest, outputs=(late, *manifest.outputs[1:]))
    told = {row[1]: row[2:] for row in stream_rows(manifest)}
    assert told["mic"] == ("NCT", "2", "16,000 Hz", "")
    assert told["out"] == ("TC", "3", "16,000 Hz", "1,600 samples, 100 ms")


def test_what_is_not_known_has_no_row() -> None:
    manifest = tiny_build.manifest()
    bare = [
        replace(t, layout=None, channels=None, sample_rate_hz=None, delay_samples=None, rate=None)
        for t in (*manifest.inputs, *manifest.outputs)
    ]
    manifest = replace(manifest, inputs=tuple(bare[:1]), outputs=tuple(bare[1:]))
    assert not stream_rows(manifest) and len(port_rows(manifest)) == len(bare)


@tiny_build.needs_cc
def test_inspect_and_the_report_show_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(MIXER.model().to_bytes())
    made = api.export(
        str(tmp_path / "net.onnx"),
        "host",
        tmp_path / "build",
        hop=16,
        sample_rate=16000,
        layouts=MIXER.model().layouts,
        device_rate=48_000,
    )
    show_manifest(made.manifest)
    shown = capsys.readouterr().out
    for word in ("NTC", "16,000 Hz", "48,000 Hz, 231 samples or 4.812 ms late"):
        assert word in " ".join(shown.split()), shown
    page = (tmp_path / "build" / "report.html").read_text()
    assert "<th>channels</th>" in page and "<td>NTC</td>" in page
