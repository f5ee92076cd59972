"""One object that is matched again and again: it joins one alert, counts once, and can be stood down where it is."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from alerts import cards, repeats, stand_downs
from alerts.content import shot_content
from alerts.models import Alert, Shot, StandDown
from alerts.places import Place, region_around
from audit.models import Entry
from core.errors import Conflict, Refused
from deployments import cameras, ceiling, running
from deployments.cameras import FrameCounts
from deployments.models import Deployment
from recognition.frame import Candidate
from reports.records import record_of
from tests.cast import (
    Cast,
    act,
    cameras_of,
    client_of,
    make_alert,
    make_live_deployment,
    make_probe,
    make_sealed_watchlist,
    place_of,
    raise_alert,
)
from watchlists.models import Person

THERE = place_of("1" * 32)
# The same place a little later: a detected box is never twice the same.
NEARLY = Place(THERE.left + 0.005, THERE.top - 0.005, 0.041, 0.08)
ELSEWHERE = Place(THERE.left, THERE.top + 0.2, 0.04, 0.08)


@pytest.fixture
def deployment(cast: Cast, settings: Any) -> Deployment:
    """A live deployment in which every track is an alert of its own unless something else makes it join."""
    settings.LFR_JOIN_WINDOW = dt.timedelta(0)
    # Decisions are final at once.
    settings.LFR_UNDO = dt.timedelta(0)
    return make_live_deployment(cast)


def _match(deployment: Deployment, number: int, place: Place = NEARLY, score: float = 0.63) -> Alert | None:
    """Match the subject of the list again, in a new track, after any decision."""
    person = Person.objects.filter(watchlist=deployment.periods.get().watchlist).get()
    probe = make_probe(f"{number:032}", number, place=place, received_at=timezone.now())
    return raise_alert(cameras_of(deployment)[0], Candidate(person.pk, person.photographs.get().pk, score), probe)


def _poster(deployment: Deployment, cast: Cast) -> Alert:
    return act(make_alert(deployment), "not_same", cast=cast)


def _stand_down(alert: Alert, cast: Cast, reason: str = "picture") -> StandDown:
    return stand_downs.stand_down(alert, reason=reason, detail="In the window of the bank", actor=cast.operator)


def test_places_of_one_object_and_of_people_elsewhere() -> None:
    assert THERE.is_near(NEARLY)
    assert not THERE.is_near(ELSEWHERE)
    # Somebody in front of a poster is nearer to the camera.
    larger = Place(THERE.left - 0.02, THERE.top, 0.08, 0.16)
    assert not THERE.is_near(larger)
    region = region_around(THERE, [NEARLY, ELSEWHERE])
    assert region.holds(NEARLY)
    assert not region.holds(ELSEWHERE)
    # A box near the edge gives a region within the picture.
    assert min(region.left, region.top) >= 0
    assert Place(0.9, 0.9, 0.1, 0.1).holds(Place(0.95, 0.92, 0.03, 0.05))


def test_what_is_matched_again_at_the_same_place_joins_the_false_alert(deployment: Deployment, cast: Cast) -> None:
    alert = _poster(deployment, cast)
    for number in range(2, 32):
        assert _match(deployment, number) is None
    alert.refresh_from_db()
    assert (Alert.objects.count(), alert.state, alert.again_count) == (1, "op_false", 30)
    # Every picture is there, however many: none is withheld.
    assert alert.shots.count() == 31
    assert len(repeats.shots_again(alert)) == 30
    assert alert.section == "again"
    assert Entry.objects.filter(action="alert.shot_added").count() == 30
    # Somebody elsewhere in the picture is a possible match of their own.
    other = _match(deployment, 40, ELSEWHERE)
    assert other is not None
    assert other.state == "raised"


def test_another_entry_at_the_same_place_is_a_possible_match_of_its_own(cast: Cast) -> None:
    deployment = make_live_deployment(cast, make_sealed_watchlist(cast, people=2))
    one, other = Person.objects.filter(watchlist=deployment.periods.get().watchlist).order_by("added_at")
    alert = act(make_alert(deployment, person=one), "not_same", cast=cast)
    probe = make_probe("9" * 32, place=NEARLY)
    raised = raise_alert(cameras_of(deployment)[0], Candidate(other.pk, other.photographs.get().pk, 0.6), probe)
    assert raised is not None
    assert raised.person_id != alert.person_id


def test_a_place_does_not_wander_with_the_shots_that_join(deployment: Deployment, cast: Cast) -> None:
    alert = _poster(deployment, cast)
    place = THERE
    for number in range(2, 9):
        place = dataclasses.replace(place, left=place.left + 0.02)
        raised = _match(deployment, number, place)
        if raised is not None:
            break
    else:
        pytest.fail("A place moved across the picture step by step and never became a possible match of its own.")
    # Three quarters of its width of 0.04 from where it was decided.
    assert number == 3
    alert.refresh_from_db()
    assert alert.again_count == 1


def test_matched_again_is_told_in_the_queue_until_an_operator_has_looked(deployment: Deployment, cast: Cast) -> None:
    alert = _poster(deployment, cast)
    visible = Alert.objects.visible_to(cast.operator)
    assert cards.counts_of(visible) == {"waiting": 0, "again": 0, "street": 0, "late": 0, "done": 1}
    assert visible.not_seen_again().count() == 1
    _match(deployment, 2)
    assert cards.counts_of(visible) == {"waiting": 0, "again": 1, "street": 0, "late": 0, "done": 0}
    assert [section.rows for section in cards.queue_of(visible) if section.name == "again"] == [[alert]]
    assert not visible.not_seen_again().exists()
    # A console that only keeps the card on its screen current shows it to nobody in particular.
    page = client_of(cast.operator).get(f"/alerts/{alert.pk}/").content.decode()
    assert "Matched again at the same place, 1 time" in page
    assert cards.counts_of(visible)["again"] == 1
    client_of(cast.operator).get(f"/alerts/{alert.pk}/?chosen")
    assert cards.counts_of(visible)["done"] == 1
    _match(deployment, 3)
    assert cards.counts_of(visible)["again"] == 1
    # A commander who looks does not take it from the operators.
    client_of(cast.commander).get(f"/alerts/{alert.pk}/?chosen")
    assert cards.counts_of(visible)["again"] == 1


def test_a_shot_of_the_subject_at_that_place_becomes_a_possible_match(deployment: Deployment, cast: Cast) -> None:
    """The person sought walks past their own poster."""
    alert = _poster(deployment, cast)
    _match(deployment, 2)
    _match(deployment, 3, score=0.7)
    shot = repeats.shots_again(alert)[0]
    raised = repeats.separate(alert, shot.pk, actor=cast.operator)
    assert (raised.state, raised.person_id, raised.track) == ("raised", alert.person_id, shot.track)
    best = Shot.objects.select_related("alert").get(alert=raised, is_best=True)
    assert shot_content(best).score == 0.7
    alert.refresh_from_db()
    assert (alert.state, alert.again_count, alert.counts_false) == ("op_false", 1, True)
    entry = Entry.objects.get(action="alert.separated")
    assert (entry.actor, entry.data["raised"]) == (cast.operator.username, str(raised.pk))
    assert act(raised, "same", cast=cast).state == "referred"
    # Shots that the decision was made on cannot be taken away from it.
    first = alert.shots.order_by("received_at")[0]
    with pytest.raises(Refused, match="did not join"):
        repeats.separate(alert, first.pk, actor=cast.operator)
    with pytest.raises(PermissionDenied):
        repeats.separate(alert, shot.pk, actor=cast.officer)


def test_stood_down_nothing_is_kept_of_the_entry_at_that_place(deployment: Deployment, cast: Cast) -> None:
    alert = _poster(deployment, cast)
    row = _stand_down(alert, cast)
    assert row.until - row.at == dt.timedelta(minutes=30)
    shots = Shot.objects.count()
    for number in (2, 2, 3):
        assert _match(deployment, number) is None
    row.refresh_from_db()
    alert.refresh_from_db()
    # Two tracks, one of them seen twice.
    assert (row.withheld, Shot.objects.count(), alert.again_count) == (2, shots, 0)
    entry = Entry.objects.get(action="alert.stood_down")
    assert (entry.actor, entry.target_id) == (cast.operator.username, str(deployment.pk))
    assert (entry.data["camera"], entry.data["reason"]) == (str(row.camera), "picture")
    # Elsewhere in the same picture, and where somebody nearer covers the poster, the entry is looked for.
    assert _match(deployment, 4, ELSEWHERE) is not None
    nearer = Place(0.0, 0.0, 0.12, 0.3)
    assert _match(deployment, 5, nearer) is not None


def test_a_stand_down_lapses_unless_the_commander_confirms_it(deployment: Deployment, cast: Cast) -> None:
    row = _stand_down(_poster(deployment, cast), cast)
    later = row.until + dt.timedelta(seconds=1)
    assert not StandDown.objects.active(later).exists()
    assert stand_downs.close_lapsed(at=later) == 1
    row.refresh_from_db()
    assert (row.ended_at, row.ended_by, row.last_track) == (later, None, "")
    assert Entry.objects.get(action="alert.stand_down_lapsed").actor == "the clock"
    assert _match(deployment, 2) is None
    assert Alert.objects.get().again_count == 1
    second = _stand_down(Alert.objects.get(), cast)
    with pytest.raises(PermissionDenied):
        stand_downs.confirm(second, actor=cast.operator)
    stand_downs.confirm(second, actor=cast.commander)
    assert second.until == second.camera.period.ends_at
    assert stand_downs.close_lapsed(at=later) == 0
    with pytest.raises(Conflict, match="already confirmed"):
        stand_downs.confirm(second, actor=cast.commander)
    running.end_period(deployment, actor=cast.commander)
    assert stand_downs.close_lapsed() == 1


def test_who_may_stand_down_and_when(deployment: Deployment, cast: Cast, settings: Any) -> None:
    alert = make_alert(deployment)
    with pytest.raises(Refused, match="decided as not the same"):
        _stand_down(alert, cast)
    settings.LFR_UNDO = dt.timedelta(seconds=6)
    act(alert, "not_same", cast=cast)
    with pytest.raises(Refused, match="can no longer be undone"):
        _stand_down(alert, cast)
    settings.LFR_UNDO = dt.timedelta(0)
    with pytest.raises(Refused, match="Select what is matched there"):
        _stand_down(alert, cast, reason="")
    assert alert.person is not None
    with pytest.raises(Refused):
        stand_downs.stand_down(alert, reason="picture", detail=f"Poster of {alert.person.name}", actor=cast.operator)
    for other in (cast.officer, cast.commander, cast.compliance):
        with pytest.raises(PermissionDenied):
            stand_downs.stand_down(alert, reason="picture", actor=other)
    row = _stand_down(alert, cast)
    with pytest.raises(Conflict, match="already stood down"):
        _stand_down(alert, cast)
    stand_downs.lift(row, actor=cast.operator)
    assert _match(deployment, 2) is None
    assert Alert.objects.get().again_count == 1
    running.end_period(deployment, actor=cast.commander)
    with pytest.raises(Refused, match="period is over"):
        _stand_down(alert, cast)


def test_the_governor_counts_objects_and_the_record_counts_alerts(deployment: Deployment, cast: Cast) -> None:
    """A look-alike who comes back three times is one object, once an operator has recognised them."""
    cameras.count_frames(cameras_of(deployment)[0], FrameCounts(received=1, processed=1, faces=1600))
    places = [Place(0.1 + 0.2 * index, 0.4, 0.04, 0.08) for index in range(4)]
    found = []
    for number, place in enumerate(places):
        raised = _match(deployment, 10 + number, place)
        assert raised is not None
        found.append(act(raised, "not_same", cast=cast))
    deployment.refresh_from_db()
    assert deployment.false_governed == 4
    assert deployment.ceiling_question is not None
    for later in found[1:]:
        repeats.mark_repeat(later, found[0], actor=cast.operator)
    deployment.refresh_from_db()
    assert deployment.false_governed == 1
    # What was asked is answered: one object is not a rate.
    assert ceiling.follow(deployment) is None
    figures = record_of(deployment).figures
    assert (figures.false_alerts, figures.false_objects) == (4, 1)
    # Whoever is named, the group has one first alert.
    assert set(Alert.objects.exclude(repeat_of=None).values_list("repeat_of", flat=True)) == {found[0].pk}


def test_who_may_say_that_two_alerts_are_on_one_object(deployment: Deployment, cast: Cast) -> None:
    one, two = _poster(deployment, cast), _match(deployment, 2, ELSEWHERE)
    assert two is not None
    with pytest.raises(Refused, match="decided as not the same"):
        repeats.mark_repeat(two, one, actor=cast.operator)
    act(two, "not_same", cast=cast)
    with pytest.raises(Refused, match="earlier possible match"):
        repeats.mark_repeat(one, two, actor=cast.operator)
    with pytest.raises(PermissionDenied):
        repeats.mark_repeat(two, one, actor=cast.commander)
    # The ceiling restrains the commander, who may hold an operator's role too.
    cast.commander.groups.add(*cast.operator.groups.all())
    both = type(cast.commander).objects.get(pk=cast.commander.pk)
    with pytest.raises(Refused, match="Ask an operator"):
        repeats.mark_repeat(two, one, actor=both)
    repeats.mark_repeat(two, one, actor=cast.operator)
    with pytest.raises(Conflict, match="already recorded"):
        repeats.mark_repeat(two, one, actor=cast.operator)


def test_pages_of_what_is_stood_down(deployment: Deployment, cast: Cast) -> None:
    alert = _poster(deployment, cast)
    operator, commander = client_of(cast.operator), client_of(cast.commander)
    card = operator.get(f"/alerts/{alert.pk}/").content.decode()
    assert "Stand this entry down in this part of the picture" in card
    card = operator.post(f"/alerts/{alert.pk}/stand-down/", {"reason": "picture"}).content.decode()
    assert "Stood down here until" in card
    console = operator.get(f"/deployments/{deployment.pk}/console/").content.decode()
    assert "A poster, photograph or other printed picture" in console
    listed = commander.get(f"/deployments/{deployment.pk}/stand-downs/").content.decode()
    assert "Confirm until" in listed
    row = StandDown.objects.get()
    assert commander.post(f"/stand-downs/{row.pk}/confirm/").status_code == 302
    assert "confirmed by" in commander.get(f"/deployments/{deployment.pk}/stand-downs/").content.decode()
    assert commander.post(f"/stand-downs/{row.pk}/lift/").status_code == 302
    record = client_of(cast.commander).get(f"/records/{deployment.pk}/").content.decode()
    assert "lifted by" in record
