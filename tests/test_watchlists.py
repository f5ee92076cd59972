from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from audit.errors import Conflict, Refused
from audit.models import Entry
from deployments import operations as deployment_operations
from recognition.imaging import encode_jpeg
from tests.cast import (
    Cast,
    make_enrolment,
    make_live_deployment,
    make_operating_point,
    make_sealed_watchlist,
    make_watchlist,
    portrait,
    portrait_enrolment,
    portrait_jpeg,
    random_embedding,
)
from watchlists import operations
from watchlists.engine import engine
from watchlists.enrolment import FaceChoice, read_photograph
from watchlists.gallery import SealedList
from watchlists.models import Person, Photograph, SealedTemplate, Template, Watchlist

State = Watchlist.State


def test_the_life_of_a_list(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    assert (watchlist.state, watchlist.size) == (State.DRAFT, 2)
    operations.compile_watchlist(watchlist, actor=cast.intelligence)
    operations.return_watchlist(watchlist, actor=cast.authority, reason="Too broad")
    assert watchlist.state == State.DRAFT
    operations.compile_watchlist(watchlist, actor=cast.intelligence)
    operations.authorise_watchlist(watchlist, actor=cast.authority, reason="Necessary")
    assert watchlist.state == State.SEALED
    assert watchlist.sealed_hash == operations.sealed_content_hash(watchlist)
    done = list(Entry.objects.in_order().filter(target_id=str(watchlist.id)).values_list("action", flat=True))
    assert done[-5:] == [
        "watchlist.compiled",
        "watchlist.returned",
        "watchlist.compiled",
        "watchlist.authorised",
        "watchlist.sealed",
    ]


def test_the_compiler_may_not_approve(cast: Cast) -> None:
    both = cast.intelligence
    both.groups.add(*cast.authority.groups.all())
    watchlist = make_watchlist(cast)
    operations.compile_watchlist(watchlist, actor=both)
    with pytest.raises(Refused, match="may not approve"):
        operations.authorise_watchlist(watchlist, actor=both, reason="I say so")
    watchlist.refresh_from_db()
    assert watchlist.state == State.COMPILED


@pytest.mark.parametrize("role", ["administrator", "authority", "operator", "officer", "compliance", "stranger"])
def test_nobody_else_compiles(cast: Cast, role: str) -> None:
    watchlist = make_watchlist(cast)
    with pytest.raises(PermissionDenied):
        operations.compile_watchlist(watchlist, actor=cast.by_role[role])
    with pytest.raises(PermissionDenied):
        operations.create_watchlist(actor=cast.by_role[role], name="x", purpose="y")


def test_a_sealed_list_cannot_be_changed(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast, people=2)
    entry = watchlist.entries.all()[0]
    with pytest.raises(Conflict, match="only a draft"):
        operations.remove_from_watchlist(entry, actor=cast.intelligence)
    with pytest.raises(Conflict, match="only a draft"):
        operations.add_to_watchlist(watchlist, entry.person, actor=cast.intelligence)


def test_the_seal_notices_a_change(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    Person.objects.filter(entries__watchlist=watchlist).update(reason="Something else")
    assert operations.sealed_content_hash(watchlist) != watchlist.sealed_hash


def test_an_empty_list_is_not_submitted(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    with pytest.raises(Refused, match="empty"):
        operations.compile_watchlist(watchlist, actor=cast.intelligence)


def test_a_reference_twice_is_refused_whole(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    reference = Person.objects.get().reference
    with pytest.raises(Refused, match="held already"):
        operations.add_person(
            actor=cast.intelligence,
            reference=reference,
            name="Another",
            category="wanted",
            reason="x",
            enrolment=make_enrolment(),
            watchlist=watchlist,
        )
    assert Person.objects.count() == Photograph.objects.count() == 1


def test_taken_off_the_only_list_is_destroyed(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    operations.remove_from_watchlist(watchlist.entries.get(), actor=cast.intelligence)
    assert not Person.objects.exists()
    assert not Photograph.objects.exists()


def test_destruction_takes_everything_but_the_account_of_it(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    watchlist = deployment.watchlist
    deployment_operations.end(deployment, actor=cast.operator, reason="Done")
    watchlist.refresh_from_db()
    ended = deployment.ended_at
    assert ended is not None
    assert watchlist.destroy_due_at == ended + settings.LFR_WATCHLIST_RETENTION
    assert operations.destroy_due(at=timezone.now() + dt.timedelta(minutes=1)) == 0
    assert operations.destroy_due(at=timezone.now() + dt.timedelta(hours=25)) == 1
    watchlist.refresh_from_db()
    assert watchlist.state == State.DESTROYED
    for model in (Person, Photograph, Template, SealedTemplate):
        assert not model._default_manager.exists()
    row = Entry.objects.get(action="watchlist.destroyed")
    assert row.data == {
        "entries": 1,
        "people": 1,
        "photographs": 1,
        "templates": 1,
        "sealed_hash": watchlist.sealed_hash,
    }
    assert operations.destroy_due(at=timezone.now() + dt.timedelta(hours=26)) == 0


def test_who_is_on_another_list_stays(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    person = Person.objects.get()
    other = operations.create_watchlist(actor=cast.intelligence, name="Other", purpose="x")
    operations.add_to_watchlist(other, person, actor=cast.intelligence)
    deployment_operations.end(deployment, actor=cast.operator, reason="Done")
    operations.destroy_due(at=timezone.now() + dt.timedelta(hours=25))
    assert Person.objects.get() == person
    assert Template.objects.count() == 1


def test_the_journal_never_holds_a_name(cast: Cast) -> None:
    make_sealed_watchlist(cast)
    person = Person.objects.get()
    for row in Entry.objects.all():
        text = f"{row.target} {row.actor} {row.data}"
        assert person.name not in text
        assert person.reference not in text


def test_a_text_that_names_a_listed_person_is_refused(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    operations.compile_watchlist(watchlist, actor=cast.intelligence)
    person = Person.objects.get()
    for text in (f"The photograph of {person.name.upper()} is his brother's", f"See {person.reference}"):
        with pytest.raises(Refused, match="without the name"):
            operations.return_watchlist(watchlist, actor=cast.authority, reason=text)
    operations.return_watchlist(watchlist, actor=cast.authority, reason="The third photograph is of another")
    Watchlist.objects.filter(pk=watchlist.pk).update(name=f"Find {person.name}")
    watchlist.refresh_from_db()
    with pytest.raises(Refused, match="without the name"):
        operations.compile_watchlist(watchlist, actor=cast.intelligence)


def test_a_sealed_list_that_is_not_used_within_a_day_expires(cast: Cast) -> None:
    watchlist = make_sealed_watchlist(cast)
    now = timezone.now()
    assert operations.expire_stale(at=now + dt.timedelta(hours=23)) == 0
    assert operations.expire_stale(at=now + dt.timedelta(hours=25)) == 1
    assert operations.destroy_due() == 1
    watchlist.refresh_from_db()
    assert watchlist.state == State.DESTROYED
    assert not Person.objects.exists()


def test_the_search_is_exact_and_stays_inside_the_list(cast: Cast) -> None:
    embeddings = [random_embedding(seed) for seed in range(40)]
    watchlist = make_sealed_watchlist(cast, people=40, embeddings=embeddings)
    other = make_sealed_watchlist(cast, people=1, embeddings=[random_embedding(99)])
    engine_id = make_operating_point().engine_id
    probe = np.asarray(embeddings[17] + 0.3 * random_embedding(5), np.float32)
    probe /= np.linalg.norm(probe)
    sealed = SealedList(watchlist.id, engine_id)
    again, found = sealed.nearest([embeddings[3], probe])
    assert again[0].score == pytest.approx(1, abs=1e-5)
    scores = np.stack(embeddings) @ probe
    people = list(Person.objects.filter(entries__watchlist=watchlist).order_by("added_at").values_list("id", flat=True))
    assert [candidate.person for candidate in found] == [people[index] for index in np.argsort(-scores)[:3]]
    np.testing.assert_allclose([candidate.score for candidate in found], np.sort(scores)[::-1][:3], atol=1e-5)
    ((only,),) = SealedList(other.id, engine_id).nearest([random_embedding(99)])
    assert only.score == pytest.approx(1, abs=1e-5)
    assert SealedList(watchlist.id, engine_id + 1).nearest([probe]) == [[]]
    templates = sealed.templates(found)
    assert set(templates) == {candidate.photograph for candidate in found}
    np.testing.assert_allclose(templates[found[0].photograph].embedding, embeddings[17], atol=1e-6)
    assert SealedList(other.id, engine_id).templates(found) == {}


def test_a_draft_is_not_searched(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    probe = portrait_enrolment().template.embedding
    engine_id = make_operating_point().engine_id
    assert SealedList(watchlist.id, engine_id).nearest([probe]) == [[]]


def test_several_faces_ask_for_a_choice() -> None:
    pair = encode_jpeg(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1))
    with pytest.raises(FaceChoice, match="2 faces") as choice:
        read_photograph(pair)
    left, right = choice.value.faces
    assert left[0] < 0.5 < right[0]
    assert read_photograph(pair, chosen=1).face_share[0] > 0.5
    with pytest.raises(FaceChoice, match="not in this picture"):
        read_photograph(pair, chosen=2)


def test_no_face_says_so() -> None:
    with pytest.raises(FaceChoice, match="No face"):
        read_photograph(encode_jpeg(np.full((400, 400, 3), 120, np.uint8)))


def test_the_same_photograph_gives_the_same_face() -> None:
    one, two = read_photograph(portrait_jpeg()), portrait_enrolment()
    assert one.sha256 == two.sha256
    assert engine().score(one.template, two.template) == pytest.approx(1, abs=1e-5)
