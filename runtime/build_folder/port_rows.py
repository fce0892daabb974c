"""Inputs and outputs of a build as table rows: the kind of each, its channels, its rate and its delay."""

from edgekit.runtime.build_folder.manifest import Manifest, Tensor

PORT_HEAD = ("", "name", "shape", "type", "role")
STREAM_HEAD = ("", "stream", "layout", "channels", "rate", "delay")


def port_rows(manifest: Manifest) -> list[tuple[str, ...]]:
    """Return a row of `PORT_HEAD` for each input and output."""
    return [
        (way, t.name, "x".join(map(str, t.shape)) or "scalar", t.dtype, t.role)
        for way, t in _tensors(manifest)
    ]


def stream_rows(manifest: Manifest) -> list[tuple[str, ...]]:
    """Return a row of `STREAM_HEAD` for each of which more is known than its shape."""
    rows = (
        (
            way,
            tensor.name,
            tensor.layout or "",
            "" if tensor.channels is None else str(tensor.channels),
            _rate(tensor),
            _delay(tensor, manifest),
        )
        for way, tensor in _tensors(manifest)
        if tensor.role not in ("state", "constant")
    )
    return [row for row in rows if any(row[2:])]


def _tensors(manifest: Manifest) -> list[tuple[str, Tensor]]:
    sides = ("in", manifest.inputs), ("out", manifest.outputs)
    return [(way, tensor) for way, tensors in sides for tensor in tensors]


def _rate(tensor: Tensor) -> str:
    if tensor.sample_rate_hz is not None:
        return f"{tensor.sample_rate_hz:,g} Hz"
    return f"{tensor.rate} a sample" if tensor.rate not in (None, "1/1") else ""


def _delay(tensor: Tensor, manifest: Manifest) -> str:
    late, rate = tensor.delay_samples, manifest.stream["sample_rate_hz"]
    if late is None:
        return ""
    return f"{late:,} samples" + (f", {late * 1000 / rate:g} ms" if rate and late else "")
