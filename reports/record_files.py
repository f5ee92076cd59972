"""The record of a deployment as CSV and JSON, whole or in the public form, and the description of both."""

from __future__ import annotations

import json
from typing import Any

from reports.csv_files import csv_text, iso
from reports.record_columns import COLUMNS, SCHEMA, Column, Kind, Line, Value, lines_of
from reports.records import DeploymentRecord

_TYPES = {Kind.TEXT: "string", Kind.TIME: "string", Kind.INTEGER: "integer", Kind.NUMBER: "number"}


def columns(*, public: bool) -> tuple[Column, ...]:
    """Return the columns of the public form, or all of them."""
    return tuple(column for column in COLUMNS if column.is_public or not public)


def record_csv(record: DeploymentRecord, *, public: bool = False) -> str:
    """Return a header, a line for each period and a line for all of them. Times are ISO 8601 with their offset."""
    chosen = columns(public=public)
    rows = ([column.value(line) for column in chosen] for line in lines_of(record))
    return csv_text([column.name for column in chosen], ([_cell(value) for value in row] for row in rows))


def record_json(record: DeploymentRecord, *, public: bool = False) -> str:
    """Return the same as one object: `periods`, and `all` for their sum. What is unknown is null."""
    chosen = columns(public=public)
    *periods, everything = [_object(line, chosen) for line in lines_of(record)]
    content = {"schema": SCHEMA, "made_at": iso(record.made_at), "periods": periods, "all": everything}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file."""
    optional = [column.name for column in COLUMNS if not column.is_public]
    line = {
        "type": "object",
        "additionalProperties": False,
        "required": [column.name for column in COLUMNS if column.name not in optional],
        "properties": {column.name: _described(column) for column in COLUMNS},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Record of a deployment of live facial recognition",
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "made_at", "periods", "all"],
        "properties": {
            "schema": {"const": SCHEMA},
            "made_at": {"type": "string", "format": "date-time"},
            "periods": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "all": {"$ref": "#/$defs/line"},
        },
        "$defs": {"line": line},
    }


def _described(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"description": column.meaning, "type": [_TYPES[column.kind], "null"]}
    if column.kind == Kind.TIME:
        described["format"] = "date-time"
    return described


def _object(line: Line, chosen: tuple[Column, ...]) -> dict[str, Value]:
    return {column.name: _typed(column, column.value(line)) for column in chosen}


def _typed(column: Column, value: Value) -> Value:
    if value is None or value == "":
        return None
    return float(value) if column.kind == Kind.NUMBER else value


def _cell(value: Value) -> str | int | float:
    return "" if value is None else value
