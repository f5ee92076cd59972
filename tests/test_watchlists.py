"""The life of a watchlist: its states, who may take each step, and its obstacles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo.seeding import check_and_seal
from lfr_site.models import User
from tests.cast import (
    Cast,
    add_person,
    client_of,
    list_of,
    make_live_deployment,
    make_sealed_watchlist,
    make_user,
    make_watchlist,
    random_embedding,
    still_sought,
)
from watchlists import approval, confirmation, destruction, operations, people
from watchlists.models import Flag, Person, Photograph, SealedTemplate, Watchlist
from watchlists.seal import content_hash

State = Watchlist.State


def _compiled(cast: Cast, count: int = 1) -> Watchlist:
    watchlist = make_watchlist(cast, people=count)
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    still_sought(watchlist, cast.watchlist_admin)
    return watchlist


def _confirm(watchlist: Watchlist, actor: User) -> None:
    """Confirm everyone as still sought, the sample having been opened."""
    ids = watchlist.people.values_list("pk", flat=True)
    confirmation.confirm_current(watchlist, ids, source="court", actor=actor)


def _checked(cast: Cast, count: int = 1) -> Watchlist:
    watchlist = _compiled(cast, count)
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    return watchlist


def test_the_life_of_a_list(cast: Cast) -> None:
    watchlist = _checked(cast, 2)
    approval.return_watchlist(watchlist, actor=cast.authority, reason="Too broad")
    assert watchlist.state == State.RETURNED
    check_and_seal(watchlist, compiler=cast.watchlist_admin, approver=cast.authority)
    assert watchlist.state == State.SEALED
    assert watchlist.sealed_hash == content_hash(watchlist)
    done = list(Entry.objects.in_order().filter(target_id=str(watchlist.id)).values_list("action", flat=True))
    assert done[-6:] == [
        "watchlist.checked",
        "watchlist.returned",
        "watchlist.compiled",
        "watchlist.checked",
        "watchlist.authorised",
        "watchlist.sealed",
    ]


ACTS: dict[str, Callable[[Watchlist, Cast], object]] = {
    "compile": lambda each, cast: operations.compile_watchlist(each, actor=cast.watchlist_admin),
    "withdraw": lambda each, cast: operations.withdraw_watchlist(each, actor=cast.watchlist_admin),
    "check": lambda each, cast: operations.check_watchlist(each, actor=cast.watchlist_admin),
    "return": lambda each, cast: approval.return_watchlist(each, actor=cast.authority, reason="x"),
    "reject": lambda each, cast: approval.reject_watchlist(each, actor=cast.authority, reason="x"),
    "discard": lambda each, cast: operations.discard_watchlist(each, actor=cast.watchlist_admin),
    "authorise": lambda each, cast: approval.authorise_watchlist(
        each, actor=cast.authority, reason="x", seen=content_hash(each)
    ),
    "go_live": lambda each, cast: operations.go_live(each, actor=cast.commander),
    "close": lambda each, cast: operations.close(each, actor=cast.commander, ended_at=timezone.now()),
    "remove": lambda each, cast: people.remove_person(each.people.all()[0], actor=cast.watchlist_admin),
    "current": lambda each, cast: _confirm(each, cast.watchlist_admin),
    "version": lambda each, cast: operations.new_version(each, actor=cast.watchlist_admin),
}
ALLOWED = {
    State.DRAFT: {"compile", "discard", "remove", "current"},
    State.RETURNED: {"compile", "discard", "remove", "current"},
    State.COMPILED: {"withdraw", "check", "return", "reject", "current", "version"},
    State.CHECKED: {"withdraw", "return", "reject", "authorise", "version"},
    State.AUTHORISED: {"version"},
    State.SEALED: {"go_live", "version"},
    State.LIVE: {"close", "version"},
    State.CLOSED: {"version"},
    State.REJECTED: {"version"},
    State.EXPIRED: {"version"},
    State.SUPERSEDED: {"version"},
    State.DESTROYED: set(),
}


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("act", ACTS)
def test_every_action_in_every_state(cast: Cast, state: str, act: str) -> None:
    """All guards are met, so that only the state decides."""
    watchlist = make_watchlist(cast)
    still_sought(watchlist, cast.watchlist_admin)
    Watchlist.objects.filter(pk=watchlist.pk).update(state=state)
    watchlist.refresh_from_db()
    before = Entry.objects.count()
    if act in ALLOWED[State(state)]:
        ACTS[act](watchlist, cast)
        assert Entry.objects.count() > before
    else:
        with pytest.raises(Conflict):
            ACTS[act](watchlist, cast)
        watchlist.refresh_from_db()
        assert (watchlist.state, Entry.objects.count()) == (state, before)


@pytest.mark.parametrize("role", ["system_admin", "authority", "operator", "officer", "compliance", "stranger"])
def test_other_roles_cannot_compile(cast: Cast, role: str) -> None:
    watchlist, other = make_watchlist(cast), cast.by_role[role]
    acts: tuple[Callable[[], object], ...] = (
        lambda: operations.create_watchlist(actor=other, name="x", purpose="y"),
        lambda: operations.compile_watchlist(watchlist, actor=other),
        lambda: operations.discard_watchlist(watchlist, actor=other),
        lambda: operations.new_version(watchlist, actor=other),
        lambda: _confirm(watchlist, other),
        lambda: people.remove_person(watchlist.people.get(), actor=other),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()


@pytest.mark.parametrize("role", ["system_admin", "watchlist_admin", "operator", "officer", "compliance", "stranger"])
def test_other_roles_cannot_decide(cast: Cast, role: str) -> None:
    watchlist, other = _checked(cast), cast.by_role[role]
    # They are refused because of their role, whether they worked on the list or not.
    watchlist.contributions.all().delete()
    acts: tuple[Callable[[], object], ...] = (
        lambda: approval.authorise_watchlist(watchlist, actor=other, reason="x", seen=content_hash(watchlist)),
        lambda: approval.return_watchlist(watchlist, actor=other, reason="x"),
        lambda: approval.reject_watchlist(watchlist, actor=other, reason="x"),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()


def test_obstacles_to_approval_are_reported(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    person = watchlist.people.all()[0]
    Flag.objects.create(person=person, kind=Flag.Kind.OLD_PHOTOGRAPH, detail="Old", photograph=person.photographs.get())
    Person.objects.filter(pk=person.pk).update(expires_on=timezone.localdate() - dt.timedelta(days=1))
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    with pytest.raises(Refused) as refused:
        operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    unconfirmed = "not confirmed as still sought within 24 hours: 2"
    for words in ("Open flags: 1", unconfirmed, "Expired entries, which must be removed: 1"):
        assert words in str(refused.value)
    watchlist.refresh_from_db()
    assert watchlist.state == State.COMPILED


def test_checks_last_a_day(cast: Cast) -> None:
    watchlist = _checked(cast)
    Person.objects.filter(watchlist=watchlist).update(current_at=timezone.now() - dt.timedelta(hours=25))
    with pytest.raises(Refused, match="not confirmed as still sought within 24 hours: 1"):
        approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary", seen=content_hash(watchlist))


def test_approval_is_refused_if_the_list_changed_since_it_was_opened(cast: Cast) -> None:
    watchlist = _checked(cast)
    seen = content_hash(watchlist)
    Person.objects.filter(watchlist=watchlist).update(offence="Something else")
    with pytest.raises(Conflict, match="has changed since you opened it"):
        approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary", seen=seen)
    watchlist.refresh_from_db()
    assert watchlist.state == State.CHECKED


def test_the_authorising_officer_confirms_each_child(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    born = timezone.localdate() - dt.timedelta(days=365 * 15)
    child = add_person(
        cast,
        watchlist,
        "T/child",
        embedding=random_embedding(7),
        date_of_birth=born,
        minor_rationale="Missing, and believed to be exploited; nothing else has found her",
    )
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    still_sought(watchlist, cast.watchlist_admin)
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin)
    seen = content_hash(watchlist)
    for given in ({}, {str(child.pk): "  "}, {"somebody": "Necessary"}):
        with pytest.raises(Refused, match="your reason for each person under 18"):
            approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Fine", seen=seen, minors=given)
    # The audit log keeps the reason, so it may not name the child.
    with pytest.raises(Refused, match="name or reference"):
        approval.authorise_watchlist(
            watchlist, actor=cast.authority, reason="Fine", seen=seen, minors={child.pk: f"{child.name} is missing"}
        )
    why = "Missing for nine days; home, school and friends were tried"
    approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Fine", seen=seen, minors={child.pk: why})
    child.refresh_from_db()
    assert (child.minor_accepted_by, child.minor_accepted_reason) == (cast.authority, why)
    assert Entry.objects.get(action="watchlist.authorised").data["under_18"] == 1
    assert Entry.objects.get(action="person.child_accepted").data["reason"] == why


def _inspector(cast: Cast, name: str = "inspector") -> User:
    return make_user(name, cast.authority, Rank.INSPECTOR)


def test_a_list_is_approved_by_a_superintendent(cast: Cast) -> None:
    watchlist = _checked(cast)
    seen = content_hash(watchlist)
    with pytest.raises(Refused, match="rank of Superintendent"):
        approval.authorise_watchlist(watchlist, actor=_inspector(cast), reason="Fine", seen=seen)
    approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Fine", seen=seen)
    assert (watchlist.authorised_rank, watchlist.awaits_confirmation) == (Rank.SUPERINTENDENT, False)


def test_an_urgent_list_may_be_approved_by_an_inspector_and_expires_unless_it_is_confirmed(cast: Cast) -> None:
    watchlist, inspector = _compiled(cast), _inspector(cast)
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin, urgent_reason="A child was taken an hour ago")
    seen = content_hash(watchlist)
    approval.authorise_watchlist(watchlist, actor=inspector, reason="Fine", seen=seen)
    assert watchlist.awaits_confirmation
    assert watchlist.sealed_at is not None
    assert watchlist.expires_at == watchlist.sealed_at + dt.timedelta(hours=4)
    assert Entry.objects.get(action="watchlist.authorised").data["urgent"] is True
    User.objects.filter(pk=inspector.pk).update(rank=Rank.SUPERINTENDENT)
    with pytest.raises(Refused, match="another officer must confirm"):
        approval.confirm_watchlist(watchlist, reason="Mine", actor=User.objects.get(pk=inspector.pk))
    with pytest.raises(Refused, match="rank of Superintendent"):
        approval.confirm_watchlist(watchlist, reason="Fine", actor=_inspector(cast, "second"))
    page = client_of(cast.authority).get(f"/watchlists/{watchlist.pk}/").content.decode()
    assert "to be confirmed by a Superintendent before" in page
    client_of(cast.authority).post(f"/watchlists/{watchlist.pk}/confirm/", {"reason": "Rightly done"})
    watchlist = Watchlist.objects.get(pk=watchlist.pk)
    assert not watchlist.awaits_confirmation
    assert watchlist.expires_at is not None
    assert watchlist.sealed_at is not None
    assert watchlist.expires_at > watchlist.sealed_at + dt.timedelta(hours=20)
    assert Entry.objects.get(action="watchlist.confirmed").data["rank"] == Rank.SUPERINTENDENT
    with pytest.raises(Conflict, match="No confirmation is due"):
        approval.confirm_watchlist(watchlist, reason="Again", actor=cast.authority)


def test_a_sealed_list_cannot_be_changed(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast, people=2)
    with pytest.raises(Conflict, match="only a draft"):
        add_person(cast, watchlist, "T/late", embedding=random_embedding(9))
    assert watchlist.people.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda each: Person.objects.filter(watchlist=each).update(offence="Something else"),
        lambda each: Photograph.objects.filter(person__watchlist=each).update(source="police"),
        lambda each: Watchlist.objects.filter(pk=each.pk).update(purpose="Another"),
        lambda each: Flag.objects.create(person=each.people.get(), kind="old_photograph", detail="x"),
    ],
)
def test_the_seal_reveals_a_change(cast: Cast, change: Callable[[Watchlist], object]) -> None:
    watchlist = make_sealed_watchlist(cast)
    call_command("verify_watchlist", str(watchlist.pk))
    change(watchlist)
    watchlist.refresh_from_db()
    assert content_hash(watchlist) != watchlist.sealed_hash
    with pytest.raises(CommandError, match="has changed since it was sealed"):
        call_command("verify_watchlist", str(watchlist.pk))


def test_verification_opens_every_photograph(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    photograph = Photograph.objects.get()
    Photograph.objects.filter(pk=photograph.pk).update(encrypted=bytes(photograph.encrypted)[:-1] + b"x")
    with pytest.raises(CommandError, match="1 photograph"):
        call_command("verify_watchlist", str(watchlist.pk))


def test_an_empty_list_cannot_be_submitted(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    with pytest.raises(Refused, match="empty"):
        operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)


def test_a_list_above_the_cap_needs_a_reason(cast: Cast, settings: object) -> None:
    settings.LFR_LIST_SIZE_CAP = 1  # type: ignore[attr-defined]
    watchlist = make_watchlist(cast, people=2)
    with pytest.raises(Refused, match="2 people, more than 1"):
        operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin, size_reason="Two warrants of one court")
    assert watchlist.size_reason == "Two warrants of one court"


def test_a_new_version_has_the_same_people_and_supersedes_the_old_when_sealed(cast: Cast) -> None:
    old = make_sealed_watchlist(cast, people=2)
    draft = operations.new_version(old, actor=cast.watchlist_admin)
    assert (draft.state, draft.version, draft.size, draft.replaces) == (State.DRAFT, 2, 2, old)
    for mine, theirs in zip(draft.people.all(), old.people.all(), strict=True):
        assert (mine.name, mine.reference, mine.offence) == (theirs.name, theirs.reference, theirs.offence)
        assert mine.photographs.get().jpeg == theirs.photographs.get().jpeg
        assert bytes(mine.photographs.get().encrypted) != bytes(theirs.photographs.get().encrypted)
    old.refresh_from_db()
    assert old.sealed_hash == content_hash(old)
    check_and_seal(draft, compiler=cast.watchlist_admin, approver=cast.authority)
    old.refresh_from_db()
    assert (draft.state, old.state) == (State.SEALED, State.SUPERSEDED)
    assert destruction.destroy_due() == 1
    assert draft.people.count() == 2
    assert draft.people.all()[0].photographs.get().jpeg


def test_a_text_that_names_a_listed_person_is_refused(cast: Cast) -> None:
    watchlist = _checked(cast)
    person = Person.objects.get()
    for text in (f"The photograph of {person.name.upper()} is his brother's", f"See {person.reference}"):
        with pytest.raises(Refused, match="name or reference of a person"):
            approval.return_watchlist(watchlist, actor=cast.authority, reason=text)
    approval.return_watchlist(watchlist, actor=cast.authority, reason="The third photograph is of another")
    Watchlist.objects.filter(pk=watchlist.pk).update(name=f"Find {person.name}")
    watchlist.refresh_from_db()
    with pytest.raises(Refused, match="name or reference of a person"):
        operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)


def test_a_sealed_list_whose_checks_are_a_day_old_expires(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    now = timezone.now()
    assert operations.expire_stale(at=now + dt.timedelta(hours=23)) == 0
    Watchlist.objects.filter(pk=watchlist.pk).update(expires_at=now)
    watchlist.refresh_from_db()
    with pytest.raises(Refused, match="watchlist has expired"):
        operations.go_live(watchlist, actor=cast.commander)
    assert operations.expire_stale() == 1
    watchlist.refresh_from_db()
    assert watchlist.state == State.EXPIRED
    assert destruction.destroy_due(at=now + settings.LFR_WATCHLIST_RETENTION + dt.timedelta(minutes=1)) == 1
    assert not Person.objects.exists()


def test_the_audit_log_never_contains_a_name(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    person = Person.objects.get()
    destruction.place_hold(
        person, reason="Trial", review_on=timezone.localdate() + dt.timedelta(days=9), actor=cast.authority
    )
    rows = list(Entry.objects.all())
    assert SealedTemplate.objects.filter(watchlist=list_of(deployment)).exists()
    assert len(rows) > 10
    for row in rows:
        text = f"{row.target} {row.actor} {row.data}"
        assert person.name not in text
        assert person.reference not in text


def test_the_audit_log_names_a_list_by_number(cast: Cast) -> None:
    watchlist = operations.create_watchlist(actor=cast.watchlist_admin, name="About Alex Fenwick", purpose="Testing")
    assert Entry.objects.latest("id").target == f"watchlist {str(watchlist.pk)[:8]}, version 1"


@pytest.mark.parametrize("path", ["?q=%00", "?category=%00"])
def test_a_null_character_is_refused(cast: Cast, path: str) -> None:
    client = Client()
    client.force_login(cast.watchlist_admin)
    watchlist = make_watchlist(cast)
    assert client.get(f"/watchlists/{watchlist.pk}/{path}").status_code in (200, 422)
    assert client.get(f"/api/people/{path}&watchlist={watchlist.pk}").status_code == 422
    answer = client.post(f"/watchlists/{watchlist.pk}/flags/", {"kind": "poor_quality", "reason": "a\0b"})
    assert answer.status_code == 422
