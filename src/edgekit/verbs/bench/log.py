"""results.jsonl: one line of JSON per benchmark. Lines may come from any source, so each one is checked."""

import errno
import json
import math
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject
from edgekit.base.output import output_errors
from edgekit.runtime.bench.measure import Measurement
from edgekit.runtime.build_folder.manifest import Manifest

MAX_BYTES, MAX_LINE_BYTES, MAX_LINES = 1 << 26, 1 << 20, 10_000
MAX_TEXT = 200  # characters of one that is shown
TEXTS = ("build", "target", "digest", "device")
OPTIONAL_TEXTS = ("machine", "recipe", "measured_at", "fleet", "folder")
NUMBERS = (
    "hops",
    "median_us",
    "p99_us",
    "max_us",
    "hop_us",
    "deadline_misses",
    "instructions_per_hop",
    "ram_bytes",
    "weights_bytes",
    "code_bytes",
    "run",
)
PEER_NUMBERS = ("median_us", "p99_us", "ratio")
LARGEST = 1e15
CPU_NAME = re.compile(r"^(?:model name|Hardware|Model)\s*:(.+)$", re.MULTILINE)  # in /proc/cpuinfo


@dataclass(frozen=True)
class Result:
    """A line: texts, numbers (None where a benchmark has none), and peers by name."""

    texts: Mapping[str, str]
    numbers: Mapping[str, float | None]
    peers: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """The key of the measurement; a later line with the same key replaces an earlier one."""
        return tuple(self.texts.get(name, "") for name in ("digest", "device", "machine"))

    @property
    def flash_bytes(self) -> float | None:
        """Weights, and code where that is known."""
        weights = self.numbers["weights_bytes"]
        return None if weights is None else weights + (self.numbers["code_bytes"] or 0)


@dataclass(frozen=True)
class Log:
    """The usable lines of a file in their order, and the problems of the others."""

    results: tuple[Result, ...]
    damaged: tuple[str, ...]

    def latest(self) -> list[Result]:
        """The last line of each build on each device, in the order of the first ones."""
        found: dict[tuple[str, ...], Result] = {}
        for result in self.results:
            found[result.key] = result
        return list(found.values())


def append(path: Path, manifest: Manifest, measured: Measurement, **more: str | int) -> None:
    """Add a line: the build's facts, the output of ``edgekit bench --json``, and `more`.

    If a program ends in the middle of a line, only that line is damaged. Errors are those of `append_line`.
    """
    facts = measured.to_dict()
    line = {
        "build": manifest.source["name"],
        "target": manifest.target,
        "digest": manifest.digest,
        "recipe": manifest.quantization["recipe"],
        "snr_db": (manifest.verification or {}).get("snr_db"),
        "weights_bytes": manifest.memory["weights_bytes"],
        "code_bytes": manifest.memory["code_bytes"],
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "machine": facts.get("machine") or (cpu_name() if measured.device == "local" else None),
        **more,
    }
    append_line(path, line)


def append_line(path: Path, line: JsonObject) -> None:
    """Add a line of JSON; if a disk is full, the file stays as it was.

    Raises:
        UsageError: the file cannot be written.
    """
    with output_errors(f"output '{path}'", path), path.open("ab+", buffering=0) as file:
        size, begin = file.tell(), b""
        if size:
            file.seek(-1, os.SEEK_END)
            begin = b"" if file.read() == b"\n" else b"\n"
        try:
            _write_all(file, begin + json.dumps(line).encode() + b"\n")
        except OSError:
            if size:
                file.truncate(size)
            else:
                path.unlink()
            raise


def _write_all(file: FileIO, data: bytes) -> None:
    """Write to a file without a buffer, which takes a part where the disk becomes full."""
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def cpu_name() -> str:
    """Return the name of this machine's processor, as far as the system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    named = CPU_NAME.search(text)
    return printable_text(named[1].strip()) if named else platform.processor() or platform.machine()


def read_log(path: Path) -> Log:
    """Read a results.jsonl of any origin.

    Raises:
        UsageError: the file cannot be read, is too large, or has no usable line.
    """
    allowed = f"a results.jsonl of `edgekit bench --append`, at most {MAX_BYTES:,} bytes and {MAX_LINES:,} lines"

    def refuse(found: str) -> UsageError:
        return UsageError(Problem(f"file '{path}'", found, allowed, "give another, or cut it"))

    try:
        if path.stat().st_size > MAX_BYTES:
            raise refuse(f"{path.stat().st_size:,} bytes")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise refuse(error.strerror or "cannot be read") from error
    if len(lines) > MAX_LINES:
        raise refuse(f"{len(lines):,} lines")
    results, damaged = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            results.append(parse(line))
        except (ValueError, TypeError, RecursionError) as error:
            damaged.append(f"line {number}: {printable_text(str(error))}")
    if not results:
        raise refuse(f"no usable line; {'; '.join(damaged[:3]) or 'it is empty'}")
    return Log(tuple(results), tuple(damaged))


def parse(line: bytes) -> Result:
    """Return the result in a line.

    Raises:
        ValueError, TypeError, RecursionError: the line is no result.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"{len(line):,} bytes, at most {MAX_LINE_BYTES:,}")
    facts = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    if not isinstance(facts, dict):
        raise TypeError("no JSON object")
    texts = {name: _text(facts, name) for name in TEXTS}
    texts |= {name: _text(facts, name) for name in OPTIONAL_TEXTS if facts.get(name) is not None}
    numbers = {name: _number(facts, name) for name in NUMBERS}
    numbers["snr_db"] = _number(facts, "snr_db", -LARGEST)
    model = facts.get("modelled")
    numbers["modelled_us"] = _number(_table(model, "modelled"), "us_per_hop")
    peers = {
        printable_text(name): {key: _number(_table(peer, name), key) for key in PEER_NUMBERS}
        for name, peer in _table(facts.get("against"), "against").items()
    }
    return Result(texts, numbers, peers)


def results_schema() -> JsonObject:
    """Return the JSON Schema (draft 2020-12) of a line of results.jsonl: the demands of `parse`, and other keys."""

    def number(least: float = 0.0) -> JsonObject:
        return {"type": ["number", "null"], "minimum": least, "maximum": LARGEST}

    def table(**more: Any) -> JsonObject:
        return {"type": ["object", "null"], **more}

    text = {"type": "string", "minLength": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of EdgeKit's results.jsonl",
        "type": "object",
        "properties": {
            **dict.fromkeys(TEXTS, text),
            **{name: {**text, "type": ["string", "null"]} for name in OPTIONAL_TEXTS},
            **dict.fromkeys(NUMBERS, number()),
            "snr_db": number(-LARGEST),
            "modelled": table(properties={"us_per_hop": number()}),
            "against": table(
                additionalProperties=table(properties=dict.fromkeys(PEER_NUMBERS, number()))
            ),
        },
        "required": list(TEXTS),
    }


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"{name}: no JSON object")
    return value


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str) or not value:
        raise TypeError(f"{name}: missing, or no text")
    return printable_text(value)


def _number(facts: Mapping[str, Any], name: str, least: float = 0.0) -> float | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: no number")
    if not (math.isfinite(value) and least <= value <= LARGEST):
        raise ValueError(f"{name}: {value:.3g} is out of range")
    return float(value)


def printable_text(text: str) -> str:
    """A text of any origin as it can be shown: printable and short."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: MAX_TEXT + 1])
    return clean if len(clean) <= MAX_TEXT else clean[: MAX_TEXT - 3] + "..."
