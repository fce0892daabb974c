"""onnxruntime's static quantization of GTCRN, as its documentation has it: QDQ, 240 frames, states carried."""

# edgekit first: it switches the telemetry of onnxruntime off
from edgekit.export.running import in_onnxruntime
from edgekit.runtime.stream import Arrays

# isort: split
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from denoise import mixture
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from published_networks import NETWORKS
from published_pipelines import frames, sqrt_hann
from quant_audio import CALIBRATION, noise, speech

FRAMES = 240


def static_quantized(content: bytes, data: Path, per_channel: bool) -> bytes:
    """Return the quantized file, calibrated on speech in noise of `data`."""
    with tempfile.TemporaryDirectory() as folder:
        source, ready, out = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        source.write_bytes(content)
        quant_pre_process(source, ready)
        quantize_static(
            ready,
            out,
            Reader(content, data),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
        return out.read_bytes()


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds of successive hops of each clip."""

    def __init__(self, content: bytes, data: Path) -> None:
        """Run the float network over the clips of the bench."""
        self.feeds: Iterator[Arrays] = iter(list(_feeds(content, data)))

    def get_next(self) -> Arrays | None:
        """The feed of one hop."""
        return next(self.feeds, None)


def _feeds(content: bytes, data: Path) -> Iterator[Arrays]:
    running, states = in_onnxruntime(content), NETWORKS["gtcrn"].states
    each = FRAMES // len(CALIBRATION)
    for number, (voice, name, snr_db) in enumerate(CALIBRATION):
        heard = mixture(speech(data, voice, 4, number), noise(data, name, 4, 2.0), snr_db)
        spectrum = np.fft.rfft(frames(heard, 512, 256) * sqrt_hann(512))
        state = {key: np.zeros(shape, np.float32) for key, (_, shape) in states.items()}
        for index, hop in enumerate(spectrum):
            mix = np.stack([hop.real, hop.imag], -1)[None, :, None, :].astype(np.float32)
            feed = {"mix": mix, **state}
            results = running(feed)
            state = {key: results[output] for key, (output, _) in states.items()}
            if index % (len(spectrum) // each) == 0:
                yield feed
