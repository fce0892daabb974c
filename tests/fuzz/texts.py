"""Damage to files beside networks: manifests, recipes, samplers, results, recordings, arrays, weights outside."""

import io
import json
import re
import tempfile
import wave
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tiny_build
import tiny_networks

from edgekit.base.decide import read_decide
from edgekit.base.npz import read_npz
from edgekit.base.wav import read_wav
from edgekit.export.diffusion.description import OTHERS, SAMPLERS, Sampler, read_sampler
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.spec import parse_spec
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.recipe_file import read_recipe, to_toml
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.bench.log import read_log as read_results

Random = np.random.Generator
# What stands instead of a value, as it is written in JSON and TOML.
VALUES = (
    "",
    '""',
    "0",
    "-1",
    "1",
    "2",
    "3",
    "1e9",
    "1e400",
    "1e-320",
    "-0.0",
    "nan",
    "NaN",
    "inf",
    "Infinity",
    "2147483648",
    "18446744073709551617",
    "9" * 5000,
    "true",
    "null",
    '"x"',
    '"../x"',
    '"/dev/zero"',
    "[]",
    "[1]",
    "[[]]",
    "[-1, 1e30]",
    "{}",
    '{"x": 1}',
    '"\\u0000"',
    '"\\ud800"',
    "\x00",
    '"é"',
    "'",
    '"1/0"',
    '"1/64"',
    '"NCT"',
    '"float32"',
    '"int3"',
    '"' + "x" * 5000 + '"',
    "[" * 2000,
    '{"a":' * 500,
)
BYTES = (
    b"",
    b"\x00",
    b"\xff" * 4,
    b"\x80\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\x01",
    b"PK\x03\x04",
    b"\n",
)
VALUE = re.compile(rb'"[^"\n]*"|-?\b[\d.]+(?:e-?\d+)?\b|true|false|null|\b\w+\b')


@dataclass(frozen=True)
class Format:
    """One kind of file: its name, whole ones, and what reads it: either as it should, or with a `UsageError`;
    and what damages one of its files, where that is not by its text or its bytes."""

    name: str
    whole: Callable[[], tuple[bytes, ...]]
    read: Callable[[Path], object]
    is_text: bool = True
    damage: Callable[[tuple[bytes, ...], Random], bytes] | None = None


def _manifests() -> tuple[bytes, ...]:
    return (tiny_build.manifest().to_json().encode(),)


def _recipes() -> tuple[bytes, ...]:
    return tuple(to_toml(recipe).encode() for recipe in RECIPES.values())


def _samplers() -> tuple[bytes, ...]:
    found = []
    kinds = {**dict.fromkeys(SAMPLERS, Sampler), **OTHERS}
    for kind, description in kinds.items():
        known = {f.name: f.default for f in fields(description) if f.default is not MISSING}
        lines = [f"kind = {json.dumps(kind)}"]
        lines += [
            f"{name} = {json.dumps(value)}"
            for name, value in known.items()
            if name != "kind" and isinstance(value, bool | int | float | str | tuple)
        ]
        schedule = ["[schedule]", 'kind = "cosine"', "timesteps = 1000"]
        roles = ["[roles]", 'x = "x"', 'y = "y"', 'time = "t"']
        found.append(
            "\n".join([*lines, *(schedule if description is Sampler else []), *roles]).encode()
        )
    return tuple(found)


def _results() -> tuple[bytes, ...]:
    row: dict[str, Any] = {
        "build": "a",
        "target": "host",
        "digest": "0" * 64,
        "device": "x",
        "hops": 10,
        "median_us": 1.5,
    }
    peers = {"peers": {"onnxruntime": {"median_us": 2.0, "p99_us": 3.0, "ratio": 1.3}}}
    return (
        "\n".join(
            json.dumps({**row, "recipe": name, **peers}) for name in ("float32", "w8a8")
        ).encode(),
    )


def _sounds() -> tuple[bytes, ...]:
    found = []
    for channels, width in ((1, 2), (2, 2), (1, 3), (1, 4)):
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(channels), file.setsampwidth(width), file.setframerate(16000)
            file.writeframes(bytes(range(240)) * channels)
        found.append(buffer.getvalue())
    return tuple(found)


def _arrays() -> tuple[bytes, ...]:
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, x=np.ones((4, 1, 8), np.float32), ids=np.arange(5))
        found.append(buffer.getvalue())
    return tuple(found)


def _specs() -> tuple[bytes, ...]:
    return (
        b"stft:512:128:sqrt_hann:logpow",
        b"stft:320:160:sqrt_hann_sym:mag:plain:full",
        b"frame:576:512",
        b"mel:512:160:hann:64",
        b"mfcc:512:160:hann:40:13:db:stack:3:2",
        b"erb:512:256:hann:32:50:7000:log",
        b"mel:512:256:hann:64+intensity:64",
        b"gcc:512:256:hann:64",
        b"on=0.8:off=0.5:smooth=0.3s:hold=1s:labels=a,b",
    )


def _read_spec(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    (read_decide if "on=" in text else parse_spec)(text)


def _read_manifest(path: Path) -> None:
    """Open the build that it lies in, and write what was read."""
    tiny_build.write(path.parent)
    (path.parent / "manifest.json").write_bytes(path.read_bytes())
    made = Manifest.load(path.parent)
    Stream.open(path.parent)
    (path.parent / "manifest.json").write_text(made.to_json())
    assert Manifest.load(path.parent) == made


def _networks() -> tuple[bytes, ...]:
    """A network with a weight in another file: what the protobuf says of the file is damaged."""
    with tempfile.TemporaryDirectory() as folder:
        proto = onnx.load(tiny_networks.recurrent(Path(folder) / "net.onnx"))
    for tensor, offset in zip(proto.graph.initializer, (0, 4096), strict=True):
        size = len(tensor.raw_data)
        del tensor.external_data[:]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "weights.bin"), ("offset", offset), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
    return (proto.SerializeToString(),)


def _read_network(path: Path) -> None:
    random = np.random.default_rng(0)
    (path.parent / "weights.bin").write_bytes(random.normal(size=1500).astype(np.float32).tobytes())
    from_onnx(path, name="outside")


def _read_sampler(path: Path) -> None:
    read_sampler(path).table()


def _tflite_rows() -> tuple[Format, ...]:
    """The row of .tflite files, where the package that reads them is installed."""
    if find_spec("ai_edge_litert") is None:
        return ()
    from fuzz.tflites import damaged_tflite, read_tflite_file, whole_tflites

    return (Format("tflite", whole_tflites, read_tflite_file, False, damaged_tflite),)


FORMATS = {
    row.name: row
    for row in (
        Format("manifest", _manifests, _read_manifest),
        Format("recipe", _recipes, read_recipe),
        Format("sampler", _samplers, _read_sampler),
        Format("results", _results, read_results),
        Format("spec", _specs, _read_spec),
        Format("wav", _sounds, read_wav, is_text=False),
        Format("npz", _arrays, read_npz, is_text=False),
        Format("external", _networks, _read_network, is_text=False),
        *_tflite_rows(),
    )
}


LARGEST = 2**20  # bytes that a line may come to


def damaged(format_: Format, random: Random) -> bytes:
    """Return a file of a format with one to three things changed."""
    files = format_.whole()
    if format_.damage is not None:
        return format_.damage(files, random)
    data = files[int(random.integers(len(files)))]
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        data = (_another_value if format_.is_text and random.random() < 0.7 else _another_byte)(
            data, random
        )
    return data


def _another_value(data: bytes, random: Random) -> bytes:
    """A value, name or line is another one, or there twice, or left out."""
    places = list(VALUE.finditer(data))
    if not places:
        return data
    place, action = places[int(random.integers(len(places)))], random.random()
    start, end = place.span()
    new = VALUES[int(random.integers(len(VALUES)))].encode()
    if action < 0.15:
        new = places[int(random.integers(len(places)))][0]  # one that means something elsewhere
    elif action < 0.25:
        start, end = data.rfind(b"\n", 0, start) + 1, (data.find(b"\n", end) + 1) or len(data)
        new = data[start:end] * min(
            int(random.choice([0, 2, 2, 2000])), LARGEST // max(end - start, 1)
        )
    return data[:start] + new + data[end:]


def _another_byte(data: bytes, random: Random) -> bytes:
    """A bit flipped, some bytes replaced or put in, or the end cut off."""
    at, action = int(random.integers(len(data) + 1)), random.random()
    if action < 0.4 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << int(random.integers(8))]) + data[at + 1 :]
    if action < 0.5:
        return data[:at]
    new = BYTES[int(random.integers(len(BYTES)))]
    return data[:at] + new + data[at + (len(new) if action < 0.8 else 0) :]


def judge_text(name: str, data: bytes) -> str:
    """Read a damaged file of a format in a folder of its own; errors as of what reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        path.write_bytes(data)
        FORMATS[name].read(path)
    return name
