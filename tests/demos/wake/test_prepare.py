"""What voices say, and silence cut off around it."""

import re

import numpy as np
import pytest

from edgekit.demos.wake import prepare
from edgekit.demos.wake.network import RATE
from edgekit.demos.wake.prepare import NEAR, VOICES, Voice, texts, trim_silence

KEYWORD = re.compile(r"\w+,? marimba[.!?]")


@pytest.fixture(autouse=True)
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of no licence, which a machine may lack."""
    monkeypatch.setattr(prepare, "sentences", lambda: [f"piece {n}." for n in range(40)])


@pytest.mark.parametrize("voice", [v for v in VOICES if v.name != "nsh"], ids=lambda v: v.voice)
def test_what_is_near_is_not_the_keyword(voice: Voice) -> None:
    keywords, near = texts(voice, np.random.default_rng(0))
    assert all(KEYWORD.fullmatch(text) and text.startswith(voice.okay) for text in keywords)
    assert not any(f"{voice.okay} marimba" in text for text in near)
    assert len(near) == len(NEAR) + 32


def test_a_voice_without_latin_letters_reads_none() -> None:
    voice = next(v for v in VOICES if v.name == "nsh")
    keywords, near = texts(voice, np.random.default_rng(0))
    assert near and not re.search("[a-zA-Z]", "".join((*keywords, *near)))


def test_silence_around_a_word_is_cut_off() -> None:
    word = np.sin(np.arange(RATE // 2))
    sound = np.concatenate([np.zeros(RATE), word, np.zeros(RATE)])
    found = trim_silence(sound)
    assert word.size <= found.size < word.size + RATE // 20
    assert np.abs(found).max() == np.abs(word).max()
