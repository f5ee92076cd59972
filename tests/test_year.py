"""The simulated year: what was planned is what the records say, in the order of the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from alerts.choices import Result
from alerts.models import Alert, PurgeCertificate
from audit.models import Entry
from audit.verification import verify
from cases.models import Case
from demo import seeding
from demo.year import Year, at
from demo.year_plan import Ending, Fate, PlannedDeployment, plan
from deployments.models import Deployment
from reports import grid
from reports.certificates import proofs_of
from reports.figures import Figures
from reports.grid_rules import findings_in
from reports.record_files import record_csv
from reports.records import record_of
from scrutiny.models import Dossier, Draw, PanelFinding
from tests.cast import make_calibration
from watchlists import destruction
from watchlists.models import Certificate, Person

RESULTS: dict[Result, Sequence[Ending]] = {
    Result.TRUE_CONFIRMED: (Ending.ARREST, Ending.OTHER, Ending.NO_ACTION),
    Result.TRUE_UNCONFIRMED: (Ending.LOST, Ending.NO_ENGAGEMENT),
    Result.FALSE_CONFIRMED: (Ending.RELEASE,),
    Result.FALSE_UNCONFIRMED: (Ending.NOT_THEM, Ending.NOT_SAME),
    Result.UNRESOLVED: (Ending.UNRESOLVED,),
}


def _planned(count: int) -> list[PlannedDeployment]:
    """Return planned deployments after today: the clock of the tests' database has been at today already."""
    last = timezone.localdate() + dt.timedelta(days=420)
    planned = plan(160, last, 7, timezone.get_current_timezone())
    held = [each for each in planned if each.fate == Fate.HELD and not each.is_corrected]
    others = [next(each for each in planned if each.fate == fate) for fate in (Fate.REFUSED, Fate.CANCELLED)]
    with_pause = next(each for each in held if each.pause)
    chosen = [*sorted(held, key=lambda each: len(each.matches))[: count - 1], with_pause, *others]
    # Two are published, one of them corrected later; one is left for the publisher.
    quiet = next(each for each in held if 0 < each.count(Ending.ARREST) < 6)
    marked = [replace(each, is_published=each is not with_pause) for each in chosen if each is not quiet]
    return sorted([*marked, replace(quiet, is_corrected=True)], key=lambda each: each.starts_at)


def _as_planned(found: Figures, planned: PlannedDeployment) -> None:
    assert found.faces == planned.faces
    assert found.alerts == len(planned.matches)
    for result, endings in RESULTS.items():
        assert found.of(result) == planned.count(*endings), result
    assert found.arrests == planned.count(Ending.ARREST) - planned.is_corrected


@pytest.fixture
def committing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what waits for a commit, which a test never makes; no table can be rewritten before one either."""
    monkeypatch.setattr(transaction, "on_commit", lambda act, **_: act())
    monkeypatch.setattr(destruction, "scrub", lambda: 0)


def test_a_planned_year_becomes_records(committing: None, settings: Any) -> None:
    settings.LFR_SECOND_LOOK = 100
    make_calibration()
    planned = _planned(3)
    with at(planned[0].starts_at - dt.timedelta(days=20)):
        users = seeding.make_users()
    done = list(Year(users, seeding.portrait(), 7).carry_out(planned))
    assert {each.number for each in done} == {each.number for each in planned}
    with at(planned[-1].starts_at + dt.timedelta(days=15)):
        for each in planned:
            deployment = Deployment.objects.get(name=each.name)
            if each.fate != Fate.HELD:
                assert deployment.state == each.fate
                continue
            record = record_of(deployment)
            assert deployment.state == ("results_published" if each.is_published else "closed")
            assert deployment.publications.count() == each.is_published + each.is_corrected
            _as_planned(record.figures, each)
            paused = each.pause.length if each.pause else dt.timedelta()
            assert abs(record.paused - paused) < dt.timedelta(seconds=5)
            assert abs(record.live + record.paused - each.length) < dt.timedelta(seconds=10)
            assert record.oversight.second_looks.disagreed == record.oversight.second_looks.missed == 0
            kinds = set(deployment.documents.values_list("kind", flat=True))
            assert kinds == {"authority", "cancellation", "post"}
            assert findings_in(grid.read(record_csv(record).encode()), dt.date(2200, 1, 1)) == []
        proofs = proofs_of(Certificate.objects.all(), PurgeCertificate.objects.all())
        held = [each for each in planned if each.fate == Fate.HELD]
        assert len(proofs) == 3 * len(held)
        assert not [proof for proof in proofs if proof.problem or proof.was_late]
        assert verify().is_intact
        cases = Case.objects.order_by("number")
        assert [case.kind for case in cases.unfinished()] == ["foi", "erasure", "complaint"]
        assert {case.outcome for case in cases if case.is_closed} == {"given", "none_held", "partly", "not_reported"}
        assert Case.objects.get(kind="complaint", outcome="partly").alerts.count() == 1
        held = [each for each in planned if each.fate == Fate.HELD]
        assert Draw.objects.count() == len(held)
        reviewed = Dossier.objects.filter(draw__deployment__publications__version=1)
        assert PanelFinding.objects.count() == reviewed.count()
        assert Dossier.objects.exists()
    assert not Person.objects.exists()
    assert not Alert.objects.filter(purged_at=None).exists()
    moments = list(Entry.objects.order_by("number").values_list("at", flat=True))
    assert moments == sorted(moments)


def test_the_plan_has_the_shape_that_it_names() -> None:
    planned = plan(200, dt.date(2026, 12, 31), 2023, dt.UTC)
    assert planned == plan(200, dt.date(2026, 12, 31), 2023, dt.UTC)
    hours = [each.length.total_seconds() / 3600 for each in planned]
    assert 5.2 < sorted(hours)[100] < 6.0
    assert (min(hours) >= 3.5, max(hours) <= 7.2) == (True, True)
    faces, matches = sum(each.faces for each in planned), sum(len(each.matches) for each in planned)
    assert 2200 < faces / sum(hours) < 3600
    assert 1.5 < matches / sum(hours) < 2.6
    assert [each.starts_at for each in planned] == sorted(each.starts_at for each in planned)
    assert len({each.name for each in planned}) == 200


@pytest.mark.django_db
def test_the_past_is_invented_only_once_and_only_in_a_demonstration(capsys: pytest.CaptureFixture[str]) -> None:
    Deployment.objects.create(name="Here already", applicant=seeding.make_users()["admin"])
    call_command("simulate_year", "--deployments", "2")
    assert "cannot be invented after them" in capsys.readouterr().out
    assert Deployment.objects.count() == 1
