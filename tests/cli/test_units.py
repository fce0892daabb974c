"""Numbers with units at the command line, and what is refused."""

import pytest
from typer.testing import CliRunner

from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.cli import export as export_verb
from edgekit.cli.units import UNITS, decibel_reader, number_reader, samples_of


@pytest.mark.parametrize(
    ("metavar", "text", "value"),
    [
        ("HZ", "16000", 16000),
        ("HZ", "16k", 16000),
        ("HZ", "44.1kHz", 44100),
        ("HZ", "48 kHz", 48000),
        ("HZ", "11025Hz", 11025),
        ("SAMPLES", "128", 128),
        ("SAMPLES", "1e3", 1000),
        ("BYTES", "65536", 65536),
        ("BYTES", "64KiB", 65536),
        ("BYTES", "64kB", 64000),
        ("BYTES", "1MiB", 2**20),
        ("N", "7", 7),
    ],
)
def test_a_number_with_its_unit(metavar: str, text: str, value: int) -> None:
    assert number_reader("--flag", metavar, 1)(text) == value


@pytest.mark.parametrize(
    ("metavar", "text"),
    [
        ("HZ", "44.1"),
        ("HZ", "fast"),
        ("HZ", "0"),
        ("HZ", "16ks"),
        ("HZ", "1/0"),
        ("SAMPLES", "-64"),
        ("SAMPLES", "1.5"),
        ("SAMPLES", "-8ms"),
        ("SAMPLES", "0ms"),
        ("BYTES", "64k"),  # 64,000 or 65,536
        ("BYTES", "nan"),
        ("N", "8ms"),
        ("N", "\u0663"),
        ("N", ""),
    ],
)
def test_what_is_no_such_number_is_refused_with_the_text(metavar: str, text: str) -> None:
    with pytest.raises(UsageError) as error:
        number_reader("--flag", metavar, 1)(text)
    (problem,) = error.value.problems
    assert problem.where == f"--flag '{text}'" and "at least 1" in problem.allowed


def test_a_bound_on_both_sides_is_named() -> None:
    with pytest.raises(UsageError, match="from 0 to 65535"):
        number_reader("--port", None, 0, 65535)("99999")


def test_decibels() -> None:
    read = decibel_reader("--min-snr")
    assert [read(text) for text in ("20", "20dB", "-3.5 dB")] == [20, 20, -3.5]
    for text in ("loud", "nan", "inf", "20%"):
        with pytest.raises(UsageError, match=f"--min-snr '{text}'"):
            read(text)


@pytest.mark.parametrize(
    ("text", "rate", "samples"),
    [("8ms", 16000, 128), ("0.5s", 8000, 4000), ("62.5us", 16000, 1), ("10ms", 44100, 441)],
)
def test_a_time_is_samples_of_the_rate(text: str, rate: int, samples: int) -> None:
    duration = number_reader("--hop", "SAMPLES", 1)(text)
    assert samples_of("--hop", duration, rate) == samples  # type: ignore[arg-type]


def test_a_time_without_whole_samples_or_without_a_rate_is_refused() -> None:
    duration = number_reader("--hop", "SAMPLES", 1)("8ms")
    with pytest.raises(UsageError, match=r"88\.2 samples at 11,025 Hz.*write --hop 88"):
        samples_of("--hop", duration, 11025)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="add --sample-rate"):
        samples_of("--hop", duration, None)  # type: ignore[arg-type]


def test_a_verb_gets_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, object] = {}
    monkeypatch.setattr(export_verb.api, "export", lambda *_, **options: taken.update(options))
    words = ["export", "n.onnx", "--target", "host", "-o", "b"]
    CliRunner().invoke(app, [*words, "--hop", "8ms", "--sample-rate", "16k"])
    assert (taken["hop"], taken["sample_rate"]) == (128, 16000)


def test_every_unit_has_an_example_that_it_takes() -> None:
    for metavar, unit in UNITS.items():
        number_reader("--flag", metavar, 1)(unit.example.split(",")[0])
