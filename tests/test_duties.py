"""Separation of duties by work: whatever their roles, nobody approves a version that they worked on."""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import typing
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import watchlists
from core.errors import Refused
from lfr_site.models import User
from tests.cast import (
    Cast,
    add_person,
    client_of,
    make_enrolment,
    make_sealed_watchlist,
    make_watchlist,
    particulars,
    permit,
    portrait_jpeg,
    provenance,
    random_embedding,
    still_sought,
    trained,
)
from tests.test_import import _archive, _table
from watchlists import approval, confirmation, flags, imports, operations, people
from watchlists.contributions import Kind, contribution_of
from watchlists.models import Contribution, Flag, Import, Person, Photograph, Watchlist
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST
from watchlists.seal import content_hash

Work = Callable[[Watchlist, User, Cast], Any]


@pytest.fixture
def both(cast: Cast) -> User:
    """Return a user who can both work on watchlists and approve them, which no roles allow."""
    user = permit(User.objects.create_user("both"), COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
    trained(user)
    return user


def _flag(watchlist: Watchlist, **changes: Any) -> Flag:
    first = watchlist.people.order_by("reference")[0]
    usual = {"person": first, "kind": Flag.Kind.POOR_QUALITY, "detail": "Dark"}
    return Flag.objects.create(**{**usual, **changes})


def _add_photograph(watchlist: Watchlist, actor: User, cast: Cast) -> Photograph:
    person = watchlist.people.order_by("reference")[1]
    Photograph.objects.filter(person=person).update(sha256="0" * 64)
    return people.add_photograph(person, make_enrolment(random_embedding(8)), provenance(), actor=actor)


def _unconfirmed(watchlist: Watchlist) -> uuid.UUID:
    """Return a photograph on the list that nobody has confirmed to be of the person."""
    photograph = Photograph.objects.filter(person__watchlist=watchlist)[0]
    Photograph.objects.filter(pk=photograph.pk).update(confirmed_by="", confirmed_at=None)
    return photograph.pk


def _merge(watchlist: Watchlist, actor: User, cast: Cast) -> None:
    other = watchlist.people.order_by("reference")[1].photographs.get()
    people.merge(_flag(watchlist, kind=Flag.Kind.SAME_PERSON, other=other), actor=actor)


def _handed_in(watchlist: Watchlist, actor: Any) -> Import:
    archive = _archive({"one.jpg": portrait_jpeg()})
    return imports.begin(watchlist, _table({}), io.BytesIO(archive.getvalue()), actor=actor)


def _confirm(watchlist: Watchlist, actor: User, cast: Cast) -> None:
    imported = _handed_in(watchlist, cast.watchlist_admin)
    imports.work()
    imported.refresh_from_db()
    imports.confirm(imported, actor=actor)
    imports.work()


def _add_many(watchlist: Watchlist, actor: User, cast: Cast) -> None:
    """People added by an import count as the work of the user who submitted it."""
    imported = _handed_in(watchlist, actor)
    Contribution.objects.filter(user=actor).delete()
    imports.work()
    imported.refresh_from_db()
    imports.confirm(imported, actor=cast.watchlist_admin)
    imports.work()


def _check(watchlist: Watchlist, actor: User, cast: Cast) -> None:
    _settle(watchlist, cast)
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    operations.check_watchlist(watchlist, actor=actor)


def _withdraw(watchlist: Watchlist, actor: User, cast: Cast) -> None:
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    operations.withdraw_watchlist(watchlist, actor=actor)


# Each operation that is work on a version, its recorded kind, and how to do it to a draft of two people.
WORK: dict[str, tuple[Kind, Work]] = {
    "operations.create_watchlist": (
        Kind.CREATED,
        lambda _, actor, __: operations.create_watchlist(actor=actor, name="New", purpose="A test"),
    ),
    "operations.new_version": (
        Kind.VERSION_DRAWN,
        lambda _, actor, cast: operations.new_version(make_sealed_watchlist(cast), actor=actor),
    ),
    "operations.compile_watchlist": (
        Kind.COMPILED,
        lambda each, actor, _: operations.compile_watchlist(each, actor=actor),
    ),
    "operations.withdraw_watchlist": (Kind.WITHDRAWN, _withdraw),
    "operations.check_watchlist": (Kind.CHECKED, _check),
    "people.add_person": (
        Kind.ENTRY_ADDED,
        lambda each, actor, _: people.add_person(
            each, particulars("T/new"), make_enrolment(random_embedding(7)), provenance(), actor=actor
        ),
    ),
    "people.change_person": (
        Kind.ENTRY_EDITED,
        lambda each, actor, _: people.change_person(each.people.all()[0], {"tier": "red"}, revision=1, actor=actor),
    ),
    "people.remove_person": (
        Kind.ENTRY_REMOVED,
        lambda each, actor, _: people.remove_person(each.people.all()[0], actor=actor),
    ),
    "people.merge": (Kind.ENTRIES_MERGED, _merge),
    "people.add_photograph": (Kind.PHOTOGRAPH_ADDED, _add_photograph),
    "people.remove_photograph": (
        Kind.PHOTOGRAPH_REMOVED,
        lambda each, actor, cast: people.remove_photograph(
            _add_photograph(each, cast.watchlist_admin, cast), actor=actor
        ),
    ),
    "confirmation.confirm_current": (
        Kind.CURRENCY_CHECKED,
        lambda each, actor, _: still_sought(each, actor),
    ),
    "confirmation.confirm_photographs": (
        Kind.PHOTOGRAPH_CONFIRMED,
        lambda each, actor, _: confirmation.confirm_photographs(each, [_unconfirmed(each)], actor=actor),
    ),
    "flags.accept_flag": (
        Kind.FLAG_ACCEPTED,
        lambda each, actor, _: flags.accept_flag(_flag(each), reason="Fine", actor=actor),
    ),
    "flags.accept_all": (
        Kind.FLAG_ACCEPTED,
        lambda each, actor, _: flags.accept_all(each, Flag.Kind.POOR_QUALITY, reason="Fine", actor=actor),
    ),
    "bulk.add_many": (Kind.IMPORTED, _add_many),
    "imports.begin": (Kind.IMPORTED, lambda each, actor, _: _handed_in(each, actor)),
    "imports.confirm": (Kind.IMPORTED, _confirm),
    "imports.cancel": (
        Kind.IMPORT_CANCELLED,
        lambda each, actor, cast: imports.cancel(_handed_in(each, cast.watchlist_admin), actor=actor),
    ),
}
NO_WORK = {
    # The authorising officer's own decisions.
    "approval.authorise_watchlist",
    "approval.confirm_watchlist",
    "approval.return_watchlist",
    "approval.reject_watchlist",
    # They only read.
    "confirmation.sample_of",
    "confirmation.unopened_by",
    # After the approval, or instead of one.
    "operations.discard_watchlist",
    "operations.go_live",
    "operations.close",
    # These do not change what faces are compared with, only whether an entry is destroyed.
    "destruction.place_hold",
    "destruction.release_hold",
    # What volunteers say about themselves is no part of what is sealed and searched.
    "volunteers.record_attributes",
}
TOUCHED = (Watchlist, Person, Photograph, Flag, Import)


def _mentions(hint: Any) -> bool:
    return hint in TOUCHED or any(_mentions(part) for part in typing.get_args(hint))


def _operations() -> set[str]:
    """Return every public function of the app with an actor that takes or returns a list or a part of one."""
    found = set()
    for info in pkgutil.iter_modules(watchlists.__path__):
        module = importlib.import_module(f"watchlists.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            if "actor" in inspect.signature(function).parameters:
                hints = typing.get_type_hints(inspect.unwrap(function))
                if any(_mentions(hint) for hint in hints.values()):
                    found.add(f"{info.name}.{name}")
    return found


def test_every_operation_on_a_list_is_classified_as_work_or_not() -> None:
    # Recording work is not work, and only the system reads templates again.
    assert _operations() - {"contributions.note_contribution", "engines.keep_templates"} == set(WORK) | NO_WORK
    assert not set(WORK) & NO_WORK
    assert {kind for kind, _ in WORK.values()} == set(Kind)


def _settle(watchlist: Watchlist, cast: Cast) -> None:
    for imported in watchlist.imports.filter(state__in=("reading", "ready")):
        imports.cancel(imported, actor=cast.watchlist_admin)
    if not watchlist.people.exists():
        add_person(cast, watchlist, "T/only")
    for flag in Flag.objects.filter(person__watchlist=watchlist, accepted_at=None):
        flags.accept_flag(flag, reason="Looked at", actor=cast.watchlist_admin)
    if uncompared := list(confirmation.unconfirmed_photographs(watchlist)):
        confirmation.confirm_photographs(watchlist, [each.pk for each in uncompared], actor=cast.watchlist_admin)
    still_sought(watchlist, cast.watchlist_admin)


def _submit(watchlist: Watchlist, cast: Cast) -> None:
    """Submit the list as somebody else, from whatever state the work has left it in."""
    watchlist.refresh_from_db()
    if watchlist.state == Watchlist.State.CHECKED:
        return
    if watchlist.state != Watchlist.State.COMPILED:
        _settle(watchlist, cast)
        operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    _settle(watchlist, cast)
    operations.check_watchlist(watchlist, actor=cast.watchlist_admin)


@pytest.mark.parametrize("name", WORK)
def test_nobody_approves_what_they_worked_on(cast: Cast, both: User, name: str) -> None:
    kind, work = WORK[name]
    watchlist = make_watchlist(cast, people=2)
    made = work(watchlist, both, cast)
    if isinstance(made, Watchlist):
        watchlist = made
    _submit(watchlist, cast)
    with pytest.raises(Refused) as refused:
        approval.authorise_watchlist(watchlist, actor=both, reason="Necessary", seen=content_hash(watchlist))
    assert str(refused.value) == f"You {kind.label}, so another authorising officer must approve it."
    page = client_of(both).get(f"/watchlists/{watchlist.pk}/").content.decode()
    assert (str(refused.value) in page, "Approve and seal" in page) == (True, False)
    approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary", seen=content_hash(watchlist))
    assert watchlist.state == Watchlist.State.SEALED


def test_an_editor_cannot_approve_even_if_the_entry_was_removed(cast: Cast, both: User) -> None:
    watchlist = make_watchlist(cast, people=2)
    person = watchlist.people.all()[0]
    people.change_person(person, {"tier": "red"}, revision=1, actor=both)
    people.remove_person(person, actor=cast.watchlist_admin)
    assert contribution_of(watchlist, both).startswith("You edited an entry on this list")


def test_later_approval_rights_do_not_help_an_editor(cast: Cast) -> None:
    watchlist, editor = make_watchlist(cast), permit(User.objects.create_user("editor"), COMPILE_WATCHLIST)
    people.change_person(watchlist.people.get(), {"tier": "red"}, revision=1, actor=editor)
    _submit(watchlist, cast)
    editor = permit(editor, AUTHORISE_WATCHLIST)
    with pytest.raises(Refused, match="You edited an entry on this list"):
        approval.authorise_watchlist(watchlist, actor=editor, reason="Fine", seen=content_hash(watchlist))


def test_approved_work_does_not_count_for_the_next_version(cast: Cast, both: User) -> None:
    watchlist = make_watchlist(cast)
    people.change_person(watchlist.people.get(), {"tier": "red"}, revision=1, actor=both)
    _submit(watchlist, cast)
    approval.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary", seen=content_hash(watchlist))
    draft = operations.new_version(watchlist, actor=cast.watchlist_admin)
    assert contribution_of(draft, both) == ""
    assert contribution_of(draft, cast.watchlist_admin).startswith("You created this version")


def test_unapproved_work_counts_for_the_next_version(cast: Cast, both: User) -> None:
    """A new version by a colleague must not clear the editor."""
    watchlist = make_watchlist(cast)
    people.change_person(watchlist.people.get(), {"tier": "red"}, revision=1, actor=both)
    _submit(watchlist, cast)
    approval.reject_watchlist(watchlist, reason="Too broad", actor=cast.authority)
    draft = operations.new_version(watchlist, actor=cast.watchlist_admin)
    third = operations.new_version(_compiled(draft, cast), actor=cast.watchlist_admin)
    for each in (draft, third):
        assert contribution_of(each, both).startswith("You edited an entry on this list")


def _compiled(watchlist: Watchlist, cast: Cast) -> Watchlist:
    operations.compile_watchlist(watchlist, actor=cast.watchlist_admin)
    return watchlist
