"""`Manifest.streaming` as table rows: the delay of each output, and time in each tensor; the unit of time."""

from typing import TYPE_CHECKING

from edgekit.base.json_values import JsonObject
from edgekit.base.layout import unit_of_time

if TYPE_CHECKING:
    from edgekit.runtime.build_folder.manifest import Manifest

Streaming = dict[str, list[JsonObject]]
DELAY_HEAD = ("output", "delay in samples or frames", "in ms", "caused by")
TIME_HEAD = (
    "tensor",
    "made by",
    "time axis",
    "frames per sample",
    "delay in frames",
    "state bytes",
)


def delay_rows(streaming: Streaming, sample_rate_hz: int | None) -> list[tuple[str, ...]]:
    """Return rows of `DELAY_HEAD`; without a sample rate the ms are empty."""
    return [
        (
            output["name"],
            f"{output['delay_samples']:,}",
            f"{output['delay_samples'] * 1000 / sample_rate_hz:g}" if sample_rate_hz else "",
            output["caused_by"] or "",
        )
        for output in streaming["outputs"]
    ]


def time_rows(streaming: Streaming) -> list[tuple[str, ...]]:
    """Return rows of `TIME_HEAD`."""
    return [
        (
            tensor["name"],
            tensor["node"] or "",
            str(tensor["axis"]),
            tensor["rate"],
            str(tensor["delay_frames"]),
            f"{tensor['state_bytes']:,}" if tensor["state_bytes"] else "",
        )
        for tensor in streaming["tensors"]
    ]


def time_unit(manifest: "Manifest") -> str:
    """Return what a hop and delays count, see `unit_of_time`."""
    streams, stream = (*manifest.stream_inputs, *manifest.stream_outputs), manifest.stream
    shapes = [tensor.shape for tensor in streams]
    is_pcm = any(tensor.pcm_channels for tensor in streams)
    return unit_of_time(is_pcm, shapes, stream["hop_samples"], stream["sample_rate_hz"])
