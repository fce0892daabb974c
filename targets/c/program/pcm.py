"""``<name>_process_s16``: a hop of 16-bit PCM, its channels interleaved as sound devices have them.

A build with only sound outputs returns them in 16 bits too; any other has the outputs of ``<name>_process``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from textwrap import indent

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.targets.c.emit.base import C_ARRAYS as C_TYPES
from edgekit.targets.c.plan.storage import PCM_IN, PCM_OUT, Layout, pcm_blocks
from edgekit.targets.c.program.functions import field_names
from edgekit.targets.c.program.guards import refusal
from edgekit.targets.c.templates import template

PROTOTYPE = """
/* The same on 16-bit samples: full scale is 32768, rounded half to even, saturated.{channels} */
{signature};
"""
SOURCE = template("pcm.c")
READ = "(float)%s * (1.0f / 32768.0f)"
WRITE = """\
            const float v = {value} * 32768.0f;
            const float low = v > -32768.0f ? v : -32768.0f;
            {sample} = (int16_t)ek_roundf1(low < 32767.0f ? low : 32767.0f);"""


@dataclass(frozen=True)
class Port:
    """One stream of the entry: its argument, the float block that stands for it, and its member of the struct."""

    tensor: Tensor
    argument: str
    block: str
    member: str
    offset: str

    @property
    def size(self) -> int:
        """Samples of a hop, all channels."""
        return (self.tensor.frames_per_hop or 0) * self.channels

    @property
    def channels(self) -> int:
        """Channels."""
        return self.tensor.pcm_channels or 1

    def loop(self, statement: str) -> str:
        """Loops over all samples; `statement` has the samples of {pcm} and {block}."""
        axes, frames = self.tensor.axes, self.tensor.frames_per_hop
        assert axes is not None
        channel, time = axes.axis("C"), axes.axis("T")
        is_planar = channel is not None and time is not None and channel < time
        if self.channels == 1 or not is_planar:
            text = statement.format(pcm=f"{self.argument}[i]", block=f"{self.block}[i]")
            return f"        for (int32_t i = 0; i < {self.size}; i++) {{\n{text}\n        }}"
        text = statement.format(
            pcm=f"{self.argument}[t * {self.channels} + c]", block=f"{self.block}[c * {frames} + t]"
        )
        return (
            f"        for (int32_t t = 0; t < {frames}; t++) {{\n"
            f"            for (int32_t c = 0; c < {self.channels}; c++) {{\n"
            f"{indent(text, '    ')}\n            }}\n        }}"
        )


@dataclass(frozen=True)
class PcmCall:
    """The 16-bit entry as C: its signature, the names of its arguments, and the bytes of the arrays among them.

    `given` are the arrays that it reads, `made` those that it writes; `out` where it has the struct of outputs. `kinds`
    are the C types of both. `blocks` are its floats in scratch, with their bytes. `takes` and `gives` are what the
    members of the hop's structs point to.
    """

    signature: str
    arguments: tuple[str, ...]
    given: Mapping[str, int]
    made: Mapping[str, int]
    kinds: Mapping[str, str]
    blocks: Mapping[str, int]
    takes: Mapping[str, str]
    gives: Mapping[str, str]


def pcm_call(model: Model, manifest: Manifest, prefix: str) -> PcmCall:
    """Return the 16-bit entry of a build that takes PCM."""
    ports, count = _ports(model, manifest), len(manifest.stream_inputs)
    knobs = {
        a: _bytes_of(t)
        for t, (a, _) in zip(manifest.controls, _controls(model, manifest).values(), strict=True)
    }
    given = {port.argument: 2 * port.size for port in ports[:count]}
    made = {port.argument: 2 * port.size for port in ports[count:]}
    arguments = (*given, *(made or ("out",)), *knobs)
    controls = _controls(model, manifest)
    fields = field_names(model.stream_inputs)
    return PcmCall(
        _signature(model, ports, manifest, prefix),
        arguments,
        given | knobs,
        made,
        dict.fromkeys((*given, *made), "int16_t") | dict(controls.values()),
        {port.block: 4 * port.size for port in ports},
        {port.member: port.block for port in ports[:count]}
        | {fields[name]: argument for name, (argument, _) in controls.items()},
        {port.member: port.block for port in ports[count:]},
    )


def _bytes_of(tensor: Tensor) -> int:
    return prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def pcm_prototype(model: Model, manifest: Manifest, prefix: str) -> str:
    """Return the declaration, and comments on the arguments for more than one channel in and out."""
    ports = _ports(model, manifest)
    shown = [f"{port.argument} [{port.tensor.frames_per_hop}][{port.channels}]" for port in ports]
    is_mono = all(port.channels == 1 for port in ports) and len(manifest.stream_inputs) == 1
    text = "" if is_mono else "\n * Channels are interleaved: " + ", ".join(shown) + "."
    return PROTOTYPE.format(channels=text, signature=_signature(model, ports, manifest, prefix))


def pcm_source(model: Model, manifest: Manifest, layout: Layout, prefix: str) -> str:
    """The function."""
    ports = _ports(model, manifest)
    count = len(manifest.stream_inputs)
    given, made = ports[:count], ports[count:]
    knobs = _controls(model, manifest)
    arguments = [port.argument for port in ports] + [argument for argument, _ in knobs.values()]
    arguments += [] if made else ["out"]
    members = {port.tensor.name: port.block for port in given}
    members |= {name: argument for name, (argument, _) in knobs.items()}
    results = [f"        result.{port.member} = {port.block};" for port in made]
    read = "            {block} = " + READ % "{pcm}" + ";"
    write = WRITE.replace("{value}", "{block}").replace("{sample}", "{pcm}")
    return SOURCE.format(
        name=prefix,
        signature=_signature(model, ports, manifest, prefix),
        refused=refusal(prefix.upper(), ("scratch", *arguments)),
        blocks="\n".join(_block_line(port, layout) for port in ports),
        inputs=", ".join(members[tensor.name] for tensor in manifest.hop_inputs),
        outputs="\n".join(results or ["        result = *out;"]),
        read="\n".join(port.loop(read) for port in given),
        write="\n".join(port.loop(write) for port in made),
    )


def _block_line(port: Port, layout: Layout) -> str:
    """Return the line that declares the floats of a hop in scratch."""
    place = f"((unsigned char *)scratch + {layout.offsets[port.offset]})"
    return f"        float *const {port.block} = (float *)(void *){place}; /* [{port.size}] */"


def _ports(model: Model, manifest: Manifest) -> list[Port]:
    def side(
        tensors: Sequence[Tensor],
        values: tuple[ir.Value, ...],
        argument: str,
        block: str,
        offset: str,
    ) -> list[Port]:
        fields, one = field_names(values), len(tensors) == 1
        offsets = pcm_blocks(offset, len(tensors))
        return [
            Port(
                tensor,
                argument if one else f"{argument}_{fields[tensor.name]}",
                block if one else f"{block}{i}",
                fields[tensor.name],
                offsets[i],
            )
            for i, tensor in enumerate(tensors)
        ]

    sound = manifest.stream_outputs if manifest.is_pcm else ()
    return [
        *side(manifest.stream_inputs, model.stream_inputs, "pcm", "x", PCM_IN),
        *side(sound, model.stream_outputs, "out", "y", PCM_OUT),
    ]


def _controls(model: Model, manifest: Manifest) -> dict[str, tuple[str, str]]:
    """Return the argument and its C type of each control, by name; controls follow the streams."""
    fields = field_names(model.stream_inputs)
    return {
        tensor.name: (f"control_{fields[tensor.name]}", C_TYPES[tensor.dtype])
        for tensor in manifest.controls
    }


def _signature(model: Model, ports: Sequence[Port], manifest: Manifest, prefix: str) -> str:
    count = len(manifest.stream_inputs)
    arguments = [f"const int16_t *{port.argument}" for port in ports[:count]]
    arguments += [f"int16_t *{port.argument}" for port in ports[count:]]
    arguments += [] if ports[count:] else [f"{prefix}_outputs *out"]
    knobs = _controls(model, manifest).values()
    arguments += [f"const {kind} *{argument}" for argument, kind in knobs]
    return f"int {prefix}_process_s16({prefix} *net, void *scratch, {', '.join(arguments)})"
