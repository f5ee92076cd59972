"""From a possible match to its outcome: joining, adjudication, engagement, visibility, deadlines and figures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alerts import cards, content, deadlines, evidence, figures, operations, raising
from alerts.act_rules import ActInput
from alerts.choices import Result
from alerts.latency import Spread, timers_of
from alerts.models import Act, Alert
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments import running, staffing
from deployments.locks import lock_deployment
from deployments.models import Deployment, Posting
from recognition.frame import Candidate
from reports.records import record_of
from tests.cast import (
    ACT_INPUTS,
    SCORE,
    Cast,
    act,
    another,
    apart,
    cameras_of,
    client_of,
    end,
    make_alert,
    make_live_deployment,
    make_probe,
    make_sealed_watchlist,
    raise_alert,
    random_embedding,
)
from watchlists.models import Person

State = Alert.State


# Raising and joining.


def test_a_track_raises_one_alert_for_each_person(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast, people=2, embeddings=[random_embedding(1), random_embedding(2)])
    deployment = make_live_deployment(cast, watchlist)
    camera = cameras_of(deployment)[0]
    one, two = (_candidate(person) for person in Person.objects.order_by("added_at"))
    first = raise_alert(camera, one, make_probe("a" * 32, 1))
    assert first is not None
    assert raise_alert(camera, one, make_probe("a" * 32, 1)) is None
    assert raise_alert(camera, one, make_probe("a" * 32, 2)) is None
    assert raise_alert(camera, two, make_probe("a" * 32, 2)) is not None
    assert [alert.shots.count() for alert in Alert.objects.order_by("raised_at")] == [2, 1]
    assert Entry.objects.filter(action="alert.raised").count() == 2
    assert Entry.objects.filter(action="alert.shot_added").count() == 1


def test_a_new_track_of_the_person_joins_the_alert_and_the_best_pair_is_shown(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert, camera = make_alert(deployment), cameras_of(deployment)[0]
    weaker, stronger = (dataclasses.replace(_candidate(Person.objects.get()), score=score) for score in (0.5, 0.8))
    assert raise_alert(camera, weaker, make_probe("b" * 32, 8, heading="left")) is None
    assert raise_alert(camera, stronger, make_probe("c" * 32, 9)) is None
    alert.refresh_from_db()
    assert [round(content.shot_content(shot).score, 2) for shot in alert.shots.all()] == [0.61, 0.5, 0.8]
    assert alert.shots.get(is_best=True).frame_number == 9
    assert alert.revision == 0


def test_a_person_who_stays_in_view_stays_in_one_alert(cast: Cast) -> None:
    """A track keeps only a few shots. It breaks after minutes, and another begins."""
    deployment = make_live_deployment(cast)
    _alert, camera = make_alert(deployment), cameras_of(deployment)[0]
    Alert.objects.update(last_seen_at=timezone.now() - dt.timedelta(minutes=10))
    raising.note_still_there(camera.pk, [uuid.uuid4()], timezone.now())
    assert Alert.objects.get().last_seen_at < timezone.now() - dt.timedelta(minutes=9)
    raising.note_still_there(camera.pk, [Person.objects.get().pk], timezone.now())
    assert raise_alert(camera, _candidate(Person.objects.get()), make_probe("b" * 32, 8)) is None


def test_an_ended_or_old_alert_is_not_joined(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    first = make_alert(deployment, "a" * 32)
    act(first, "not_same", cast=cast)
    # The same track raises no second alert, whatever the adjudication; another track does.
    camera, candidate = cameras_of(deployment)[0], _candidate(Person.objects.get())
    assert raise_alert(camera, candidate, make_probe("a" * 32, 8)) is None
    assert first.shots.count() == 1
    second = raise_alert(camera, candidate, make_probe("b" * 32, 9))
    assert second is not None
    later = make_probe("c" * 32, 10, received_at=timezone.now() + dt.timedelta(minutes=3))
    assert raise_alert(camera, candidate, later) is not None


def test_another_camera_raises_another_alert_and_both_refer_to_each_other(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    north = make_alert(deployment)
    later = make_probe("b" * 32, 9, received_at=north.received_at + dt.timedelta(seconds=42))
    south = raise_alert(cameras_of(deployment)[1], _candidate(Person.objects.get()), later)
    assert south is not None
    page = client_of(cast.operator).get(f"/alerts/{north.pk}/").content.decode()
    assert "South" in page
    assert "42 s later" in page
    # The decision on one must not influence the other's adjudication: neither its state nor the name is shown.
    act(south, "same", cast=cast)
    Alert.objects.filter(pk=south.pk).update(decided_at=timezone.now() - dt.timedelta(minutes=1))
    assert "referred to officers" not in client_of(cast.operator).get(f"/alerts/{north.pk}/").content.decode().lower()
    name = Person.objects.get().name
    assert name not in client_of(cast.operator).get(f"/alerts/{south.pk}/").content.decode()
    act(north, "not_same", cast=cast)
    assert name in client_of(cast.operator).get(f"/alerts/{south.pk}/").content.decode()
    assert "42 s earlier" in client_of(cast.operator).get(f"/alerts/{south.pk}/").content.decode()


def test_an_alert_keeps_a_limited_number_of_shots(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert, camera, candidate = make_alert(deployment), cameras_of(deployment)[0], _candidate(Person.objects.get())
    for number in range(raising.MOST_SHOTS + 4):
        raise_alert(camera, candidate, make_probe("1" * 32, 100 + number))
    assert alert.shots.count() == raising.MOST_SHOTS
    # It still records when the person was last in view, which decides whether the next track joins.
    assert Alert.objects.get().last_seen_at > alert.shots.latest("received_at").received_at


def test_nothing_is_raised_outside_the_live_window(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    end(deployment, cast)
    with pytest.raises(Refused, match="not live"):
        make_alert(deployment)
    assert not Alert.objects.exists()


# Simultaneous, repeated, outdated and late actions.


def test_the_second_of_two_deciding_operators_is_told_who_decided_what(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    second = another(cast, alert.deployment, "operator", "dee")
    act(alert, "not_same", cast=cast)
    answer = client_of(second).post(f"/alerts/{alert.pk}/acts/same/", {"feature_eyes": "alike"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "operator acted first" in page
    assert "“Operator: not the same”" in page


def test_an_action_sent_twice_counts_once(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    key = str(uuid.uuid4())
    for _ in range(2):
        answer = client_of(cast.operator).post(f"/alerts/{alert.pk}/acts/same/", {"feature_eyes": "alike", "key": key})
        assert answer.status_code == 200
    assert Act.objects.count() == 1
    other = make_alert(make_live_deployment(cast), "f" * 32)
    with pytest.raises(Refused, match="another act"):
        operations.act(other, "open", ActInput(key=uuid.UUID(key)), actor=cast.operator)


def test_a_stale_form_decides_nothing(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "open", cast=cast)
    act(alert, "same", "undo", cast=cast)
    with pytest.raises(Conflict, match="changed after you opened it"):
        operations.act(alert, "not_same", dataclasses.replace(ACT_INPUTS["not_same"], revision=1), actor=cast.operator)
    operations.act(alert, "not_same", dataclasses.replace(ACT_INPUTS["not_same"], revision=3), actor=cast.operator)


def test_an_operator_can_undo_their_adjudication_for_some_seconds(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "not_same", cast=cast)
    assert deployment.counters().false == 1
    other = another(cast, deployment, "operator", "dee")
    with pytest.raises(Refused, match="Only the operator who made this decision"):
        operations.act(alert, "undo", actor=other)
    act(alert, "undo", cast=cast)
    assert (alert.state, alert.decided_by, alert.ended_at) == (State.REVIEW, None, None)
    assert (deployment.counters().false, deployment.counters().open) == (0, 1)
    act(alert, "same", cast=cast)
    Alert.objects.update(decided_at=timezone.now() - dt.timedelta(seconds=7))
    with pytest.raises(Refused, match="too late"):
        operations.act(alert, "undo", actor=cast.operator)
    Alert.objects.update(decided_at=timezone.now())
    act(alert, "acknowledge", cast=cast)
    with pytest.raises(Conflict, match="officer acted first"):
        operations.act(alert, "undo", actor=cast.operator)
    assert [row.name for row in alert.acts.all()] == ["not_same", "undo", "same", "acknowledge"]


def test_one_officer_answers_and_another_is_told(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", "acknowledge", cast=cast)
    other = another(cast, deployment, "officer", "kit")
    with pytest.raises(Conflict, match="officer is already responding"):
        operations.act(alert, "engage", actor=other)


def test_actions_taken_offline_count_from_when_they_were_taken(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    Act_raised = timezone.now()
    operations.act(alert, "engage", ActInput(ago=dt.timedelta(hours=90)), actor=cast.officer)
    alert.refresh_from_db()
    # With a wrong stopwatch, an action is never before the previous one, and never in the future.
    engaged = alert.acts.get(name="engage")
    assert engaged.done_at == alert.acts.get(name="same").done_at == alert.engaged_at
    assert engaged.recorded_at >= Act_raised
    with pytest.raises(Refused, match="number"):
        _act_input(ago_ms="soon")
    assert _act_input(ago_ms="-5").ago == dt.timedelta()


def test_an_escalation_does_not_change_the_time_of_an_offline_action(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + dt.timedelta(minutes=2))
    assert deadlines.escalate_unanswered() == 1
    operations.act(alert, "engage", ActInput(ago=dt.timedelta(seconds=100)), actor=cast.officer)
    done = {row.name: row.done_at for row in alert.acts.all()}
    assert done["engage"] - done["same"] < dt.timedelta(seconds=30) < done["escalate"] - done["same"]


def test_nobody_decides_a_purged_alert_or_one_of_another_deployment(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    Posting.objects.all().delete()
    for path in (f"/alerts/{alert.pk}/", f"/deployments/{deployment.pk}/console/"):
        assert client_of(cast.operator).get(path).status_code == 404
    assert client_of(cast.operator).post(f"/alerts/{alert.pk}/acts/not_same/").status_code == 404
    staffing.post(deployment, cast.operator, actor=cast.commander)
    evidence.purge_due(at=timezone.now() + dt.timedelta(hours=25))
    answer = client_of(cast.operator).post(f"/alerts/{alert.pk}/acts/not_same/", {"feature_ears": "differs"})
    assert answer.status_code == 422
    assert "purged" in answer.content.decode()


# Adjudicate first, see the score afterwards.


def test_name_and_score_are_hidden_until_the_adjudication_is_final(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    name = Person.objects.get().name
    client = client_of(cast.operator)
    for _ in range(2):
        page = client.get(f"/alerts/{alert.pk}/").content.decode()
        assert "Possible match" in page
        assert name not in page
        assert not SCORE.search(page)
        assert "imilarity" not in page
        act(alert, "inconclusive" if alert.state == State.RAISED else "same", cast=cast)
    # While it can be undone, name and score stay hidden.
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert name not in page
    assert "Undo decision" in page
    Alert.objects.update(decided_at=timezone.now() - dt.timedelta(seconds=7))
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert name in page
    assert SCORE.search(page)
    assert "not a probability" in page


def test_free_text_does_not_reveal_the_name(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    deployment = make_live_deployment(cast, watchlist)
    person = Person.objects.get()
    Person.objects.filter(pk=person.pk).update(name="José May-Li Do", look_alikes="Jose’s brother, JOSÉ LI, Josephine")
    Person.objects.filter(pk=person.pk).update(expected_action="Do not approach: may run")
    alert = make_alert(deployment)
    page = client_of(cast.operator).get(f"/alerts/{alert.pk}/").content.decode()
    assert "(name)’s brother, (name) LI, Josephine" in page
    assert "Do not approach: may run" in page
    act(alert, "same", "acknowledge", cast=cast)
    assert "Jose’s brother" in client_of(cast.officer).get(f"/alerts/{alert.pk}/").content.decode()


def test_an_officer_sees_the_name_after_answering_and_never_the_score(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    name, client = Person.objects.get().name, client_of(cast.officer)
    assert name not in client.get(f"/alerts/{alert.pk}/").content.decode()
    act(alert, "acknowledge", cast=cast)
    page = client.get(f"/alerts/{alert.pk}/").content.decode()
    assert name in page
    assert not SCORE.search(page)
    assert "imilarity" not in page


@pytest.mark.parametrize("steps", [(), ("same",), ("same", "engage", "check_identity", "confirm", "arrest")])
def test_the_words_on_screen_never_claim_an_identity(cast: Cast, steps: tuple[str, ...]) -> None:
    alert = act(make_alert(make_live_deployment(cast)), *steps, cast=cast)
    for user in (cast.operator, cast.officer, cast.commander):
        page = client_of(user).get(f"/alerts/{alert.pk}/").content.decode()
        for claim in ("identified", "match confirmed", "%"):
            assert claim not in page.lower()


# Who sees what.


def test_an_officer_sees_only_alerts_referred_to_them(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    other = another(cast, deployment, "officer", "kit", team="Bravo")
    to_all, to_team, to_other, waiting, false = (make_alert(deployment, f"{number:032}") for number in range(5))
    act(to_all, "same", cast=cast)
    operations.act(to_team, "same", ActInput(alike=["eyes"], to_team="Alpha 1"), actor=cast.operator)
    operations.act(to_other, "same", ActInput(alike=["eyes"], to_user=other), actor=cast.operator)
    act(false, "not_same", cast=cast)
    assert set(Alert.objects.visible_to(cast.officer)) == {to_all, to_team}
    assert set(Alert.objects.visible_to(other)) == {to_all, to_other}
    for user in (cast.operator, cast.commander):
        assert Alert.objects.visible_to(user).count() == 5
    page = client_of(cast.officer).get(f"/deployments/{deployment.pk}/handset/").content.decode()
    assert str(to_team.pk) in page
    assert str(to_other.pk) not in page
    for alert in (to_other, waiting, false):
        assert client_of(cast.officer).get(f"/alerts/{alert.pk}/").status_code == 404
        assert client_of(cast.officer).get(f"/shots/{alert.shots.get().pk}.jpg").status_code == 404
        answer = client_of(cast.officer).post(f"/alerts/{alert.pk}/acts/acknowledge/")
        assert answer.status_code == 404
    # Each referral is a disclosure, and the audit log names whom it reached.
    referred = Entry.objects.filter(action="alert.referred").in_order()
    assert [(entry.verb, entry.data["recipients"]) for entry in referred] == [
        ("disclosure", "kit, officer"),
        ("disclosure", "officer"),
        ("disclosure", "kit"),
    ]
    # If nobody answers, all posted officers see it.
    assert deadlines.escalate_unanswered(at=timezone.now() + dt.timedelta(minutes=2)) == 3
    assert set(Alert.objects.visible_to(cast.officer)) == {to_all, to_team, to_other}
    escalated = Entry.objects.filter(action="alert.escalated")
    assert {entry.data["recipients"] for entry in escalated} == {"kit, officer"}


def test_an_offline_action_counts_after_the_alert_went_to_another_officer(cast: Cast) -> None:
    """It counts as long as the other officer has not answered, who is then told."""
    deployment = make_live_deployment(cast)
    other = another(cast, deployment, "officer", "kit")
    alert = act(make_alert(deployment), "same", "acknowledge", cast=cast)
    operations.act(alert, "hand_over", ActInput(to_user=other), actor=cast.operator)
    client = client_of(cast.officer)
    assert client.get(f"/alerts/{alert.pk}/").status_code == 404
    assert client.post(f"/alerts/{alert.pk}/acts/engage/", {"ago_ms": "9000"}).status_code == 200
    alert.refresh_from_db()
    assert (alert.state, alert.officer) == (State.ENGAGED, cast.officer)
    assert client_of(other).post(f"/alerts/{alert.pk}/acts/acknowledge/").status_code == 409
    assert client_of(another(cast, deployment, "officer", "lee")).get(f"/alerts/{alert.pk}/").status_code == 404
    staffing.withdraw(Posting.objects.get(user=cast.officer), actor=cast.commander)
    assert client.post(f"/alerts/{alert.pk}/acts/check_identity/").status_code == 404


def test_officers_no_longer_posted_see_nothing(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = act(make_alert(deployment), "same", cast=cast)
    for posting in Posting.objects.current():
        staffing.withdraw(posting, actor=cast.commander)
    for user in (cast.operator, cast.officer):
        assert not Alert.objects.visible_to(user).exists()
        assert not Deployment.objects.visible_to(user).exists()
        assert client_of(user).get(f"/alerts/{alert.pk}/").status_code == 404
    with pytest.raises(Refused, match="already ended"):
        staffing.withdraw(Posting.objects.all()[0], actor=cast.commander)
    with pytest.raises(Refused, match="Only LFR operators and engagement officers"):
        staffing.post(deployment, cast.compliance, actor=cast.commander)


def test_an_alert_is_referred_only_to_posted_officers(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    for text, words in (
        (ActInput(alike=["eyes"], to_user=cast.commander), "not posted"),
        (ActInput(alike=["eyes"], to_user=cast.operator), "not posted"),
        (ActInput(alike=["eyes"], to_team="Zulu"), "team is not posted"),
    ):
        with pytest.raises(Refused, match=words):
            operations.act(alert, "same", text, actor=cast.operator)
    act(alert, "same", cast=cast)
    operations.act(alert, "hand_over", ActInput(to_user=cast.officer), actor=cast.operator)
    alert.refresh_from_db()
    assert (alert.assigned_to, alert.state) == (cast.officer, State.REFERRED)


# Time.


def test_an_unadjudicated_alert_expires_and_blocks_closing_until_it_is_coded(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    left, judged = make_alert(deployment, "a" * 32), make_alert(deployment, "b" * 32)
    act(judged, "same", cast=cast)
    assert deadlines.expire_unreviewed(at=timezone.now() + dt.timedelta(minutes=14)) == 0
    assert deadlines.expire_unreviewed(at=timezone.now() + dt.timedelta(minutes=16)) == 1
    left.refresh_from_db()
    assert left.state == State.EXPIRED
    for user in (cast.operator, cast.commander):
        assert Person.objects.get().name not in client_of(user).get(f"/alerts/{left.pk}/").content.decode()
    with pytest.raises(Conflict):
        act(left, "same", cast=cast)
    with pytest.raises(Refused, match="Cameras are still on"):
        operations.code(left, "unresolved", actor=cast.commander)
    log = f"/deployments/{deployment.pk}/alerts/?show=open"
    assert "Record the outcome" not in client_of(cast.commander).get(log).content.decode()
    running.end_period(deployment, actor=cast.commander)
    assert "Record the outcome" in client_of(cast.commander).get(log).content.decode()
    assert deployment.counters().open == 2
    with pytest.raises(Refused, match="not referred to officers"):
        operations.code(left, "arrested", "robbery", actor=cast.commander)
    with pytest.raises(Refused, match="was referred to officers"):
        operations.code(judged, "late_same", actor=cast.commander)
    operations.code(left, "late_not_same", actor=cast.commander)
    met = {"engaged_by": cast.officer, "engaged_at": timezone.now(), "identity_method": "custody"}
    operations.code(judged, "arrested", "robbery", actor=cast.commander, **met)
    with pytest.raises(Conflict):
        operations.code(judged, "unresolved", actor=cast.commander)
    assert deployment.counters().open == 0
    found = record_of(deployment)
    assert (found.figures.of(Result.FALSE_UNCONFIRMED), found.figures.arrests) == (1, 1)
    assert found.arrests == [("Robbery", 1)]


def test_an_answer_ends_the_deadline(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    late = timezone.now() + dt.timedelta(minutes=2)
    act(alert, "acknowledge", cast=cast)
    assert deadlines.escalate_unanswered(at=late) == 0
    other = act(make_alert(make_live_deployment(cast), "d" * 32), "same", cast=cast)
    assert deadlines.escalate_unanswered(at=late) == 1
    assert deadlines.escalate_unanswered(at=late) == 0
    other.refresh_from_db()
    assert other.escalated_at == late
    act(other, "acknowledge", cast=cast)


def test_latency_is_measured_for_each_step(cast: Cast) -> None:
    alert = act(make_alert(make_live_deployment(cast)), "open", "same", "acknowledge", "engage", "release", cast=cast)
    spreads = timers_of(Alert.objects.filter(pk=alert.pk))
    assert [spread.count for spread in spreads] == [1] * 5
    spread = Spread.of("x", [0.1, 0.2, 0.3, 200.0])
    assert (spread.p50, spread.p95, spread.words) == (0.25, 200.0, "250 ms · 3 min")
    assert Spread.of("x", []).words == "–"
    # If a worker's clock is behind, an alert appears to be raised before its frame came in: that is not 0 ms.
    Alert.objects.filter(pk=alert.pk).update(received_at=alert.raised_at + dt.timedelta(seconds=3))
    assert [spread.count for spread in timers_of(Alert.objects.filter(pk=alert.pk))] == [0, 1, 1, 1, 1]


def test_a_scheduled_task_uses_the_state_after_locking(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody refers the alert to an officer while the task waits for the lock."""
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    Alert.objects.update(referred_at=timezone.now() - dt.timedelta(minutes=2))

    def lock_late(deployment: Deployment) -> None:
        lock_deployment(deployment)
        Alert.objects.update(referred_at=timezone.now())

    monkeypatch.setattr("alerts.deadlines.lock_deployment", lock_late)
    assert deadlines.escalate_unanswered() == 0
    alert.refresh_from_db()
    assert alert.escalated_at is None


def test_an_alert_that_was_just_opened_does_not_expire_yet(cast: Cast) -> None:
    alert = make_alert(make_live_deployment(cast))
    late = timezone.now() + dt.timedelta(minutes=16)
    act(alert, "open", cast=cast)
    Alert.objects.update(opened_at=late - dt.timedelta(seconds=30))
    assert deadlines.expire_unreviewed(at=late) == 0
    assert deadlines.expire_unreviewed(at=late + dt.timedelta(minutes=1)) == 1


# The console.


def test_red_comes_before_amber_before_green_and_then_the_oldest(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    alerts = [make_alert(deployment, f"{number:032}") for number in range(5)]
    for alert, tier in zip(alerts, ("green", "amber", "red", "amber", "red"), strict=True):
        Alert.objects.filter(pk=alert.pk).update(tier=tier)
    act(alerts[4], "inconclusive", cast=cast)
    found = list(Alert.objects.undecided().in_order())
    assert found == [alerts[2], alerts[1], alerts[3], alerts[0], alerts[4]]
    assert [alert.queue_key for alert in found] == sorted(alert.queue_key for alert in found)


def test_the_count_is_right_for_any_number_of_alerts(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    copies = [dataclasses.replace(_copy(alert), track=f"{number:032}") for number in range(1000)]
    Alert.objects.bulk_create(Alert(**vars(copy)) for copy in copies)
    client = client_of(cast.operator)
    page = client.get(f"/deployments/{deployment.pk}/console/queue/").content.decode()
    assert '<b data-count="waiting">1001</b>' in page
    assert page.count('<li id="alert-') == 200
    rows = client.get(f"/deployments/{deployment.pk}/console/rows/?ids={alert.pk}").content.decode()
    assert '<b data-count="waiting">1001</b>' in rows
    assert rows.count('<li id="alert-') == 1
    assert client.get(f"/deployments/{deployment.pk}/console/rows/?ids=nonsense").status_code == 404


def test_an_alert_that_changes_while_the_queue_is_read_is_shown_once(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if "is_last" in sql and Alert.objects.get().state == State.RAISED:
            act(alert, "same", cast=cast)
        return answer

    with connection.execute_wrapper(meanwhile):
        sections = cards.queue_of(Alert.objects.all())
    assert {section.name: [row.state for row in section.rows] for section in sections if section.rows} == {
        "street": [State.REFERRED]
    }


# Figures about adjudications.


def test_figures_are_based_on_outcomes(cast: Cast, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    act(make_alert(deployment, "a" * 32), "same", "engage", "check_identity", "confirm", "arrest", cast=cast)
    missed = act(make_alert(deployment, "b" * 32), "not_same", cast=cast)
    act(make_alert(deployment, "c" * 32), "not_same", "undo", "same", cast=cast)
    other = another(cast, deployment, "operator", "dee")
    end(deployment, cast)
    operations.correct(missed, "late_same", reason="Seen again and arrested", actor=cast.commander)
    (own,) = figures.of_operators(cast.operator)
    assert (own.judged, own.same, own.known_same, own.hits) == (3, 2, 2, 1)
    assert (own.sensitivity, own.bias, own.false_share) == (None, None, "–")
    full = dataclasses.replace(own, known_same=20, hits=18, controls=20, false_alarms=2)
    assert full.sensitivity == pytest.approx(2.36, abs=0.01)
    assert full.bias == pytest.approx(0, abs=1e-9)
    assert dataclasses.replace(full, false_alarms=10).bias < 0  # type: ignore[operator]
    assert "operator" in client_of(cast.commander).get("/figures/").content.decode()
    assert "No decisions yet" in client_of(other).get("/figures/").content.decode()


def _candidate(person: Person) -> Candidate:
    return Candidate(person.id, person.photographs.all()[0].id, 0.6)


def _act_input(**fields: str) -> ActInput:
    from django.http import QueryDict

    from alerts.forms import act_input_in

    post = QueryDict(mutable=True)
    post.update(fields)
    return act_input_in(post)


@dataclasses.dataclass
class _Copy:
    deployment_id: Any
    camera_id: Any
    operating_point_id: Any
    raised_at: Any
    received_at: Any
    last_seen_at: Any
    person_id: Any
    tier: str = "amber"
    track: str = ""


def _copy(alert: Alert) -> _Copy:
    names = [field.name for field in dataclasses.fields(_Copy) if field.name != "track"]
    return _Copy(**{name: getattr(alert, name) for name in names})
