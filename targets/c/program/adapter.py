"""``<name>_adapter``: connects the network to a sound device whose rate is known when it runs."""

from edgekit.graph.model import Model
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.kernel_sources import kernel_sources
from edgekit.targets.c.program.device import LIBRARY, stream_fields
from edgekit.targets.c.templates import template


def has_adapter(manifest: Manifest) -> bool:
    """Whether a build takes nothing but sound, at a known rate, and controls."""
    return manifest.takes_pcm and manifest.stream["sample_rate_hz"] is not None


def adapter_files(model: Model, manifest: Manifest) -> dict[str, bytes]:
    """Return ``<name>_adapter.h``, ``<name>_adapter.c`` and their includes; empty without sound input."""
    if not has_adapter(manifest):
        return {}
    hop, name = int(manifest.stream["hop_samples"]), manifest.c_name
    fields = {"name": name, "upper": name.upper(), "hop": hop}
    fields |= stream_fields(model, manifest, hop)
    return {
        f"{name}_adapter.h": template("adapter.h").format(**fields).encode(),
        f"{name}_adapter.c": template("adapter.c").format(**fields).encode(),
        LIBRARY: kernel_sources()[LIBRARY].read_bytes(),
    }
