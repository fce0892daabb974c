"""Checks on an untrusted manifest.json, before memory is allocated for it."""

import json
import math
from collections.abc import Callable, Collection, Iterator

from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.layout import FORM, parse_layout
from edgekit.runtime.build_folder.manifest_keys import (
    ALWAYS_STREAMED,
    DTYPES,
    FACTS,
    MAX_BYTES,
    MAX_RANK,
    MAX_TENSORS,
    NULLABLE_TABLES,
    OPTIONAL,
    PORT,
    POSITIVE,
    ROLES,
    ROW,
    STREAMED,
    TABLES,
    TEXT,
    WHOLE,
    Check,
    is_file,
)

Complain = Callable[[str, str, str], None]  # takes a key, the value found, and the allowed values


def _is_table(value: object, is_key: Callable[[str], bool]) -> bool:
    """Whether it is a table of texts by such keys."""
    return type(value) is dict and all(is_key(k) and TEXT.test(v) for k, v in value.items())


def checked_manifest(
    text: str, where: str, schemas: tuple[int, ...], tensor: Callable[[JsonObject], object]
) -> tuple[JsonObject, int]:
    """Parse a manifest and return its facts, each with a valid type and size, and its schema.

    Args:
        text: JSON of any origin.
        where: its name in problems.
        schemas: the schema numbers that are understood; those from 2 on have `PORT` in each row of a tensor.
        tensor: makes one input or output from a row ``name, shape, dtype, role, time`` and `PORT`.

    Raises:
        UsageError: with one problem for every key that is missing, unknown or wrong.
    """
    facts = _parse(text, where)
    problems: list[Problem] = []

    def complain(key: str, found: str, allowed: str) -> None:
        problems.append(Problem(f"{where}, {key}", found, allowed, "export the network again"))

    facts.setdefault("files", {})  # not in every schema 1 file
    _check_tables(facts, complain)
    for key in ("inputs", "outputs"):
        _check_tensors(facts.get(key), key, complain, PORT if facts.get("schema") != 1 else {})
    if facts.get("streaming") is not None:
        _check_streaming(facts["streaming"], complain)
    if not problems and facts["schema"] not in schemas:
        complain("schema", _short_repr(facts["schema"]), " or ".join(map(str, schemas)))
    if problems:
        raise UsageError(problems)
    for key in ("inputs", "outputs"):
        facts[key] = tuple(tensor(row) for row in facts[key])
    return facts, facts["schema"]


def _check_tables(facts: JsonObject, complain: Complain) -> None:
    """Check the keys, except tensors and the results of streaming."""
    allowed_keys = {*FACTS, *TABLES, "inputs", "outputs", "tools", "files", "streaming"}
    for key in sorted(facts.keys() - allowed_keys):
        complain(_short_repr(key), "an unknown key", "the keys of a manifest")
    _check_table(facts, FACTS, "", complain)
    for key, checks in TABLES.items():
        if key in NULLABLE_TABLES and facts.get(key, NULLABLE_TABLES[key]) is None:
            continue
        table = facts.get(key)
        if type(table) is dict:
            _check_table(table, checks, f"{key}.", complain)
        else:
            complain(key, _short_repr(table), "a table")
    for key, is_key, allowed in (
        ("tools", TEXT.test, "a table of texts"),
        ("files", is_file, "digests by names of files in the folder"),
    ):
        if not _is_table(facts.get(key), is_key):
            complain(key, _short_repr(facts.get(key)), allowed)


def _parse(text: str, where: str) -> JsonObject:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = f"not JSON ({error})"
        raise UsageError(Problem(where, found, "a manifest", "export the network again")) from error
    if type(facts) is not dict:
        raise UsageError(Problem(where, _short_repr(facts), "a table", "export the network again"))
    return facts


def _check_table(
    table: JsonObject, checks: dict[str, Check], prefix: str, complain: Complain
) -> None:
    for key, check in checks.items():
        if key not in table:
            if key not in OPTIONAL:
                complain(prefix + key, "missing", check.allowed)
        elif not (check.test(table[key]) or (check.nullable and table[key] is None)):
            complain(prefix + key, _short_repr(table[key]), check.allowed)


def _check_streaming(content: Json, complain: Complain) -> None:
    if type(content) is not dict or not (set(ALWAYS_STREAMED) <= content.keys() <= STREAMED.keys()):
        complain("streaming", _short_repr(content), f"null, or lists {', '.join(STREAMED)}")
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
                complain(here, _short_repr(row), ", ".join(checks))


def _check_tensors(rows: Json, key: str, complain: Complain, port: dict[str, Check]) -> None:
    if type(rows) is not list or len(rows) > MAX_TENSORS:
        complain(key, _short_repr(rows), f"a list of at most {MAX_TENSORS} tensors")
        return
    names: set[str] = set()
    for index, row in enumerate(rows):
        here = f"{key}[{index}]"
        if type(row) is not dict or not ROW <= row.keys() <= {*ROW, "time", *port}:
            complain(here, _short_repr(row), ", ".join(("name, shape, dtype, role, time", *port)))
            continue
        _check_table(row, port, f"{here}.", complain)
        for part, fits, allowed in _row_checks(row, names, bool(port)):
            if not fits:
                complain(f"{here}.{part}", _short_repr(row.get(part)), allowed)
        if TEXT.test(row["name"]):
            names.add(row["name"])


def _row_checks(
    row: JsonObject, names: Collection[str], has_port: bool
) -> Iterator[tuple[str, bool, str]]:
    """Yield checks of a tensor's row, which follows rows of these names: a key, its validity, the allowed values."""
    name, shape = row["name"], row["shape"]
    allowed = "null, or axis, delay_frames, offset_frames"
    yield "time", _time_fits(row.get("time"), shape), allowed
    yield "name", TEXT.test(name) and name not in ("", *names), "a name of its own"
    allowed = f"up to {MAX_RANK} dimensions, {MAX_BYTES} bytes in all"
    yield "shape", _shape_fits(shape), allowed
    for part, words in (("dtype", DTYPES), ("role", ROLES)):
        yield part, type(row[part]) is str and row[part] in words, ", ".join(sorted(words))
    yield "layout", not has_port or _layout_fits(row), f"the axes of its shape: {FORM}"


def _shape_fits(shape: Json) -> bool:
    if type(shape) is not list or len(shape) > MAX_RANK:
        return False
    return all(POSITIVE.test(extent) for extent in shape) and math.prod(shape) * 8 <= MAX_BYTES


def _layout_fits(row: JsonObject) -> bool:
    """Whether there is a letter for each axis, and time and channels agree with the row."""
    text, shape = row.get("layout"), row["shape"]
    if text is None or not TEXT.test(text) or not _shape_fits(shape):
        return True  # found by other checks
    try:
        layout = parse_layout(text)
    except ValueError:
        return False
    if len(layout.axes) != len(shape):
        return False
    told = {"T": row.get("frames_per_hop"), "C": row.get("channels")}
    return all(layout.axis(k) is None or layout.extent(k, shape) == n for k, n in told.items())


def _time_fits(time: Json, shape: Json) -> bool:
    if time is None:
        return True
    if type(time) is not dict or time.keys() != {"axis", "delay_frames", "offset_frames"}:
        return False
    return (
        all(map(WHOLE.test, time.values()))
        and type(shape) is list
        and 0 <= time["axis"] < len(shape)
    )


def _short_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
