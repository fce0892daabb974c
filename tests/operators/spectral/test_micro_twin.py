"""The integers of TFLM's front end are those of pymicro-features."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.base.micro_tables import (
    BANDS,
    band_matrix,
    gain_table,
    log_table,
    twiddles,
    window_table,
)
from edgekit.operators.spectral.micro_twin import (
    band_signals,
    ek_micro_frontend,
    features_of_signals,
    to_int16,
)
from edgekit.runtime.runners.toolchain import compile_shared
from edgekit.targets.c.emit.micro import bin_table

pytest.importorskip("pymicro_features", reason="needs pymicro-features")

from demonstrations.wake_reference import features

WINDOW, STEP = 480, 160
RNG = np.random.default_rng(5)


def sound(kind: int, samples: int) -> NDArray[np.int16]:
    """Sound of one of six kinds, at a random level."""
    level = 10 ** RNG.uniform(0, 4.5)
    forms: list[Callable[[], NDArray[np.float64]]] = [
        lambda: RNG.normal(0, level, samples),
        lambda: RNG.integers(-32768, 32768, samples).astype(np.float64),
        lambda: level * np.sin(np.arange(samples) * RNG.uniform(0, 3)),
        lambda: (
            RNG.normal(0, 1, samples) * np.repeat(10 ** RNG.uniform(0, 4.5, samples // 1600), 1600)
        ),
        lambda: np.where(np.arange(samples) // RNG.integers(2, 200) % 2, 32767.0, -32768.0),
        lambda: RNG.integers(-2, 3, samples).astype(np.float64),
    ]
    return np.clip(forms[kind](), -32768, 32767).astype(np.int16)


def by_twin(pcm: NDArray[np.int16]) -> NDArray[np.int64]:
    """The features of all frames, the part without state at once."""
    padded = np.concatenate([np.zeros(WINDOW - STEP, np.int64), pcm])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    noise, rows = np.zeros(BANDS, np.int64), []
    for signal in band_signals(frames, window_table(WINDOW), band_matrix(BANDS)):
        row, noise = features_of_signals(signal, noise)
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("kind", range(6))
def test_features_equal_those_of_pymicro_features(kind: int) -> None:
    pcm = sound(kind, 32000)
    np.testing.assert_array_equal(by_twin(pcm), features(pcm))


def test_a_frame_is_that_of_all_frames() -> None:
    pcm = sound(3, 16000)
    history, noise = np.zeros(WINDOW - STEP, np.int16), np.zeros(BANDS, np.int32)
    rows = []
    for start in range(0, pcm.size, STEP):
        step = pcm[start : start + STEP].astype(np.float32) / 32768
        row, history, noise = ek_micro_frontend(
            step, history, noise, window_table(WINDOW), band_matrix(BANDS)
        )
        rows.append(row)
    np.testing.assert_array_equal(rows, features(pcm))


def test_what_is_no_sample_is_silence() -> None:
    given = np.array(
        [np.nan, np.inf, -np.inf, 2.0**20, 3, -3, 0.5 / 32768, 1.5 / 32768], np.float32
    )
    assert to_int16(given).tolist() == [0, 0, 0, 0, 32767, -32768, 0, 2]


@pytest.mark.slow
def test_an_hour_in_c_equals_pymicro_features(tmp_path: Path) -> None:
    runtime = Path(__file__).parents[3] / "runtime"
    library = tmp_path / "micro.so"
    source = runtime / "src/portable/spectral/ek_micro_frontend.c"
    compile_shared([source], [runtime / "include"], library, ("-O2",))
    kernel = ctypes.CDLL(str(library)).ek_micro_frontend
    tables = [
        window_table(WINDOW).astype(np.int16),
        bin_table(band_matrix(BANDS)),
        twiddles().astype(np.int16),
        gain_table().astype(np.int32),
        log_table().astype(np.int16),
    ]
    for kind in range(360):
        pcm = sound(kind % 6, 160000)
        state = [np.zeros(WINDOW - STEP, np.int16), np.zeros(BANDS, np.int32)]
        row, work = np.zeros(BANDS, np.int32), np.zeros(BANDS + 129, np.uint64)
        made = []
        for start in range(0, pcm.size, STEP):
            step = pcm[start : start + STEP].astype(np.float32) / np.float32(32768)
            arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (step, *state, *tables, row)]
            kernel(*arrays, WINDOW, STEP, BANDS, work.ctypes.data_as(ctypes.c_void_p))
            made.append(row.copy())
        np.testing.assert_array_equal(made, features(pcm))
