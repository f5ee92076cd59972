"""The record of a deployment: live time without pauses, identities of its figures, files, page, PDF and feedback."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from typing import Any

import jsonschema
import pytest
from django.urls import reverse
from django.utils import timezone
from scipy.stats import chi2

from alerts import figures as operator_figures
from alerts import operations, oversight
from alerts.choices import Result
from alerts.models import Alert
from alerts.states import RESULTS, AlertState
from audit.models import Entry
from deployments import amendments, cameras, pauses, running
from deployments.cameras import FrameCounts
from deployments.choices import Halt
from deployments.document_parts import PART
from deployments.models import Deployment, Pause, Period
from reports.expectations import earlier_of
from reports.figures import DISPOSALS, Figures
from reports.post_deployment import record_pdf
from reports.rates import PerEvent
from reports.record_columns import COLUMNS
from reports.record_files import record_csv, record_json, schema
from reports.record_sections import record_sections
from reports.records import record_of
from reports.statistics import poisson
from reports.story import story_of, time_words
from tests.cast import (
    Cast,
    act,
    cameras_of,
    client_of,
    end,
    list_of,
    make_alert,
    make_draft,
    make_live_deployment,
    make_operating_point,
    make_sealed_watchlist,
    period_of,
)
from watchlists import destruction

MINUTE = dt.timedelta(minutes=1)
ARRESTED = ("open", "same", "acknowledge", "engage", "check_identity", "confirm", "arrest")


def _seen(deployment: Deployment, faces: int) -> None:
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=faces))


def _with_results(cast: Cast) -> Deployment:
    """Return a deployment with an arrest, a false alert, one that officers doubted and one that is open."""
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast, people=4))
    _seen(deployment, 5000)
    sought = list(list_of(deployment).people.all())
    alerts = [make_alert(deployment, str(number) * 32, person) for number, person in enumerate(sought, start=1)]
    for alert, steps in zip(alerts, (ARRESTED, ("not_same",), ("same", "no_engagement")), strict=False):
        act(alert, *steps, cast=cast)
    return deployment


def test_pauses_are_rows_and_live_time_is_without_them(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    period = period_of(deployment)
    running.pause(deployment, code=Halt.WEATHER, detail="Fog", actor=cast.commander)
    pause = Pause.objects.get()
    assert (pause.code, pause.detail, pause.by, pause.ended_at) == (Halt.WEATHER, "Fog", cast.commander, None)
    running.resume(deployment, actor=cast.commander)
    pause.refresh_from_db()
    assert pause.ended_at is not None
    now = timezone.now()
    period.went_live_at = now - 60 * MINUTE
    Pause.objects.update(began_at=now - 50 * MINUTE, ended_at=now - 38 * MINUTE)
    assert pauses.live_time(period, now) == 48 * MINUTE
    assert pauses.paused_time(period, now) == 12 * MINUTE
    # One that still lasts counts until now.
    Pause.objects.create(period=period, began_at=now - 3 * MINUTE, code=Halt.FAULT)
    assert pauses.live_time(period, now) == 45 * MINUTE
    (section,) = [each for each in record_sections(record_of(deployment)) if each.heading == "Pauses"]
    assert [row[3] for row in section.table[1:]] == [str(cast.commander), "the automatic safeguard"]


def test_the_end_of_a_period_ends_its_pause(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    running.pause(deployment, code=Halt.WEATHER, actor=cast.commander)
    # The period is recorded as ending when it was authorised to, before it was paused.
    period = period_of(deployment)
    type(period).objects.filter(pk=period.pk).update(
        ends_at=timezone.now() - MINUTE, starts_at=timezone.now() - MINUTE * 9
    )
    running.end_run_out()
    pause = Pause.objects.get()
    assert pause.ended_at == pause.began_at
    record = record_of(Deployment.objects.get(pk=deployment.pk))
    assert record.paused == dt.timedelta()


def test_a_period_that_never_went_live_has_no_live_time(cast: Cast) -> None:
    deployment = make_draft(cast)
    assert pauses.live_time(deployment.periods.all()[0], timezone.now()) == dt.timedelta()
    record = record_of(deployment)
    assert story_of(record).startswith("No camera compared a face")
    assert record_pdf(record).startswith(b"%PDF")


@pytest.mark.parametrize("state", [each for each in AlertState if each not in (AlertState.BLUE, AlertState.CONTROL)])
def test_each_state_is_in_one_result_or_still_open(state: AlertState) -> None:
    found = Figures(
        faces=10, alerts=1, states={state: 1}, still_open=int(state not in RESULTS), doubted=0, engaged=0,
        false_objects=0, again=0, purged=0, held=0,
    )  # fmt: skip
    assert sum(count for _, count in found.results) + found.still_open == found.alerts
    assert sum(found.disposals.values()) == found.of(Result.TRUE_CONFIRMED)
    assert found.confirmed == found.of(Result.TRUE_CONFIRMED) + found.without_disposal
    assert set(DISPOSALS) == {each for each, result in RESULTS.items() if result == Result.TRUE_CONFIRMED}


def test_an_identity_confirmed_without_an_outcome_is_in_the_tile_and_in_the_table(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    act(make_alert(deployment), *ARRESTED[:-1], cast=cast)
    record = record_of(deployment)
    assert (record.figures.confirmed, record.figures.without_disposal, record.figures.still_open) == (1, 1, 1)
    page = client_of(cast.compliance).get(reverse("record", args=[deployment.pk])).content.decode()
    assert re.search(r"<b>1</b>\s*<span>identity confirmed</span>\s*<small>1 of them without an outcome", page)
    (outcomes,) = [each for each in record_sections(record) if each.heading == "Outcomes"]
    rows = {row[0]: row[-1] for row in outcomes.table[1:]}
    assert (rows["Without an outcome"], rows[f"{PART}identity confirmed"]) == ("1", "1")


def test_the_figures_of_a_page_agree_with_its_files(cast: Cast) -> None:
    record = record_of(_with_results(cast))
    *periods, everything = csv.DictReader(io.StringIO(record_csv(record)))
    content = json.loads(record_json(record))
    for column in COLUMNS:
        value = content["all"][column.name]
        assert everything[column.name] == ("" if value is None else everything[column.name])
        if column.kind in ("integer", "number") and value is not None:
            assert float(everything[column.name]) == value, column.name
    counted = {name: content["all"][name] for name in ("true_confirmed", "true_unconfirmed", "false_confirmed")}
    assert counted == {"true_confirmed": 1, "true_unconfirmed": 1, "false_confirmed": 0}
    assert (content["all"]["faces_seen"], content["all"]["alerts"], content["all"]["still_open"]) == (5000, 4, 1)
    (outcomes,) = [each for each in record_sections(record) if each.heading == "Outcomes"]
    rows = {row[0]: row[-1] for row in outcomes.table[1:]}
    assert [int(rows[str(result.label)]) for result in Result] == [content["all"][r.name.lower()] for r in Result]
    assert int(rows["Possible matches"]) == sum(int(rows[str(r.label)]) for r in Result) + int(
        rows["Without an outcome"]
    )
    assert len(periods) == len(content["periods"]) == 1


def test_the_files_follow_their_schema_and_the_public_form_names_no_officer(cast: Cast) -> None:
    deployment = _with_results(cast)
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    record = record_of(deployment)
    checker = jsonschema.FormatChecker()
    for public in (False, True):
        jsonschema.validate(json.loads(record_json(record, public=public)), schema(), format_checker=checker)
    names = {str(user) for user in cast.by_role.values()} | {user.get_full_name() for user in cast.by_role.values()}
    names |= {user.username for user in cast.by_role.values()}
    for text in (record_json(record, public=True), record_csv(record, public=True)):
        assert not [name for name in names - {""} if re.search(rf"\b{re.escape(name)}\b", text)]
        assert "Test Person" not in text
    assert str(cast.authority) in record_csv(record)


def test_downloads_are_logged_with_their_kind(cast: Cast) -> None:
    deployment = _with_results(cast)
    client = client_of(cast.compliance)
    for name, query, kind in (
        ("record-download", "?public=1", "text/csv; charset=utf-8"),
        ("record-json", "", "application/json"),
        ("record-pdf", "", "application/pdf"),
    ):
        answer = client.get(reverse(name, args=[deployment.pk]) + query)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    entries = Entry.objects.filter(action="record.exported").order_by("pk").values_list("data", flat=True)
    assert [(each["kind"], each["public"]) for each in entries] == [("csv", True), ("json", False), ("pdf", False)]


def test_the_page_and_the_pdf_have_the_same_sections(cast: Cast) -> None:
    deployment = _with_results(cast)
    page = client_of(cast.compliance).get(reverse("record", args=[deployment.pk])).content.decode()
    for section in record_sections(record_of(deployment)):
        assert f"<h2>{section.heading}</h2>" in page, section.heading
    assert "4 possible matches: 1 true and confirmed, 1 true and unconfirmed, 1 false" in " ".join(page.split())


def test_the_story_of_an_empty_deployment(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    record = record_of(deployment)
    assert "They saw 0 faces, compared with a watchlist of 1 person. There was no possible match." in story_of(record)
    assert record.figures.faces_an_arrest.text == "not known: no face was counted"
    assert record_pdf(record).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 minutes"), (1, "1 minute"), (60, "1 hour"), (303, "5 hours 3 minutes"), (1501, "25 hours 1 minute")],
)
def test_times_of_the_story(minutes: int, words: str) -> None:
    assert time_words(dt.timedelta(minutes=minutes)) == words


@pytest.mark.parametrize("count", [0, 1, 3, 20, 400])
def test_the_interval_of_a_count_is_garwoods(count: int) -> None:
    low, high = poisson(count)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * count) / 2 if count else 0.0)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2)


def test_faces_an_arrest() -> None:
    # The Met's first months of 2025: 1,142,325 faces and 342 arrests.
    assert PerEvent(1_142_325, 342).text == "3,340 (3,000 to 3,720)"
    assert PerEvent(30_000, 0).text == "none; more than 8,130 for each, with 95% confidence"
    assert PerEvent(0, 0).numbers == {"value": None, "low": None, "high": None}
    assert PerEvent(30_000, 0).numbers["high"] is None


def test_human_oversight_is_measured_from_acts(cast: Cast) -> None:
    deployment = _with_results(cast)
    end(deployment, cast)
    found = oversight.oversight_of([deployment])
    assert (found.referred, found.doubted) == (2, 1)
    assert found.doubt_share == "1 of 2, 50% (9.5% to 90.5%)"
    assert [(each.name, each.count) for each in found.engagements] == [("true, confirmed", 1)]
    assert found.operators.judged == 3
    assert found.sensitivity.startswith("insufficient data: 0 known-negative checks and 1 confirmed subjects")
    assert found.control_share == "none"
    (own,) = operator_figures.of_operators(cast.operator)
    assert (own.judged, own.hits) == (found.operators.judged, found.operators.hits)


def test_an_outcome_recorded_afterwards_is_no_time_with_the_person(cast: Cast) -> None:
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast))
    alert = make_alert(deployment)
    act(alert, "same", "acknowledge", "engage", cast=cast)
    end(deployment, cast)
    engaged = {each.name: each.count for each in oversight.oversight_of([deployment]).timers}
    assert engaged["Response to engagement"] == 1
    operations.code(alert, "no_action", "complying", identity_method="document", actor=cast.commander)
    found = oversight.oversight_of([deployment])
    assert found.engagements == []
    assert {each.name: each.count for each in found.timers}["Engagement to outcome"] == 0


def test_what_was_expected_is_of_the_threshold_applied_for(cast: Cast) -> None:
    deployment = _with_results(cast)
    before = record_of(deployment).expectation.false_expected
    higher = make_operating_point(0.85)
    change = amendments.propose_change(deployment, higher, evidence="Too many", actor=cast.commander)
    amendments.decide_change(change, accept=True, reason="Fewer strangers", actor=cast.authority)
    deployment.refresh_from_db()
    assert deployment.operating_point == higher
    assert record_of(deployment).expectation.false_expected == before


def test_what_was_expected_stands_beside_what_was_found(cast: Cast) -> None:
    deployment = _with_results(cast)
    record = record_of(deployment)
    lines = {name: rest for name, *rest in record.expectation.lines}
    assert lines["Faces"] == ["12,000", "5,000", "0.42 times"]
    assert lines["People sought, identity confirmed"] == ["3", "1", "0.33 times"]
    expected, found, ratio = lines["False alerts"]
    assert (found, ratio.endswith(" times"), "to" in expected) == ("1", True, True)


def test_the_next_application_shows_what_earlier_deployments_found(cast: Cast) -> None:
    earlier = _with_results(cast)
    draft = make_draft(cast)
    assert earlier_of(draft) == []
    end(earlier, cast)
    other = make_live_deployment(cast, make_sealed_watchlist(cast))
    Period.objects.filter(deployment=other).update(place="Somewhere else")
    end(other, cast)
    assert [(each.deployment, each.shared) for each in earlier_of(draft)] == [
        (earlier, "same place"),
        (other, "same use case"),
    ]
    assert earlier_of(draft)[0].arrests == 1
    for user in (cast.watchlist_admin, cast.authority):
        page = client_of(user).get(reverse("earlier", args=[draft.pk])).content.decode()
        assert "expected 12,000" in page
        assert reverse("earlier", args=[draft.pk]) in client_of(user).get(f"/deployments/{draft.pk}/").content.decode()
    # Whoever may not read records is shown no link to them.
    assert (
        reverse("record", args=[earlier.pk])
        not in client_of(cast.watchlist_admin).get(reverse("earlier", args=[draft.pk])).content.decode()
    )


def test_staff_are_counted_by_role(cast: Cast) -> None:
    record = record_of(make_live_deployment(cast))
    assert record.staff == {"Engagement officer": 1, "LFR operator": 1}


def test_blue_and_control_alerts_are_in_no_figure(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert: Any = make_alert(deployment)
    Alert.objects.filter(pk=alert.pk).update(kind=Alert.Kind.CONTROL, state="control")
    assert record_of(deployment).figures.alerts == 0
