"""Processing of frames: which faces get a quick or a full pass, and the matches."""

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
    """A list of one person that counts the templates requested."""

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


def test_a_track_raises_a_limited_number_of_matches(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    seen = [_settled(_process(portrait(), number / 5, tracks, engine, listed)) for number in range(6)]
    (match,) = [match for each in seen for match in each.matches]
    assert match.candidate.person == WANTED
    assert match.candidate.score > 0.95
    assert match.track.raised == [str(WANTED)]
    assert [each.new_faces for each in seen] == [0, 1, 0, 0, 0, 0]
    # After the alert there is no further full pass unless the face is seen better.
    assert listed.closely == 1


def test_a_person_who_comes_nearer_gives_a_few_more_shots(engine: Engine, listed: OneListed) -> None:
    """The best pair is shown, so a face found far away is kept again once it is seen clearly better."""
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


def test_a_person_who_stays_is_reported_as_still_there(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    text = [_settled(_process(portrait(), float(second), tracks, engine, listed)).still_there for second in range(12)]
    assert [second for second, each in enumerate(text) if each] == [5, 10]


def test_a_further_shot_counts_only_if_it_is_above_the_threshold(engine: Engine, listed: OneListed) -> None:
    tracks = TrackSet()
    _settled(_process(portrait(), 0.0, tracks, engine, listed))
    tracks.tracks[0].kept_worth = 0.0
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 9), np.uint8)
    assert _process(blurred, 0.2, tracks, engine, listed).matches == []


def test_a_match_that_was_not_stored_is_repeated(engine: Engine, listed: OneListed) -> None:
    """As when the database was not available."""
    tracks = TrackSet()
    first, second = (_process(portrait(), number / 5, tracks, engine, listed) for number in range(2))
    assert [match.candidate.person for match in (*first.matches, *second.matches)] == [WANTED, WANTED]
    _settled(second)
    assert second.matches[0].track.raised == [str(WANTED)]


def test_a_face_far_from_everybody_gets_no_full_pass(engine: Engine, nobody: OneListed) -> None:
    tracks = TrackSet()
    seen = [_process(portrait(), number / 5, tracks, engine, nobody) for number in range(6)]
    assert [each.shots for each in seen] == [1, 1, 1, 0, 0, 1]
    assert nobody.closely == 0
    assert tracks.tracks[0].scores == {}


def test_a_full_pass_that_cannot_reach_the_threshold_is_not_completed(engine: Engine, listed: OneListed) -> None:
    """The first model gives a candidate, the second rules it out, and no score is kept."""
    listed.template = dataclasses.replace(listed.template, second=random_embedding(3))
    tracks = TrackSet()
    seen = _process(portrait(), 0.0, tracks, engine, listed)
    assert (listed.closely, seen.matches) == (1, [])
    assert tracks.tracks[0].scores == {}


def test_three_hundred_faces_are_embedded_in_turn(engine: Engine, nobody: OneListed) -> None:
    """Each frame embeds a limited number, those with the fewest shots first, so that neither faces nor frames wait."""
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
def test_a_difficult_frame_is_processed(engine: Engine, listed: OneListed, change: str) -> None:
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
