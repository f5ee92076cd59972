"""Photographs and their faces, flags of entries, and the exact search of a list."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from core import keys
from core.errors import Conflict, Refused
from recognition.imaging import decode_stored, encode_jpeg
from recognition.quality import LIMITS, Limits
from tests.cast import (
    Cast,
    add_person,
    make_enrolment,
    make_operating_point,
    make_sealed_watchlist,
    make_watchlist,
    particulars,
    portrait,
    portrait_enrolment,
    portrait_jpeg,
    provenance,
    random_embedding,
    still_sought,
)
from watchlists import confirmation, destruction, engines, flags, ledger, likeness, people
from watchlists.choices import Source
from watchlists.engine import engine
from watchlists.enrolment import FaceChoice, read_photograph
from watchlists.gallery import SealedLists
from watchlists.likeness import Crowd, nearness
from watchlists.models import Flag, Person, Photograph, Watchlist


def _add(cast: Cast, watchlist: Watchlist, **changes: Any) -> Person:
    return add_person(cast, watchlist, "T/new", embedding=random_embedding(50), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"date_of_birth": None}, "Enter the date of birth"),
        ({"date_of_birth": dt.date(2100, 1, 1)}, "must be today or in the past"),
        ({"category": "witness"}, "rationale for an associate, witness or victim"),
        ({"date_of_birth": None, "age": "minor"}, "rationale for a person under 18"),
        ({"expires_on": dt.date(2020, 1, 1)}, "must be today or later"),
    ],
)
def test_the_policys_requirements_are_enforced(cast: Cast, changes: dict[str, Any], words: str) -> None:
    watchlist = make_watchlist(cast)
    with pytest.raises(Refused, match=words):
        _add(cast, watchlist, **changes)
    assert (watchlist.people.count(), Photograph.objects.count()) == (1, 1)


def test_age_eighteen_is_reached_on_the_birthday() -> None:
    person = Person(date_of_birth=dt.date(2008, 2, 29))
    assert person.is_minor(dt.date(2026, 2, 28))
    assert not person.is_minor(dt.date(2026, 3, 1))


def test_a_reference_cannot_be_used_twice_on_one_list(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    with pytest.raises(Refused, match="already on this list"):
        add_person(cast, watchlist, Person.objects.get().reference)
    assert Person.objects.count() == Photograph.objects.count() == 1


@pytest.mark.parametrize("source", [Source.PASSPORT, Source.LICENCE])
def test_passports_and_licences_are_not_allowed_as_sources(cast: Cast, source: str) -> None:
    watchlist = make_watchlist(cast, people=0)
    with pytest.raises(Refused, match="You cannot use a"):
        people.add_person(
            watchlist, particulars(), make_enrolment(), provenance(source=source), actor=cast.watchlist_admin
        )
    assert not Person.objects.exists()


def test_the_second_of_two_simultaneous_edits_is_refused(cast: Cast) -> None:
    make_watchlist(cast)
    person = Person.objects.get()
    people.change_person(person, {"offence": "Burglary"}, revision=1, actor=cast.watchlist_admin)
    with pytest.raises(Conflict, match="Another user has changed this entry"):
        people.change_person(person, {"offence": "Theft"}, revision=1, actor=cast.watchlist_admin)
    person.refresh_from_db()
    assert (person.offence, person.revision) == ("Burglary", 2)


def test_the_only_photograph_cannot_be_removed(cast: Cast) -> None:
    make_watchlist(cast)
    photograph = Photograph.objects.get()
    with pytest.raises(Refused, match="only photograph"):
        people.remove_photograph(photograph, actor=cast.watchlist_admin)
    with pytest.raises(Refused, match="already has this photograph"):
        people.add_photograph(photograph.person, portrait_enrolment(), provenance(), actor=cast.watchlist_admin)


def test_an_old_photograph_and_one_without_a_date_are_flagged(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    for number, taken_on in enumerate((None, dt.date(2011, 5, 1))):
        people.add_person(
            watchlist,
            particulars(f"T/{number}"),
            make_enrolment(random_embedding(number)),
            provenance(taken_on=taken_on),
            actor=cast.watchlist_admin,
        )
    assert [flag.kind for flag in Flag.objects.all()] == [Flag.Kind.OLD_PHOTOGRAPH] * 2


def test_flags_of_photographs_can_be_accepted_together_and_those_of_people_cannot(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=0)
    for number in range(3):
        people.add_person(
            watchlist,
            particulars(f"T/{number}"),
            make_enrolment(random_embedding(number)),
            provenance(taken_on=None),
            actor=cast.watchlist_admin,
        )
    with pytest.raises(Refused, match="one by one"):
        flags.accept_all(watchlist, Flag.Kind.SAME_PERSON, reason="All seen", actor=cast.watchlist_admin)
    accepted = flags.accept_all(
        watchlist, Flag.Kind.OLD_PHOTOGRAPH, reason="Dates asked for", actor=cast.watchlist_admin
    )
    assert accepted == 3
    assert not Flag.objects.filter(accepted_at__isnull=True).exists()


def test_the_same_person_under_two_references_is_flagged_on_both(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    twin = add_person(cast, watchlist, "T/twin", "Second Name")
    first = Person.objects.exclude(pk=twin.pk).get()
    kinds = {(flag.person_id, flag.kind) for flag in Flag.objects.all()}
    assert kinds == {(twin.pk, Flag.Kind.SAME_PERSON), (first.pk, Flag.Kind.SAME_PERSON)}
    flag = Flag.objects.get(person=twin)
    assert flag.other is not None
    assert flag.other.person == first
    with pytest.raises(Refused, match="Enter the reason"):
        flags.accept_flag(flag, reason="  ", actor=cast.watchlist_admin)
    flags.accept_flag(flag, reason="Twins: both birth certificates seen", actor=cast.watchlist_admin)
    with pytest.raises(Conflict, match="already been accepted"):
        flags.accept_flag(flag, reason="Again", actor=cast.watchlist_admin)


def test_two_entries_of_one_person_are_merged(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    first = watchlist.people.get()
    twin = people.add_person(
        watchlist,
        particulars("T/twin", "Second Name"),
        dataclasses.replace(make_enrolment(), sha256="0" * 64),
        provenance(),
        actor=cast.watchlist_admin,
    )
    flag = Flag.objects.get(person=first)
    people.merge(flag, actor=cast.watchlist_admin)
    watchlist.refresh_from_db()
    assert (list(watchlist.people.all()), watchlist.size) == ([first], 1)
    assert first.photographs.count() == 2
    assert not Flag.objects.exists()
    assert len(ledger.find(twin.reference)) == 1
    done = Entry.objects.filter(action__in=("person.merged", "person.destroyed")).values_list("target_id", flat=True)
    assert set(done) == {str(first.pk), str(twin.pk)}


def test_entries_of_two_lists_are_not_merged(cast: Cast) -> None:
    make_watchlist(cast)
    draft = make_watchlist(cast, people=0)
    add_person(cast, draft, "T/again")
    flag = Flag.objects.get(person__watchlist=draft)
    with pytest.raises(Refused, match="two entries on the same list"):
        people.merge(flag, actor=cast.watchlist_admin)


def test_a_look_alike_on_another_list_is_flagged_and_does_not_break_its_seal(cast: Cast) -> None:
    threshold = make_operating_point().threshold
    sealed = make_sealed_watchlist(cast, embeddings=[random_embedding(1)])
    near = random_embedding(1) * (threshold - 0.02)
    away = random_embedding(2) - random_embedding(2) @ random_embedding(1) * random_embedding(1)
    near = near + away / np.linalg.norm(away) * np.sqrt(1 - (threshold - 0.02) ** 2)
    draft = make_watchlist(cast, people=0)
    brother = add_person(cast, draft, "T/brother", embedding=near.astype(np.float32))
    flag = Flag.objects.get()
    assert (flag.person, flag.kind) == (brother, Flag.Kind.LOOK_ALIKE)
    assert str(sealed) in flag.detail
    # The flag names nobody on the other list, which may be destroyed first, and outlives that list.
    assert sealed.people.get().name not in flag.detail
    destruction.destroy(_over(sealed))
    flag.refresh_from_db()
    assert (flag.other, flag.is_open) == (None, True)


def _over(watchlist: Watchlist) -> Watchlist:
    Watchlist.objects.filter(pk=watchlist.pk).update(state="closed", destroy_due_at=timezone.now())
    watchlist.refresh_from_db()
    return watchlist


def test_the_same_person_on_another_list_is_not_a_look_alike(cast: Cast) -> None:
    one, other = make_watchlist(cast), make_watchlist(cast, people=0)
    add_person(cast, other, one.people.get().reference)
    assert not Flag.objects.exists()


def test_a_photograph_of_poor_quality_is_refused(cast: Cast, settings: Any) -> None:
    watchlist = make_watchlist(cast, people=0)
    settings.LFR_PHOTOGRAPH_LIMITS = {**LIMITS, "width": Limits(5000, 4000)}
    poor = read_photograph(portrait_jpeg())
    assert poor.is_blocked
    with pytest.raises(Refused, match="too poor"):
        people.add_person(watchlist, particulars(), poor, provenance(), actor=cast.watchlist_admin)
    settings.LFR_PHOTOGRAPH_LIMITS = {**LIMITS, "width": Limits(5000)}
    people.add_person(
        watchlist, particulars(), read_photograph(portrait_jpeg()), provenance(), actor=cast.watchlist_admin
    )
    assert Flag.objects.get().kind == Flag.Kind.POOR_QUALITY


def test_every_measure_has_its_name_value_and_range() -> None:
    report = portrait_enrolment().report
    assert len(report) == 7
    assert all(line.name and line.good and line.level == "good" for line in report)


def test_a_hand_drawn_frame_selects_the_face_inside_it() -> None:
    found = portrait_enrolment()
    left, top, width, height = found.face_share
    drawn = read_photograph(portrait_jpeg(), frame=[left - 0.02, top - 0.02, width + 0.04, height + 0.04])
    assert engine().score(drawn.template, found.template) > 0.95
    np.testing.assert_allclose(drawn.face_share, found.face_share, atol=0.03)
    with pytest.raises(FaceChoice, match="No face was found inside this frame"):
        read_photograph(portrait_jpeg(), frame=[0.0, 0.8, 0.05, 0.05])


def test_a_row_shows_a_small_face_and_a_page_the_whole_picture(cast: Cast) -> None:
    make_watchlist(cast)
    photograph = Photograph.objects.get()
    client = Client()
    client.force_login(cast.watchlist_admin)
    whole = decode_stored(client.get(f"/photographs/{photograph.pk}.jpg").content)
    small = decode_stored(client.get(f"/photographs/{photograph.pk}.jpg?small").content)
    assert whole.shape[:2] == (photograph.height, photograph.width)
    assert max(small.shape[:2]) <= 110
    keys.destroy(photograph.key_name)
    assert client.get(f"/photographs/{photograph.pk}.jpg").status_code == 404


def test_only_the_selected_entries_are_confirmed_as_current(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=3)
    chosen = watchlist.people.all()[0]
    still_sought(watchlist, cast.watchlist_admin, [chosen])
    assert list(watchlist.people.not_current(timezone.now() - dt.timedelta(hours=24))) == list(
        watchlist.people.exclude(pk=chosen.pk)
    )
    with pytest.raises(Refused, match="Select the people"):
        confirmation.confirm_current(watchlist, [], source="court", actor=cast.watchlist_admin)


def test_the_search_is_exact_and_stays_inside_the_list(cast: Cast) -> None:
    embeddings = [random_embedding(seed) for seed in range(40)]
    watchlist = make_sealed_watchlist(cast, people=40, embeddings=embeddings)
    other = make_sealed_watchlist(cast, people=1, embeddings=[random_embedding(99)])
    engine_id = make_operating_point().engine_id
    probe = np.asarray(embeddings[17] + 0.3 * random_embedding(5), np.float32)
    probe /= np.linalg.norm(probe)
    sealed = SealedLists((watchlist.id,), engine_id)
    again, found = sealed.nearest([embeddings[3], probe])
    assert again[0].score == pytest.approx(1, abs=1e-5)
    scores = np.stack(embeddings) @ probe
    people = list(Person.objects.filter(watchlist=watchlist).order_by("added_at").values_list("id", flat=True))
    assert [candidate.person for candidate in found] == [people[index] for index in np.argsort(-scores)[:3]]
    np.testing.assert_allclose([candidate.score for candidate in found], np.sort(scores)[::-1][:3], atol=1e-5)
    ((only,),) = SealedLists((other.id,), engine_id).nearest([random_embedding(99)])
    assert only.score == pytest.approx(1, abs=1e-5)
    assert SealedLists((watchlist.id,), engine_id + 1).nearest([probe]) == [[]]
    templates = sealed.templates(found)
    assert set(templates) == {candidate.photograph for candidate in found}
    np.testing.assert_allclose(templates[found[0].photograph].embedding, embeddings[17], atol=1e-6)
    assert SealedLists((other.id,), engine_id).templates(found) == {}


def test_a_draft_is_not_searched(cast: Cast) -> None:
    watchlist = make_watchlist(cast)
    probe = portrait_enrolment().template.embedding
    engine_id = make_operating_point().engine_id
    assert SealedLists((watchlist.id,), engine_id).nearest([probe]) == [[]]


def test_several_faces_require_a_choice() -> None:
    pair = encode_jpeg(np.concatenate([portrait(), portrait()[:, ::-1]], axis=1))
    with pytest.raises(FaceChoice, match="2 faces") as choice:
        read_photograph(pair)
    left, right = choice.value.faces
    assert left[0] < 0.5 < right[0]
    assert read_photograph(pair, chosen=1).face_share[0] > 0.5
    with pytest.raises(FaceChoice, match="not in this picture"):
        read_photograph(pair, chosen=2)


def test_a_photograph_without_a_face_is_refused() -> None:
    with pytest.raises(FaceChoice, match="No face"):
        read_photograph(encode_jpeg(np.full((400, 400, 3), 120, np.uint8)))


def test_the_same_photograph_gives_the_same_face() -> None:
    one, two = read_photograph(portrait_jpeg()), portrait_enrolment()
    assert one.sha256 == two.sha256
    assert engine().score(one.template, two.template) == pytest.approx(1, abs=1e-5)


def test_many_photographs_of_one_look_alike_do_not_hide_another(cast: Cast) -> None:
    """A twin with twenty photographs is nearer than a brother, but both are found."""
    watchlist = make_watchlist(cast, people=0)
    face = random_embedding(1)
    twin = add_person(cast, watchlist, "T/twin", embedding=face)
    for number in range(20):
        enrolment = dataclasses.replace(make_enrolment(face), sha256=f"{number:064}")
        people.add_photograph(twin, enrolment, provenance(), actor=cast.watchlist_admin)
    nearly = face + 0.3 * random_embedding(2)
    brother = add_person(cast, watchlist, "T/brother", embedding=nearly / np.linalg.norm(nearly))
    new = add_person(cast, watchlist, "T/new", embedding=face)
    others = {flag.other.person for flag in new.flags.filter(other__isnull=False) if flag.other}
    assert others == {twin, brother}


def test_a_list_submitted_in_the_meantime_gets_no_flag(cast: Cast) -> None:
    sealed = make_sealed_watchlist(cast)
    before = Flag.objects.filter(person__watchlist=sealed).count()
    draft = make_watchlist(cast, people=0)
    crowd = Crowd(engines.current_engine())
    person = add_person(cast, draft, "T/new", embedding=portrait_enrolment().template.embedding)
    found = crowd.likenesses(portrait_enrolment().template, reference="T/new", threshold=0.5)
    # The state in which the people were read.
    found[0].photograph.person.watchlist.state = Watchlist.State.DRAFT
    raised = flags.alike(person.photographs.get(), found, people.lock_drafts(draft))
    assert {flag.person for flag in raised} == {person}
    assert Flag.objects.filter(person__watchlist=sealed).count() == before


def test_nearness_counts_other_people_and_needs_enough_of_them(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    watchlist = make_watchlist(cast, people=4)
    person = Person.objects.filter(watchlist=watchlist).earliest("added_at")
    assert nearness(person) is None
    monkeypatch.setattr(likeness, "COHORT", 3)
    before = nearness(person)
    assert before is not None
    assert before.others == 3
    # The same person on another list does not count as another person; somebody with the same face does.
    add_person(cast, make_watchlist(cast, people=0), person.reference)
    assert nearness(person) == before
    add_person(cast, watchlist, "T/double")
    after = nearness(person)
    assert after is not None
    assert after.mean > before.mean
