"""Checks on a manifest.json of any origin, before anything is allocated for what it claims."""

import json
import math
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import FORM, parse_layout
from edgekit.base.sampler_table import StepTable

MAX_BYTES = 1 << 31  # of one tensor, one block, one file of arrays
MAX_TENSORS = 1024
MAX_RANK = 8
MAX_TEXT = 512
DTYPES = frozenset({"float32", "int8", "uint8", "int16", "int32", "int64", "bool"})
ROLES = frozenset({"stream", "state", "constant", "control", "noise"})
ROW = {"name", "shape", "dtype", "role"}


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _bytes(value: Any) -> bool:
    return _count(value) and value <= MAX_BYTES


def _text(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_TEXT


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _flag(value: Any) -> bool:
    return type(value) is bool


def _step_table(value: Any) -> bool:
    try:
        StepTable.from_facts(value)
    except (UsageError, TypeError, ValueError):
        return False
    return True


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= MAX_BYTES


def _ratio(value: Any) -> bool:
    return value is None or _number(value)


def _levels(value: Any) -> bool:
    return type(value) is list and all(
        type(row) is dict
        and row.keys() == {"level_db", "snr_db", "alike", "metric"}
        and _number(row["level_db"])
        and all(map(_ratio, row.values()))
        for row in value
    )


def _held_out(value: Any) -> bool:
    return (
        type(value) is dict
        and value.keys() == {"clips", "of", "heard_snr_db"}
        and _count(value["clips"])
        and _count(value["of"])
        and _ratio(value["heard_snr_db"])
    )


def _texts(value: Any) -> bool:
    return type(value) is list and all(map(_text, value))


def _kinds(value: Any) -> bool:
    return type(value) is dict and all(_text(text) for pair in value.items() for text in pair)


def _positive(value: Any) -> bool:
    return _bytes(value) and value > 0


Check = tuple[Callable[[Any], bool], str, bool]  # the test, what it allows, whether null is allowed
COUNT: Check = (_count, "an integer from 0 up", False)
SIZE: Check = (_bytes, f"an integer from 0 to {MAX_BYTES}", False)
TEXT: Check = (_text, f"a text of at most {MAX_TEXT} characters", False)
TEXTS: Check = (_texts, f"texts of at most {MAX_TEXT} characters", False)
WHOLE: Check = (_whole, "an integer", False)
NUMBER: Check = (_number, "a number", False)
POSITIVE: Check = (_positive, "an integer from 1 up", False)
SAMPLER: Check = (_step_table, "a step table as an export writes it", True)
KINDS: Check = (_kinds, "texts by name", False)


def _file(name: Any) -> bool:
    """Whether a name stays inside the folder."""
    return (
        _text(name)
        and not PurePosixPath(name).is_absolute()
        and not {"..", ""} & {*name.split("/")}
    )


def _or_null(check: Check) -> Check:
    return check[0], check[1] + " or null", True


def _rate(value: Any) -> bool:
    return _text(value) and re.fullmatch(r"[1-9][0-9]{0,8}/[1-9][0-9]{0,8}", value) is not None


PORT: dict[str, Check] = {  # of each input and output, from schema 2 on
    "layout": _or_null(TEXT),
    "rate": _or_null((_rate, "a fraction, as 1/64", False)),
    "frames_per_hop": _or_null(POSITIVE),
    "channels": _or_null(POSITIVE),
    "delay_samples": _or_null(SIZE),
    "sample_rate_hz": _or_null(NUMBER),
}
FACTS: dict[str, Check] = {
    "schema": COUNT,
    "edgekit": TEXT,
    "target": TEXT,
    "digest": TEXT,
    "sampler": SAMPLER,
    "macs_per_hop": COUNT,
    "macs_int8": COUNT,
    "macs_int16": COUNT,
    "macs_float": COUNT,
}
OPTIONAL = frozenset(
    {
        "moved_bytes_per_hop",
        "moved_bytes_imported",
        "notes",
        "hop_scales",
        "crop_samples",
        "hops_decided_otherwise",
        "levels",
        "metric",
        "held_out",
        "oracle_hops",
    }
)  # not in every schema 1 file
TABLES: dict[str, dict[str, Check]] = {
    "source": {"name": TEXT, "sha256": TEXT},
    "stream": {
        "hop_samples": _or_null(POSITIVE), "sample_rate_hz": _or_null(POSITIVE),
        "delay_samples": _or_null(SIZE), "latency_samples": _or_null(SIZE),
        "latency_ms": _or_null(NUMBER), "minimum_hop_samples": _or_null(POSITIVE),
        "end_state": _or_null(TEXT),
    },
    "memory": {
        "weights_bytes": _or_null(SIZE), "state_bytes": _or_null(SIZE),
        "scratch_bytes": _or_null(SIZE), "scratch_lower_bound_bytes": _or_null(SIZE),
        "code_bytes": _or_null(SIZE), **dict.fromkeys(("moved_bytes_per_hop", "moved_bytes_imported"), _or_null(COUNT)),
    },
    "session": {"parameters": COUNT, "macs": COUNT},
    "until": {"output": TEXT, "tolerance": NUMBER, "most": POSITIVE},
    "decide": {"text": TEXT, "labels": TEXTS},
    "noise": {"generator": TEXT, "seed": COUNT, "inputs": KINDS, "states": KINDS},
    "engine": {
        "part": TEXT, "lanes": POSITIVE, "columns": POSITIVE, "dmax": POSITIVE, "weight_bits": POSITIVE,
        "accumulator_bits": POSITIVE, "line_rows": POSITIVE, "line_beats": POSITIVE, "buffer_bytes": SIZE,
        "clock_mhz": NUMBER, "cycles_per_frame": COUNT, "frames_per_second": NUMBER, "latency_ms": NUMBER,
        "dense_utilisation": NUMBER, "dram_bytes_per_frame": COUNT, "dram_tensors": TEXTS, "luts": COUNT,
        "ffs": COUNT, "dsps": COUNT, "rams": COUNT, "cpu_operators": TEXTS, "kinds": KINDS,
    },
    "device": {
        "sample_rate_hz": POSITIVE, "latency_samples": SIZE, "latency_ms": NUMBER, "state_bytes": SIZE,
        "filter_bytes": SIZE,
    },
    "npu": {
        "accelerator": TEXT, "system": TEXT, "clock_mhz": NUMBER, "cycles": COUNT, "sram_bytes": SIZE,
        "flash_bytes": SIZE, "npu_operators": COUNT, "cpu_operators": TEXTS,
    },
    "verification": {
        "by": TEXT, "hops": COUNT, "hops_decided_otherwise": COUNT, "snr_db": _or_null(NUMBER),
        "max_abs_error": _or_null(NUMBER),
        "bit_exact_with_oracle": _or_null((_flag, "true, false", False)), "oracle_hops": _or_null(COUNT),
        "levels": (_levels, "rows of level_db, snr_db, alike, metric", False),
        "metric": NUMBER,
        "held_out": (_held_out, "clips, of, heard_snr_db", False),
    },
    "quantization": {
        "recipe": TEXT, "calibrated_on": _or_null(TEXT), "tensors_int8": _or_null(COUNT),
        "tensors_int16": _or_null(COUNT), "tensors_float": _or_null(COUNT),
        "notes": TEXTS, "hop_scales": TEXTS,
    },
}  # fmt: skip
STREAMED: dict[str, dict[str, Check]] = {
    "outputs": {
        "name": TEXT,
        "delay_samples": SIZE,
        "caused_by": _or_null(TEXT),
        "crop_samples": SIZE,
    },
    "tensors": {
        "name": TEXT,
        "node": _or_null(TEXT),
        "axis": COUNT,
        "rate": TEXT,
        "delay_frames": WHOLE,
        "states": TEXTS,
        "state_bytes": SIZE,
    },
    "replaced": {
        "kind": TEXT,
        "form": TEXT,
        "operator": TEXT,
        "node": TEXT,
        "module": _or_null(TEXT),
    },
    "distances": {
        "output": TEXT,
        "snr_db": _or_null(NUMBER),
        "max_error": NUMBER,
        "peak": NUMBER,
        "of": TEXT,
    },
}
ALWAYS_STREAMED = ("outputs", "tensors")
NULLABLE = ("session", "until", "decide", "noise", "engine", "device", "npu")
NULLABLE_TABLES = {**dict.fromkeys(NULLABLE), "verification": ...}  # what a file without it has


def _is_table(value: object, is_key: Callable[[Any], bool]) -> bool:
    """Whether it is a table of texts by such keys."""
    return type(value) is dict and all(is_key(k) and _text(v) for k, v in value.items())


def checked_manifest(
    text: str, where: str, schemas: tuple[int, ...], tensor: Callable[..., Any]
) -> tuple[dict[str, Any], int]:
    """Parse a manifest and return its facts, each of a type and size that can be, and its schema.

    Args:
        text: JSON of any origin.
        where: what to call it in problems.
        schemas: the schema numbers that are understood; those from 2 on have `PORT` in each row of a tensor.
        tensor: makes one input or output from a row ``name, shape, dtype, role, time`` and `PORT`.

    Raises:
        UsageError: with one problem for every key that is missing, unknown or wrong.
    """
    facts = _parse(text, where)
    problems: list[Problem] = []

    def complain(key: str, found: str, allowed: str) -> None:
        problems.append(Problem(f"{where}, {key}", found, allowed, "export the network again"))

    allowed_keys = {*FACTS, *TABLES, "inputs", "outputs", "tools", "files", "streaming"}
    for key in sorted(facts.keys() - allowed_keys):
        complain(_shown(key), "an unknown key", "the keys of a manifest")
    _check_table(facts, FACTS, "", complain)
    for key, checks in TABLES.items():
        if key in NULLABLE_TABLES and facts.get(key, NULLABLE_TABLES[key]) is None:
            continue
        table = facts.get(key)
        if type(table) is dict:
            _check_table(table, checks, f"{key}.", complain)
        else:
            complain(key, _shown(table), "a table")
    tools = facts.get("tools")
    if not _is_table(tools, _text):
        complain("tools", _shown(tools), "a table of texts")
    files = facts.setdefault("files", {})  # not in every schema 1 file
    if not _is_table(files, _file):
        complain("files", _shown(files), "digests by names of files in the folder")
    for key in ("inputs", "outputs"):
        _check_tensors(facts.get(key), key, complain, PORT if facts.get("schema") != 1 else {})
    if facts.get("streaming") is not None:
        _check_streaming(facts["streaming"], complain)
    if not problems and facts["schema"] not in schemas:
        complain("schema", _shown(facts["schema"]), " or ".join(map(str, schemas)))
    if problems:
        raise UsageError(problems)
    for key in ("inputs", "outputs"):
        facts[key] = tuple(tensor(row) for row in facts[key])
    return facts, facts["schema"]


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = f"not JSON ({error})"
        raise UsageError(Problem(where, found, "a manifest", "export the network again")) from error
    if type(facts) is not dict:
        raise UsageError(Problem(where, _shown(facts), "a table", "export the network again"))
    return facts


def _check_table(
    table: dict[str, Any],
    checks: dict[str, Check],
    prefix: str,
    complain: Callable[[str, str, str], None],
) -> None:
    for key, (test, allowed, nullable) in checks.items():
        if key not in table:
            if key not in OPTIONAL:
                complain(prefix + key, "missing", allowed)
        elif not (test(table[key]) or (nullable and table[key] is None)):
            complain(prefix + key, _shown(table[key]), allowed)


def _check_streaming(content: Any, complain: Callable[[str, str, str], None]) -> None:
    if type(content) is not dict or not (set(ALWAYS_STREAMED) <= content.keys() <= STREAMED.keys()):
        complain("streaming", _shown(content), f"null, or lists {', '.join(STREAMED)}")
        return
    for key, checks in STREAMED.items():
        if key not in content:
            continue
        rows = content[key] if type(content[key]) is list else [content[key]]
        for index, row in enumerate(rows):
            here = f"streaming.{key}[{index}]"
            if type(row) is dict and row.keys() <= checks.keys():
                _check_table(row, checks, f"{here}.", complain)
            else:
                complain(here, _shown(row), ", ".join(checks))


def _check_tensors(
    rows: Any, key: str, complain: Callable[[str, str, str], None], port: dict[str, Check]
) -> None:
    if type(rows) is not list or len(rows) > MAX_TENSORS:
        complain(key, _shown(rows), f"a list of at most {MAX_TENSORS} tensors")
        return
    names: set[str] = set()
    for index, row in enumerate(rows):
        here = f"{key}[{index}]"
        if type(row) is not dict or not ROW <= row.keys() <= {*ROW, "time", *port}:
            complain(here, _shown(row), ", ".join(("name, shape, dtype, role, time", *port)))
            continue
        _check_table(row, port, f"{here}.", complain)
        if not _time_fits(row.get("time"), row["shape"]):
            complain(
                f"{here}.time", _shown(row["time"]), "null, or axis, delay_frames, offset_frames"
            )
        name, shape = row["name"], row["shape"]
        if not _text(name) or not name or name in names:
            complain(f"{here}.name", _shown(name), "a name of its own")
        else:
            names.add(name)
        if not _shape_fits(shape):
            complain(
                f"{here}.shape",
                _shown(shape),
                f"up to {MAX_RANK} dimensions, {MAX_BYTES} bytes in all",
            )
        for part, words in (("dtype", DTYPES), ("role", ROLES)):
            if type(row[part]) is not str or row[part] not in words:
                complain(f"{here}.{part}", _shown(row[part]), ", ".join(sorted(words)))
        if port and not _layout_fits(row):
            complain(f"{here}.layout", _shown(row.get("layout")), f"the axes of its shape: {FORM}")


def _shape_fits(shape: Any) -> bool:
    if type(shape) is not list or len(shape) > MAX_RANK:
        return False
    return all(_positive(extent) for extent in shape) and math.prod(shape) * 8 <= MAX_BYTES


def _layout_fits(row: dict[str, Any]) -> bool:
    """Whether the letters are as many as the axes, and time and channels what the row says of them."""
    text, shape = row.get("layout"), row["shape"]
    if text is None or not _text(text) or not _shape_fits(shape):
        return True  # said by other checks
    try:
        layout = parse_layout(text)
    except ValueError:
        return False
    if len(layout.axes) != len(shape):
        return False
    told = {"T": row.get("frames_per_hop"), "C": row.get("channels")}
    return all(layout.axis(k) is None or layout.extent(k, shape) == n for k, n in told.items())


def _time_fits(time: Any, shape: Any) -> bool:
    if time is None:
        return True
    if type(time) is not dict or time.keys() != {"axis", "delay_frames", "offset_frames"}:
        return False
    return (
        all(map(_whole, time.values())) and type(shape) is list and 0 <= time["axis"] < len(shape)
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
