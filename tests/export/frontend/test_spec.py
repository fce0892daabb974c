"""The texts of front ends: how they are read and written, and what is wrong with others."""

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.export.frontend.spec import (
    parse_forms,
    parse_spec,
    specs_text,
)


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("stft:64:32", "N_FFT:HOP:WINDOW"),
        ("stft:x:32:hann", "N_FFT:HOP:WINDOW"),
        ("stft::32:hann", "N_FFT:HOP:WINDOW"),
        ("chroma:64:32:hann", "N_FFT:HOP:WINDOW"),
        ("stft:63:32:hann", "even numbers, 32 to 4096"),
        ("stft:8192:32:hann", "even numbers, 32 to 4096"),
        ("stft:64:32:kaiser", "hann, sqrt_hann, hamming"),
        ("stft:64:32:hann:phase", "mag or logpow"),
        ("stft:64:60:hann", "hann windows of 64 samples do not overlap-add at hop 60"),
        ("stft:64:64:hann", "1, 2, 4, 8, 16, 32"),
        ("stft:64:0:hann", "at hop 0"),
    ],
)
def test_wrong_specifications_say_what_is_allowed(spec, part):
    with pytest.raises(UsageError, match=part):
        parse_spec(spec)


def test_a_specification_lists_all_that_is_wrong():
    with pytest.raises(UsageError) as caught:
        parse_spec("stft:9:32:kaiser:phase")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "spec",
    [
        "frame:576:512",
        "stft:512:256:sqrt_hann",
        "stft:320:160:sqrt_hann_sym:logpow:plain:full",
        "stft:64:16:rect:mag",
    ],
)
def test_a_specification_is_written_as_it_is_read(spec):
    assert str(parse_spec(spec)) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gcc:64:32:hann:15", "LAGS: 15; allowed: even numbers, 2 to 64"),
        ("gcc:64:32:hann:66", "LAGS: 66"),
        ("gcc:64:32:hann:16:log", "the last parts: log"),
        ("gcc:64:32:hann", "after WINDOW: nothing; allowed: LAGS"),
        ("intensity:64:32:hann:12:db", "the last parts: db"),
        ("mel:64:32:hann:12+gcc:16", "numbers of a frame: mel 12, gcc 16"),
        ("mel:64:32:hann:12+stft:12", "\\+stft:12: stft"),
        ("mel:64:32:hann:12+gcc:12:stack:3", "stack in the first part"),
        ("stft:64:32:hann+gcc:12", "not of this form"),
    ],
)
def test_texts_of_directions_that_are_wrong(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_spec(text)


def test_the_forms_of_several_streams_are_one_text() -> None:
    forms = parse_forms({"ears": "stft:64:32:hann", "ref": "mel:64:32:hann@40:12:log"})
    assert specs_text(forms) == "ears=stft:64:32:hann ref=mel:64:32:hann@40:12:log"
    assert parse_forms(specs_text(forms)) == forms
    with pytest.raises(UsageError) as caught:
        parse_forms({"ears": "stft:63:32:hann", "ref": "cepstrum:64"})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["hann", "sqrt_hann", "hamming", "hann_sym"])
def test_windows_of_a_normalised_synthesis_add_up_to_1(name: str) -> None:
    analysis, synthesis = parse_spec(f"stft:64:16:{name}").windows()
    products = (analysis * synthesis).reshape(-1, 16).sum(0)
    np.testing.assert_allclose(products, 1, rtol=1e-6)
