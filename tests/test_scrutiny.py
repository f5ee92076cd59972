"""The panel: what is drawn for it, what a dossier shows and hides, findings, answers, and the record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from alerts.models import Act, Alert
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments.models import Deployment
from reports.record_sections import record_sections
from reports.records import record_of
from scrutiny import dossiers, operations
from scrutiny.models import Dossier, Draw, PanelFinding
from tests.cast import Cast, act, client_of, make_alert, make_live_deployment, make_user
from watchlists.models import Person


def _closed(cast: Cast, *, false: int = 1, long: int = 0, short: int = 0) -> Deployment:
    """Return a deployment with these possible matches, marked as closed."""
    deployment = make_live_deployment(cast)
    alerts = []
    for number in range(false + long + short):
        alerts.append(make_alert(deployment, track=f"{number + 1:032x}"))
        act(alerts[-1], "same", "acknowledge", "engage", "check_identity", "confirm", "no_action", cast=cast)
    # By the act itself, several false alerts would pause the deployment.
    Alert.objects.filter(pk__in=[each.pk for each in alerts[:false]]).update(state=Alert.State.CONFIRMED_FALSE)
    began = timezone.now() - dt.timedelta(minutes=16)
    lengthy = Alert.objects.filter(pk__in=[each.pk for each in alerts[false : false + long]])
    lengthy.update(engaged_at=began, ended_at=timezone.now())
    Deployment.objects.filter(pk=deployment.pk).update(closed_at=timezone.now())
    return deployment


def _drawn(cast: Cast) -> Dossier:
    _closed(cast)
    dossiers.draw_due()
    return Dossier.objects.get()


def test_a_share_of_each_kind_is_drawn_once_and_recorded(cast: Cast, settings: Any) -> None:
    settings.LFR_SCRUTINY = 50
    deployment = _closed(cast, false=4, long=1, short=2)
    assert dossiers.draw_due() == 3
    assert dossiers.draw_due() == 0
    draw = Draw.objects.get()
    assert (draw.deployment, draw.false_alerts, draw.long_engagements, draw.percent) == (deployment, 4, 1, 50)
    assert sorted(Dossier.objects.values_list("why", flat=True)) == ["false", "false", "long"]
    # In no order, so that a number does not tell the deployment.
    assert all(100_000 <= number < 1_000_000 for number in Dossier.objects.values_list("number", flat=True))
    entry = Entry.objects.get(action="scrutiny.drawn")
    assert entry.data == {"false": 4, "long": 1, "drawn": 3, "percent": 50}


def test_long_engagements_are_drawn_whatever_their_result_and_however_recorded(cast: Cast, settings: Any) -> None:
    settings.LFR_SCRUTINY = 100
    deployment = _closed(cast, false=1, long=1)
    false, long = Alert.objects.filter(deployment=deployment).order_by("raised_at")
    began = timezone.now() - dt.timedelta(hours=1)
    Alert.objects.filter(pk=false.pk).update(engaged_at=began, ended_at=timezone.now())
    # The outcome of the other was recorded afterwards, by the commander.
    last = long.acts.order_by("revision").last()
    assert last is not None
    Act.objects.create(
        alert=long,
        name="code",
        revision=99,
        before=last.before,
        after=last.after,
        by=cast.commander,
        done_at=timezone.now(),
        recorded_at=timezone.now(),
    )
    dossiers.draw_due()
    assert Draw.objects.get().long_engagements == 2
    facts = dict(dossiers.content_of(Dossier.objects.get(alert=long)).facts)
    assert facts["Minutes with the person"] == "not known: the end was recorded afterwards"


def test_nothing_is_drawn_before_the_deployment_is_closed_and_chance_decides(cast: Cast, settings: Any) -> None:
    settings.LFR_SCRUTINY = 10
    deployment = _closed(cast, false=8)
    Deployment.objects.filter(pk=deployment.pk).update(closed_at=None)
    assert dossiers.draw_due() == 0
    Deployment.objects.filter(pk=deployment.pk).update(closed_at=timezone.now())
    chosen = set()
    for _ in range(20):
        dossiers.draw_due()
        chosen.add(Dossier.objects.get().alert_id)
        Dossier.objects.all().delete()
        Draw.objects.all().delete()
    # Of eight, the same one twenty times: once in more than 10 to the 17th.
    assert len(chosen) > 1


def test_a_dossier_names_nobody_no_place_and_no_day(cast: Cast) -> None:
    dossier = _drawn(cast)
    type(cast.officer).objects.filter(pk=cast.officer.pk).update(username="pc4471")
    alert = dossier.alert
    page = client_of(cast.panel).get(f"/scrutiny/{dossier.pk}/").content.decode()
    main = page[page.index("<main") :]
    assert "Officer" in main
    assert "Checking identity" in main
    hidden = (
        *("pc4471", cast.operator.username + " ", Person.objects.all()[0].name, alert.deployment.name),
        *(alert.deployment.places, alert.camera.name, str(alert.pk)[:8], str(alert.deployment_id)),
        *(f"{alert.raised_at:%Y}", f"{timezone.localtime(alert.raised_at):%H:%M}", "0.61"),
    )
    assert [word for word in hidden if f" {word}" in main or f">{word}" in main] == []
    assert client_of(cast.panel).get(f"/records/{alert.deployment_id}/").status_code == 403
    assert client_of(cast.panel).get("/scrutiny/").content.decode().count(alert.deployment.name) == 0
    assert Entry.objects.filter(action="scrutiny.viewed", target_id=str(dossier.pk)).count() == 1


def test_a_finding_belongs_to_the_record_and_is_answered_once(cast: Cast) -> None:
    dossier = _drawn(cast)
    client = client_of(cast.panel)
    address = f"/scrutiny/{dossier.pk}/finding/"
    assert client.post(address, {"verdict": "", "words": "W"}).status_code == 422
    assert client.post(address, {"verdict": "concern", "words": "Why so long?"}).status_code == 302
    with pytest.raises(Conflict, match="already recorded"):
        operations.record_finding(dossier, verdict="none", words="Again", actor=cast.panel)
    found = PanelFinding.objects.get()
    assert found.needs_answer
    page = client_of(cast.compliance).get(f"/scrutiny/{dossier.pk}/").content.decode()
    assert "Record answer" in page
    operations.answer_finding(found, words="It is in the next briefing.", actor=cast.compliance)
    with pytest.raises(Conflict, match="already been answered"):
        operations.answer_finding(found, words="Again", actor=cast.compliance)
    assert "It is in the next briefing." in client.get(f"/scrutiny/{dossier.pk}/").content.decode()
    sections = {each.heading: each for each in record_sections(record_of(dossier.alert.deployment))}
    section = sections["Scrutiny by the panel"]
    assert section.table[1] == (str(dossier.number), "Concern", "Why so long?", "It is in the next briefing.")
    assert "1 of 1 false alerts and 0 long engagements, as they were recorded then" in section.after
    actions = list(Entry.objects.filter(target_id=str(dossier.pk)).order_by("pk").values_list("action", flat=True))
    assert actions.count("scrutiny.finding") == actions.count("scrutiny.answered") == 1


def test_members_decide_without_seeing_what_others_found(cast: Cast) -> None:
    dossier, other = _drawn(cast), make_user("member", cast.panel)
    operations.record_finding(dossier, verdict="question", words="First words", actor=other)
    client = client_of(cast.panel)
    page = client.get(f"/scrutiny/{dossier.pk}/").content.decode()
    assert "First words" not in page
    assert "Others have recorded 1 finding." in page
    operations.record_finding(dossier, verdict="none", words="Nothing", actor=cast.panel)
    assert "First words" in client.get(f"/scrutiny/{dossier.pk}/").content.decode()


def test_only_the_panel_finds_and_only_compliance_answers(cast: Cast) -> None:
    dossier = _drawn(cast)
    for role, user in cast.by_role.items():
        if role != "panel":
            with pytest.raises(PermissionDenied):
                operations.record_finding(dossier, verdict="none", words="W", actor=user)
    found = operations.record_finding(dossier, verdict="question", words="W", actor=cast.panel)
    for role, user in cast.by_role.items():
        if role != "compliance":
            with pytest.raises(PermissionDenied):
                operations.answer_finding(found, words="W", actor=user)


def test_the_panel_cannot_learn_who_is_on_a_list(cast: Cast) -> None:
    """A finding that names somebody is taken like any other: a refusal would tell that they are on a list."""
    dossier = _drawn(cast)
    Person.objects.update(name="Zebulon Quartermaine")
    for verdict, words in (("none", " "), ("nonsense", "W")):
        with pytest.raises(Refused):
            operations.record_finding(dossier, verdict=verdict, words=words, actor=cast.panel)
    found = operations.record_finding(dossier, verdict="concern", words="Zebulon Quartermaine?", actor=cast.panel)
    with pytest.raises(Refused):
        operations.answer_finding(found, words="Zebulon Quartermaine.", actor=cast.compliance)
    quiet = operations.record_finding(dossier, verdict="none", words="Nothing", actor=make_user("member", cast.panel))
    with pytest.raises(Refused, match="no question and no concern"):
        operations.answer_finding(quiet, words="Thank you.", actor=cast.compliance)
    assert "Zebulon" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_the_start_page_says_what_waits(cast: Cast) -> None:
    dossier = _drawn(cast)
    assert "1 dossier" in client_of(cast.panel).get("/").content.decode()
    operations.record_finding(dossier, verdict="question", words="Why?", actor=cast.panel)
    assert "To review" not in client_of(cast.panel).get("/").content.decode()
    assert "1 finding of the panel" in client_of(cast.compliance).get("/").content.decode()
