"""The words of ``--replace`` and ``--causal``."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.export.stream.replace.forms import Form, chosen


def test_causal_has_a_default_for_all_but_what_needs_a_length_or_streams_anyway():
    assert {str(form) for form in chosen([], causal=True).values()} == {
        "pad=zeros",
        "mean=cumulative",
        "norm=cumulative",
    }
    assert chosen(["mean=window:100"], causal=True)["mean"] == Form("mean", "window", 100)
    assert chosen(["stft=causal"], causal=False) == {"stft": Form("stft", "causal")}


@pytest.mark.parametrize(
    "text",
    [
        "mean",
        "mean=",
        "mean=window",
        "mean=window:0",
        "mean=window:x",
        "pad=window:3",
        "sum=cumulative",
        "max=cumulative",
        "pad=zeros:3",
    ],
)
def test_other_words_are_refused(text):
    with pytest.raises(
        UsageError, match="not a replacement; allowed: pad=zeros or first; mean=cumulative"
    ):
        chosen([text], causal=False)


def test_one_form_of_each_kind():
    with pytest.raises(UsageError, match="given with mean=cumulative"):
        chosen(["mean=cumulative", "mean=window:3"], causal=False)
