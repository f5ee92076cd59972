from __future__ import annotations

import json

import pytest

from recognition.track import OCCLUSION, Track, TrackSet

LEFT, RIGHT = (100.0, 100.0, 60.0, 70.0), (400.0, 100.0, 60.0, 70.0)
WIDTH = 1280


def _moved(box: tuple[float, float, float, float], by: float) -> tuple[float, float, float, float]:
    return box[0] + by, box[1], box[2], box[3]


def test_two_people_keep_their_tracks_whatever_order_they_are_found_in() -> None:
    tracks = TrackSet()
    left, right = tracks.update([LEFT, RIGHT], WIDTH, 0.0)
    again_right, again_left = tracks.update([_moved(RIGHT, 15), _moved(LEFT, 15)], WIDTH, 0.2)
    assert (again_left.id, again_right.id) == (left.id, right.id)
    assert left.id != right.id


def test_a_track_survives_a_short_occlusion_and_not_a_long_one() -> None:
    tracks = TrackSet()
    (first,) = tracks.update([LEFT], WIDTH, 0.0)
    tracks.update([_moved(LEFT, 20)], WIDTH, 0.2)
    tracks.update([], WIDTH, 0.4)
    (back,) = tracks.update([_moved(LEFT, 60)], WIDTH, 0.6)
    assert back.id == first.id
    (new,) = tracks.update([_moved(LEFT, 80)], WIDTH, 0.7 + OCCLUSION)
    assert new.id != first.id


def test_motion_continues_a_track_without_overlap() -> None:
    tracks = TrackSet()
    (first,) = tracks.update([LEFT], WIDTH, 0.0)
    for step in range(1, 4):
        tracks.update([_moved(LEFT, 40 * step)], WIDTH, 0.2 * step)
    tracks.update([], WIDTH, 0.8)
    (back,) = tracks.update([_moved(LEFT, 200)], WIDTH, 1.0)
    assert back.id == first.id


def test_a_track_continues_if_the_camera_changes_its_frame_size() -> None:
    tracks = TrackSet()
    first = tracks.update([LEFT, RIGHT], WIDTH, 0.0)
    smaller = [(x * 0.75, y * 0.75, width * 0.75, height * 0.75) for x, y, width, height in (LEFT, RIGHT)]
    assert tracks.update(smaller, WIDTH * 3 // 4, 0.2) == first
    assert tracks.update([_moved(LEFT, 30), _moved(RIGHT, 30)], WIDTH, 0.4) == first
    assert [track.hits for track in first] == [3, 3]


def test_the_heading_is_measured_in_face_widths() -> None:
    tracks = TrackSet()
    for step in range(3):
        followed = tracks.update(
            [_moved(LEFT, 20 * step), _moved(RIGHT, -20 * step), (700.0, 100.0 + 20 * step, 60.0, 70.0)],
            WIDTH,
            step / 5,
        )
    assert [track.heading for track in followed] == ["right", "left", "towards"]
    (still,) = TrackSet().update([LEFT], WIDTH, 0.0)
    assert still.heading == ""


def test_a_clock_that_jumps_back_starts_new_tracks() -> None:
    tracks = TrackSet()
    (first,) = tracks.update([LEFT], WIDTH, 100.0)
    (second,) = tracks.update([LEFT], WIDTH, 5.0)
    assert first.id != second.id


def test_only_boxes_ids_and_scores_are_kept_between_frames() -> None:
    tracks = TrackSet()
    (track,) = tracks.update([LEFT], WIDTH, 1.0)
    track.note_shot(0.5)
    track.note_score("a", 0.51)
    kept = json.loads(tracks.to_json())
    assert set(kept[0]) == set(vars(Track("", LEFT, 0.0)))
    restored = TrackSet.from_json(tracks.to_json())
    assert restored.tracks == tracks.tracks
    (same,) = restored.update([_moved(LEFT, 5)], WIDTH, 1.2)
    assert same.id == track.id
    assert TrackSet.from_json(None).tracks == []


def _embedded(track: Track, times: int, worth: float = 0.5) -> list[int]:
    """Return at which of this many sightings a face is embedded."""
    chosen = []
    for _ in range(times):
        if track.may_want_shot() and track.wants_shot(worth):
            track.note_shot(worth)
            chosen.append(track.hits)
        track.hits += 1
    return chosen


def test_the_first_three_shots_are_embedded_then_fewer_and_fewer() -> None:
    assert _embedded(Track("t", LEFT, 0.0), 60) == [1, 2, 3, 6, 12, 24, 42, 60]


def test_a_face_near_a_candidate_is_embedded_more_often_until_its_track_agrees() -> None:
    track = Track("t", LEFT, 0.0)
    track.note_score("a", 0.68)
    assert _embedded(track, 10) == [1, 2, 3, 5, 7, 9]
    track.raised.append("a")
    assert _embedded(track, 20) == [27]


def test_a_clearly_better_shot_is_embedded_early() -> None:
    track = Track("t", LEFT, 0.0, hits=6, shots=4, best_worth=0.4, hits_at_shot=3)
    assert track.may_want_shot()
    assert not track.wants_shot(0.42)
    assert track.wants_shot(0.6)


def test_a_track_agrees_by_the_mean_of_its_two_best_shots() -> None:
    track = Track("t", LEFT, 0.0)
    track.note_score("a", 0.71)
    track.note_score("b", 0.71)
    assert track.agreed("a", 0.69) is None
    track.note_score("a", 0.66)
    assert track.agreed("a", 0.69) is None
    track.note_score("a", 0.68)
    assert track.agreed("a", 0.69) == pytest.approx(0.695)
    assert track.agreed("b", 0.69) is None
    assert track.agreed("c", 0.69) is None
    assert track.scores["a"] == [0.71, 0.68]


def test_one_shot_clearly_above_the_threshold_is_enough() -> None:
    track = Track("t", LEFT, 0.0)
    track.note_score("a", 0.74)
    assert track.agreed("a", 0.69) == 0.74
