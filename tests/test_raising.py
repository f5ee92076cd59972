"""Storing the possible matches of a frame: all of them together, or none."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts import raising
from alerts.models import Alert
from audit import journal
from audit.models import Entry
from audit.verification import verify
from core.errors import Refused
from recognition.frame import Candidate
from tests.cast import (
    Cast,
    cameras_of,
    make_alert,
    make_live_deployment,
    make_probe,
    make_sealed_watchlist,
    raise_alert,
    random_embedding,
)
from watchlists.models import Person


def _candidate(person: Person) -> Candidate:
    return Candidate(person.pk, person.photographs.get().pk, 0.61)


def test_the_possible_matches_of_one_frame_are_stored_together(
    cast: Cast, django_assert_num_queries: Any, django_capture_on_commit_callbacks: Any
) -> None:
    watchlist = make_sealed_watchlist(cast, people=3, embeddings=[random_embedding(seed) for seed in (1, 2, 3)])
    deployment = make_live_deployment(cast, watchlist)
    camera = cameras_of(deployment)[0]
    one, two, three = (_candidate(person) for person in Person.objects.order_by("added_at"))
    raise_alert(camera, one, make_probe("a" * 32, 1))
    before = Entry.objects.count()
    # Each alert takes 4 statements: photograph, known alert, alert, shot. The shot of the open alert takes 5. The frame
    # takes 3 to lock and read the deployment, 1 for what is stood down, 3 for the counts, 1 for the audit log and 2
    # for the transaction.
    with django_assert_num_queries(23), django_capture_on_commit_callbacks() as told:
        seen = [
            (one, make_probe("a" * 32, 2)),
            (two, make_probe("b" * 32, 2)),
            (three, make_probe("c" * 32, 2)),
        ]
        raised = raising.raise_alerts(camera.pk, seen).raised
    assert [alert.person_id for alert in raised] == [two.person, three.person]
    assert len(told) == 3
    rows = Entry.objects.in_order()[before:]
    assert [row.action for row in rows] == ["alert.shot_added", "alert.raised", "alert.raised"]
    assert [row.target_id for row in rows][1:] == [str(alert.pk) for alert in raised]
    assert journal.number_waiting() == before + 3
    assert verify().is_intact


def test_nothing_of_a_frame_is_stored_when_one_candidate_is_refused(cast: Cast) -> None:
    camera = cameras_of(make_live_deployment(cast))[0]
    candidate = _candidate(Person.objects.get())
    gone = dataclasses.replace(candidate, photograph=uuid.uuid4())
    with pytest.raises(Refused):
        raising.raise_alerts(camera.pk, [(candidate, make_probe("a" * 32)), (gone, make_probe("b" * 32))])
    assert not Alert.objects.exists()
    assert not Entry.objects.filter(action="alert.raised").exists()


def test_a_frame_locks_the_deployment_before_any_change(cast: Cast) -> None:
    """Two workers may briefly have frames of one camera, with the same people in a different order."""
    deployment = make_live_deployment(cast)
    alert, camera = make_alert(deployment), cameras_of(deployment)[0]
    candidate = _candidate(Person.objects.get())
    acts: list[Callable[[], object]] = [
        lambda: raising.raise_alerts(camera.pk, [(candidate, make_probe(alert.track, 9))]),
        lambda: raising.note_still_there(camera.pk, [candidate.person], timezone.now()),
    ]
    for act in acts:
        with CaptureQueriesContext(connection) as asked:
            act()
        statements = [query["sql"] for query in asked.captured_queries]
        held = next(place for place, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql)
        changed = next(place for place, sql in enumerate(statements) if sql.startswith(("UPDATE", "INSERT")))
        assert held < changed
