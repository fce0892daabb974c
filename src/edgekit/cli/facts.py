"""A manifest as table rows."""

import math
from typing import TYPE_CHECKING

from edgekit.base.json_values import JsonObject
from edgekit.runtime.build_folder.board_rows import board_text
from edgekit.runtime.build_folder.levels import levels_text, ratio_text, signals_text, waits_text
from edgekit.runtime.build_folder.streaming_rows import time_unit

if TYPE_CHECKING:
    from edgekit.runtime.build_folder.manifest import Manifest

MEASURED_CHOICES = (
    ("scaling of channels", "equalized"),
    ("calibration clips", "quiet_copies"),
    ("ranges", "ranges"),
    ("layers in 16 bits", "wide_operands"),
)


def manifest_rows(manifest: "Manifest") -> list[tuple[str, str]]:
    """Return (fact, value) rows; what is not known is left out."""
    stream, memory, quantization = manifest.stream, manifest.memory, manifest.quantization
    counts = ((kind, quantization[f"tensors_{kind}"]) for kind in ("int8", "int16", "float"))
    bound = memory["scratch_lower_bound_bytes"]
    rows: list[tuple[str, str | None]] = [
        ("FAILED", "; ".join(manifest.failure_notes) or None),
        ("target", manifest.target),
        ("recipe", quantization["recipe"]),
        ("calibrated on", quantization["calibrated_on"]),
        ("tensors", ", ".join(f"{count} {kind}" for kind, count in counts if count) or None),
        ("hop", _amount(stream["hop_samples"], time_unit(manifest))),
        ("sample rate", _with_unit(stream["sample_rate_hz"], "Hz")),
        ("delay", _amount(stream["delay_samples"], time_unit(manifest))),
        ("latency", _with_unit(stream["latency_ms"], "ms")),
        ("at a device's rate", device_text(manifest)),
        ("detects", ", ".join(manifest.decide["labels"]) if manifest.decide else None),
        ("weights", _with_unit(memory["weights_bytes"], "bytes")),
        ("sparse weights", manifest.sparse_text),
        ("chosen kernels", manifest.kernels_text),
        ("code", _with_unit(memory["code_bytes"], "bytes")),
        ("state", _with_unit(memory["state_bytes"], "bytes")),
        ("scratch", _with_unit(memory["scratch_bytes"], "bytes")),
        ("scratch lower bound", _with_unit(bound, "bytes")),
        ("board", board_text(manifest.board)),
        (f"moved per {manifest.unit}", moved_text(memory)),
        (f"MACs per {manifest.unit}", manifest.macs_text or None),
        ("sampler", sampler_text(manifest)),
        ("once per session", session_text(manifest)),
        *engine_rows(manifest.engine),
        *npu_rows(manifest.npu),
        ("verified", verification_text(manifest)),
        *((name, quantization.get(key)) for name, key in MEASURED_CHOICES),
        ("not calibrated on", levels_text(manifest.verification)),
        ("without a calibration", signals_text(manifest.verification)),
        ("after waits", waits_text(manifest.verification)),
        ("tools", ", ".join(f"{key} {value}" for key, value in manifest.tools.items()) or None),
        ("digest", manifest.digest or None),
    ]
    return [(name, value) for name, value in rows if value is not None]


def engine_rows(engine: JsonObject | None) -> list[tuple[str, str | None]]:
    """An engine's size, its time for a picture and what it takes of the part, each with where it comes from."""
    if engine is None:
        return []
    size = f"{engine['lanes']} lanes x {engine['columns']} columns, d up to {engine['dmax']}"
    clock = f"at {engine['clock_mhz']:g} MHz"
    time = f"{engine['frames_per_second']:g} frames per second, {engine['latency_ms']:g} ms {clock}"
    used = ", ".join(
        f"{engine[key]:,} {key[:-1].upper()}" for key in ("luts", "ffs", "dsps", "rams")
    )
    kinds, on_cpu = engine["kinds"], engine["cpu_operators"]
    rest = ", without the CPU" if on_cpu else ""
    return [
        ("engine", f"{size}, for {engine['part']}"),
        *([("on the CPU", ", ".join(on_cpu))] if on_cpu else []),
        ("frames", f"{time} ({kinds['cycles']}{rest})"),
        ("resources", f"{used} ({kinds['resources']})"),
    ]


def npu_rows(npu: JsonObject | None) -> list[tuple[str, str | None]]:
    """What the NPU's compiler estimates, and what stays on the CPU."""
    if npu is None:
        return []
    milliseconds = npu["cycles"] / npu["clock_mhz"] / 1000
    return [
        ("NPU", f"{npu['accelerator']} ({npu['system']}), {npu['npu_operators']} operators"),
        (
            "estimated by Vela",
            f"{npu['cycles']:,} cycles, {milliseconds:.3f} ms at {npu['clock_mhz']:g} MHz",
        ),
        ("memory by Vela", f"SRAM {npu['sram_bytes']:,} bytes, flash {npu['flash_bytes']:,} bytes"),
        ("on the CPU", "; ".join(npu["cpu_operators"]) or None),
    ]


def device_text(manifest: "Manifest") -> str | None:
    """Say at what rate the adapter stands in front, and how late it is with the network."""
    if (facts := manifest.device) is None:
        return None
    late = f"{facts['latency_samples']:,} samples or {facts['latency_ms']:g} ms late"
    return f"{facts['sample_rate_hz']:,} Hz, {late}"


def session_text(manifest: "Manifest") -> str | None:
    """Say what depends on session constants alone and so left the hop."""
    if manifest.session is None:
        return None
    names = ", ".join(tensor.name for tensor in manifest.constants)
    counts = manifest.session
    return f"{counts['parameters']:,} parameters, {counts['macs']:,} MACs, from {names}"


def sampler_text(manifest: "Manifest") -> str | None:
    """Say how many network calls draw a sample."""
    if (table := manifest.steps) is None:
        return None
    calls = table.rows * table.calls
    return f"{calls} network calls a sample, {calls * manifest.macs_per_hop:,} MACs"


def moved_text(memory: dict[str, int | None]) -> str | None:
    """Say how many bytes copies read and write in a hop, and how many the source's operators would."""
    moved, before = memory.get("moved_bytes_per_hop"), memory.get("moved_bytes_imported")
    imported = None if before is None else f"{before:,} as imported"
    parts = (_with_unit(moved, "bytes"), imported)
    return "; ".join(part for part in parts if part is not None) or None


def streaming_rows(facts: JsonObject, unit: str) -> list[tuple[str, str]]:
    """Return (fact, value) rows of what ``edgekit stream --json`` says; `unit` is what a hop counts."""
    count = sum(math.prod(state["shape"]) for state in facts["states"])
    rows: list[tuple[str, str | None]] = [
        ("hop", _amount(facts["hop_samples"], unit)),
        ("smallest hop", _amount(facts["minimum_hop_samples"], unit)),
        ("delay", _amount(facts["delay_samples"], unit)),
        ("latency", _amount(facts["latency_samples"], unit)),
        ("latency in time", _with_unit(facts["latency_ms"], "ms")),
        ("session constants", ", ".join(facts["constants"]) or None),
        ("states", f"{len(facts['states'])}, {4 * count:,} bytes as float32"),
    ]
    for output in facts["outputs"]:
        cause = f", because of {output['caused_by']}" if output["caused_by"] else ""
        late = f"{_amount(output['delay_samples'], unit)} late"
        if output["crop_samples"]:
            late += f", {output['crop_samples']} of crop, {output['waiting_samples']} of waiting"
        rows.append((f"output {output['name']}", late + cause))
    return [(name, value) for name, value in rows if value is not None]


def verification_text(manifest: "Manifest") -> str | None:
    """Say how a build was verified."""
    from edgekit.runtime.build_folder.manifest import count_text

    if (facts := manifest.verification) is None:
        return None
    ratio = ratio_text(facts)
    exact = ", bit-exact with the oracle" if facts["bit_exact_with_oracle"] else ""
    checked = facts.get("oracle_hops")
    if exact and checked is not None and checked < facts["hops"]:
        exact += f" in the first {checked}"
    if "metric" in facts:
        ratio = f"{facts['metric']:.4g} by --metric, {ratio}"
    runs = count_text(facts["hops"], manifest.unit)
    if facts.get("hops_alone"):
        runs += ", each computed alone,"
    other = facts.get("hops_decided_otherwise")
    decided = "" if other is None else f", decided otherwise in {count_text(other, manifest.unit)}"
    return f"{ratio} against the source over {runs} by {facts['by']}{exact}{decided}{_images_text(facts)}"


def _images_text(facts: JsonObject) -> str:
    if (images := facts.get("images")) is None:
        return ""
    ratio = "equal" if facts["image_snr_db"] is None else f"{facts['image_snr_db']:g} dB"
    return (
        f"; images of the same seeds: {ratio}{'' if images == 1 else f', the median of {images}'}"
    )


def _amount(value: int | None, noun: str) -> str | None:
    from edgekit.runtime.build_folder.manifest import count_text

    return None if value is None else count_text(value, noun)


def _with_unit(value: float | None, unit: str) -> str | None:
    if value is None:
        return None
    return f"{value:,} {unit}" if isinstance(value, int) else f"{value:g} {unit}"
