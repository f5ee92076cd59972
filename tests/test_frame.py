"""One frame after another: which faces are looked at, how closely, and whom they are taken for."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from recognition.embed import Embedding
from recognition.engine import Engine, Template
from recognition.frame import NEAR_MARGIN, SHOTS_A_FRAME, Candidate, FrameResult, process_frame
from recognition.imaging import Pixels
from recognition.track import KEPT_SHOTS, TrackSet
from tests.cast import portrait, portrait_enrolment, random_embedding
from watchlists.defaults import DEFAULT_THRESHOLD

WANTED = uuid.UUID(int=1)


class OneListed:
    """A list of one person, and what was asked of it."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.closely = 0

    def nearest(self, embeddings: Sequence[Embedding]) -> list[list[Candidate]]:
        return [[Candidate(WANTED, WANTED, float(each @ self.template.embedding))] for each in embeddings]

    def templates(self, candidates: Sequence[Candidate]) -> Mapping[uuid.UUID, Template]:
        self.closely += len(candidates)
        return {WANTED: self.template}


@pytest.fixture
def listed() -> OneListed:
    return OneListed(portrait_enrolment().template)


@pytest.fixture
def nobody() -> OneListed:
    return OneListed(Template(random_embedding(1), random_embedding(2)))


def _crowd(rows: int, columns: int) -> Pixels:
    head = np.asarray(cv2.resize(portrait()[:200, 130:330], (100, 100), interpolation=cv2.INTER_AREA), np.uint8)
    return np.tile(head, (rows, columns, 1))


def _process(pixels: Pixels, at: float, tracks: TrackSet, engine: Engine, gallery: OneListed) -> FrameResult:
    return process_frame(
        pixels, at, tracks, engine=engine, gallery=gallery, threshold=DEFAULT_THRESHOLD, smallest_face=20
    )


def _settled(seen: FrameResult) -> FrameResult:
    for match in seen.matches:
        match.settled()
    return seen


def test_a_track_shows_somebody_of_the_list_a_few_times_and_no_more(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    seen = [_settled(_process(portrait(), number / 5, tracks, engine, listed)) for number in range(6)]
    (match,) = [match for each in seen for match in each.matches]
    assert match.candidate.person == WANTED
    assert match.candidate.score > 0.95
    assert match.track.raised == [str(WANTED)]
    assert [each.new_faces for each in seen] == [0, 1, 0, 0, 0, 0]
    # Once it is an alert, it gets no full pass again, as long as it is seen no better.
    assert listed.closely == 1


def test_who_comes_nearer_is_kept_a_few_times_more(engine: Engine, listed: OneListed) -> None:
    """The best pair is shown: a face that is found far away is kept again when it is seen clearly better."""
    tracks, matches = TrackSet(), []
    for number in range(60):
        scale = 0.22 + 0.78 * number / 59
        nearer = np.asarray(cv2.resize(portrait(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        street = np.full((512, 512, 3), 120, np.uint8)
        top, left = (512 - nearer.shape[0]) // 2, (512 - nearer.shape[1]) // 2
        street[top : top + nearer.shape[0], left : left + nearer.shape[1]] = nearer
        matches += _settled(_process(street, number / 10, tracks, engine, listed)).matches
    assert len({match.track.id for match in matches}) == 1
    assert 2 <= len(matches) <= KEPT_SHOTS
    assert matches[-1].face.width > 1.5 * matches[0].face.width


def test_somebody_found_who_stays_is_said_to_be_still_there(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    said = [_settled(_process(portrait(), float(second), tracks, engine, listed)).still_there for second in range(12)]
    assert [second for second, each in enumerate(said) if each] == [5, 10]


def test_a_further_sight_counts_only_when_it_is_itself_above_the_threshold(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    _settled(_process(portrait(), 0.0, tracks, engine, listed))
    tracks.tracks[0].kept_worth = 0.0
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 9), np.uint8)
    assert _process(blurred, 0.2, tracks, engine, listed).matches == []


def test_a_match_that_became_no_alert_is_a_match_again(engine: Engine, listed: OneListed) -> None:
    """The database was away when it should have been stored."""
    tracks = TrackSet()
    first, second = (_process(portrait(), number / 5, tracks, engine, listed) for number in range(2))
    assert [match.candidate.person for match in (*first.matches, *second.matches)] == [WANTED, WANTED]
    _settled(second)
    assert second.matches[0].track.raised == [str(WANTED)]


def test_nobody_is_looked_at_closely_who_is_far_from_everybody(engine: Engine, nobody: OneListed) -> None:
    tracks = TrackSet()
    seen = [_process(portrait(), number / 5, tracks, engine, nobody) for number in range(6)]
    assert [each.shots for each in seen] == [1, 1, 1, 0, 0, 1]
    assert nobody.closely == 0
    assert tracks.tracks[0].scores == {}


def test_a_close_look_that_cannot_reach_far_enough_is_not_finished(engine: Engine, listed: OneListed) -> None:
    """The second model rules it out: the first is like enough for a candidate, but nothing is noted of it."""
    listed.template = dataclasses.replace(listed.template, second=random_embedding(3))
    tracks = TrackSet()
    seen = _process(portrait(), 0.0, tracks, engine, listed)
    assert (listed.closely, seen.matches) == (1, [])
    assert tracks.tracks[0].scores == {}


def test_three_hundred_faces_are_looked_at_in_turn(engine: Engine, nobody: OneListed) -> None:
    """So many a frame, those who have had fewest first: nobody waits for ever, and no frame takes for ever."""
    crowd, tracks = _crowd(15, 20), TrackSet()
    first = _process(crowd, 0.0, tracks, engine, nobody)
    assert (len(first.faces), first.shots) == (300, SHOTS_A_FRAME)
    for number in range(1, 300 // SHOTS_A_FRAME):
        assert _process(crowd, number / 10, tracks, engine, nobody).shots == SHOTS_A_FRAME
    assert len(tracks.tracks) == 300
    assert {track.shots for track in tracks.tracks} == {1}


def test_an_empty_frame_is_no_error(engine: Engine, listed: OneListed) -> None:
    seen = _process(np.zeros((720, 1280, 3), np.uint8), 0.0, TrackSet(), engine, listed)
    assert (seen.faces, seen.shots, seen.matches) == ([], 0, [])


@pytest.mark.parametrize("change", ["grey", "dark", "border", "tiny"])
def test_a_difficult_frame_is_looked_at_all_the_same(engine: Engine, listed: OneListed, change: str) -> None:
    pixels: npt.NDArray[np.uint8] = portrait()
    if change == "grey":
        pixels = np.asarray(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    elif change == "dark":
        pixels = (pixels * 0.2).astype(np.uint8)
    elif change == "border":
        (face,) = engine.detect(pixels)
        pixels = np.ascontiguousarray(pixels[:, int(face.x + face.width * 0.1) :])
    else:
        pixels = np.asarray(cv2.resize(pixels, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8)
    tracks = TrackSet()
    seen = [_settled(_process(pixels, number / 5, tracks, engine, listed)) for number in range(3)]
    matches = [match for each in seen for match in each.matches]
    assert {match.candidate.person for match in matches} == {WANTED}
    assert matches[0].candidate.score >= DEFAULT_THRESHOLD - NEAR_MARGIN
