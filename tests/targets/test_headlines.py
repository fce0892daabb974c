"""Cards at the top of a report: what is poor and what is good is told apart."""

import tiny_build

from edgekit.targets.headlines import cards


def test_cards_say_what_is_poor_and_what_is_good() -> None:
    levels = ((0, 29.0), (-30, 12.5))
    verification = {
        "by": "",
        "hops": 5,
        "snr_db": 31.0,
        "max_abs_error": 0.1,
        "bit_exact_with_oracle": True,
        "levels": [{"level_db": level, "snr_db": db, "metric": None} for level, db in levels],
    }
    found = {card.name: card for card in cards(tiny_build.manifest(verification=verification))}
    assert found["Same network?"].figure == "31 dB" and found["Same network?"].verdict == "good"
    assert "every bit" in found["Same network?"].text
    assert found["On other sound"].figure == "12.5 dB" and found["On other sound"].verdict == "poor"
    assert "at -30 dB" in found["On other sound"].text
    assert found["Latency"].figure == "0.3125 ms" and "0.25 ms of a hop" in found["Latency"].text
    assert (
        found["Memory"].figure == "20 B"
        and found["Work"].text == "multiply-accumulates a hop, 16 k a second."
    )
    assert "On other sound" not in {card.name for card in cards(tiny_build.manifest())}
