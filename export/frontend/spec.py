"""The specification of a PCM front end, and the windows it names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import MOST_CHANNELS
from edgekit.export.frontend import micro, mlperf
from edgekit.export.frontend.features import (
    DIRECTIONS,
    FEATURE_FORMS,
    KINDS,
    Features,
    parse_features,
)
from edgekit.export.frontend.windows import WINDOWS, make_window, summed_squares

FORMS = (
    f"stft:N_FFT:HOP:WINDOW[:mag|logpow][:plain][:full], frame:LENGTH:HOP, {FEATURE_FORMS}, "
    f"{micro.FORM}, {mlperf.FORM}"
)
FEATURES = ("mag", "logpow")
PLAIN, FULL = "plain", "full"
MIN_N_FFT, MAX_N_FFT = 32, 4096
MAX_LENGTH = 65536  # samples of a frame that is not transformed
MAX_TEXT = 1000  # characters: a message quotes the whole text for every wrong part

# The summed squares of the shifted windows may not fall below this part of their peak: the
# normalised synthesis window divides by them.
MIN_OVERLAP = 0.1


@dataclass(frozen=True)
class FrontendSpec:
    """A parsed specification.

    Attributes:
        length: samples of a frame; N_FFT of a transform.
        hop: samples between two frames.
        kind: the network's input: ``complex``, ``mag``, ``logpow``, ``frame`` (samples), or that of `features`.
        window: one of `WINDOWS`; before features also shorter than a frame, as ``hann@400``, at the frame's end.
        plain: the synthesis window is the analysis window, and frames are added unchanged.
        full: the network starts with the first frame that is full of samples.
        features: features computed from the spectrum, if the network does not read the spectrum.
        beside: features of the same frames, whose channels come after those of `features`.
    """

    length: int
    hop: int
    kind: str
    window: str = "rect"
    plain: bool = True
    full: bool = False
    features: Features | None = None
    beside: tuple[Features, ...] = ()

    def __str__(self) -> str:
        """Return the text that `parse_spec` reads back."""
        if self.kind == "frame":
            return f"frame:{self.length}:{self.hop}"
        if self.features is not None and self.is_of_one_rate:
            return _OWN_TEXTS[self.kind](self.length, self.hop, self.features)
        if self.features is not None:
            words = [*self.features.words, *([FULL] if self.full else [])]
            first = ":".join([self.kind, str(self.length), str(self.hop), self.window, *words])
            return "+".join([first, *(":".join([f.kind, *f.words]) for f in self.beside)])
        options = [
            word
            for word, given in (
                (self.kind, self.kind in FEATURES),
                (PLAIN, self.plain),
                (FULL, self.full),
            )
            if given
        ]
        return ":".join(["stft", str(self.length), str(self.hop), self.window, *options])

    @property
    def bins(self) -> int:
        """Frequencies from 0 to half the sample rate, both included."""
        return self.length // 2 + 1

    @property
    def width(self) -> int:
        """Numbers of a frame that the network reads, of a complex spectrum half of them."""
        return self.bins if self.features is None else self.features.width

    @property
    def every_feature(self) -> tuple[Features, ...]:
        """Features computed from a frame, in the order of their channels; none for a plain spectrum."""
        return () if self.features is None else (self.features, *self.beside)

    @property
    def hears_directions(self) -> bool:
        """Whether it needs several channels of PCM, or returns several for one."""
        return any(features.kind in DIRECTIONS for features in self.every_feature) or bool(
            self.beside
        )

    def channels(self, heard: int) -> int | None:
        """Return the number of channels that the network reads for `heard` PCM channels; None if it needs others."""
        found = [features.channels(heard) for features in self.every_feature]
        return None if None in found else sum(filter(None, found)) if found else heard

    def heard(self, channels: int) -> int | None:
        """Return the number of PCM channels for a network that reads `channels`; None if no number fits."""
        fitting = (n for n in range(1, MOST_CHANNELS + 1) if self.channels(n) == channels)
        return next(fitting, None)

    @property
    def new_frames(self) -> int | None:
        """Frames of a call, if the text states them, as for a stack."""
        return self.features.every if self.features and self.features.stack is not None else None

    @property
    def is_of_one_rate(self) -> bool:
        """Whether it is another project's, with tables for 16 kHz and one channel."""
        return self.kind in (micro.MICRO, mlperf.MLPERF)

    def feature_problems(self, sample_rate: int | None) -> list[tuple[str, str, str]]:
        """Return part, value and allowed values of all features that do not fit the rate."""
        if self.is_of_one_rate:
            return micro.rate_problems(sample_rate)
        return [row for features in self.every_feature for row in features.problems(sample_rate)]

    @property
    def stack(self) -> int | None:
        """Number of frames that the network reads at once, if that is more than the new ones."""
        return None if self.features is None else self.features.stack

    @property
    def overlap(self) -> int:
        """Samples that a frame shares with the next one."""
        return self.length - self.hop

    @property
    def skipped(self) -> int:
        """Frames at the start that the network does not read."""
        return -(-self.overlap // self.hop) if self.full else 0

    @property
    def prefixes(self) -> tuple[str, str]:
        """Prefixes of the names of the two states: of the analysis and of the synthesis."""
        return ("frame", "frame") if self.kind == "frame" else ("stft", "istft")

    def windows(self) -> tuple[Array, Array]:
        """Return the analysis and the synthesis window, both (length,) float32.

        Unless `plain`, the synthesis window is the analysis window divided by the sum of the
        squares of all windows that overlap a sample, as in ``torch.istft``. Analysis and synthesis then add up to
        exactly 1.
        """
        window = make_window(self.window, self.length)
        weights = 1.0 if self.plain else np.resize(summed_squares(window, self.hop), self.length)
        return window.astype(np.float32), (window / weights).astype(np.float32)


def parse_spec(text: str) -> FrontendSpec:
    """Parse one of `FORMS`.

    Raises:
        UsageError: every wrong part, with the allowed values.
    """
    if len(text) > MAX_TEXT:
        found = f"{len(text)} characters"
        raise UsageError(
            Problem(f"--frontend {text[:60]}...", found, f"at most {MAX_TEXT}", "correct it")
        )
    for pattern, read in _READERS:
        if (match := re.fullmatch(pattern, text)) is None:
            continue
        spec, problems = read(match)
        if problems:
            raise UsageError(
                Problem(f"--frontend {text}: {where}", found, allowed, "correct it")
                for where, found, allowed in problems
            )
        return spec
    raise UsageError(Problem(f"--frontend {text}", "not of this form", FORMS, "correct it"))


_Problems = list[tuple[str, str, str]]  # part, what was found, what is allowed


def _read_frame(match: re.Match[str]) -> tuple[FrontendSpec, _Problems]:
    spec = FrontendSpec(int(match[1]), int(match[2]), "frame")
    return spec, _frame_problems(spec)


def _read_stft(match: re.Match[str]) -> tuple[FrontendSpec, _Problems]:
    options = match[4].split(":")[1:]
    kind = next((option for option in options if option in FEATURES), "complex")
    spec = FrontendSpec(
        int(match[1]), int(match[2]), kind, match[3], PLAIN in options, FULL in options
    )
    return spec, [*_stft_problems(spec), *_option_problems(options)]


def _read_feature_form(match: re.Match[str]) -> tuple[FrontendSpec, _Problems]:
    features, full, problems = parse_features(match[1], match[5].split(":")[1:])
    beside, unread = _parse_joined_features(match[6].split("+")[1:])
    length, hop = int(match[2]), int(match[3])
    spec = FrontendSpec(
        length, hop, match[1], match[4], full=full, features=features, beside=beside
    )
    own = _window_problems(spec) or _hop_problems(spec)
    return spec, [*own, *problems, *unread, *_joined_problems(spec)]


def _read_micro(match: re.Match[str]) -> tuple[FrontendSpec, _Problems]:
    length, hop, features, problems = micro.parse_micro(match)
    return FrontendSpec(length, hop, micro.MICRO, features=features), problems


def _read_mlperf(match: re.Match[str]) -> tuple[FrontendSpec, _Problems]:
    features, problems = mlperf.parse_mlperf(match)
    form = FrontendSpec(mlperf.LENGTH, mlperf.HOP, mlperf.MLPERF, mlperf.WINDOW, features=features)
    return form, problems


_NUMBER = r"([0-9]{1,6})"
_OWN_TEXTS = {micro.MICRO: micro.micro_text, mlperf.MLPERF: mlperf.mlperf_text}
# the forms of a specification, and what reads each
_READERS = (
    (rf"frame:{_NUMBER}:{_NUMBER}", _read_frame),
    (rf"mlperf(?::stack:{_NUMBER}(?::{_NUMBER})?)?", _read_mlperf),
    (rf"micro:{_NUMBER}:{_NUMBER}:{_NUMBER}(?::stack:{_NUMBER}(?::{_NUMBER})?)?", _read_micro),
    (rf"stft:{_NUMBER}:{_NUMBER}:(\w+)((?::\w+)*)", _read_stft),
    (
        rf"({'|'.join(KINDS)}):{_NUMBER}:{_NUMBER}:(\w+(?:@[0-9]{{1,6}})?)((?::[\w.]+)*)"
        r"((?:\+[\w.]+(?::[\w.]+)*)*)",
        _read_feature_form,
    ),
)


def _parse_joined_features(texts: list[str]) -> tuple[tuple[Features, ...], _Problems]:
    """Return the features after ``+``, which share the frames of the first, and their problems."""
    made, problems = [], _Problems()
    for text in texts:
        kind, *parts = text.split(":")
        if kind not in KINDS:
            problems.append((f"+{text}", kind, ", ".join(KINDS)))
            continue
        features, full, found = parse_features(kind, parts)
        if full or (features is not None and features.stack is not None):
            word = "full" if full else "stack"
            found.append((word, "after +", f"{word} in the first part: it is for all of them"))
        problems += [(f"+{text}: {where}", what, allowed) for where, what, allowed in found]
        made += [] if features is None else [features]
    return tuple(made), problems


def _joined_problems(spec: FrontendSpec) -> _Problems:
    """Return problems of lags that do not fit in a frame, and of parts with different numbers per frame."""
    every = spec.every_feature
    problems = [
        ("LAGS", str(features.bands), f"even numbers, 2 to {spec.length}")
        for features in every
        if features.kind == "gcc" and features.bands not in range(2, spec.length + 1, 2)
    ]
    widths = {features.width for features in every}
    if len(widths) > 1:
        found = ", ".join(f"{features.kind} {features.width}" for features in every)
        problems.append(("+", f"numbers of a frame: {found}", "as many of each: they are channels"))
    if every and not problems and not any(map(spec.channels, range(1, MOST_CHANNELS + 1))):
        problems.append(("+", "no number of channels fits all parts", "parts of the same channels"))
    return problems


Forms = FrontendSpec | Mapping[str, FrontendSpec]  # of all streams, or of each by name


def parse_forms(given: str | Mapping[str, str]) -> Forms:
    """Read one text, or one for each stream by name.

    Raises:
        UsageError: every part of every text that is wrong.
    """
    if isinstance(given, str):
        return parse_specs(given)
    made, problems = {}, list[Problem]()
    for name, text in given.items():
        try:
            made[name] = parse_spec(text)
        except UsageError as error:
            problems += error.problems
    if problems:
        raise UsageError(problems)
    return made


def parse_specs(text: str) -> Forms:
    """Read one specification, or ``NAME=SPEC`` of several streams with spaces between them.

    Raises:
        UsageError: as `parse_spec`.
    """
    if "=" not in text:
        return parse_spec(text)
    named = (part.rpartition("=") for part in text.split())
    return {name: parse_spec(spec) for name, _, spec in named}


def specs_text(forms: Forms) -> str:
    """Return the text that `parse_specs` reads back."""
    if isinstance(forms, FrontendSpec):
        return str(forms)
    return " ".join(f"{name}={form}" for name, form in forms.items())


def silent_bands(form: FrontendSpec, sample_rate: int | None) -> list[str]:
    """Return notes on bands that contain no bin."""
    notes = []
    for features in form.every_feature:
        if features.kind in ("gcc", micro.MICRO) or sample_rate is None:
            continue
        bank = features.bank_matrix(form.length, sample_rate)
        if empty := [str(band) for band in np.flatnonzero(~bank.any(axis=0))]:
            notes.append(
                f"--frontend {form}: no bin lies in band {', '.join(empty)}, which always reads as silence; "
                "take fewer bands or a longer N_FFT if the network was not trained so"
            )
    return notes


def _frame_problems(spec: FrontendSpec) -> _Problems:
    if not 2 <= spec.length <= MAX_LENGTH:
        return [("LENGTH", str(spec.length), f"2 to {MAX_LENGTH}")]
    return _hop_problems(spec)


def _window_problems(spec: FrontendSpec) -> _Problems:
    """Return the problems of N_FFT and WINDOW."""
    problems = []
    n_fft, (name, _, own) = spec.length, spec.window.partition("@")
    if n_fft % 2 or not MIN_N_FFT <= n_fft <= MAX_N_FFT:
        problems.append(("N_FFT", str(n_fft), f"even numbers, {MIN_N_FFT} to {MAX_N_FFT}"))
    if name not in WINDOWS:
        problems.append(("WINDOW", name, ", ".join(WINDOWS)))
    if own and not 2 <= int(own) <= n_fft:
        problems.append(("WINDOW", spec.window, f"@2 to @{n_fft}, no more than a frame"))
    return problems


def _stft_problems(spec: FrontendSpec) -> _Problems:
    n_fft, window = spec.length, spec.window
    if (problems := _window_problems(spec)) or spec.plain:
        return problems or _hop_problems(spec)
    if _adds_up(window, n_fft, spec.hop):
        return []
    hops = [h for h in range(1, n_fft) if n_fft % h == 0 and _adds_up(window, n_fft, h)]
    found = f"{window} windows of {n_fft} samples do not overlap-add at hop {spec.hop}"
    return [("HOP", found, "hops that divide N_FFT: " + ", ".join(map(str, hops)))]


def _option_problems(options: list[str]) -> _Problems:
    allowed = (
        "mag or logpow (without: the complex spectrum), plain (without: normalised), and full "
        "(without: the first frames begin with zeros)"
    )
    known = [option for option in options if option in (*FEATURES, PLAIN, FULL)]
    unknown = [("the last part", option, allowed) for option in options if option not in known]
    features = [option for option in known if option in FEATURES]
    if len(features) > 1 or len(set(known)) < len(known):
        unknown.append(("the last parts", ":".join(known), allowed + ", each once"))
    return unknown


def _hop_problems(spec: FrontendSpec) -> _Problems:
    most = spec.length if spec.kind == "frame" else spec.length - 1
    if 1 <= spec.hop <= most:
        return []
    allowed = "at most a frame" if spec.kind == "frame" else "less than a frame"
    return [("HOP", str(spec.hop), f"1 to {most}, {allowed}")]


def _adds_up(window: str, n_fft: int, hop: int) -> bool:
    if not 1 <= hop < n_fft:
        return False
    overlap = summed_squares(make_window(window, n_fft), hop)
    return bool(overlap.min() >= MIN_OVERLAP * overlap.max())
