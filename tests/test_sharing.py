"""Mutual aid: whose controller, kit and staff; what is lent and comes back wiped; what is disclosed, and to whom."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from demo import rehearsal
from deployments import closure, executable, governing, sharing
from deployments.models import Deployment, Disclosure, EquipmentLoan, GoverningDocument, Kit
from lfr_site.models import User
from tests.cast import Cast, add_person, client_of, end, make_draft, make_live_deployment, make_watchlist, stewards

DAY = dt.timedelta(days=1)


def _agreement() -> GoverningDocument:
    rehearsal.documents_in_force(stewards())
    return GoverningDocument.objects.get(kind=GoverningDocument.Kind.MUTUAL_AID)


def _lend(cast: Cast, **changes: Any) -> EquipmentLoan:
    usual: dict[str, Any] = {
        "description": "Van with two cameras",
        "serial": "LFR/2",
        "borrower": "Suffolk Constabulary",
        "controller": "Suffolk Constabulary",
        "staff": "Two operators",
        "purpose": "Deployment in Ipswich",
        "agreement": changes.pop("agreement", None) or _agreement(),
        "due_back_on": timezone.localdate() + 2 * DAY,
        "actor": cast.commander,
    }
    return sharing.lend(**{**usual, **changes})


def _disclose(cast: Cast, **changes: Any) -> Disclosure:
    usual: dict[str, Any] = {
        "what": "Record of the deployment",
        "recipient": "Information Commissioner, audit team",
        "purpose": "Audit of June",
        "basis": Disclosure.Basis.REGULATOR,
        "disclosed_at": timezone.now() - DAY,
        "actor": cast.compliance,
    }
    return sharing.disclose(**{**usual, **changes})


@pytest.mark.parametrize("field", ["lender", "staff_from", "controller"])
def test_another_forces_part_needs_an_agreement_and_is_signed(cast: Cast, field: str) -> None:
    draft = make_draft(cast)
    draft.governing.remove(_agreement())
    today = timezone.localdate()
    assert not governing.problems_of(draft, today)
    setattr(draft, field, "South Wales Police")
    draft.save()
    assert "Agreement of mutual aid" in " ".join(governing.problems_of(draft, today))
    draft.governing.add(_agreement())
    assert not governing.problems_of(draft, today)
    rehearsal.authorised(draft, rehearsal.People(*(getattr(cast, name) for name in _PEOPLE)))
    signed = executable.latest(draft)
    assert signed is not None
    term = {"lender": "equipment_lent_by"}.get(field, field)
    assert signed.document[term] == "South Wales Police"


_PEOPLE = ("watchlist_admin", "authority", "commander", "operator", "officer")


def test_a_loan_out_comes_back_wiped_before_a_witness(cast: Cast) -> None:
    loan = _lend(cast)
    with pytest.raises(Refused, match="lent already"):
        _lend(cast)
    for wrong, says in ((("", "Disks"), "Enter what was wiped"), (("Commander", "Disks"), "someone else")):
        witness, wiping = wrong
        with pytest.raises(Refused, match=says):
            sharing.take_back(loan, witness=witness, wiping=wiping, actor=cast.commander)
    with pytest.raises(IntegrityError), transaction.atomic():
        EquipmentLoan.objects.update(returned_at=timezone.now())
    sharing.take_back(loan, witness="PS 4471", wiping="Disks overwritten, read back", actor=cast.commander)
    with pytest.raises(Conflict):
        sharing.take_back(loan, witness="PS 4471", wiping="Again", actor=cast.commander)
    _lend(cast)
    entries = Entry.objects.filter(action__startswith="loan.").in_order()
    assert [entry.action for entry in entries] == ["loan.made", "loan.ended", "loan.made"]
    assert entries[0].data["controller"] == "Suffolk Constabulary"


def test_a_loan_needs_an_agreement_in_force(cast: Cast) -> None:
    agreement = _agreement()
    with pytest.raises(Refused, match="agreement of mutual aid"):
        _lend(cast, agreement=GoverningDocument.objects.get(kind=GoverningDocument.Kind.SOP))
    governing.withdraw_document(agreement, actor=cast.compliance)
    agreement.refresh_from_db()
    with pytest.raises(Refused, match="agreement of mutual aid"):
        _lend(cast, agreement=agreement)
    assert not EquipmentLoan.objects.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"controller": " "}, "the controller"),
        ({"due_back_on": dt.date(2020, 1, 1)}, "today or later"),
    ],
)
def test_an_incomplete_loan_is_refused(cast: Cast, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        _lend(cast, **changes)


def test_a_disclosure_names_what_to_whom_for_what_and_why(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    _disclose(cast, basis=Disclosure.Basis.SUBJECT, recipient="Case 12, by Jo Bloggs for themselves")
    kept = Entry.objects.filter(action="disclosure.recorded").latest("id")
    assert "Jo Bloggs" not in str(kept.data)
    made = _disclose(cast, deployment=deployment)
    entry = Entry.objects.filter(action="disclosure.recorded").latest("id")
    assert (entry.verb, entry.data["recipient"]) == ("disclosure", "Information Commissioner, audit team")
    assert list(deployment.disclosures.all()) == [made]
    for changes, says in (
        ({"recipient": ""}, "to whom"),
        ({"basis": "friendship"}, "select the basis"),
        ({"disclosed_at": timezone.now() + DAY}, "in the future"),
    ):
        with pytest.raises(Refused, match=says):
            _disclose(cast, **changes)
    for user in cast.by_role.values():
        if user not in (cast.commander, cast.compliance):
            with pytest.raises(PermissionDenied):
                _disclose(cast, actor=user)


def test_the_register_names_nobody_on_a_list(cast: Cast) -> None:
    add_person(cast, make_watchlist(cast), "N/1042", "Alex Fenwick")
    with pytest.raises(Refused, match="name or reference"):
        _disclose(cast, what="Picture of Alex Fenwick")
    assert not Disclosure.objects.exists()


def test_media_are_registered_and_wiped_before_closing(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    own = closure.receive_kit(deployment, kind="own", description="Laptop", serial="L/1", actor=cast.commander)
    for kind, lender in (("own", "A force"), ("medium", "A force"), ("loaned", "")):
        with pytest.raises(Refused, match="lender"):
            closure.receive_kit(
                deployment, kind=kind, description="Stick", serial="M/1", lender=lender, actor=cast.commander
            )
    for state in ("authorised", "ready", "live"):
        Deployment.objects.filter(pk=deployment.pk).update(state=state)
        with pytest.raises(Conflict, match="not over"):
            closure.wipe_kit(Kit.objects.get(pk=own.pk), witness="PS 1", wiping="Disk", actor=cast.commander)
    deployment.refresh_from_db()
    end(deployment, cast)
    own = Kit.objects.get(pk=own.pk)
    User.objects.filter(pk=cast.commander.pk).update(first_name="Ellis", last_name="Brandt")
    commander = User.objects.get(pk=cast.commander.pk)
    for name in ("commander", "Ellis Brandt", "  ellis   BRANDT "):
        with pytest.raises(Refused, match="witness yourself"):
            closure.wipe_kit(own, witness=name, wiping="Disk", actor=commander)
    assert "The review does not say whether removable media were used." in closure.open_ends_of(deployment)
    closure.begin_review(deployment, review="All well.", media_used=True, actor=cast.commander)
    left = " ".join(closure.open_ends_of(deployment))
    assert "Equipment and media not wiped: 1." in left
    assert "Removable media were used, but none is on the register." in left
    closure.change_review(deployment, review="All well.", media_used=False, actor=cast.commander)
    closure.wipe_kit(own, witness="PS 4471", wiping="Disk overwritten", actor=cast.commander)
    left = " ".join(closure.open_ends_of(deployment))
    assert "media" not in left
    with pytest.raises(IntegrityError), transaction.atomic():
        Kit.objects.update(witness="")


def test_the_pages_record_loans_and_disclosures(cast: Cast) -> None:
    client, agreement = client_of(cast.commander), _agreement()
    loan = {
        "description": "Van",
        "serial": "1",
        "borrower": "Suffolk",
        "controller": "Suffolk",
        "purpose": "Ipswich",
        "agreement": agreement.pk,
        "due_back_on": timezone.localdate() - DAY,
    }
    assert client.post("/loans/lend/", {**loan, "agreement": ""}).status_code == 422
    assert client.post("/loans/lend/", loan).status_code == 422
    assert client.post("/loans/lend/", {**loan, "due_back_on": timezone.localdate()}).status_code == 302
    EquipmentLoan.objects.update(due_back_on=timezone.localdate() - DAY)
    assert "badge danger" in client.get("/loans/").content.decode()
    made = EquipmentLoan.objects.get()
    assert client.post(f"/loans/{made.pk}/back/", {"witness": "PS 1", "wiping": "Disks"}).status_code == 302
    disclosure = {
        "what": "Record",
        "recipient": "Crown Prosecution Service",
        "purpose": "Trial",
        "basis": "prosecution",
        "disclosed_at": f"{timezone.localtime() - DAY:%Y-%m-%dT%H:%M}",
        "deployment": "",
    }
    assert client.post("/disclosures/record/", {**disclosure, "what": ""}).status_code == 422
    assert client.post("/disclosures/record/", disclosure).status_code == 302
    assert Deployment.objects.count() == 0
    page = client_of(cast.owner).get("/disclosures/").content.decode()
    assert "Crown Prosecution Service" in page
    assert "Record a disclosure" not in page
