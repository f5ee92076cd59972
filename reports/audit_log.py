"""Entries of the audit log that concern a deployment or a list, and names for the ids in them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable

from django.db.models import CharField, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast

from alerts.models import Alert
from audit.actions import Action
from audit.models import Entry
from deployments.models import Camera, Deployment, Kit, Period
from reports.csv_files import csv_text
from transparency.verifier import COLUMNS, cells
from watchlists.models import Import, Person, Watchlist

# A clock that is kept in step is corrected by less.
SET_BACK = dt.timedelta(minutes=1)
# Written by machines while a deployment is live, many for each act of a person.
OF_MACHINES = (Action.ALERT_SHOT_ADDED, Action.CAMERA_CONNECTED, Action.CAMERA_DISCONNECTED)


def about_deployment(deployment: Deployment) -> Q:
    """Return the condition for entries on a deployment, its cameras, equipment, possible matches and watchlists."""
    lists = Watchlist.objects.filter(Q(periods__deployment=deployment) | Q(blue_periods__deployment=deployment))
    found = Q(data__deployment=str(deployment.pk))
    for rows in (
        Deployment.objects.filter(pk=deployment.pk),
        Camera.objects.filter(period__deployment=deployment),
        Kit.objects.filter(deployment=deployment),
        Alert.objects.filter(deployment=deployment),
    ):
        found |= _on(rows)
    for watchlist in lists.distinct():
        found |= about_list(watchlist)
    return found


def about_list(watchlist: Watchlist) -> Q:
    """Return the condition for entries on a watchlist, its imports and the people who are or were on it.

    People are pseudonyms here: the log keeps no name, and their rows are destroyed with the list.
    """
    added = Entry.objects.filter(action=Action.PERSON_ADDED, data__watchlist=str(watchlist.pk))
    people = Q(target_type=Person._meta.label_lower, target_id__in=added.values("target_id"))
    return (
        Q(data__watchlist=str(watchlist.pk))
        | _on(Watchlist.objects.filter(pk=watchlist.pk))
        | people
        | _on(Import.objects.filter(watchlist=watchlist))
    )


def _on(rows: QuerySet[Model]) -> Q:
    ids = rows.order_by().annotate(as_text=Cast("pk", CharField())).values("as_text")
    return Q(target_type=rows.model._meta.label_lower, target_id__in=ids)


def set_back(entries: Iterable[Entry]) -> dict[int, dt.datetime]:
    """Return, for each entry written after the clock was set back, the time of the entry written just before it.

    Entries are compared in the order in which they were written (`id`), not in that of their numbers: an entry of a
    long transaction is numbered late.
    """
    before = Entry.objects.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("at")[:1]
    rows = Entry.objects.filter(pk__in=[entry.pk for entry in entries]).annotate(before=Subquery(before))
    times = rows.order_by().values_list("pk", "at", "before")
    return {pk: earlier for pk, at, earlier in times if earlier is not None and earlier - at > SET_BACK}


def names_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return names for the ids of deployments, periods, cameras and watchlists in these entries. Never for people."""
    ids = {each for entry in entries for value in (entry.target_id, *entry.data.values()) for each in _ids_in(value)}
    found: dict[str, str] = {}
    for rows in (Deployment.objects, Watchlist.objects, Period.objects):
        found |= {str(row.pk): str(row) for row in rows.filter(pk__in=ids)}
    cameras = Camera.objects.filter(pk__in=ids).select_related("period")
    return found | {str(camera.pk): f"{camera.name}, {camera.period}" for camera in cameras}


def _ids_in(value: object) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(str(value))] if len(str(value)) == 36 else []
    except ValueError:
        return []


def journal_csv(entries: Iterable[Entry]) -> str:
    """Return entries of the audit log, one line each, as they also stand in exports. `data` is JSON."""
    return csv_text(COLUMNS, (cells(entry.number or 0, json.loads(entry.canonical())) for entry in entries))
