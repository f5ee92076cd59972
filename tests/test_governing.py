"""Governing documents: no deployment without a version in force of each, and nobody approves their own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from demo import rehearsal
from deployments import applications, authority, executable, governing, readiness
from deployments.models import REQUIRED, Deployment, GoverningDocument, Kit
from tests.cast import Cast, client_of, make_draft, make_live_deployment, period_of, stewards

DAY = dt.timedelta(days=1)
Kind = GoverningDocument.Kind


def _record(kind: Kind, version: str, **changes: Any) -> GoverningDocument:
    today = timezone.localdate()
    usual: dict[str, Any] = {
        "owner": "Head of Operations",
        "in_force_from": today - DAY,
        "in_force_until": today + 200 * DAY,
        "file": b"%PDF-1.7 the document",
        "file_name": "document.pdf",
        "actor": stewards().keeper,
    }
    return governing.record_document(kind=kind, version=version, **{**usual, **changes})


def _in_force(kind: Kind, version: str, **changes: Any) -> GoverningDocument:
    made = _record(kind, version, **changes)
    governing.approve_document(made, actor=stewards().owner)
    made.refresh_from_db()
    return made


def _choose(deployment: Deployment, chosen: list[GoverningDocument], cast: Cast) -> None:
    deployment.refresh_from_db()
    applications.save_draft(deployment, {"governing": chosen}, revision=deployment.revision, actor=cast.watchlist_admin)


def _only(deployment: Deployment, kind: Kind) -> GoverningDocument:
    return deployment.governing.get(kind=kind)


def _end(document: GoverningDocument, on: dt.date) -> None:
    """Let time pass: this document's last day becomes this one."""
    GoverningDocument.objects.filter(pk=document.pk).update(in_force_from=on - 300 * DAY, in_force_until=on)


def test_a_version_is_in_force_once_another_person_has_approved_it(cast: Cast) -> None:
    today = timezone.localdate()
    made = _record(Kind.DPIA, "7.1")
    assert not made.is_in_force(today)
    for actor in (stewards().keeper, cast.authority, cast.watchlist_admin):
        with pytest.raises(PermissionDenied):
            governing.approve_document(made, actor=actor)
    governing.approve_document(made, actor=stewards().owner)
    made.refresh_from_db()
    assert made.is_in_force(today)
    assert not made.is_in_force(today - 2 * DAY)
    assert made.is_in_force(made.in_force_until)
    assert not made.is_in_force(made.in_force_until + DAY)
    with pytest.raises(Conflict):
        governing.approve_document(made, actor=stewards().owner)
    governing.withdraw_document(made, actor=stewards().keeper)
    made.refresh_from_db()
    assert not made.is_in_force(today)
    with pytest.raises(Conflict):
        governing.withdraw_document(made, actor=stewards().keeper)
    entries = Entry.objects.filter(action__startswith="governing.", target=made.journal_name).order_by("pk")
    assert [entry.action for entry in entries] == ["governing.recorded", "governing.approved", "governing.withdrawn"]
    assert entries[0].data["sha256"] == made.file_sha256


def test_the_database_refuses_an_approval_by_the_person_who_recorded_it(cast: Cast) -> None:
    made = _record(Kind.SOP, "3")
    with pytest.raises(IntegrityError), transaction.atomic():
        GoverningDocument.objects.filter(pk=made.pk).update(approved_by_id=made.recorded_by_id)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": " "}, "enter its version"),
        ({"kind": "leaflet"}, "Select the kind"),
        ({"file": b""}, "Attach the document"),
        ({"in_force_until": dt.date(2020, 1, 1)}, "today or later"),
        ({"in_force_from": dt.date(2999, 1, 1)}, "not before the start"),
    ],
)
def test_what_is_incomplete_is_refused(cast: Cast, changes: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"kind": Kind.PRIVACY, "version": "2", **changes}
    with pytest.raises(Refused, match=says):
        _record(given.pop("kind"), given.pop("version"), **given)
    assert not Entry.objects.filter(action="governing.recorded", data__kind=Kind.PRIVACY, data__version="2").exists()


def test_a_version_is_recorded_once(cast: Cast) -> None:
    _record(Kind.APD, "1.0")
    with pytest.raises(Refused, match="recorded already"):
        _record(Kind.APD, "1.0 ")
    assert GoverningDocument.objects.filter(kind=Kind.APD).count() == 1


def test_the_next_version_can_be_selected_before_it_is_in_force(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    following = _in_force(Kind.DPIA, "of next year", in_force_from=timezone.localdate() + 30 * DAY)
    unapproved = _record(Kind.DPIA, "not approved")
    page = client_of(cast.watchlist_admin).get(f"/deployments/{draft.pk}/edit/").content.decode()
    assert f'name="governing" value="{following.pk}"' in page
    assert f'name="governing" value="{unapproved.pk}"' not in page


def test_a_deployment_that_ends_at_midnight_needs_documents_until_the_day_before(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + 2 * DAY
    period = period_of(draft)
    period.starts_at, period.ends_at = midnight - dt.timedelta(hours=2), midnight
    period.save()
    _end(_only(draft, Kind.DPIA), timezone.localdate(midnight) - DAY)
    Deployment.objects.update(intelligence_expires_on=timezone.localdate(midnight) - DAY)
    draft.refresh_from_db()
    assert not applications.problems_of(draft)
    _end(_only(draft, Kind.DPIA), timezone.localdate(midnight) - 2 * DAY)
    assert len(applications.problems_of(draft)) == 1


def test_an_application_starts_with_those_in_force_and_needs_one_of_each(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    newer = _in_force(Kind.DPIA, "9")
    draft = make_draft(cast)
    assert {each.kind for each in draft.governing.all()} == set(Kind)
    assert _only(draft, Kind.DPIA) == newer
    assert not applications.problems_of(draft)
    _choose(draft, [each for each in draft.governing.all() if each.kind != Kind.EQUALITY], cast)
    (problem,) = applications.problems_of(draft)
    assert problem == "Governing documents not selected: Equality impact assessment."
    with pytest.raises(Refused, match="Equality impact assessment"):
        applications.submit(draft, revision=draft.revision, actor=cast.watchlist_admin)


def test_a_choice_is_a_change_of_the_application(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    before = draft.revision
    _choose(draft, list(draft.governing.all()), cast)
    assert draft.revision == before
    _choose(draft, [], cast)
    assert draft.revision == before + 1
    entry = Entry.objects.filter(action="deployment.changed").order_by("-pk")[0]
    assert entry.data["fields"] == "governing"


def test_two_versions_of_one_document_are_reported(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    _choose(draft, [*draft.governing.all(), _in_force(Kind.SOP, "8")], cast)
    assert applications.problems_of(draft) == ["Select one version only: Standard operating procedure."]


def test_an_agreement_is_needed_only_if_equipment_is_lent(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    alone, lent = make_draft(cast, lender=""), make_draft(cast, lender="South Wales Police")
    for draft in (alone, lent):
        _choose(draft, [each for each in draft.governing.all() if each.kind in REQUIRED], cast)
    assert not applications.problems_of(alone)
    missing = [
        "Governing documents not selected: Agreement of mutual aid.",
        f"It needs one because another force takes part ({settings.LFR_FORCE} is this one).",
    ]
    assert applications.problems_of(lent) == missing
    # Equipment that arrives without having been applied for needs it too.
    Kit.objects.create(
        kind=Kit.Kind.LOANED,
        deployment=alone,
        description="Van",
        lender="South Wales Police",
        received_at=timezone.now(),
        received_by=cast.commander,
    )
    assert applications.problems_of(alone) == missing


def test_one_that_ends_before_the_deployment_blocks_the_application(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    _end(_only(draft, Kind.POLICY), timezone.localdate() - DAY)
    (problem,) = applications.problems_of(draft)
    assert problem.startswith("LFR policy, version")
    assert "is not in force on" in problem


def test_one_withdrawn_after_submission_blocks_the_decision(cast: Cast) -> None:
    rehearsal.documents_in_force(stewards())
    draft = make_draft(cast)
    applications.submit(draft, revision=draft.revision, actor=cast.watchlist_admin)
    governing.withdraw_document(_only(draft, Kind.DPIA), actor=stewards().keeper)
    with pytest.raises(Refused, match="Data protection impact assessment"):
        authority.authorise(draft, revision=draft.revision, reason="Necessary.", actor=cast.authority)


def test_one_that_has_ended_stops_a_deployment_from_going_live(cast: Cast) -> None:
    period = period_of(make_live_deployment(cast))

    def check() -> readiness.Check:
        (found,) = [each for each in readiness.checks(period) if each.name == "governing"]
        return found

    assert check().holds
    _end(_only(period.deployment, Kind.APD), timezone.localdate() - DAY)
    assert not check().holds
    assert "Appropriate Policy Document (section 42)" in check().why


def test_the_signed_authority_names_version_and_hash(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    signed = executable.latest(deployment)
    assert signed is not None
    named = {(each["kind"], each["version"], each["sha256"]) for each in signed.document["governing"]}
    assert named == set(deployment.governing.values_list("kind", "version", "file_sha256"))
    assert len(named) == len(Kind)
    other = _in_force(Kind.DPIA, "another")
    deployment.governing.set([other, *deployment.governing.exclude(kind=Kind.DPIA)])
    assert any(where.startswith("governing") for where, _, _ in executable.drift(signed))


def test_an_end_within_two_weeks_is_on_every_page_that_lists_deployments(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    ends = _only(deployment, Kind.EQUALITY)
    pages = [(cast.watchlist_admin, "/"), (cast.watchlist_admin, "/deployments/"), (stewards().keeper, "/records/")]
    pages.append((stewards().owner, "/governing/"))

    def announced() -> set[bool]:
        found = [client_of(user).get(page) for user, page in pages]
        assert {page.status_code for page in found} == {200}
        return {"Governing documents that end soon" in page.content.decode() for page in found}

    _end(ends, timezone.localdate() + governing.NOTICE + DAY)
    assert announced() == {False}
    _end(ends, timezone.localdate() + governing.NOTICE)
    ends.refresh_from_db()
    assert announced() == {True}
    later = ends.in_force_until + 3 * DAY
    _in_force(Kind.EQUALITY, "after a gap", in_force_from=later)
    assert announced() == {True}
    _in_force(Kind.EQUALITY, "the next")
    assert announced() == {False}


def test_what_has_ended_is_missing_on_every_page_that_lists_deployments(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    page = client_of(cast.watchlist_admin).get("/deployments/").content.decode()
    assert "no version is in force" not in page
    _end(_only(deployment, Kind.MUTUAL_AID), timezone.localdate() - DAY)
    assert governing.standing().missing == ["Agreement of mutual aid"]
    _end(_only(deployment, Kind.PRIVACY), timezone.localdate() - DAY)
    for user, where in ((cast.watchlist_admin, "/"), (cast.commander, "/deployments/"), (cast.compliance, "/records/")):
        page = client_of(user).get(where).content.decode()
        assert "no version is in force" in page
        assert "<li>Privacy notice</li>" in page


def test_the_register_page_records_approves_and_returns_the_file(cast: Cast) -> None:
    today = timezone.localdate()
    keeper, owner = client_of(stewards().keeper), client_of(stewards().owner)
    given = {
        "kind": Kind.PROCESSING.value,
        "version": "4",
        "owner": "Information governance",
        "in_force_from": f"{today:%Y-%m-%d}",
        "in_force_until": f"{today + DAY:%Y-%m-%d}",
        "file": SimpleUploadedFile("record.pdf", b"%PDF-1.7 processing"),
    }
    assert keeper.post("/governing/record/", given).status_code == 302
    made = GoverningDocument.objects.get(kind=Kind.PROCESSING, version="4")
    assert "To be approved" in owner.get("/governing/").content.decode()
    assert owner.post(f"/governing/{made.pk}/approve/").status_code == 302
    assert "In force" in keeper.get("/governing/").content.decode()
    file = client_of(cast.watchlist_admin).get(f"/governing/{made.pk}/file/")
    assert file.content == b"%PDF-1.7 processing"
    assert file["Content-Disposition"] == 'attachment; filename="record.pdf"'
