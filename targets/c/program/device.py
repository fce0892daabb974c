"""``<name>_device``: connects the network to a sound device of another rate, for blocks of any length."""

from collections.abc import Mapping, Sequence

from edgekit.base.layout import Layout
from edgekit.base.resampling import Resampling, resampling_between
from edgekit.graph.model import Model
from edgekit.runtime.audio.device import COUNTERS
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.kernel_sources import kernel_sources
from edgekit.targets.c.program.functions import field_names
from edgekit.targets.c.program.literals import array_text
from edgekit.targets.c.templates import template

LIBRARY = "ek_device.h"


def device_files(model: Model, manifest: Manifest) -> dict[str, bytes]:
    """Return ``<name>_device.h``, ``<name>_device.c`` and their includes; empty without a device rate."""
    facts, stream = manifest.device, manifest.stream
    if facts is None:
        return {}
    rates = resampling_between(facts["sample_rate_hz"], stream["sample_rate_hz"])
    hop, name = int(stream["hop_samples"]), manifest.c_name
    fields = {
        "name": name,
        "upper": name.upper(),
        "latency": facts["latency_samples"],
        "latency_ms": f"{facts['latency_ms']:g}",
        "bytes": facts["state_bytes"],
        "floats": (facts["state_bytes"] - COUNTERS) // 4,
        **_resampling_fields(rates, hop),
        **stream_fields(model, manifest, hop),
    }
    return {
        f"{name}_device.h": template("device.h").format(**fields).encode(),
        f"{name}_device.c": template("device.c").format(**fields).encode(),
        LIBRARY: kernel_sources()[LIBRARY].read_bytes(),
    }


def _resampling_fields(rates: Resampling, hop: int) -> dict[str, object]:
    """Fields of the templates about the rates."""
    return {
        "device_hz": rates.device_hz,
        "count": len(rates.taps),
        "taps": array_text(rates.taps),
        "up": rates.up,
        "down": rates.down,
        "hop": hop,
        "lead": rates.lead(hop),
        "past_in": rates.past_in,
        "past_out": rates.past_out,
    }


def stream_fields(model: Model, manifest: Manifest, hop: int) -> dict[str, object]:
    """Return fields of the templates of devices and adapters about inputs and outputs."""
    sources, sinks = manifest.stream_inputs, manifest.sounds
    fields = field_names(model.stream_inputs) | field_names(model.stream_outputs)
    ins, outs = _arguments(sources, fields, "in"), _arguments(sinks, fields, "out")
    rows, gives = stream_rows(sinks), _argument_shapes(outs, sinks)
    wired = wired_lines("in", sources, fields, "x", hop)
    wired += wired_lines("out", sinks, fields, "y", hop) if sinks else ["    (void)y;"]
    return {
        "inputs": sum(tensor.pcm_channels or 0 for tensor in sources),
        "outputs": sum(tensor.pcm_channels or 0 for tensor in sinks),
        "ins": len(sources),
        "outs": len(sinks),
        "takes": _argument_shapes(ins, sources),
        "gives": f" and give {gives}" if outs else "",
        "float_pointers": _pointers(ins, outs, "float"),
        "short_pointers": _pointers(ins, outs, "int16_t"),
        "missing": " || ".join(f"{argument} == NULL" for argument in (*ins, *outs)),
        "from": ", ".join(ins),
        "to": f"\n    void *const to[] = {{{', '.join(outs)}}};" if outs else "",
        "to_name": "to" if outs else "NULL",
        "sources": stream_rows(sources),
        "sinks": f"\nstatic const ek_device_stream sinks[{len(sinks)}] = {{{rows}}};"
        if sinks
        else "",
        "sinks_name": "sinks" if sinks else "NULL",
        "wired": "\n".join(wired),
    }


def _arguments(tensors: Sequence[Tensor], fields: Mapping[str, str], side: str) -> list[str]:
    """Return the arguments of a side: the word `side` for one stream; for several, that and the name of each."""
    if len(tensors) == 1:
        return [side]
    return [f"{side}_{fields[tensor.name]}" for tensor in tensors]


def _pointers(ins: Sequence[str], outs: Sequence[str], kind: str) -> str:
    return ", ".join(
        [*(f"const {kind} *{name}" for name in ins), *(f"{kind} *{name}" for name in outs)]
    )


def _argument_shapes(arguments: Sequence[str], tensors: Sequence[Tensor]) -> str:
    shapes = (
        f"{name} [frames][{tensor.pcm_channels}]"
        for name, tensor in zip(arguments, tensors, strict=True)
    )
    return " and ".join(shapes)


def stream_rows(tensors: Sequence[Tensor]) -> str:
    """The rows of ``ek_device_stream`` of some streams."""
    rows = ((tensor.pcm_channels or 1, *_strides(tensor)) for tensor in tensors)
    return ", ".join(f"{{{', '.join(map(str, row))}}}" for row in rows)


def wired_lines(
    struct: str, tensors: Sequence[Tensor], fields: Mapping[str, str], pointer: str, hop: int
) -> list[str]:
    """Return statements that fill a struct with the place of each stream in the blocks of a hop."""
    lines, before = [], 0
    for tensor in tensors:
        place = f" + {before * hop}" if before else ""
        lines.append(f"    {struct}.{fields[tensor.name]} = {pointer}{place};")
        before += tensor.pcm_channels or 1
    return lines


def _strides(tensor: Tensor) -> tuple[int, int]:
    """Return the strides of channels and of frames in the block of a hop."""
    axes, frames, channels = tensor.axes, tensor.frames_per_hop or 1, tensor.pcm_channels or 1
    assert isinstance(axes, Layout)
    time, channel = axes.axis("T"), axes.axis("C")
    if time is not None and channel is not None and time < channel:
        return 1, channels
    return frames, 1
