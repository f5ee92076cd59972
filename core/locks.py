"""Locks on database rows, held until the transaction ends."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


def lock(rows: models.QuerySet[Row], pk: Any) -> Row:
    """Lock one row and return it as it is now. Other rows can still be given references to it.

    Raises:
        ObjectDoesNotExist: there is no such row.
    """
    return rows.select_for_update(no_key=True).get(pk=pk)


def lock_all(rows: models.QuerySet[Row]) -> list[Row]:
    """Lock these rows and return them. They are always locked in the same order, which prevents deadlocks."""
    return list(rows.order_by("pk").select_for_update(no_key=True))
