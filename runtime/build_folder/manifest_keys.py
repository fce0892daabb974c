"""The keys of manifest.json: the allowed values of each, as a test, in words and as JSON Schema."""

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from edgekit.base.errors import UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.sampler_table import StepTable

MAX_BYTES = 1 << 31  # of one tensor, one block, one file of arrays
MAX_TENSORS = 1024
MAX_RANK = 8
MAX_TEXT = 512
MAX_ROWS = 100_000
FRACTION = "[1-9][0-9]{0,8}/[1-9][0-9]{0,8}"
DTYPES = frozenset({"float32", "int8", "uint8", "int16", "int32", "int64", "bool"})
ROLES = frozenset({"stream", "state", "constant", "control", "noise"})
ROW = {"name", "shape", "dtype", "role"}


def _count(value: Json) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _bytes(value: Json) -> bool:
    return _count(value) and value <= MAX_BYTES


def _text(value: Json) -> bool:
    return type(value) is str and len(value) <= MAX_TEXT


def _number(value: Json) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _flag(value: Json) -> bool:
    return type(value) is bool


def _step_table(value: Json) -> bool:
    try:
        StepTable.from_facts(value)
    except (UsageError, TypeError, ValueError):
        return False
    return True


def _whole(value: Json) -> bool:
    return type(value) is int and abs(value) <= MAX_BYTES


def _ratio(value: Json) -> bool:
    return value is None or _number(value)


# For each level: the keys of a manifest, and those that an older version lacks.
RATIOS = ("snr_db", "alike", "metric")
CLIP_RATIOS = ("worst_snr_db", "best_snr_db", "margin_db")
LATER_RATIOS = (*CLIP_RATIOS, "si_sdr_lost_db", "most_si_sdr_lost_db", "least_alike")
LATER_HELD_OUT = "level_dbfs"


def _levels(value: Json) -> bool:
    return type(value) is list and all(
        type(row) is dict
        and {"level_db", *RATIOS} <= row.keys() <= {"level_db", *RATIOS, *LATER_RATIOS}
        and _number(row["level_db"])
        and all(map(_ratio, row.values()))
        for row in value
    )


def _held_out(value: Json) -> bool:
    return (
        type(value) is dict
        and {"clips", "of", "heard_snr_db"} == value.keys() - {LATER_HELD_OUT}
        and _count(value["clips"])
        and _count(value["of"])
        and _ratio(value["heard_snr_db"])
        and _number(value.get(LATER_HELD_OUT, 0))
    )


def _texts(value: Json) -> bool:
    return type(value) is list and all(map(_text, value))


def _kinds(value: Json) -> bool:
    return type(value) is dict and all(_text(text) for pair in value.items() for text in pair)


def _positive(value: Json) -> bool:
    return _bytes(value) and value > 0


Schema = JsonObject


def table_schema(properties: dict[str, Schema], optional: Collection[str] = ()) -> Schema:
    """The schema of a table with these keys and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Check:
    """The allowed values of one key of a manifest.

    Attributes:
        test: returns whether a value is allowed.
        allowed: the same in words, for messages.
        schema: the same as JSON Schema, as far as it goes.
        nullable: whether null is allowed as well.
    """

    test: Callable[[Json], bool]
    allowed: str
    schema: Schema
    nullable: bool = False

    def json_schema(self) -> Schema:
        """The schema, with null where that is allowed."""
        return {"anyOf": [self.schema, {"type": "null"}]} if self.nullable else self.schema


A_TEXT: Schema = {"type": "string", "maxLength": MAX_TEXT}
NULL_OR_NUMBER: Schema = {"type": ["number", "null"]}
COUNT = Check(_count, "an integer from 0 up", {"type": "integer", "minimum": 0})
SIZE = Check(
    _bytes,
    f"an integer from 0 to {MAX_BYTES}",
    {"type": "integer", "minimum": 0, "maximum": MAX_BYTES},
)
TEXT = Check(_text, f"a text of at most {MAX_TEXT} characters", A_TEXT)
TEXTS = Check(_texts, f"texts of at most {MAX_TEXT} characters", {"type": "array", "items": A_TEXT})
WHOLE = Check(_whole, "an integer", {"type": "integer"})
NUMBER = Check(_number, "a number", {"type": "number"})
FLAG = Check(_flag, "true, false", {"type": "boolean"})
POSITIVE = Check(
    _positive, "an integer from 1 up", {"type": "integer", "minimum": 1, "maximum": MAX_BYTES}
)
SAMPLER = Check(_step_table, "a step table as an export writes it", {"type": "object"}, True)
KINDS = Check(_kinds, "texts by name", {"type": "object", "additionalProperties": A_TEXT})
LEVELS = Check(
    _levels,
    f"rows of level_db, {', '.join((*RATIOS, *LATER_RATIOS))}",
    {
        "type": "array",
        "items": table_schema(
            {
                "level_db": {"type": "number"},
                **dict.fromkeys((*RATIOS, *LATER_RATIOS), NULL_OR_NUMBER),
            },
            LATER_RATIOS,
        ),
    },
)


def _sparse(value: Json) -> bool:
    return type(value) is list and all(
        type(row) is dict
        and row.keys() == SPARSE_ROW.keys()
        and all(map(_text, (row["node"], row["weights"], row["pattern"], row["stored"])))
        and (row["reason"] is None or _text(row["reason"]))
        and _bytes(row["bytes"])
        and _bytes(row["dense_bytes"])
        for row in value
    )


SPARSE_ROW: dict[str, Schema] = {
    **dict.fromkeys(("node", "weights", "pattern", "stored"), A_TEXT),
    "reason": {"type": ["string", "null"], "maxLength": MAX_TEXT},
    **dict.fromkeys(("bytes", "dense_bytes"), SIZE.schema),
}
SPARSE = Check(
    _sparse,
    f"rows of {', '.join(SPARSE_ROW)}",
    {"type": "array", "items": table_schema(SPARSE_ROW)},
    True,
)
HELD_OUT = Check(
    _held_out,
    f"clips, of, heard_snr_db, {LATER_HELD_OUT}",
    table_schema(
        {
            "clips": COUNT.schema,
            "of": COUNT.schema,
            "heard_snr_db": NULL_OR_NUMBER,
            LATER_HELD_OUT: NUMBER.schema,
        },
        {LATER_HELD_OUT},
    ),
)


def is_file(name: Json) -> bool:
    """Whether a name stays inside the folder."""
    return (
        _text(name)
        and not PurePosixPath(name).is_absolute()
        and not {"..", ""} & {*name.split("/")}
    )


def _or_null(check: Check) -> Check:
    return replace(check, allowed=f"{check.allowed} or null", nullable=True)


def _rows_of(columns: dict[str, Check]) -> Check:
    """A list of tables with exactly these columns."""

    def is_row(row: Json) -> bool:
        return (
            type(row) is dict
            and row.keys() == columns.keys()
            and all(
                column.nullable if row[key] is None else column.test(row[key])
                for key, column in columns.items()
            )
        )

    schema = table_schema({key: column.json_schema() for key, column in columns.items()})
    return Check(
        lambda value: type(value) is list and len(value) <= MAX_ROWS and all(map(is_row, value)),
        f"rows of {', '.join(columns)}",
        {"type": "array", "items": schema, "maxItems": MAX_ROWS},
    )


def _rate(value: Json) -> bool:
    return _text(value) and re.fullmatch(FRACTION, value) is not None


RATE = Check(_rate, "a fraction, as 1/64", {"type": "string", "pattern": f"^{FRACTION}$"})
PORT: dict[str, Check] = {  # of each input and output, from schema 2 on
    "layout": _or_null(TEXT),
    "rate": _or_null(RATE),
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
    "sparse": SPARSE,
    "kernels": _or_null(
        _rows_of({"layer": TEXT, "operator": TEXT, "kernel": TEXT, "others": TEXTS, "by": TEXT})
    ),
}
OPTIONAL = frozenset(
    {
        "moved_bytes_per_hop",
        "moved_bytes_imported",
        "notes",
        "hop_scales",
        *("equalized", "quiet_copies", "ranges", "wide_operands"),
        "crop_samples",
        "hops_alone",
        "hops_decided_otherwise",
        "images",
        "image_snr_db",
        *("levels", "signals", "waits", "drift_db", "drifting_state", "decided_after_waits"),
        "example_snr_db",
        "failed",
        "metric",
        "held_out",
        "oracle_hops",
        "sparse",
        "kernels",
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
    "picture": {"text": TEXT, "labels": TEXTS},
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
    "board": {
        "name": TEXT, "core": TEXT, "clock_hz": POSITIVE, "stack_bytes": COUNT, "heap_bytes": COUNT,
        "picojoules_per_instruction": _or_null(NUMBER), "energy_from": TEXT,
        "memory": _rows_of({
            "name": TEXT, "kind": TEXT, "start": COUNT, "bytes": COUNT, "wait_states": _or_null(NUMBER),
            "megabytes_per_s": _or_null(NUMBER), "reserved_bytes": COUNT, "used_bytes": COUNT,
        }),
        "placed": _rows_of({
            "name": TEXT, "bytes": COUNT, "reads_per_hop": NUMBER, "memory": _or_null(TEXT), "stored": _or_null(TEXT),
            "modelled_wait_cycles": COUNT,
        }),
    },
    "updates": {"network": TEXT, "weights_bytes": SIZE},
    "npu": {
        "accelerator": TEXT, "system": TEXT, "clock_mhz": NUMBER, "cycles": COUNT, "sram_bytes": SIZE,
        "flash_bytes": SIZE, "npu_operators": COUNT, "cpu_operators": TEXTS,
    },
    "verification": {
        "by": TEXT, "hops": COUNT, "hops_alone": FLAG, "hops_decided_otherwise": COUNT, "snr_db": _or_null(NUMBER),
        "images": POSITIVE, "image_snr_db": _or_null(NUMBER),
        "max_abs_error": _or_null(NUMBER),
        "bit_exact_with_oracle": _or_null(FLAG), "oracle_hops": _or_null(COUNT),
        "levels": LEVELS,
        "signals": _rows_of({"form": TEXT, "level_db": NUMBER, "snr_db": _or_null(NUMBER)}),
        "waits": _rows_of({"wait": TEXT, "second": COUNT, **dict.fromkeys(("level_db", "snr_db"), _or_null(NUMBER))}),
        "decided_after_waits": _rows_of({"wait": TEXT, "alike": NUMBER}),
        "example_snr_db": _or_null(NUMBER),
        "metric": NUMBER, "failed": TEXT, "drift_db": NUMBER, "drifting_state": _or_null(TEXT),
        "held_out": HELD_OUT,
    },
    "quantization": {
        "recipe": TEXT, "calibrated_on": _or_null(TEXT), "tensors_int8": _or_null(COUNT),
        "tensors_int16": _or_null(COUNT), "tensors_float": _or_null(COUNT),
        "notes": TEXTS, "hop_scales": TEXTS, "equalized": TEXT,
        "quiet_copies": TEXT, "ranges": TEXT, "wide_operands": TEXT,
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
NULLABLE = (
    "session",
    "until",
    "decide",
    "noise",
    "engine",
    "picture",
    "device",
    "board",
    "updates",
    "npu",
)
NULLABLE_TABLES = {**dict.fromkeys(NULLABLE), "verification": ...}  # defaults of missing tables
