"""Attributes that are recorded, never inferred; the comparison of groups; findings that must be reviewed."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from alerts import attributes
from alerts.models import Alert, PersonAttributes
from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo import rehearsal
from deployments import authority, bluetest, equality_findings
from deployments.models import Deployment, EqualityFinding, Pass
from reports import equality, tasks
from reports.dates import DateRange
from reports.equality import MEASURES, Comparison, Level
from reports.equality_files import report_csv, report_pdf
from reports.statistics import fisher, holm, needed, rate_ratio
from tests.cast import (
    Cast,
    act,
    client_of,
    end,
    make_alert,
    make_draft,
    make_live_deployment,
    make_sealed_watchlist,
    make_user,
    people_of,
    period_of,
)
from tests.test_readiness import make_blue_list
from watchlists import destruction, volunteers
from watchlists import operations as watchlist_operations
from watchlists.attributes import SELF_DEFINED_GROUPS, AgeBand, OfficerDefined, SelfDefined, age_band_of
from watchlists.models import VolunteerAttributes

SAID = {"self_defined": "B2", "officer_defined": "3", "sex": "male", "age_band": "25to34"}
TO_RELEASE = ("open", "same", "acknowledge", "engage", "release")
DAY = dt.timedelta(days=1)


def _days() -> DateRange:
    return DateRange(timezone.localdate() - DAY, timezone.localdate() + DAY)


def _released(cast: Cast) -> Alert:
    return act(make_alert(make_live_deployment(cast)), *TO_RELEASE, cast=cast)


# Recording.


def test_the_officer_who_responded_records_what_was_said_and_seen(cast: Cast) -> None:
    alert = _released(cast)
    client = client_of(cast.officer)
    address = reverse("alert-attributes", args=[alert.pk])
    assert address in client.get(reverse("handset", args=[alert.deployment_id])).content.decode()
    answer = client.post(address, SAID)
    assert answer.status_code == 302
    row = PersonAttributes.objects.get()
    assert {name: getattr(row, name) for name in SAID} == SAID
    assert row.recorded_by == cast.officer
    entry = Entry.objects.get(action="attributes.recorded")
    assert entry.data == {"fields": "self_defined, officer_defined, sex, age_band"}
    # The values are in no entry.
    assert "B2" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_the_commander_may_complete_it_and_nobody_else(cast: Cast) -> None:
    alert = _released(cast)
    attributes.record_attributes(alert, {"sex": "female"}, actor=cast.commander)
    other = make_user("other", cast.officer)
    for user in (cast.operator, cast.compliance, cast.authority, other):
        with pytest.raises(PermissionDenied):
            attributes.record_attributes(alert, SAID, actor=user)
    assert client_of(other).post(reverse("alert-attributes", args=[alert.pk]), SAID).status_code == 404
    assert PersonAttributes.objects.get().sex == "female"


@pytest.mark.parametrize(
    ("steps", "given", "said"),
    [
        (("not_same",), {"sex": "male"}, "No officer responded"),
        (("same", "acknowledge", "not_them"), {"self_defined": "W1"}, "Nobody was spoken to"),
        (TO_RELEASE, {}, "Select at least one"),
    ],
)
def test_what_nobody_said_or_saw_is_refused(cast: Cast, steps: Any, given: dict[str, str], said: str) -> None:
    alert = act(make_alert(make_live_deployment(cast)), *steps, cast=cast)
    with pytest.raises(Refused, match=said):
        attributes.record_attributes(alert, given, actor=cast.commander)
    assert not PersonAttributes.objects.exists()
    page = client_of(cast.commander).post(reverse("alert-attributes", args=[alert.pk]), given)
    assert page.status_code == 422


def test_a_code_that_does_not_exist_is_refused_and_the_row_is_never_empty(cast: Cast) -> None:
    alert = _released(cast)
    page = client_of(cast.officer).post(reverse("alert-attributes", args=[alert.pk]), {"self_defined": "Z9"})
    assert page.status_code == 422
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonAttributes.objects.create(alert=alert, recorded_by=cast.officer, recorded_at=timezone.now())


def test_a_closed_deployment_stays_as_it_is(cast: Cast) -> None:
    alert = _released(cast)
    Deployment.objects.update(state=Deployment.State.CLOSED)
    with pytest.raises(Conflict):
        attributes.record_attributes(alert, SAID, actor=cast.commander)


def test_the_codes_are_18_and_1_and_6_and_1() -> None:
    assert len(SelfDefined.values) == 19
    assert len(OfficerDefined.values) == 7
    assert {value[0] for value in SelfDefined.values} == set(SELF_DEFINED_GROUPS)


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (dt.date(2008, 11, 30), AgeBand.TO_24),
        (dt.date(2008, 12, 1), AgeBand.UNDER_18),
        (dt.date(1971, 11, 30), AgeBand.FROM_55),
        (dt.date(1971, 12, 1), AgeBand.TO_54),
        (None, ""),
    ],
)
def test_bands_of_age(born: dt.date | None, band: str) -> None:
    assert age_band_of(born, dt.date(2026, 11, 30)) == band


def test_a_pass_keeps_what_the_volunteer_said_after_the_list_is_gone(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    blue = make_blue_list(cast)
    person = blue.people.get()
    page = client_of(cast.watchlist_admin).post(
        reverse("volunteer-attributes", args=[person.pk]), {"self_defined": "A1", "sex": "female", "age_band": ""}
    )
    assert page.status_code == 302
    # A new version of the list has them, too.
    copied = watchlist_operations.new_version(blue, actor=cast.watchlist_admin).people.get()
    assert VolunteerAttributes.objects.get(person=copied).self_defined == "A1"
    watchlist_operations.discard_watchlist(copied.watchlist, actor=cast.watchlist_admin)
    rehearsal.prepared(period_of(deployment), make_sealed_watchlist(cast), people_of(cast), blue_list=blue)
    rehearsal.live(deployment, people_of(cast))
    camera = period_of(deployment).cameras.all()[0]
    bluetest.tap(camera, person, actor=cast.operator)
    end(deployment, cast)
    destruction.destroy(blue)
    made = Pass.objects.get()
    assert (made.person, made.self_defined, made.sex, made.age_band) == (None, "A1", "female", "")
    assert not VolunteerAttributes.objects.filter(person__watchlist=blue).exists()
    report = equality.report_for(_days())
    (group,) = report.characteristics[0].groups
    assert (group.name, group.passes, group.recognised) == ("Asian", 1, 0)


def test_attributes_of_people_sought_are_not_recorded_as_volunteers(cast: Cast) -> None:
    person = make_sealed_watchlist(cast).people.get()
    with pytest.raises(Refused, match="only for staff"):
        volunteers.record_attributes(person, {"sex": "male"}, actor=cast.watchlist_admin)


# Statistics, held by published values.


def test_fishers_test_of_the_lady_tasting_tea() -> None:
    # Fisher, The Design of Experiments (1935): three of four cups right, two-sided.
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    # The Met's false alerts at 0.60 and 0.64 (doctrine, section 6).
    assert fisher(25, 691, 5, 1413) == pytest.approx(1.4e-8, rel=0.05)


def test_holms_correction() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_ratio_of_rates_with_its_interval() -> None:
    # Physicians' Health Study: myocardial infarction with aspirin 104 of 11,037, with placebo 189 of 11,034.
    ratio, low, high = rate_ratio(104, 11_037, 189, 11_034)
    assert (round(ratio, 2), round(low, 2), round(high, 2)) == (0.55, 0.43, 0.70)
    ratio, low, high = rate_ratio(0, 50, 5, 50)
    assert 0 < low < ratio < 1 < high


def test_the_number_that_would_be_needed() -> None:
    # Recognition of 46% and 60% apart, at 80% power (doctrine, section 10).
    assert needed(0.46, 0.60 / 0.46) == pytest.approx(198, abs=2)
    assert needed(0.0, 1.5) is None
    assert needed(0.8, 1.5) is None


def _comparison(count: int, of: int, other_count: int, other_of: int, p: float) -> Comparison:
    ratio = rate_ratio(count, of, other_count, other_of)
    wanted = needed(other_count / other_of, 1.5)
    return Comparison("sex", MEASURES[0], "Male", count, of, other_count, other_of, ratio, p, wanted)


@pytest.mark.parametrize(
    ("numbers", "level", "said"),
    [
        ((20, 100, 20, 400), Level.RED, "A difference: more often"),
        ((5, 20, 20, 400), Level.AMBER, "A difference"),
        ((2, 200, 40, 800), Level.RED, "A difference: less often"),
        ((4, 6, 100, 600), Level.AMBER, ""),
        ((1, 10, 10, 100), Level.NONE, "Insufficient data: about 686 in each group"),
        ((100, 1000, 100, 1000), Level.NONE, "No difference of 1.5 times was found"),
        ((0, 10, 0, 100), Level.NONE, "Insufficient data"),
        # Few on either side are amber, whichever of two groups is named first.
        ((3, 300, 3, 3), Level.AMBER, "A difference: less often"),
        ((3, 3, 3, 300), Level.AMBER, "A difference: more often"),
    ],
)
def test_levels_and_what_can_be_said(numbers: tuple[int, int, int, int], level: Level, said: str) -> None:
    found = _comparison(*numbers, p=fisher(*numbers))
    assert found.level == level
    assert said in found.words
    assert "no bias" not in found.words.lower()


# The report.


def _many(cast: Cast, rows: list[tuple[str, str, str]]) -> None:
    """Add alerts by hand: state, officer-defined code, sex."""
    known = make_alert(make_live_deployment(cast))
    now = timezone.now()
    alerts = [
        Alert(
            deployment=known.deployment,
            camera=known.camera,
            operating_point=known.operating_point,
            authority_sha256=known.authority_sha256,
            state=state,
            raised_at=now,
            received_at=now,
            last_seen_at=now,
            track=f"{number:032x}",
            officer=cast.officer,
            engaged_at=now,
            ended_at=now + dt.timedelta(minutes=number % 7),
            identity_method="document" if state in ("arrested", "no_action") else "",
        )
        for number, (state, _, _) in enumerate(rows)
    ]
    Alert.objects.bulk_create(alerts)
    PersonAttributes.objects.bulk_create(
        PersonAttributes(alert=alert, officer_defined=code, sex=sex, recorded_by=cast.officer, recorded_at=now)
        for alert, (_, code, sex) in zip(alerts, rows, strict=True)
    )


def test_the_report_counts_groups_and_never_mixes_the_two_ethnicities(cast: Cast) -> None:
    _many(cast, [("arrested", "1", "male")] * 3 + [("not_same", "3", "male"), ("no_action", "3", "female")])
    report = equality.report_for(_days())
    said, seen, sex, age = report.characteristics
    assert (said.groups, said.recorded, said.matches) == ([], 0, 6)
    assert [(group.name, group.matches, group.false, group.engaged) for group in seen.groups] == [
        ("IC1 White, North European", 3, 0, 3),
        ("IC3 Black", 2, 1, 2),
    ]
    assert [(group.name, group.arrests, group.no_action) for group in sex.groups] == [("Female", 0, 1), ("Male", 3, 0)]
    assert age.groups == []
    # Two groups are compared once.
    assert [each.group for each in seen.comparisons if each.measure.key == "false"] == ["IC1 White, North European"]
    assert report.insufficient == len([each for each in report.comparisons if not each.is_found])


def test_false_alerts_are_counted_among_those_with_a_result(cast: Cast) -> None:
    _many(cast, [("not_same", "3", "male"), ("engaged", "3", "male"), ("arrested", "1", "male")])
    seen = equality.report_for(_days()).characteristics[1]
    (comparison,) = [each for each in seen.comparisons if each.measure.key == "false"]
    assert (comparison.of, comparison.other_of) == (1, 1)
    assert sum(group.matches for group in seen.groups) == 3


def test_people_of_whom_nothing_is_known_are_no_group(cast: Cast) -> None:
    _many(cast, [("arrested", "9", "unknown")] * 2)
    assert all(not each.groups for each in equality.report_for(_days()).characteristics)


def test_a_red_finding_stops_authorities_until_it_is_reviewed(cast: Cast) -> None:
    draft = make_draft(cast)
    _many(cast, [("not_same", "3", "male")] * 20 + [("arrested", "3", "male")] * 40 + [("arrested", "1", "male")] * 200)
    assert tasks.raise_findings(timezone.localdate()) >= 1
    assert tasks.raise_findings(timezone.localdate()) == 0
    with pytest.raises(Refused, match="Differences between groups that wait for a review"):
        rehearsal.authorised(draft, people_of(cast))
    draft.refresh_from_db()
    finding = EqualityFinding.objects.filter(key__startswith="false/").get()
    assert "IC" in finding.words
    with pytest.raises(PermissionDenied):
        equality_findings.review(finding, words="Mine", actor=cast.compliance)
    with pytest.raises(Refused, match="Enter what causes"):
        equality_findings.review(finding, words=" ", actor=cast.authority)
    junior = make_user("junior", cast.authority, Rank.INSPECTOR)
    with pytest.raises(Refused):
        equality_findings.review(finding, words="Mine", actor=junior)
    page = client_of(cast.authority).get("/equality/").content.decode()
    assert "No deployment is authorised until then" in page
    for each in EqualityFinding.objects.all():
        address = reverse("equality-review", args=[each.pk])
        assert client_of(cast.authority).post(address, {"words": "Light at one camera; moved."}).status_code == 302
    with pytest.raises(Conflict):
        equality_findings.review(finding, words="Again", actor=cast.authority)
    assert Entry.objects.filter(action="equality.reviewed").count() == EqualityFinding.objects.count()
    authority.authorise(draft, reason="Necessary", revision=draft.revision, actor=cast.authority)
    # It is raised again after 90 days if it still stands.
    assert tasks.raise_findings(timezone.localdate()) == 0
    EqualityFinding.objects.update(reviewed_at=timezone.now() - equality_findings.AGAIN_AFTER - DAY)
    assert tasks.raise_findings(timezone.localdate()) >= 1


def test_page_pdf_and_csv(cast: Cast) -> None:
    _many(cast, [("arrested", "1", "male")] * 3 + [("not_same", "3", "female")])
    client = client_of(cast.compliance)
    assert client.get("/equality/").status_code == 200
    today = timezone.localdate().isoformat()
    page = client.get(f"/equality/?since={today}&until={today}").content.decode()
    assert "IC3 Black" in page
    assert "Insufficient data" in page
    text = client.get(f"/equality/?since={today}&until={today}&as=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    report = equality.report_for(DateRange(timezone.localdate(), timezone.localdate()))
    assert len([row for row in rows if row["part"] == "comparison"]) == len(report.comparisons)
    assert sum(int(row["matches"] or 0) for row in rows if row["characteristic"] == "sex") == 4
    assert client.get(f"/equality/?since={today}&until={today}&as=pdf")["Content-Type"] == "application/pdf"
    kinds = [entry.data["kind"] for entry in Entry.objects.filter(action="equality.reported").order_by("pk")]
    assert kinds == ["page", "page", "csv", "pdf"]
    assert client.get("/equality/?since=x").status_code == 422


def test_a_report_on_nothing(cast: Cast) -> None:
    report = equality.report_for(DateRange(dt.date(2020, 1, 1), dt.date(2020, 3, 31)))
    assert (report.red, report.comparisons) == ([], [])
    assert report_csv(report).count("\n") == 1
    assert report_pdf(report, made_by="c").startswith(b"%PDF")
