"""The dashboard: what each month counts, the drawings, their tables, and the PDF."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone

from alerts.models import Alert
from audit.models import Entry
from deployments.models import Camera, Period
from reports import charts, dashboard
from reports.charts import PAGE, PAPER, Chart, Series, svg
from reports.dates import DateRange, last_year
from tests.cast import Cast, act, client_of, make_alert, make_live_deployment

COLOUR = re.compile(r"#0[0-9a-f]{5}\b")


def _chart(**changes: Any) -> Chart:
    usual: dict[str, Any] = {
        "key": "a",
        "title": "Title & more",
        "sentence": "A sentence.",
        "kind": "line",
        "labels": ["Jan", "Feb"],
        "series": [Series("One", [1.0, None], [0.5, None], [2.0, None])],
        "unit": "percent",
        "head": ("Month", "One"),
        "rows": [("January", "1"), ("February", "–")],
    }
    return Chart(**{**usual, **changes})


@pytest.mark.parametrize("kind", ["line", "bar", "range"])
@pytest.mark.parametrize("colours", [PAGE, PAPER], ids=["page", "paper"])
def test_a_drawing_has_no_styles_and_ids_of_its_own(kind: str, colours: dict[str, str]) -> None:
    first, second = svg(_chart(kind=kind), colours), svg(_chart(kind=kind, key="b"), colours)
    assert not re.search(r"<style|style=|<script|on\w+=", first)
    assert '<title id="a-title">Title &amp; more. A sentence.</title>' in first
    ids = [set(re.findall(r'\bid="([^"]+)"', each)) for each in (first, second)]
    assert not ids[0] & ids[1]
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', first)
    assert wanted
    assert set(wanted) <= ids[0]
    assert not COLOUR.search(first)
    assert ("currentColor" in first) == (colours is PAGE)


def test_the_limit_is_always_in_the_picture() -> None:
    drawn = svg(_chart(limit=(50.0, "Ceiling 50%")), PAGE)
    assert "var(--bad)" in drawn
    assert svg(_chart(), PAGE).count("var(--bad)") == 0


def test_what_happened_is_counted_in_its_month(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    act(make_alert(deployment), "same", "acknowledge", "engage", "release", cast=cast)
    Camera.objects.filter(period__deployment=deployment).update(faces_seen=500)
    began = timezone.now() - dt.timedelta(hours=2)
    Period.objects.filter(deployment=deployment).update(went_live_at=began, ended_at=timezone.now())
    today = timezone.localdate()
    months = dashboard.months_of(DateRange(timezone.localdate(began).replace(day=1), today))
    last = months[-1]
    assert len(months) in (1, 2)
    assert sum(len(month.deployments) for month in months) == 1
    assert sum(month.faces for month in months) == 500 * Camera.objects.count()
    assert abs(sum(month.hours for month in months) - 2) < 0.01
    assert (last.alerts, last.false, last.open, len(last.engaged), len(last.decided)) == (1, 1, 0, 1, 1)
    found = {chart.key: chart for chart in dashboard.charts_of(DateRange(months[0].first, today))}
    assert found["false"].rows[-1][1] == "1"
    assert found["false"].limit is not None
    # What did not go through an officer's hands has no time.
    Alert.objects.update(engaged_at=None, state=Alert.State.OP_FALSE)
    assert dashboard.months_of(DateRange(months[0].first, today))[-1].engaged == []


def test_a_night_over_the_end_of_a_month_is_counted_once_and_objects_as_the_ceiling_does(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    first = act(make_alert(deployment), "same", "acknowledge", "not_them", cast=cast)
    second = make_alert(deployment, track=f"{99:032x}")
    late = timezone.make_aware(dt.datetime.fromisoformat("2026-10-31T22:00"))
    Period.objects.filter(deployment=deployment).update(went_live_at=late, ended_at=late + dt.timedelta(hours=4))
    after = late + dt.timedelta(hours=3)
    Alert.objects.update(raised_at=after, received_at=after, state=Alert.State.OP_FALSE)
    Alert.objects.filter(pk=second.pk).update(repeat_of=first.pk)
    (october, november) = dashboard.months_of(DateRange(dt.date(2026, 10, 1), dt.date(2026, 11, 30)))
    assert (october.alerts, october.false, len(october.objects), november.alerts) == (2, 2, 1, 0)


def test_a_range_that_nobody_could_read_is_refused(cast: Cast) -> None:
    answer = client_of(cast.compliance).get("/dashboard/?since=1900-01-01&until=2026-01-01")
    assert answer.status_code == 422
    assert "Choose ten years at most." in answer.content.decode()


def test_the_year_is_on_the_axis_wherever_it_begins() -> None:
    assert charts._once(["Feb\n2024", "May\n2024", "Feb\n2025"]) == ["Feb\n2024", "May", "Feb\n2025"]


def test_twelve_months_end_today() -> None:
    assert last_year(dt.date(2026, 11, 30)) == DateRange(dt.date(2025, 12, 1), dt.date(2026, 11, 30))
    assert last_year(dt.date(2028, 2, 29)).since == dt.date(2027, 3, 1)


def test_the_page_stands_when_nothing_was_recorded(cast: Cast) -> None:
    client = client_of(cast.compliance)
    page = client.get("/dashboard/").content.decode()
    assert "Possible matches an hour" in page
    assert "Too little was recorded in this time to draw it." in page
    assert client.get("/dashboard/?since=2026-02-01&until=2026-01-01").status_code == 422
    assert client.get("/dashboard/?as=nonsense").status_code == 404


def test_the_pdf_has_the_same_drawings_and_is_recorded(cast: Cast) -> None:
    act(make_alert(make_live_deployment(cast)), "same", "acknowledge", "engage", "release", cast=cast)
    client = client_of(cast.compliance)
    assert client.get("/dashboard/").content.decode().count("<svg") >= 5
    assert client.get("/dashboard/?as=pdf").content.startswith(b"%PDF")
    assert Entry.objects.get(action="dashboard.exported").actor == "compliance"


def test_every_kind_of_chart_is_drawn() -> None:
    assert set(charts._DRAW) == {"bar", "line", "range"}
    assert _chart(series=[Series("One", [None, None])]).is_empty
