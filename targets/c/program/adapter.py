"""``<name>_adapter``: the network behind a sound device whose rate is known when it runs."""

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.kernel_sources import kernel_sources
from edgekit.targets.c.program.device import LIBRARY, stream_rows, wired_lines
from edgekit.targets.c.program.functions import field_names
from edgekit.targets.c.templates import template


def has_adapter(manifest: Manifest) -> bool:
    """Whether a build takes nothing but sound, at a known rate, and controls."""
    return manifest.takes_pcm and manifest.stream["sample_rate_hz"] is not None


def adapter_files(model: Model, manifest: Manifest) -> dict[str, bytes]:
    """``<name>_adapter.h``, ``<name>_adapter.c`` and what they include; nothing where no sound is taken."""
    if not has_adapter(manifest):
        return {}
    sources, sinks = manifest.stream_inputs, manifest.sounds
    fields = field_names(model.stream_inputs) | field_names(model.stream_outputs)
    hop, name = int(manifest.stream["hop_samples"]), manifest.c_name
    rows = f"\nstatic const ek_device_stream sinks[{len(sinks)}] = {{{stream_rows(sinks)}}};"
    facts = {
        "name": name,
        "upper": name.upper(),
        "hop": hop,
        "inputs": sum(tensor.pcm_channels or 0 for tensor in sources),
        "outputs": sum(tensor.pcm_channels or 0 for tensor in sinks),
        "ins": len(sources),
        "outs": len(sinks),
        "sources": stream_rows(sources),
        "sinks": rows if sinks else "",
        "sinks_name": "sinks" if sinks else "NULL",
        "wired": "\n".join(
            [
                *wired_lines("in", sources, fields, "x", hop),
                *wired_lines("out", sinks, fields, "y", hop),
            ]
            + ([] if sinks else ["    (void)y;"])
        ),
    }
    return {
        f"{name}_adapter.h": template("adapter.h").format(**facts).encode(),
        f"{name}_adapter.c": template("adapter.c").format(**facts).encode(),
        LIBRARY: kernel_sources()[LIBRARY].read_bytes(),
    }
