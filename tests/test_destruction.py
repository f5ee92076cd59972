"""The end of a list: what goes, what is held, what is left to prove it, and who can still be answered."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audit.errors import Conflict, Refused
from audit.models import Entry
from deployments import operations as deployment_operations
from tests.cast import Cast, make_alert, make_live_deployment, make_sealed_watchlist, make_watchlist
from watchlists import destruction, keys, ledger, operations, people
from watchlists.keys import KeyGone
from watchlists.models import (
    Certificate,
    Flag,
    Hold,
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
    deployment_operations.end(deployment, actor=cast.operator, reason="Done")
    watchlist = deployment.watchlist
    watchlist.refresh_from_db()
    return watchlist


def test_destruction_takes_everything_but_the_account_of_it(
    cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    watchlist = _ended(cast)
    ended = watchlist.deployments.get().ended_at
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


def test_a_certificate_that_was_written_over_is_noticed(cast: Cast) -> None:
    certificate = destruction.destroy(_ended(cast))
    Certificate.objects.update(people=7)
    certificate.refresh_from_db()
    assert certificate.sha256 != destruction.certificate_hash(certificate)


def test_another_list_with_the_same_person_stays_whole(cast: Cast) -> None:
    watchlist = _ended(cast)
    draft = operations.new_version(watchlist, actor=cast.intelligence)
    destruction.destroy(watchlist)
    assert draft.people.get().photographs.get().jpeg
    assert Template.objects.count() == 1


def test_an_alert_outlives_the_person_it_was_about(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    deployment_operations.end(deployment, actor=cast.operator, reason="Done")
    deployment.watchlist.refresh_from_db()
    destruction.destroy(deployment.watchlist)
    alert.refresh_from_db()
    assert (alert.person, alert.photograph) == (None, None)


def test_what_is_held_as_evidence_stays_without_a_template(
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
    assert held.photographs.get().jpeg == jpeg
    assert not Template.objects.exists()
    Certificate.objects.update(scrubbed_at=timezone.now())
    key = f"hold-{held.pk}"
    assert keys.fingerprint(key)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        destruction.release_hold(held, actor=cast.authority)
    assert not Person.objects.exists()
    assert not keys.fingerprint(key)
    assert LedgerEntry.objects.count() == 2
    # The rows just deleted are scrubbed as well.
    certificate.refresh_from_db()
    assert certificate.scrubbed_at is None


def test_a_hold_has_a_reason_an_owner_and_a_day_ahead(cast: Cast) -> None:
    make_watchlist(cast)
    person = Person.objects.get()
    with pytest.raises(Refused, match="evidence of"):
        destruction.place_hold(person, reason=" ", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="lie ahead"):
        destruction.place_hold(person, reason="x", review_on=timezone.localdate(), actor=cast.authority)
    with pytest.raises(PermissionDenied):
        destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.intelligence)
    destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="held already"):
        destruction.place_hold(person, reason="x", review_on=_soon(), actor=cast.authority)
    with pytest.raises(Refused, match="held as evidence"):
        people.remove_person(person, actor=cast.intelligence)
    destruction.release_hold(person, actor=cast.authority)
    assert Person.objects.get() == person
    assert not Hold.objects.exists()


def test_the_ledger_answers_with_the_reference_in_hand_and_not_without(cast: Cast) -> None:
    watchlist = _ended(cast)
    reference = Person.objects.get().reference
    (present,) = ledger.search(reference, actor=cast.compliance)
    assert present.until is None
    destruction.destroy(watchlist)
    (past,) = ledger.search(f" {reference.lower()} ", actor=cast.compliance)
    assert (past.watchlist, past.category, past.until) == (watchlist, "Wanted by the courts", timezone.localdate())
    assert ledger.search("T/nobody", actor=cast.compliance) == []
    with pytest.raises(PermissionDenied):
        ledger.search(reference, actor=cast.authority)
    assert not any(
        reference.lower() in str(vars(row)).lower() for row in (*LedgerEntry.objects.all(), *Entry.objects.all())
    )
    # Without the ledger's key nobody can try references out.
    keys.destroy(keys.LEDGER)
    assert ledger.search(reference, actor=cast.compliance) == []


def test_who_is_taken_off_a_draft_is_destroyed_and_stands_in_the_ledger(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    person = Person.objects.get()
    people.remove_person(person, actor=cast.intelligence)
    watchlist.refresh_from_db()
    assert (Person.objects.count(), Photograph.objects.count(), watchlist.size) == (0, 0, 0)
    assert len(ledger.search(person.reference, actor=cast.compliance)) == 1


def test_a_draft_that_is_given_up_is_destroyed(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    operations.discard_watchlist(watchlist, actor=cast.intelligence)
    assert destruction.destroy_due() == 1
    assert not Person.objects.exists()
    with pytest.raises(Conflict):
        operations.new_version(watchlist, actor=cast.intelligence)


def test_overdue_destruction_stands_on_every_page_of_compliance(cast: Cast) -> None:
    watchlist = _ended(cast)
    client = Client()
    client.force_login(cast.compliance)
    assert "Overdue for destruction" not in client.get("/journal/").content.decode()
    Watchlist.objects.filter(pk=watchlist.pk).update(destroy_due_at=timezone.now() - dt.timedelta(minutes=1))
    for page in ("/", "/journal/", "/records/", "/destructions/", "/ledger/"):
        assert "Overdue for destruction: 1 watchlist" in client.get(page).content.decode(), page


def test_keys_rotate_and_what_they_encrypted_still_opens(cast: Cast) -> None:
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


def test_pictures_that_were_exchanged_do_not_open(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    photograph = Photograph.objects.get()
    other = keys.encrypted(watchlist.key_name, b"another picture")
    Photograph.objects.update(encrypted=other)
    photograph.refresh_from_db()
    with pytest.raises(KeyGone, match="not the photograph"):
        _ = photograph.jpeg


def test_a_picture_stands_nowhere_in_the_clear(cast: Cast) -> None:
    make_watchlist(cast)
    photograph = Photograph.objects.get()
    assert photograph.jpeg[:2] == b"\xff\xd8"
    assert photograph.jpeg[100:164] not in bytes(photograph.encrypted)


def test_a_key_has_a_proper_name() -> None:
    with pytest.raises(ValueError, match="no key's name"):
        keys.create("../../etc/passwd")
