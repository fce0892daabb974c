"""Inputs and outputs of a build as table rows: what each is, its channels, its rate and how late it comes."""

from edgekit.runtime.build_folder.manifest import Manifest, Tensor

HEAD = ("", "name", "shape", "type", "role", "layout", "channels", "rate", "delay")


def port_table(manifest: Manifest) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head and a row for each input and output; columns that say nothing are left out."""
    sides = ("in", manifest.inputs), ("out", manifest.outputs)
    rows = [_row(way, tensor, manifest) for way, tensors in sides for tensor in tensors]
    kept = [at for at, name in enumerate(HEAD) if at < 5 or any(row[at] for row in rows)]
    return tuple(HEAD[at] for at in kept), [tuple(row[at] for at in kept) for row in rows]


def _row(way: str, tensor: Tensor, manifest: Manifest) -> tuple[str, ...]:
    return (
        way,
        tensor.name,
        "x".join(map(str, tensor.shape)) or "scalar",
        tensor.dtype,
        tensor.role,
        tensor.layout or "",
        "" if tensor.channels is None else str(tensor.channels),
        _rate(tensor),
        _delay(tensor, manifest),
    )


def _rate(tensor: Tensor) -> str:
    if tensor.sample_rate_hz is not None:
        return f"{tensor.sample_rate_hz:,g} Hz"
    return f"{tensor.rate} a sample" if tensor.rate not in (None, "1/1") else ""


def _delay(tensor: Tensor, manifest: Manifest) -> str:
    late, rate = tensor.delay_samples, manifest.stream["sample_rate_hz"]
    if late is None:
        return ""
    return f"{late:,} samples" + (f", {late * 1000 / rate:g} ms" if rate and late else "")
