"""Before approval: each photograph is of the person, by name and time, and each person still sought, by a source."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from tests.cast import (
    Cast,
    add_person,
    client_of,
    make_enrolment,
    make_sealed_watchlist,
    make_user,
    make_watchlist,
    particulars,
    provenance,
    random_embedding,
    still_sought,
)
from watchlists import confirmation, operations, people
from watchlists.choices import KEEPING_OF, Category, Keeping, Source
from watchlists.models import Flag, Person, Photograph, Watchlist
from watchlists.seal import content_hash

UNCONFIRMED = {"confirmed_by": "", "confirmed_at": None}


def _ids(watchlist: Watchlist) -> list[Any]:
    return list(watchlist.people.values_list("pk", flat=True))


def _open(cast: Cast, person: Person) -> None:
    assert client_of(cast.watchlist_admin).get(f"/people/{person.pk}/").status_code == 200


def _add(watchlist: Watchlist, cast: Cast, number: int, **changes: Any) -> Person:
    return people.add_person(
        watchlist,
        particulars(f"T/{number}"),
        make_enrolment(random_embedding(number)),
        provenance(**changes),
        actor=cast.watchlist_admin,
    )


def test_no_list_is_submitted_with_a_photograph_that_nobody_has_compared(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    photograph = _add(watchlist, cast, 2, **UNCONFIRMED).photographs.get()
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    still_sought(watchlist, cast.watchlist_admin)
    with pytest.raises(Refused, match="nobody has confirmed to be of the person: 1"):
        operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    before = content_hash(watchlist)
    assert confirmation.confirm_photographs(watchlist, [photograph.pk], actor=cast.watchlist_admin) == 1
    photograph.refresh_from_db()
    assert photograph.confirmed_by == "watchlist_admin"
    assert photograph.confirmed_at is not None
    # It is part of what the authorising officer approves.
    assert content_hash(watchlist) != before
    entry = Entry.objects.get(action="photograph.confirmed")
    assert (entry.target_id, entry.actor) == (str(photograph.pk), "watchlist_admin")
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    with pytest.raises(Conflict):
        confirmation.confirm_photographs(watchlist, [photograph.pk], actor=cast.watchlist_admin)


def test_only_who_compiles_confirms_and_only_photographs_of_that_list(cast: Cast) -> None:
    watchlist, other = make_watchlist(cast), make_watchlist(cast)
    Photograph.objects.update(**UNCONFIRMED)
    elsewhere = Photograph.objects.get(person__watchlist=other)
    for user in cast.by_role.values():
        if user not in (cast.watchlist_admin, cast.records):
            with pytest.raises(PermissionDenied):
                confirmation.confirm_photographs(other, [elsewhere.pk], actor=user)
    with pytest.raises(Refused, match="Select the photographs"):
        confirmation.confirm_photographs(watchlist, [elsewhere.pk], actor=cast.watchlist_admin)
    elsewhere.refresh_from_db()
    assert elsewhere.confirmed_by == ""


def test_another_name_or_another_entry_needs_another_comparison(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    first, second = watchlist.people.order_by("reference")
    given = particulars(first.reference, first.name)
    people.change_person(first, {**given, "offence": "Burglary"}, revision=first.revision, actor=cast.watchlist_admin)
    assert first.photographs.get().confirmed_by == "Test Clerk"
    people.change_person(first, {**given, "name": "Another"}, revision=first.revision, actor=cast.watchlist_admin)
    assert first.photographs.get().confirmed_by == ""
    flag = Flag.objects.create(person=first, kind=Flag.Kind.SAME_PERSON, detail="Alike", other=second.photographs.get())
    Photograph.objects.filter(person=second).update(sha256="0" * 64)
    people.merge(flag, actor=cast.watchlist_admin)
    assert first.photographs.filter(confirmed_by="").count() == 2


def test_a_new_version_keeps_who_compared(cast: Cast) -> None:
    draft = operations.new_version(make_sealed_watchlist(cast), actor=cast.watchlist_admin)
    assert Photograph.objects.get(person__watchlist=draft).confirmed_by == "Test Clerk"


@pytest.mark.parametrize("source", KEEPING_OF)
def test_a_custody_or_third_party_photograph_needs_its_basis(cast: Cast, source: Source) -> None:
    watchlist = make_watchlist(cast, people=0)
    of_others = next(each for each in Keeping if each not in KEEPING_OF[source])
    for keeping in ("", of_others):
        with pytest.raises(Refused, match="may be kept"):
            _add(watchlist, cast, 1, source=source, keeping=keeping)
    person = _add(watchlist, cast, 1, source=source, keeping=KEEPING_OF[source][0])
    with pytest.raises(IntegrityError), transaction.atomic():
        person.photographs.update(keeping="")


def test_other_sources_need_none(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    with pytest.raises(Refused, match="needs no basis"):
        _add(watchlist, cast, 1, source=Source.POLICE)
    _add(watchlist, cast, 1, source=Source.POLICE, keeping="")


def test_a_confirmation_in_the_future_or_without_a_time_is_refused(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    for moment in (None, timezone.now() + dt.timedelta(hours=1)):
        with pytest.raises(Refused, match="in the past"):
            _add(watchlist, cast, 1, confirmed_at=moment)
    assert not watchlist.people.exists()


def test_a_sample_is_opened_before_a_whole_ground_is_confirmed(cast: Cast, settings: Any) -> None:
    settings.LFR_CURRENCY_SAMPLE = 3
    watchlist = make_watchlist(cast, people=8)
    ids, admin = _ids(watchlist), cast.watchlist_admin
    sample = confirmation.sample_of(watchlist, ids, actor=admin)
    assert len(sample) == 3
    for opened, person in enumerate(sample):
        with pytest.raises(confirmation.SampleNotOpened) as refused:
            confirmation.confirm_current(watchlist, ids, source="pnc", actor=admin)
        assert list(refused.value.unopened) == sample[opened:]
        _open(cast, person)
    assert confirmation.confirm_current(watchlist, ids, source="pnc", actor=admin) == 8
    assert set(watchlist.people.values_list("current_source", flat=True)) == {"pnc"}
    entry = Entry.objects.get(action="watchlist.people_current")
    assert (entry.data["source"], entry.data["opened"], entry.data["people"]) == ("pnc", 3, 8)


def test_another_user_opens_a_sample_of_their_own(cast: Cast) -> None:
    watchlist, other = make_watchlist(cast, people=12), make_user("second", cast.watchlist_admin)
    own = confirmation.sample_of(watchlist, _ids(watchlist), actor=cast.watchlist_admin)
    # One in 792 that two samples of five among twelve are the same.
    assert own != confirmation.sample_of(watchlist, _ids(watchlist), actor=other)
    still_sought(watchlist, cast.watchlist_admin)
    with pytest.raises(confirmation.SampleNotOpened):
        confirmation.confirm_current(watchlist, _ids(watchlist), source="pnc", actor=other)


def test_the_page_after_a_change_opens_nothing_but_confirms_that_one_person(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    client = client_of(cast.watchlist_admin)
    for person in watchlist.people.all():
        assert client.get(f"/people/{person.pk}/?after_change").status_code == 200
    with pytest.raises(confirmation.SampleNotOpened):
        confirmation.confirm_current(watchlist, _ids(watchlist), source="pnc", actor=cast.watchlist_admin)
    one = _ids(watchlist)[:1]
    assert confirmation.confirm_current(watchlist, one, source="pnc", actor=cast.watchlist_admin) == 1


def test_what_was_confirmed_is_confirmed_again_after_a_change_of_it(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    person = watchlist.people.get()
    given = particulars(person.reference, person.name)
    for changes in ({"offence": "Burglary"}, {"category": Category.SUSPECT}, {"authority": "Another"}):
        still_sought(watchlist, cast.watchlist_admin)
        given |= changes
        person.refresh_from_db()
        people.change_person(person, given, revision=person.revision, actor=cast.watchlist_admin)
        person.refresh_from_db()
        assert (person.current_at, person.current_source) == (None, "")
    still_sought(watchlist, cast.watchlist_admin)
    person.refresh_from_db()
    people.change_person(
        person, {**given, "expected_action": "Call"}, revision=person.revision, actor=cast.watchlist_admin
    )
    person.refresh_from_db()
    assert person.current_at is not None


def test_what_was_opened_more_than_a_day_ago_does_not_count(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    watchlist = make_watchlist(cast)
    _open(cast, watchlist.people.get())
    later = timezone.now() + dt.timedelta(hours=25)
    monkeypatch.setattr(timezone, "now", lambda: later)
    with pytest.raises(confirmation.SampleNotOpened):
        confirmation.confirm_current(watchlist, _ids(watchlist), source="pnc", actor=cast.watchlist_admin)


def test_each_ground_has_its_own_source(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    add_person(cast, watchlist, "T/missing", embedding=random_embedding(5), category=Category.MISSING)
    for person in watchlist.people.all():
        _open(cast, person)
    with pytest.raises(Refused, match="Each lawful ground has its own sources"):
        confirmation.confirm_current(watchlist, _ids(watchlist), source="pnc", actor=cast.watchlist_admin)
    with pytest.raises(Refused, match="Select the source"):
        confirmation.confirm_current(watchlist, _ids(watchlist), source="rumour", actor=cast.watchlist_admin)
    missing = [watchlist.people.get(category=Category.MISSING).pk]
    with pytest.raises(Refused, match="Select a source for"):
        confirmation.confirm_current(watchlist, missing, source="court", actor=cast.watchlist_admin)
    assert not watchlist.people.filter(current_at__isnull=False).exists()


def test_the_page_shows_the_sample_then_takes_the_confirmation(cast: Cast) -> None:
    watchlist, client = make_watchlist(cast, people=2), client_of(cast.watchlist_admin)
    add_person(cast, watchlist, "T/missing", "Missing Person", random_embedding(5), category=Category.MISSING)
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    path = f"/watchlists/{watchlist.pk}/"
    page = client.get(path).content.decode()
    assert re.findall(r'name="ground" value="(\w+)"', page) == ["wanted", "missing"]
    assert 'name="ground"' not in client.get(f"/watchlists/{make_watchlist(cast).pk}/").content.decode()
    refused = client.post(path + "current/", {"ground": "wanted", "source": "court"})
    text = refused.content.decode()
    assert (refused.status_code, text.count("Not opened"), "Missing Person" in text) == (422, 2, False)
    for person in watchlist.people.filter(category="wanted"):
        _open(cast, person)
    assert client.post(path + "current/", {"ground": "wanted", "source": ""}).status_code == 422
    assert client.post(path + "current/", {"ground": "wanted", "source": "court"}).status_code == 302
    page = client.get(path).content.decode()
    assert re.findall(r'name="ground" value="(\w+)"', page) == ["missing"]
    missing = watchlist.people.get(category="missing")
    _open(cast, missing)
    assert client.post(path + "current/", {"person": missing.pk, "source": "missing"}).status_code == 302
    page = client.get(f"/people/{missing.pk}/").content.decode()
    assert "Missing persons system" in page


def test_photographs_of_an_import_are_compared_on_a_page(cast: Cast) -> None:
    watchlist, client = make_watchlist(cast, people=2), client_of(cast.watchlist_admin)
    Photograph.objects.update(**UNCONFIRMED)
    path = f"/watchlists/{watchlist.pk}/photographs/"
    page = client.get(path).content.decode()
    first, second = re.findall(r'name="photograph" value="([0-9a-f-]+)"', page)
    assert client.post(path, {}).status_code == 422
    assert client.post(path, {"photograph": "nonsense"}).status_code == 422
    assert client.post(path, {"photograph": first}).headers["Location"] == path
    assert client.post(path, {"photograph": second}).headers["Location"] == f"/watchlists/{watchlist.pk}/"
    assert not confirmation.unconfirmed_photographs(watchlist).exists()


def test_a_photograph_is_not_added_on_the_page_without_the_comparison(cast: Cast) -> None:
    watchlist, client = make_watchlist(cast), client_of(cast.watchlist_admin)
    page = client.post(f"/watchlists/{watchlist.pk}/people/new/", {"source": "police"}).content.decode()
    assert "Compare the photograph with the record" in page
