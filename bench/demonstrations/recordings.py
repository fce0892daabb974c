"""Which recordings may be trained and tuned on, and which only what is reported may be measured on.

One list for all of `bench/`; `edgekit.demos.denoise_data` has the recordings that the bundled denoiser was trained on,
the letters of klettres among them, so that it has heard those evaluation voices. Names are those that `speech_data`
gives its folders and files. Other packages are for evaluation by others: nothing is trained or tuned on them.
"""

from collections.abc import Iterable

from edgekit.base.errors import Problem, UsageError

# Debian packages that training and tuning may use
TRAINING_PACKAGES = (
    "asterisk-core-sounds-en-g722",
    "asterisk-core-sounds-fr-g722",
    "asterisk-core-sounds-es-g722",
    "flite",
    "klettres-data",
    "ktuberling-data",
    "blanket",
)
TRAINING_VOICES = ("en", "fr", "es", "flite", "ktuberling")
# no longer to be trained on, but networks that are bundled have heard them
FORMER_VOICES = ("it", "ru")
TRAINING_NOISES = (
    "birds",
    "boat",
    "city",
    "coffee-shop",
    "fireplace",
    "pink-noise",
    "rain",
    "storm",
    "stream",
    "summer-night",
    "train",
    "waves",
    "white-noise",
    "wind",
)
# what figures in the pages are measured on: letters and syllables, a reader of books, and a sledge
EVALUATION_LETTERS = ("de", "cs", "hu", "lt", "nl", "uk", "da", "pt_BR")
EVALUATION_VOICES = (*(f"letters-{language}" for language in EVALUATION_LETTERS), "reader")
EVALUATION_NOISES = ("leaves", "gravel", "ice", "music")


def refuse_heard(voices: Iterable[str], noises: Iterable[str]) -> None:
    """Raise a `UsageError` that names the voices and noises that something here was trained or tuned on."""
    heard = {
        "voice": (*TRAINING_VOICES, *FORMER_VOICES),
        "noise": TRAINING_NOISES,
    }
    problems = [
        Problem(
            f"{kind} '{name}'",
            "networks or recipes were trained or tuned on it",
            ", ".join(EVALUATION_VOICES if kind == "voice" else EVALUATION_NOISES),
            "measure on one of these, or call the set tuning",
        )
        for kind, names in (("voice", voices), ("noise", noises))
        for name in dict.fromkeys(names)
        if name in heard[kind]
    ]
    if problems:
        raise UsageError(problems)


def refuse_unlisted(voices: Iterable[str], noises: Iterable[str]) -> None:
    """Raise a `UsageError` that names what calibration or tuning may not use."""
    listed = {"voice": TRAINING_VOICES, "noise": TRAINING_NOISES}
    problems = [
        Problem(
            f"{kind} '{name}'",
            "is not to be trained, calibrated or tuned on",
            ", ".join(listed[kind]),
            "take one of these",
        )
        for kind, names in (("voice", voices), ("noise", noises))
        for name in dict.fromkeys(names)
        if name not in listed[kind]
    ]
    if problems:
        raise UsageError(problems)
