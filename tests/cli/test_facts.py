"""A manifest as rows: what is not known is left out."""

import tiny_build

from edgekit.cli.facts import manifest_rows, moved_text, npu_rows, streaming_rows, verification_text
from edgekit.runtime.build_folder.manifest import Tensor

VERIFIED = {
    "snr_db": 31.25,
    "hops": 500,
    "by": "portable C on this host",
    "bit_exact_with_oracle": True,
    "oracle_hops": 128,
}


def test_what_is_not_known_has_no_row() -> None:
    rows = dict(manifest_rows(tiny_build.manifest()))
    assert rows["target"] == "c99" and rows["hop"] == "4 samples" and rows["latency"] == "0.3125 ms"
    assert not {"code", "engine", "NPU", "sampler", "verified"} & rows.keys()


def test_a_hop_of_features_is_counted_in_frames() -> None:
    one = {"hop_samples": 1, "delay_samples": 0, "latency_samples": 1, "latency_ms": None}
    stream = {**tiny_build.manifest().stream, **one, "sample_rate_hz": None}
    ports = (Tensor("bands", (1, 32), "float32", "stream"),)
    rows = dict(manifest_rows(tiny_build.manifest(stream=stream, inputs=ports, outputs=ports)))
    assert rows["hop"] == "1 frame" and rows["delay"] == "0 frames"


def test_a_verification_says_how_far_the_oracle_went() -> None:
    text = verification_text(tiny_build.manifest(verification=VERIFIED))
    assert text is not None and "bit-exact with the oracle in the first 128" in text
    assert text.startswith("31.25 dB") and "500 hops" in text
    alone = {**VERIFIED, "hops_alone": True, "metric": 0.5, "hops_decided_otherwise": 3}
    text = verification_text(tiny_build.manifest(verification=alone))
    assert text is not None and text.startswith("0.5 by --metric, ")
    assert "each computed alone" in text and "decided otherwise in 3 hops" in text


def test_bytes_that_are_moved() -> None:
    assert moved_text({}) is None
    facts: dict[str, int | None] = {"moved_bytes_per_hop": 1000, "moved_bytes_imported": 2000}
    assert moved_text(facts) == "1,000 bytes; 2,000 as imported"


def test_an_npu_says_what_stays_on_the_cpu() -> None:
    facts = {
        "accelerator": "u55-128",
        "system": "x",
        "npu_operators": 3,
        "cycles": 500_000,
        "clock_mhz": 500,
        "sram_bytes": 10,
        "flash_bytes": 20,
        "cpu_operators": ["Exp"],
    }
    rows = dict(npu_rows(facts))
    assert rows["estimated by Vela"] == "500,000 cycles, 1.000 ms at 500 MHz"
    assert rows["on the CPU"] == "Exp" and npu_rows(None) == []


def test_a_stream_says_what_causes_its_delay() -> None:
    output = {
        "name": "y",
        "caused_by": "conv",
        "delay_samples": 5,
        "crop_samples": 1,
        "waiting_samples": 2,
    }
    facts = {
        "hop_samples": 4,
        "minimum_hop_samples": 1,
        "delay_samples": 5,
        "latency_samples": 9,
        "latency_ms": None,
        "constants": [],
        "states": [{"shape": [2, 3]}],
        "outputs": [output],
    }
    rows = dict(streaming_rows(facts, "frame"))
    assert rows["states"] == "1, 24 bytes as float32" and "latency in time" not in rows
    assert rows["output y"] == "5 frames late, 1 of crop, 2 of waiting, because of conv"
