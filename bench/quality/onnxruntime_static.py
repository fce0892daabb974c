"""onnxruntime's static quantization of a published pipeline, as its documentation has it: QDQ, 240 frames."""

# edgekit first: it switches the telemetry of onnxruntime off
from edgekit.runtime.stream import Arrays

# isort: split
import tempfile
from collections.abc import Iterator
from pathlib import Path

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from published_networks import CACHE, NETWORKS, path_of
from published_pipelines import Pipeline, Recorded, Samples, reference
from published_signals import mixture
from quality.quant_audio import CALIBRATION, noise, speech

FRAMES = 240


def static_quantized(pipeline: Pipeline, data: Path, per_channel: bool = False) -> list[bytes]:
    """Return the quantized file of each network, calibrated on speech in noise of `data`, states carried."""
    return [
        _quantized(path_of(name, CACHE).read_bytes(), feeds, per_channel)
        for name, feeds in zip(pipeline.networks, calls(pipeline, data), strict=True)
    ]


def _quantized(content: bytes, feeds: list[Arrays], per_channel: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, ready, out = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        source.write_bytes(content)
        quant_pre_process(source, ready)
        quantize_static(
            ready,
            out,
            Reader(feeds),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
        return out.read_bytes()


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds of successive hops of each clip."""

    def __init__(self, feeds: list[Arrays]) -> None:
        """Take them."""
        self.feeds: Iterator[Arrays] = iter(feeds)

    def get_next(self) -> Arrays | None:
        """The feed of one hop."""
        return next(self.feeds, None)


def heard_clips(data: Path) -> Iterator[Samples]:
    """The calibration clips, as samples."""
    for number, (voice, name, snr_db) in enumerate(CALIBRATION):
        yield mixture(speech(data, voice, 4, number), noise(data, name, 4, 2.0), snr_db)


def calls(pipeline: Pipeline, data: Path) -> list[list[Arrays]]:
    """What each network of a pipeline is given in `FRAMES` hops of the calibration clips, all over each."""
    kept: list[list[Arrays]] = [[] for _ in pipeline.networks]
    each = FRAMES // len(CALIBRATION)
    for heard in heard_clips(data):
        seen: list[list[Arrays]] = [[] for _ in pipeline.networks]
        networks = [
            Recorded(
                reference(
                    path_of(n, CACHE).read_bytes(),
                    NETWORKS[n].states,
                    NETWORKS[n].constants,
                    feeds.append,
                )
            )
            for n, feeds in zip(pipeline.networks, seen, strict=True)
        ]
        pipeline.run(heard, *networks)
        for feeds, some in zip(kept, seen, strict=True):
            feeds += some[:: max(len(some) // each, 1)]
    return kept
