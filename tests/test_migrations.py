"""An installation of before keeps what its alerts held, encrypted, and what was decided on them."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from alerts import content
from alerts.models import Alert
from audit.actions import Action
from audit.journal import record
from tests.cast import Cast, cameras_of, make_live_deployment, portrait_jpeg
from watchlists.models import Person

BEFORE, AFTER = [("alerts", "0002_recognition_test")], [("alerts", "0006_told_outside")]


def _migrate(targets: list[tuple[str, str]]) -> MigrationExecutor:
    """Within the test's own transaction, which takes the tables back to what they were when it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor


def test_alerts_of_before_are_carried_over(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    camera, person = cameras_of(deployment)[0], Person.objects.get()
    executor = _migrate(BEFORE)
    old: Any = executor.loader.project_state(BEFORE).apps.get_model("alerts", "Alert")
    now = timezone.now()
    usual = {
        "deployment_id": deployment.pk,
        "camera_id": camera.pk,
        "operating_point_id": deployment.operating_point_id,
        "raised_at": now,
        "received_at": now,
        "frame_number": 7,
        "person_id": person.pk,
        "photograph_id": person.photographs.get().pk,
        "probe_jpeg": portrait_jpeg(),
        "box": [1.0, 2.0, 3.0, 4.0],
        "score": 0.71,
    }
    judged = {"decided_by_id": cast.operator.pk, "decided_at": now}
    met = {"outcome_by_id": cast.officer.pk, "outcome_at": now, "state": "concluded"}
    states: tuple[dict[str, Any], ...] = (
        {"state": "raised"},
        {"state": "unsure", **judged},
        {"state": "dismissed", **judged},
        {"state": "referred", **judged},
        {**met, **judged, "outcome": "arrest", "offence_class": "robbery"},
        {**met, **judged, "outcome": "not_same"},
        {**met, "outcome": "unreviewed"},
        {**met, **judged, "outcome": "unreviewed"},
        {"state": "blue"},
    )
    for number, changes in enumerate(states):
        old.objects.create(**usual, **changes, track=f"{number:032}")
    # Written off after it could not be said: the judgement stands in the journal alone.
    unsure = old.objects.filter(outcome="unreviewed", decided_at__isnull=False).get()
    with transaction.atomic():
        record(Action.ALERT_DECIDED, actor=cast.operator, target=unsure, data={"decision": "unsure"})
    purged = {**usual, "person_id": None, "photograph_id": None, "probe_jpeg": None, "box": None, "score": None}
    old.objects.create(**purged, **judged, state="dismissed", purged_at=now)

    _migrate(AFTER)
    found = list(Alert.objects.filter(purged_at=None).order_by("track"))
    assert [alert.state for alert in found] == [
        "raised",
        "unsure",
        "op_false",
        "referred",
        "arrested",
        "not_same",
        "unresolved",
        "unresolved",
        "blue",
    ]
    assert [[act.name for act in alert.acts.all()] for alert in found] == [
        [],
        ["cannot_say"],
        ["not_same"],
        ["same"],
        ["same", "arrest"],
        ["same", "release"],
        ["code"],
        ["cannot_say", "code"],
        [],
    ]
    assert [found[6].acts.get().before, *(act.before for act in found[7].acts.all())] == ["raised", "raised", "unsure"]
    arrested = found[4]
    assert (arrested.code, arrested.officer, arrested.tier) == ("robbery", cast.officer, "amber")
    assert content.sought_in(arrested).name == person.name
    sight = content.sight_in(arrested.shots.select_related("alert").get(is_best=True))
    assert (sight.score, sight.box, sight.jpeg) == (0.71, [1.0, 2.0, 3.0, 4.0], portrait_jpeg())
    emptied = Alert.objects.get(purged_at__isnull=False)
    assert (emptied.state, emptied.sealed, emptied.shots.count()) == ("op_false", None, 0)
