"""Tests of the running system ask its database in SQL: a table that was renamed is noticed here, not after minutes."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps

SQL = re.compile(r"(?:FROM|UPDATE|JOIN|INTO|TABLE|_count\()\s*\"?([a-z]+_[a-z]+)\b")


def test_tables_that_live_tests_and_benchmarks_name_exist() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    rooms = {app.label for app in apps.get_app_configs()}
    root = Path(__file__).resolve().parent
    texts = [path.read_text() for folder in (root / "live", root.parent / "benchmarks") for path in folder.glob("*.py")]
    named = {name for text in texts for name in SQL.findall(text) if name.split("_")[0] in rooms}
    assert len(named) > 10
    assert named <= tables
