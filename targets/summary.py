"""A build in five lines, and as a part of a notebook: what it is, its latency, its memory, its verification."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.base.pages import fill
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, count_text
from edgekit.targets.devices import profile
from edgekit.targets.headlines import cards

if TYPE_CHECKING:
    from edgekit.targets.network import NetworkDrawing

MEMORY_ROWS = (
    ("weights", "weights_bytes"),
    ("code", "code_bytes"),
    ("states", "state_bytes"),
    ("scratch", "scratch_bytes"),
)


def summary_rows(manifest: Manifest) -> list[tuple[str, str]]:
    """Return four facts as (name, text): target and recipe, latency, memory, verification."""
    return [
        ("target", f"{manifest.target}, recipe {manifest.quantization['recipe']}"),
        (_time_name(manifest), _time_text(manifest)),
        ("memory", _memory_text(manifest)),
        ("verified", _verification_text(manifest)),
    ]


def summary_text(manifest: Manifest, directory: Path) -> str:
    """Return five lines: the network's name and the folder, and `summary_rows`."""
    rows = summary_rows(manifest)
    width = max(len(name) for name, _ in rows)
    title = f"build of {manifest.source['name']} in {directory}"
    return "\n".join([title, *(f"  {name:{width}}  {text}" for name, text in rows)])


def summary_html(manifest: Manifest, directory: Path) -> str:
    """Return a part of a notebook: `summary_rows`, the layers, and bars of the memory.

    It has no script and no address, and takes its colours from the page around it.
    """
    reason = _reason_without_layers(directory)
    sizes = {name: manifest.memory.get(key) or 0 for name, key in MEMORY_ROWS}
    largest = max(sizes.values())
    return fill(
        Path(__file__).with_suffix(".html"),
        name=manifest.source["name"],
        rows=[*summary_rows(manifest), ("folder", str(directory))],
        network=None if reason else _drawing(manifest, directory),
        reason=reason,
        memory=[(name, f"{n:,}", f"{100 * n / largest:.1f}") for name, n in sizes.items() if n],
    )


def _drawing(manifest: Manifest, directory: Path) -> "NetworkDrawing | None":
    from edgekit.targets.build_files import read_model
    from edgekit.targets.network import draw, layers

    return draw(*layers(read_model(directory)), (), profile(manifest.target), {}, "")


def _reason_without_layers(directory: Path) -> str | None:
    if not directory.is_dir():
        return "The folder of this build was removed, and with it the layers. out=DIR keeps it."
    if not (directory / "model.onnx").is_file():
        return "This target keeps no list of layers: see report.html in the folder."
    if find_spec("onnx_ir") is None:
        return "Layers are read with the packages of edgekit[export], which are not installed."
    return None


def _time_name(manifest: Manifest) -> str:
    return manifest.unit if manifest.stream["latency_samples"] is None else "latency"


def _time_text(manifest: Manifest) -> str:
    if (engine := manifest.engine) is not None:
        speed = f"{engine['frames_per_second']:g} frames per second"
        return f"{engine['latency_ms']:g} ms, {speed} at {engine['clock_mhz']:g} MHz, modelled"
    if (late := _card(manifest, "Latency", ": ")) is None:
        return f"{_ports(manifest.stream_inputs)} to {_ports(manifest.stream_outputs)}"
    return late


def _ports(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors)


def _memory_text(manifest: Manifest) -> str:
    if (engine := manifest.engine) is not None:
        return ", ".join(
            f"{engine[key]:,} {key[:-1].upper()}" for key in ("luts", "ffs", "dsps", "rams")
        )
    if (npu := manifest.npu) is not None:
        return f"{npu['sram_bytes']:,} bytes of SRAM, {npu['flash_bytes']:,} of flash, by Vela"
    parts = ", ".join(f"{size:,} bytes of {name}" for name, size in _known_sizes(manifest))
    return parts or f"not counted for target {manifest.target}"


def _known_sizes(manifest: Manifest) -> Iterator[tuple[str, int]]:
    memory = manifest.memory
    for name, keys in (
        ("weights", MEMORY_ROWS[:1]),
        ("code", MEMORY_ROWS[1:2]),
        ("RAM", MEMORY_ROWS[2:]),
    ):
        sizes = [size for _, key in keys if (size := memory.get(key)) is not None]
        if sizes:
            yield name, sum(sizes)


def _verification_text(manifest: Manifest) -> str:
    if manifest.verification is None:
        return "not yet"
    return _card(manifest, "Same network?", " ") or count_text(
        manifest.verification["hops"], manifest.unit
    )


def _card(manifest: Manifest, name: str, between: str) -> str | None:
    """Return the fact of this name at the top of report.html as one line."""
    for card in cards(manifest):
        if card.name == name:
            return f"{card.figure}{between}{card.text.rstrip('.')}"
    return None
