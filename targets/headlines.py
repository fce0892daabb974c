"""The first facts about a build, as cards: sameness with the network, latency, work and memory."""

from dataclasses import dataclass

from edgekit.runtime.build_folder.levels import decibels
from edgekit.runtime.build_folder.manifest import Manifest, count_text

GOOD_DB, POOR_DB = 30.0, 20.0


@dataclass(frozen=True)
class Card:
    """A fact at the top of the page: its name, a figure, a sentence, and the class ``good``, ``poor`` or none."""

    name: str
    figure: str
    text: str
    verdict: str = ""


def cards(manifest: Manifest) -> list[Card]:
    """Return the first facts about a build: quality, latency, work and memory."""
    found = [
        *(Card("Failed", "no", f"{note}.", "poor") for note in manifest.failure_notes),
        _quality(manifest),
        _levels(manifest),
        _late(manifest),
        _work(manifest),
        _memory(manifest),
    ]
    return [card for card in found if card is not None]


def _quality(manifest: Manifest) -> Card | None:
    if (facts := manifest.verification) is None:
        return None
    checked = f"over {count_text(facts['hops'], manifest.unit)}, against the source network"
    if facts["bit_exact_with_oracle"]:
        checked += "; every bit as the integer arithmetic says"
    if "metric" in facts:
        return Card("Same network?", f"{facts['metric']:.4g}", f"by --metric, {checked}")
    if (db := facts["snr_db"]) is None:
        return Card("Same network?", "equal", f"{checked}.", "good")
    if "example_snr_db" in facts:
        example = decibels(facts["example_snr_db"])
        text = (
            f"without a calibration, the least of signals unlike the example; {example} {checked}."
        )
        return Card("Same network?", f"{db:g} dB", text, _verdict(db))
    return Card("Same network?", f"{db:g} dB", f"signal to noise {checked}.", _verdict(db))


def _levels(manifest: Manifest) -> Card | None:
    rows = (manifest.verification or {}).get("levels", ())
    ratios = [(row["snr_db"], row["level_db"]) for row in rows if row["snr_db"] is not None]
    if not ratios or any(row["metric"] is not None for row in rows):
        return None
    worst, level = min(ratios)
    if len(rows) == 1:
        text = "on clips that were left out of the calibration."
        return Card("On other data", f"{worst:.1f} dB", text, _verdict(worst))
    text = f"at {level} dB, the worst level of clips that were left out of the calibration."
    return Card("On other sound", f"{worst:.1f} dB", text, _verdict(worst))


def _verdict(db: float) -> str:
    return "good" if db >= GOOD_DB else "poor" if db < POOR_DB else ""


def _late(manifest: Manifest) -> Card | None:
    stream = manifest.stream
    if stream["latency_samples"] is None or stream["hop_samples"] is None:
        return None
    rate = stream["sample_rate_hz"]

    def long(samples: int) -> str:
        return f"{samples * 1000 / rate:.4g} ms" if rate else f"{samples:,} samples"

    parts = f"{long(stream['hop_samples'])} of a hop"
    if delay := stream["delay_samples"]:
        parts += f" and {long(delay)} that the network waits"
    return Card("Latency", long(stream["latency_samples"]), f"{parts}.")


def _work(manifest: Manifest) -> Card | None:
    if not manifest.macs_per_hop:
        return None
    hop, rate = manifest.stream["hop_samples"], manifest.stream["sample_rate_hz"]
    text = f"multiply-accumulates a {manifest.unit}"
    if hop and rate and manifest.sampler is None:
        text += f", {_short(manifest.macs_per_hop * rate / hop)} a second"
    integers = manifest.macs_int8 + manifest.macs_int16
    text += f"; {100 * integers / manifest.macs_per_hop:.0f} % in integers." if integers else "."
    return Card("Work", _short(manifest.macs_per_hop), text)


def _memory(manifest: Manifest) -> Card | None:
    memory = manifest.memory
    flash = sum(memory[name] or 0 for name in ("weights_bytes", "code_bytes"))
    if memory["state_bytes"] is None or memory["scratch_bytes"] is None:
        return Card("Memory", f"{_short(flash)}B", "of weights.") if flash else None
    ram = memory["state_bytes"] + memory["scratch_bytes"]
    what = "weights and code" if memory["code_bytes"] else "weights, code not counted"
    text = f"of RAM, without the stack; {_short(flash)}B of flash: {what}."
    return Card("Memory", f"{_short(ram)}B", text)


def _short(number: float) -> str:
    """Three digits and k, M or G."""
    for unit in ("", "k", "M"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} G"
