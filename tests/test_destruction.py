"""Destruction of a watchlist: what is deleted, what is held, the proof, and the ledger."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit import log_keys
from audit.models import Entry
from core import keys, signing
from core.errors import Conflict, Refused
from core.keys import KeyGone
from tests.cast import (
    Cast,
    add_person,
    end,
    list_of,
    make_alert,
    make_live_deployment,
    make_operating_point,
    make_sealed_watchlist,
    make_watchlist,
)
from watchlists import destruction, engines, flags, ledger, operations, people
from watchlists.models import (
    Certificate,
    Flag,
    Hold,
    Import,
    ImportRow,
    LedgerEntry,
    Person,
    Photograph,
    SealedTemplate,
    Template,
    Watchlist,
)


def _soon() -> dt.date:
    return timezone.localdate() + dt.timedelta(days=30)


def _ended(cast: Cast, people: int = 1) -> Watchlist:
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast, people))
    end(deployment, cast)
    return list_of(deployment)


def test_destruction_deletes_everything_except_its_record(
    cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    watchlist = _ended(cast)
    ended = watchlist.periods.get().ended_at
    assert ended is not None
    assert watchlist.destroy_due_at == ended + settings.LFR_WATCHLIST_RETENTION
    key, kept = keys.fingerprint(watchlist.key_name), bytes(Photograph.objects.get().encrypted)
    sha256 = Photograph.objects.get().sha256
    assert destruction.destroy_due(at=timezone.now() + dt.timedelta(minutes=1)) == 0
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert destruction.destroy_due(at=timezone.now() + dt.timedelta(hours=25)) == 1
    watchlist.refresh_from_db()
    assert watchlist.state == Watchlist.State.DESTROYED
    for model in (Person, Photograph, Template, SealedTemplate, Flag):
        assert not model._default_manager.exists()
    with pytest.raises(KeyGone):
        keys.decrypted(watchlist.key_name, kept, sha256)
    certificate = Certificate.objects.get()
    assert (certificate.people, certificate.photographs, certificate.templates, certificate.held) == (1, 1, 1, 0)
    assert (certificate.key_fingerprint, certificate.sealed_hash) == (key, watchlist.sealed_hash)
    assert not certificate.was_late
    assert certificate.sha256 == destruction.certificate_hash(certificate)
    row = Entry.objects.get(action="watchlist.destroyed")
    assert row.data["certificate_sha256"] == certificate.sha256
    assert destruction.destroy_due(at=timezone.now() + dt.timedelta(hours=26)) == 0


def test_a_changed_certificate_is_detected(cast: Cast) -> None:
    certificate = destruction.destroy(_ended(cast))
    Certificate.objects.update(people=7)
    certificate.refresh_from_db()
    assert certificate.sha256 != destruction.certificate_hash(certificate)


def test_another_list_with_the_same_person_is_unaffected(cast: Cast) -> None:
    watchlist = _ended(cast)
    draft = operations.new_version(watchlist, actor=cast.watchlist_admin)
    destruction.destroy(watchlist)
    assert draft.people.get().photographs.get().jpeg
    assert Template.objects.count() == 1


def test_an_alert_outlives_the_person_it_was_about(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    end(deployment, cast)
    destruction.destroy(list_of(deployment))
    alert.refresh_from_db()
    assert (alert.person, alert.photograph) == (None, None)


def test_an_entry_held_as_evidence_is_kept_without_its_template(
    cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    watchlist = _ended(cast, people=2)
    held = watchlist.people.all()[0]
    jpeg = held.photographs.get().jpeg
    destruction.place_hold(held, reason="Exhibit", review_on=_soon(), actor=cast.authority)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        certificate = destruction.destroy(watchlist)
    assert (certificate.people, certificate.held) == (1, 1)
    assert list(Person.objects.all()) == [held]
    (listing,) = ledger.find(held.reference)
    assert listing.status == "kept as evidence; watchlist destroyed"
    assert held.photographs.get().jpeg == jpeg
    assert not Template.objects.exists()
    Certificate.objects.update(scrubbed_at=timezone.now())
    key = f"hold-{held.pk}"
    assert keys.fingerprint(key)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        destruction.release_hold(held, reason="The trial is over", actor=cast.authority)
    assert not Person.objects.exists()
    assert not keys.fingerprint(key)
    assert LedgerEntry.objects.count() == 2
    # The rows just deleted are scrubbed too.
    certificate.refresh_from_db()
    assert certificate.scrubbed_at is None


def test_a_hold_has_a_reason_an_owner_and_a_future_review_date(cast: Cast) -> None:
    make_watchlist(cast)
    person = Person.objects.get()
    with pytest.raises(Refused, match="evidence of"):
        destruction.place_hold(person, reason=" ", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="after today"):
        destruction.place_hold(person, reason="x", review_on=timezone.localdate(), actor=cast.authority)
    with pytest.raises(PermissionDenied):
        destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.watchlist_admin)
    destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="already held"):
        destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="held as evidence"):
        people.remove_person(person, actor=cast.watchlist_admin)
    destruction.release_hold(person, reason="The trial is over", actor=cast.authority)
    assert Person.objects.get() == person
    assert not Hold.objects.exists()
    assert Entry.objects.get(action="person.hold_released").data["reason"] == "The trial is over"


def test_the_ledger_answers_only_for_a_given_reference(cast: Cast) -> None:
    watchlist = _ended(cast)
    reference = Person.objects.get().reference
    (present,) = ledger.find(reference)
    assert (present.until, present.status) == (None, "on the watchlist, whose state is closed")
    destruction.destroy(watchlist)
    (past,) = ledger.find(f" {reference.lower()} ")
    assert (past.watchlist, past.category, past.until) == (watchlist, "Wanted by the courts", timezone.localdate())
    assert ledger.find("T/nobody") == []
    assert not any(
        reference.lower() in str(vars(row)).lower() for row in (*LedgerEntry.objects.all(), *Entry.objects.all())
    )
    # Without the ledger's key, references cannot be tried out.
    keys.destroy(keys.LEDGER)
    with pytest.raises(KeyGone, match="ledger's key is missing"):
        ledger.find(reference)
    with pytest.raises(KeyGone):
        ledger.prepare()


def test_texts_that_name_a_listed_person_are_destroyed_with_the_list(cast: Cast) -> None:
    watchlist = operations.create_watchlist(actor=cast.watchlist_admin, name="Find Alex Fenwick", purpose="A test")
    make_operating_point()
    add_person(cast, watchlist, "N/1", "Alex Fenwick")
    operations.discard_watchlist(watchlist, actor=cast.watchlist_admin)
    destruction.destroy(watchlist)
    watchlist.refresh_from_db()
    assert (watchlist.name, watchlist.purpose) == (destruction.WITHHELD, "A test")
    assert not any("fenwick" in str(vars(row)).lower() for row in Entry.objects.all())


def test_keys_left_by_a_crashed_process_are_destroyed(cast: Cast) -> None:
    watchlist = _ended(cast)
    draft, held = make_watchlist(cast), Person.objects.filter(watchlist=watchlist)[0]
    destruction.place_hold(held, reason="Evidence", review_on=_soon(), actor=cast.authority)
    # On-commit callbacks do not run in this test, so the key outlives its rows, as after a crash.
    destruction.destroy(watchlist)
    keys.create("hold-" + str(watchlist.pk))
    keys.sweep()
    evidence = f"hold-{held.pk}"
    assert keys.store().names() == sorted([keys.LEDGER, signing.AUTHORITY, log_keys.LOG, draft.key_name, evidence])
    assert Photograph.objects.get(key_name=evidence).jpeg


def test_rows_deleted_during_a_scrub_are_scrubbed_later(cast: Cast) -> None:
    watchlist = _ended(cast)
    certificate = destruction.destroy(watchlist)
    seen = Certificate.objects.get(pk=certificate.pk)
    Certificate.objects.update(left_at=timezone.now() + dt.timedelta(seconds=1))
    assert not destruction._note_scrubbed(seen, log_removed=True)
    assert destruction._note_scrubbed(Certificate.objects.get(), log_removed=True)
    assert Certificate.objects.get().scrubbed_at


def test_a_key_is_replaced_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.create("test")
    (value,) = keys.store().values("test")
    old = keys.store()._path("test").open("rb")  # type: ignore[attr-defined]
    monkeypatch.setattr(Path, "replace", _full_disk)
    with pytest.raises(OSError, match="full"):
        keys.renew("test")
    assert keys.store().values("test") == [value]
    monkeypatch.undo()
    keys.store().put("test", [b"x" * 44])
    with old:
        # A process that still has the old file open cannot read the key from it.
        assert set(old.read()) == {0}
    keys.destroy("test")
    assert sorted(each.name for each in (tmp_path / "keys").iterdir()) == ["authority.key", "ledger.key", "log.key"]


def _full_disk(*args: object) -> None:
    raise OSError("The disk is full")


def test_the_ledger_knows_of_drafts_imports_and_evidence(cast: Cast) -> None:
    """Data is held in all of them, so "on no list" would be a wrong answer."""
    draft = make_watchlist(cast)
    reference = Person.objects.get().reference
    (present,) = ledger.find(reference)
    assert present.status == "on the watchlist, whose state is draft"
    imported = Import.objects.create(watchlist=draft, engine=engines.current_engine(), created_by=cast.watchlist_admin)
    ImportRow.objects.create(of=imported, line=2, reference="N/7", values={"name": "Alex Fenwick"})
    (staged,) = ledger.find(" n/7")
    assert (staged.watchlist, staged.until) == (draft, None)
    assert staged.status.startswith("not added: in an import")
    ImportRow.objects.update(verdict=ImportRow.Verdict.ADDED)
    assert ledger.find("N/7") == []
    # By name too, where names still are.
    assert ledger.find("N/8", " test  person 0") == [present]
    ImportRow.objects.update(verdict=ImportRow.Verdict.WRONG)
    assert ledger.find("N/8", "alex fenwick") == [staged]


def test_a_person_removed_from_a_draft_is_destroyed_and_in_the_ledger(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    person = Person.objects.get()
    people.remove_person(person, actor=cast.watchlist_admin)
    watchlist.refresh_from_db()
    assert (Person.objects.count(), Photograph.objects.count(), watchlist.size) == (0, 0, 0)
    assert len(ledger.find(person.reference)) == 1


def test_a_discarded_draft_is_destroyed(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    operations.discard_watchlist(watchlist, actor=cast.watchlist_admin)
    assert destruction.destroy_due() == 1
    assert not Person.objects.exists()
    with pytest.raises(Conflict):
        operations.new_version(watchlist, actor=cast.watchlist_admin)


def test_overdue_destruction_is_on_every_page_of_the_compliance_officer(cast: Cast) -> None:
    watchlist = _ended(cast)
    client = Client()
    client.force_login(cast.compliance)
    assert "Overdue for destruction" not in client.get("/journal/").content.decode()
    Watchlist.objects.filter(pk=watchlist.pk).update(destroy_due_at=timezone.now() - dt.timedelta(minutes=1))
    for page in ("/", "/journal/", "/records/", "/retention/", "/cases/"):
        assert "Overdue for destruction: 1 watchlist" in client.get(page).content.decode(), page


def test_photographs_can_be_decrypted_after_keys_rotate(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    photograph = Photograph.objects.get()
    jpeg, before = photograph.jpeg, keys.store().values(watchlist.key_name)
    call_command("rotate_keys")
    after = keys.store().values(watchlist.key_name)
    assert len(after) == 1
    assert after != before
    photograph.refresh_from_db()
    assert photograph.jpeg == jpeg
    with pytest.raises(KeyGone):
        keys.store().put(watchlist.key_name, before)
        _ = photograph.jpeg
    assert Entry.objects.filter(action="watchlist.keys_rotated").count() == 1


def test_swapped_pictures_cannot_be_decrypted(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    photograph = Photograph.objects.get()
    other = keys.encrypted(watchlist.key_name, b"another picture")
    Photograph.objects.update(encrypted=other)
    photograph.refresh_from_db()
    with pytest.raises(KeyGone, match="not the photograph"):
        _ = photograph.jpeg


def test_no_picture_is_stored_unencrypted(cast: Cast) -> None:
    make_watchlist(cast)
    photograph = Photograph.objects.get()
    assert photograph.jpeg[:2] == b"\xff\xd8"
    assert photograph.jpeg[100:164] not in bytes(photograph.encrypted)


def test_a_key_must_have_a_valid_name() -> None:
    with pytest.raises(ValueError, match="not a valid key name"):
        keys.create("../../etc/passwd")


def test_two_kinds_of_keys_cannot_have_one_name() -> None:
    """A sweep for one would destroy the keys of the other."""
    with pytest.raises(ValueError, match="two kinds of keys"):
        keys.swept_by("list", print)


def test_a_key_that_a_destroyed_list_left_behind_is_swept(cast: Cast) -> None:
    kept, gone = make_sealed_watchlist(cast), make_sealed_watchlist(cast)
    Watchlist.objects.filter(pk=gone.pk).update(state=Watchlist.State.DESTROYED)
    keys.sweep()
    assert (kept.key_name in keys.store().names(), gone.key_name in keys.store().names()) == (True, False)


def test_a_likeness_to_a_photograph_that_is_gone_is_not_flagged(cast: Cast) -> None:
    """Another list was destroyed between the search and the end of the transaction: adding somebody must not fail."""
    own, other = make_watchlist(cast), make_watchlist(cast)
    photograph = Photograph.objects.get(person__watchlist=own)
    gone = Photograph.objects.get(person__watchlist=other)
    found = [
        Flag(person=photograph.person, photograph=photograph, other=gone, kind=Flag.Kind.LOOK_ALIKE, detail="Similar"),
        Flag(person=photograph.person, photograph=photograph, kind=Flag.Kind.POOR_QUALITY, detail="Blurred"),
    ]
    Flag.objects.all().delete()
    Person.objects.filter(watchlist=other).delete()
    with transaction.atomic():
        flags.store(found)
    assert [each.kind for each in Flag.objects.all()] == [Flag.Kind.POOR_QUALITY]
