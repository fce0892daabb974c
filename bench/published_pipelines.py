"""What the authors of the published networks do around them, in NumPy: samples in, samples out.

Every pipeline takes ``(samples,)`` at 16 kHz and its networks, each a function from arrays
``(hops, *shape)`` of its inputs to those of its outputs, from a fresh state. The answer is late by the
pipeline's delay. The networks may be the files in onnxruntime or builds of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.runtime.stream import Arrays

Samples = NDArray[np.floating[Any]]
Run = Callable[[Arrays], Arrays]
States = Mapping[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Pipeline:
    """How networks are used.

    Attributes:
        networks: names of those it runs, in order.
        hop: samples that one hop of the networks stands for.
        delay: samples that the output is late.
        run: the pipeline.
        frontend: of `edgekit export`, which makes one build of it.
        lead: samples before the first hop is complete.
        detects: whether it gives probabilities rather than samples.
    """

    networks: tuple[str, ...]
    hop: int
    delay: int
    run: Callable[..., Samples]
    frontend: str
    lead: int = 0
    detects: bool = False


class Recorded:
    """A network that keeps what it was last given and what it answered."""

    def __init__(self, network: Run) -> None:
        """Wrap a network."""
        self.network = network
        self.inputs: Arrays = {}
        self.outputs: Arrays = {}

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run and remember."""
        self.inputs = {name: np.ascontiguousarray(a, np.float32) for name, a in inputs.items()}
        self.outputs = self.network(self.inputs)
        return self.outputs


def reference(
    content: bytes,
    states: States,
    constants: Mapping[str, int],
    told: Callable[[Arrays], None] = lambda feed: None,
) -> Run:
    """Return a file in onnxruntime, hop by hop, its states carried from zero; each feed is told."""
    running = in_onnxruntime(content)
    fixed = {name: np.asarray(value, np.int64) for name, value in constants.items()}

    def network(inputs: Arrays) -> Arrays:
        state = {name: np.zeros(shape, np.float32) for name, (_, shape) in states.items()}
        results = []
        for hop in range(len(next(iter(inputs.values())))):
            feed = {name: array[hop] for name, array in inputs.items()}
            told(feed | state | fixed)
            results.append(running(feed | state | fixed))
            state = {name: results[-1][output] for name, (output, _) in states.items()}
        carried = {output for output, _ in states.values()}
        return {n: np.stack([r[n] for r in results]) for n in results[0] if n not in carried}

    return network


def frames(samples: Samples, size: int, hop: int) -> Samples:
    """Return (hops, size): each hop with the samples before it, zeros before the first."""
    whole = len(samples) // hop * hop
    padded = np.concatenate([np.zeros(size - hop), samples[:whole]])
    return np.asarray(sliding_window_view(padded, size)[::hop])


def overlap_add(blocks: Samples, hop: int) -> Samples:
    """Return (hops * hop,): the samples that each block finishes, ``size - hop`` late."""
    size = blocks.shape[1]
    total = np.zeros((len(blocks) - 1) * hop + size)
    for index, block in enumerate(blocks):
        total[index * hop : index * hop + size] += block
    return np.asarray(total[: len(blocks) * hop])


def sqrt_hann(size: int) -> Samples:
    """Return the root of the symmetric Hann window, (size,)."""
    return np.asarray(np.sqrt(np.hanning(size)))


def gtcrn_mix(samples: Samples) -> Samples:
    """Spectra as GTCRN reads them, (hops, 1, 257, 1, 2)."""
    return _mix(samples, sqrt_hann(512))


def _mix(samples: Samples, window: Samples) -> Samples:
    spectrum = np.fft.rfft(frames(samples, 512, 256) * window)
    return np.stack([spectrum.real, spectrum.imag], -1)[:, None, :, None, :]


def gtcrn(samples: Samples, network: Run) -> Samples:
    """GTCRN: complex spectra in and out, weighted overlap-add as ``librosa.istft`` does it."""
    return _enhanced(samples, network, sqrt_hann(512))


def ulunas(samples: Samples, network: Run) -> Samples:
    """UL-UNAS: as GTCRN, with the periodic Hann window of ``torch.hann_window``."""
    return _enhanced(samples, network, np.hanning(513)[:-1])


def _enhanced(samples: Samples, network: Run, window: Samples) -> Samples:
    hop = 256
    (enhanced,) = network({"mix": _mix(samples, window)}).values()
    answer = np.asarray(enhanced, np.float64)[:, 0, :, 0, 0] + 1j * enhanced[:, 0, :, 0, 1]
    weight = (window**2).reshape(2, hop).sum(0)
    blocks = np.fft.irfft(answer) * window
    return np.asarray(overlap_add(blocks, hop) / np.tile(weight, len(blocks)))


def dtln(samples: Samples, mask: Run, refine: Run) -> Samples:
    """DTLN: a mask on magnitudes without a window, then a network on the blocks of samples."""
    spectrum = np.fft.rfft(frames(samples, 512, 128))
    (gain,) = mask({"input_2": np.abs(spectrum)[:, None, None, :]}).values()
    blocks = np.fft.irfft(spectrum * gain[:, 0, 0, :])
    (refined,) = refine({"input_4": blocks[:, None, None, :]}).values()
    return overlap_add(refined[:, 0, 0, :].astype(np.float64), 128)


def nsnet2(samples: Samples, network: Run) -> Samples:
    """NSNet2: a gain from log power, floored at -80 dB; the first whole frame starts the network."""
    window, hop = sqrt_hann(320), 160
    spectrum = np.fft.rfft(frames(samples, 320, hop) * window)[1:]
    power = np.log10(np.maximum(np.abs(spectrum) ** 2, 1e-12))
    (gain,) = network({"input": power[None, None]}).values()
    blocks = np.fft.irfft(spectrum * np.clip(gain[0, 0], 1e-4, 1)) * window
    return np.concatenate([np.zeros(hop), overlap_add(blocks, hop)])


def silero(samples: Samples, network: Run) -> Samples:
    """Silero VAD: 512 samples with the 64 before them give a probability, (hops,)."""
    (probability,) = network({"input": frames(samples, 576, 512)[:, None, :]}).values()
    return np.asarray(probability[:, 0, 0])


PIPELINES: dict[str, Pipeline] = {
    "GTCRN": Pipeline(("gtcrn",), 256, 256, gtcrn, "stft:512:256:sqrt_hann_sym"),
    "UL-UNAS": Pipeline(("ulunas",), 256, 256, ulunas, "stft:512:256:hann"),
    "DTLN": Pipeline(("dtln_1", "dtln_2"), 128, 384, dtln, "stft:512:128:rect:mag:plain"),
    "NSNet2": Pipeline(
        ("nsnet2",), 160, 160, nsnet2, "stft:320:160:sqrt_hann_sym:logpow:plain:full", lead=160
    ),
    "Silero VAD, opset 15": Pipeline(
        ("silero_op15",), 512, 0, silero, "frame:576:512", detects=True
    ),
    "Silero VAD, with If": Pipeline(("silero_if",), 512, 0, silero, "frame:576:512", detects=True),
}
