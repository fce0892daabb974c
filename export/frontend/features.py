"""Features that a network reads in place of each frame's spectrum: bands, cepstra, and directions."""

import math
import re
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from edgekit.base.arrays import Float64

Matrix = Float64

FEATURE_FORMS = (
    "mel:N_FFT:HOP:WINDOW:BANDS[:LOW:HIGH][:log|db|pcen][:htk|slaney][:full][:stack:FRAMES[:EVERY]], "
    "erb: likewise, mfcc:N_FFT:HOP:WINDOW:BANDS:COEFFICIENTS with the same after it, gcc:N_FFT:HOP:WINDOW:LAGS, "
    "intensity:N_FFT:HOP:WINDOW:BANDS[:LOW:HIGH][:htk|slaney]; after any of them +KIND:... adds channels, such as "
    "+gcc:LAGS or +intensity:BANDS"
)
BAND_KINDS = ("mel", "mfcc", "erb")  # of one channel each
DIRECTIONS = ("gcc", "intensity")  # of several channels together
KINDS = (*BAND_KINDS, *DIRECTIONS)
AMBISONICS = 4  # channels: W, Y, Z, X
SCALES = ("log", "db", "pcen")  # forms of a band's power; by default it stays
BANKS = ("htk", "slaney")
DEFAULT_SCALE = {"mfcc": "db"}  # of a kind, where its text names none; else the power stays
STACK, FULL = "stack", "full"
MAX_BANDS, MAX_FRAMES = 512, 1024
FLOOR = (
    1e-10  # of a power under a logarithm, as in librosa.power_to_db and torchaudio.AmplitudeToDB
)
SIZE_FLOOR = 1e-10  # of |X0 conj(X1)|, which GCC-PHAT divides by
ENERGY_FLOOR = 1e-8  # of the energy, which intensities are divided by

# PCEN as librosa.pcen has it by default, on magnitudes in units of 32-bit samples
PCEN_FULL_SCALE = 2.0**31
PCEN_GAIN, PCEN_BIAS, PCEN_EPS, PCEN_SECONDS = 0.98, 2.0, 1e-6, 0.4


@dataclass(frozen=True)
class Features:
    """Features computed from a spectrum.

    Attributes:
        kind: one of `KINDS`.
        bands: number of triangles that sum the spectrum; for ``gcc`` the number of lags.
        scale: scale of the sums, one of `SCALES`, or ``power``.
        bank: where the bands lie: ``htk`` (mel = 2595 log10(1 + f / 700), triangles of height 1), ``slaney`` (linear
            up to 1 kHz, triangles of area 1), or ``erb`` (21.4 log10(1 + 0.00437 f), height 1).
        low: Hz, where the first band begins.
        high: Hz, where the last one ends; None means half the sample rate.
        coefficients: MFCC coefficients, from a cosine transform of the bands.
        stack: number of frames that the network reads at once, the newest last; None if it reads single frames.
        every: number of frames of a stack that are new in a call.
    """

    kind: str
    bands: int
    scale: str = "power"
    bank: str = "htk"
    low: float = 0.0
    high: float | None = None
    coefficients: int | None = None
    stack: int | None = None
    every: int = 1

    @property
    def words(self) -> list[str]:
        """Parts of the text after WINDOW, without ``full``."""
        numbers = [self.bands] + ([] if self.coefficients is None else [self.coefficients])
        edges = [] if self.high is None else [f"{self.low:g}", f"{self.high:g}"]
        scale = [] if self.scale == "power" else [self.scale]
        bank = [] if self.bank == default_bank(self.kind) else [self.bank]
        stack = [] if self.stack is None else [STACK, str(self.stack), str(self.every)]
        return [*map(str, numbers), *edges, *scale, *bank, *stack]

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return self.bands if self.coefficients is None else self.coefficients

    def channels(self, heard: int) -> int | None:
        """Return the number of feature channels for so many channels of PCM; None if they need another number."""
        if self.kind == "gcc":
            return heard * (heard - 1) // 2 or None
        if self.kind == "intensity":
            return AMBISONICS - 1 if heard == AMBISONICS else None
        return heard

    def bank_matrix(self, n_fft: int, sample_rate: int) -> Matrix:
        """Return the triangles, (n_fft / 2 + 1, bands): the weight of each bin in each band."""
        high = sample_rate / 2 if self.high is None else self.high
        return triangles(self.bank, self.bands, n_fft, sample_rate, self.low, high)

    @property
    def silence(self) -> Matrix:
        """Return the features of silence, (width,)."""
        if self.scale not in ("log", "db"):
            return np.zeros(self.width)
        value = np.full(self.bands, self.unit * math.log(FLOOR))
        return value if self.coefficients is None else value @ cosines(self.bands, self.width)

    @property
    def unit(self) -> float:
        """Factor on the natural logarithm of a power."""
        return 10 / math.log(10) if self.scale in ("db", "mlperf") else 1.0

    def problems(self, sample_rate: int | None) -> list[tuple[str, str, str]]:
        """Return part, value and allowed values of each misfit; the rate may be unknown."""
        found = []
        if self.kind != "gcc" and not 2 <= self.bands <= MAX_BANDS:
            found.append(("BANDS", str(self.bands), f"2 to {MAX_BANDS}"))
        if self.coefficients is not None and not 1 <= self.coefficients <= self.bands:
            found.append(("COEFFICIENTS", str(self.coefficients), f"1 to {self.bands}, the bands"))
        half = math.inf if sample_rate is None else sample_rate / 2
        high = half if self.high is None else self.high
        if not 0 <= self.low < high <= half:
            limit = "" if sample_rate is None else f" <= {half:g}, half the sample rate"
            found.append(("LOW:HIGH", f"{self.low:g}:{high:g}", f"0 <= LOW < HIGH{limit}"))
        if self.stack is not None and not 1 <= self.every <= self.stack <= MAX_FRAMES:
            text = f"{self.stack}:{self.every}"
            found.append(("stack:FRAMES:EVERY", text, f"1 <= EVERY <= FRAMES <= {MAX_FRAMES}"))
        return found


def parse_features(
    kind: str, parts: list[str]
) -> tuple[Features | None, bool, list[tuple[str, str, str]]]:
    """Read the text after WINDOW: the features, whether it contains ``full``, and all problems."""
    needed = {"mfcc": ("BANDS", "COEFFICIENTS"), "gcc": ("LAGS",)}.get(kind, ("BANDS",))
    counts = [int(part) for part in parts[: len(needed)] if re.fullmatch("[0-9]{1,6}", part)]
    if len(counts) < len(needed):
        found = ":".join(parts[: len(needed)]) or "nothing"
        return None, False, [("after WINDOW", found, ":".join(needed))]
    rest = parts[len(needed) :]
    edges = _leading_edges(rest) if kind != "gcc" else []
    options, stack, every = _options(rest[len(edges) :])
    problems = [*_option_problems(options, len(edges)), *_kind_problems(kind, options)]
    scale = next(
        (option for option in options if option in SCALES), DEFAULT_SCALE.get(kind, "power")
    )
    bank = next((option for option in options if option in BANKS), default_bank(kind))
    low, high = edges if len(edges) == 2 else (0.0, None)
    coefficients = counts[1] if kind == "mfcc" else None
    made = Features(kind, counts[0], scale, bank, low, high, coefficients, stack, every)
    return made, FULL in options, [*problems, *made.problems(None)]


def _leading_edges(parts: list[str]) -> list[float]:
    """Return the numbers at the start of these parts, at most two: Hz."""
    numbers = takewhile(re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?").fullmatch, parts[:2])
    return [float(number) for number in numbers]


def default_bank(kind: str) -> str:
    """Return the default bank of a kind: that of the module of `edgekit.frontend` of this kind."""
    return {"erb": "erb", "intensity": "slaney"}.get(kind, "htk")


def _options(parts: list[str]) -> tuple[list[str], int | None, int]:
    """Return the words, and the numbers after ``stack``."""
    words, stack, every = list[str](), None, 1
    rest = list(parts)
    while rest:
        words.append(rest.pop(0))
        if words[-1] == STACK:
            numbers = [int(rest.pop(0)) for _ in range(2) if rest and rest[0].isdecimal()]
            stack, every = (*numbers, *(0, 1)[len(numbers) :])
    return words, stack, every


def _kind_problems(kind: str, options: list[str]) -> list[tuple[str, str, str]]:
    problems = []
    if kind == "erb" and set(options) & set(BANKS):
        problems.append(("the last parts", ":".join(options), "no htk or slaney: it is erb"))
    if kind == "mfcc" and "pcen" in options:
        problems.append(("the last parts", "pcen", "log or db (without: db)"))
    never = {"gcc": (*SCALES, *BANKS), "intensity": SCALES}.get(kind, ())
    if wrong := [option for option in options if option in never]:
        allowed = "htk or slaney, full, stack" if kind == "intensity" else "full, stack"
        problems.append(("the last parts", ":".join(wrong), allowed))
    return problems


def _option_problems(options: list[str], edges: int) -> list[tuple[str, str, str]]:
    allowed = (
        "log, db or pcen (without: the power), htk or slaney, full, stack:FRAMES[:EVERY], each once"
    )
    problems = (
        [("the last parts", "LOW without HIGH", "LOW:HIGH, both in Hz")] if edges == 1 else []
    )
    known = (*SCALES, *BANKS, FULL, STACK)
    problems += [("the last parts", option, allowed) for option in options if option not in known]
    doubled = any(len(set(options) & set(group)) > 1 for group in (SCALES, BANKS))
    if doubled or len(set(options)) < len(options):
        problems.append(("the last parts", ":".join(options), allowed))
    if FULL in options and STACK in options:
        problems.append(("the last parts", "full with stack", "one of the two"))
    return problems


def _to_mel(bank: str, hz: float) -> float:
    if bank == "htk":
        return 2595 * math.log10(1 + hz / 700)
    if bank == "erb":
        return 21.4 * math.log10(1 + 0.00437 * hz)
    return hz * 3 / 200 if hz < 1000 else 15 + math.log(hz / 1000) * 27 / math.log(6.4)


def _to_hz(bank: str, mel: Matrix) -> Matrix:
    if bank == "htk":
        hz = 700 * (10 ** (mel / 2595) - 1)
    elif bank == "erb":
        hz = (10 ** (mel / 21.4) - 1) / 0.00437
    else:
        hz = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    return np.asarray(hz)


def triangles(
    bank: str, bands: int, n_fft: int, sample_rate: int, low: float, high: float
) -> Matrix:
    """Return (n_fft / 2 + 1, bands): triangles whose corners are evenly spaced on the scale of `bank`.

    ``htk`` is ``torchaudio.functional.melscale_fbanks`` by default (Young et al., The HTK Book), ``slaney``
    ``librosa.filters.mel`` by default (Slaney, Auditory Toolbox, 1998), and ``erb`` the scale of Glasberg and Moore
    (1990), equation 4.
    """
    if bank == "tf":
        return _triangles_on_mel(bands, n_fft, sample_rate, low, high)
    corners = _to_hz(bank, np.linspace(_to_mel(bank, low), _to_mel(bank, high), bands + 2))
    slopes = corners - (np.arange(n_fft // 2 + 1) * sample_rate / n_fft)[:, None]
    widths = np.diff(corners)
    rising, falling = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    matrix = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(matrix * (2 / (corners[2:] - corners[:-2])) if bank == "slaney" else matrix)


def _triangles_on_mel(bands: int, n_fft: int, sample_rate: int, low: float, high: float) -> Matrix:
    """Return ``tf.signal.linear_to_mel_weight_matrix``: triangles whose sides are straight on the mel scale."""
    mels = 1127 * np.log1p(np.arange(1, n_fft // 2 + 1)[:, None] * sample_rate / n_fft / 700)
    corners = np.linspace(1127 * np.log1p(low / 700), 1127 * np.log1p(high / 700), bands + 2)
    widths = np.diff(corners)
    rising, falling = (mels - corners[:-2]) / widths[:-1], (corners[2:] - mels) / widths[1:]
    matrix = np.maximum(0, np.minimum(rising, falling))
    return np.concatenate([np.zeros((1, bands)), matrix])  # nothing of frequency 0


def cosines(bands: int, coefficients: int) -> Matrix:
    """Return the first columns of the orthonormal DCT-II, (bands, coefficients)."""
    n, k = np.arange(bands)[:, None] + 0.5, np.arange(coefficients)
    matrix = np.asarray(np.cos(np.pi / bands * n * k) * math.sqrt(2 / bands))
    matrix[:, 0] /= math.sqrt(2)
    return matrix


def lag_matrices(n_fft: int, lags: int) -> tuple[Matrix, Matrix]:
    """Return the weights of real and imaginary parts in each lag from ``-lags / 2`` on, both (n_fft / 2 + 1, lags).

    These are the columns of the inverse transform of a real sequence.
    """
    k = np.arange(n_fft // 2 + 1)[:, None]
    angle = 2 * np.pi * (k * np.arange(-lags // 2, lags // 2) % n_fft) / n_fft
    weight = np.where((k == 0) | (k == n_fft // 2), 1, 2) / n_fft
    return weight * np.cos(angle), -weight * np.sin(angle)


def pcen_step(hop: int, sample_rate: int) -> float:
    """Return the step of PCEN's smoother towards a frame, as librosa.pcen computes it."""
    frames = PCEN_SECONDS * sample_rate / hop
    return (math.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
