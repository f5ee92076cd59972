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
from deployments.models import Deployment
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


JUDGED = {"decided_by_id": "operator", "decided_at": "now"}
ENDED = {"outcome_by_id": "officer", "outcome_at": "now", "state": "concluded"}
# What an alert was, its state now, and the acts that it has become: name, and state before.
CARRIED: list[tuple[dict[str, str], str, list[tuple[str, str]]]] = [
    ({"state": "raised"}, "raised", []),
    ({"state": "unsure", **JUDGED}, "unsure", [("cannot_say", "raised")]),
    ({"state": "dismissed", **JUDGED}, "op_false", [("not_same", "raised")]),
    ({"state": "referred", **JUDGED}, "referred", [("same", "raised")]),
    (
        {**ENDED, **JUDGED, "outcome": "arrest", "offence_class": "robbery"},
        "arrested",
        [("same", "raised"), ("arrest", "referred")],
    ),
    ({**ENDED, **JUDGED, "outcome": "not_same"}, "not_same", [("same", "raised"), ("release", "referred")]),
    ({**ENDED, "outcome": "unreviewed"}, "unresolved", [("code", "raised")]),
    ({**ENDED, **JUDGED, "outcome": "unreviewed"}, "unresolved", [("cannot_say", "raised"), ("code", "unsure")]),
    ({"state": "blue"}, "blue", []),
]


def _alerts_of_before(executor: MigrationExecutor, cast: Cast, deployment: Deployment) -> None:
    old: Any = executor.loader.project_state(BEFORE).apps.get_model("alerts", "Alert")
    person, now = Person.objects.get(), timezone.now()
    ids = {"operator": cast.operator.pk, "officer": cast.officer.pk, "now": now}
    usual = {
        "deployment_id": deployment.pk,
        "camera_id": cameras_of(deployment)[0].pk,
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
    for number, (was, _, _) in enumerate(CARRIED):
        old.objects.create(
            **usual, track=f"{number:032}", **{name: ids.get(value, value) for name, value in was.items()}
        )
    # Written off after it could not be said: the judgement stands in the journal alone.
    unsure = old.objects.filter(outcome="unreviewed", decided_at__isnull=False).get()
    with transaction.atomic():
        record(Action.ALERT_DECIDED, actor=cast.operator, target=unsure, data={"decision": "unsure"})
    emptied = dict.fromkeys(("person_id", "photograph_id", "probe_jpeg", "box", "score"))
    old.objects.create(**{**usual, **emptied}, state="raised", purged_at=now)


def test_alerts_of_before_are_carried_over(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    _alerts_of_before(_migrate(BEFORE), cast, deployment)
    _migrate(AFTER)
    found = list(Alert.objects.filter(purged_at=None).order_by("track"))
    carried = [(alert.state, [(act.name, act.before) for act in alert.acts.all()]) for alert in found]
    assert carried == [(state, acts) for _, state, acts in CARRIED]
    arrested = found[4]
    assert (arrested.code, arrested.officer, arrested.tier) == ("robbery", cast.officer, "amber")
    assert content.sought_in(arrested).name == Person.objects.get().name
    sight = content.sight_in(arrested.shots.select_related("alert").get(is_best=True))
    assert (sight.score, sight.box, sight.jpeg) == (0.71, [1.0, 2.0, 3.0, 4.0], portrait_jpeg())
    emptied = Alert.objects.get(purged_at__isnull=False)
    assert (emptied.state, emptied.sealed, emptied.shots.count()) == ("raised", None, 0)
