"""``<name>_device``: the network behind a sound device of another rate, for blocks of any length."""

from importlib.resources import files

from edgekit.base.layout import Layout
from edgekit.base.resampling import resampling
from edgekit.graph.model import Model
from edgekit.runtime.audio.device import COUNTERS
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.targets.c.functions import field_names
from edgekit.targets.c.literals import array_text
from edgekit.targets.c.templates import template

LIBRARY = "ek_device.h"


def device_files(model: Model, manifest: Manifest) -> dict[str, bytes]:
    """``<name>_device.h``, ``<name>_device.c`` and what they include; nothing where no device rate was asked for."""
    facts, stream = manifest.device, manifest.stream
    if facts is None:
        return {}
    rates = resampling(facts["sample_rate_hz"], stream["sample_rate_hz"])
    (source,), sinks = manifest.stream_inputs, manifest.sounds
    inputs, outputs = source.pcm_channels or 1, sum(sink.pcm_channels or 0 for sink in sinks)
    hop = int(stream["hop_samples"])
    fields = field_names(model.stream_outputs)
    name, in_strides, out_strides = manifest.c_name, _strides(source), (0, 0)
    output = "(void)y;"
    if sinks:
        out_strides, output = _strides(sinks[0]), f"out.{fields[sinks[0].name]} = y;"
    facts_of = {
        "name": name,
        "upper": name.upper(),
        "device_hz": rates.device_hz,
        "latency": facts["latency_samples"],
        "latency_ms": f"{facts['latency_ms']:g}",
        "bytes": facts["state_bytes"],
        "inputs": inputs,
        "outputs": outputs,
        "gives": f" and give out [frames][{outputs}]" if outputs else "",
        "float_out": "float *out, " if outputs else "",
        "short_out": "int16_t *out, " if outputs else "",
        "no_out": " || out == NULL" if outputs else "",
        "given_out": "out" if outputs else "NULL",
        "count": len(rates.taps),
        "taps": array_text(rates.taps),
        "up": rates.up,
        "down": rates.down,
        "hop": hop,
        "in_channel": in_strides[0],
        "in_frame": in_strides[1],
        "out_channel": out_strides[0],
        "out_frame": out_strides[1],
        "lead": rates.lead(hop),
        "past_in": rates.past_in,
        "past_out": rates.past_out,
        "floats": (facts["state_bytes"] - COUNTERS) // 4,
        "input": field_names(model.stream_inputs)[source.name],
        "output": output,
    }
    library = files("edgekit.runtime") / "src" / LIBRARY
    return {
        f"{name}_device.h": template("device.h").format(**facts_of).encode(),
        f"{name}_device.c": template("device.c").format(**facts_of).encode(),
        LIBRARY: library.read_bytes(),
    }


def _strides(tensor: Tensor) -> tuple[int, int]:
    """Of channels and of frames in the block of a hop."""
    axes, frames, channels = tensor.axes, tensor.frames_per_hop or 1, tensor.pcm_channels or 1
    assert isinstance(axes, Layout)
    time, channel = axes.axis("T"), axes.axis("C")
    if time is not None and channel is not None and time < channel:
        return 1, channels
    return frames, 1
