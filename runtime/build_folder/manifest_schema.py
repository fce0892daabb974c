"""The JSON Schema of manifest.json, made from the checks that a reading makes."""

from edgekit.runtime.build_folder.manifest_keys import (
    A_TEXT,
    ALWAYS_STREAMED,
    DTYPES,
    FACTS,
    KINDS,
    MAX_RANK,
    MAX_TENSORS,
    NULLABLE,
    NULLABLE_TABLES,
    OPTIONAL,
    PORT,
    POSITIVE,
    ROLES,
    STREAMED,
    TABLES,
    WHOLE,
    Check,
    Schema,
    table_schema,
)


def json_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of manifest.json, schema 2: the demands of `checked_manifest`.

    It leaves out conditions on several keys: names that differ, a layout with the axes of its shape, a step table that
    can be run.
    """

    def table(checks: dict[str, Check]) -> Schema:
        return table_schema({key: check.json_schema() for key, check in checks.items()}, OPTIONAL)

    def may_be_null(schema: Schema) -> Schema:
        return {"anyOf": [schema, {"type": "null"}]}

    time = table_schema(dict.fromkeys(("axis", "delay_frames", "offset_frames"), WHOLE.schema))
    row = table_schema(
        {
            "name": {**A_TEXT, "minLength": 1},
            "shape": {"type": "array", "items": POSITIVE.schema, "maxItems": MAX_RANK},
            "dtype": {"enum": sorted(DTYPES)},
            "role": {"enum": sorted(ROLES)},
            "time": may_be_null(time),
            **{key: check.json_schema() for key, check in PORT.items()},
        },
        {"time"},
    )
    tensors = {"type": "array", "items": row, "maxItems": MAX_TENSORS}
    streaming = table_schema(
        {key: {"type": "array", "items": table(checks)} for key, checks in STREAMED.items()},
        STREAMED.keys() - {*ALWAYS_STREAMED},
    )
    tables = {
        key: may_be_null(table(checks)) if key in NULLABLE_TABLES else table(checks)
        for key, checks in TABLES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "manifest.json of an EdgeKit build, schema 2",
        **table_schema(
            {
                **table(FACTS)["properties"],
                "schema": {"const": 2},
                "inputs": tensors,
                "outputs": tensors,
                "streaming": may_be_null(streaming),
                **tables,
                "tools": KINDS.schema,
                "files": KINDS.schema,
            },
            {"files", "streaming", "sparse", "kernels", *NULLABLE},
        ),
    }
