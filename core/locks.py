"""Locks on database rows, held until the transaction ends, and turns that one process takes at a time."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Any, TypeVar

from django.db import connection, models

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


@unique
class Turn(IntEnum):
    """What one process of the installation does at a time, each with the number of its advisory lock in PostgreSQL.

    All numbers stand here: two that share one would wait for each other.
    """

    NUMBERING = 0x4C4652_01
    IMPORTS = 0x4C4652_02
    CHECKPOINT = 0x4C4652_03
    PUBLIC_PAGES = 0x4C4652_04
    CASE_NUMBER = 0x4C4652_05
    DOSSIER_NUMBER = 0x4C4652_06


def take(turn: Turn) -> None:
    """Wait until no other process has this turn, and keep it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [turn])
