"""Process one frame of one camera, from its pixels to possible matches with a watchlist.

    detect -> track -> select shots -> quick pass -> search the list -> full pass of candidates -> agree

No picture or embedding is kept after `process_frame` returns. Only the tracks are passed to the next frame: boxes, ids
and the scores of candidates that were near the threshold.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from recognition.detect import Face
from recognition.embed import Embedding
from recognition.engine import Engine, QuickPass, Template, cosine
from recognition.imaging import Pixels
from recognition.quality import measure
from recognition.track import Track, TrackSet
from recognition.zone import EVERYWHERE, Area, within

# The most embeddings in one frame. The first shots of a crowd are spread over the following frames, so that a frame
# with 300 faces does not hold up the other cameras.
SHOTS_A_FRAME = 12
# The candidates of a quick pass that get a full pass.
CANDIDATES = 3
# Scores further below the threshold than this are not recorded on the track.
NEAR_MARGIN = 0.06


@dataclass(frozen=True)
class Candidate:
    """One photograph of one subject on the list, and its score against a probe.

    score: from `Gallery.nearest` the cosine of a quick pass; from `process_frame` the similarity score of a full pass.
    """

    person: uuid.UUID
    photograph: uuid.UUID
    score: float


class Gallery(Protocol):
    """A watchlist that can be searched."""

    def nearest(self, embeddings: Sequence[Embedding]) -> Sequence[Sequence[Candidate]]:
        """Return, for each unit embedding, the nearest subjects, each once, best first."""

    def templates(self, candidates: Sequence[Candidate]) -> Mapping[uuid.UUID, Template]:
        """Return the candidates' templates by photograph."""


@dataclass(frozen=True)
class Match:
    """A face whose track agrees with a subject on the list: a possible match, which a person decides.

    Until `settled` is called, the next frame that agrees is a match again, so that a match that could not be stored is
    not lost. After that, only shots that are clearly better and above the threshold themselves are further matches.
    """

    candidate: Candidate
    face: Face
    track: Track

    def settled(self) -> None:
        """Note that the match was stored, so that only a few more shots of this track and subject are wanted."""
        self.track.note_kept(str(self.candidate.person))


@dataclass(frozen=True)
class FrameResult:
    """The results of one frame.

    detected: every face found. faces: those within the zone. new_faces: the number of tracks seen for the second time,
    which confirms them. shots: the number of faces embedded. still_there: tracks that became an alert and are due to be
    reported as still in view.
    """

    detected: list[Face]
    faces: list[Face]
    new_faces: int
    shots: int
    matches: list[Match]
    still_there: list[Track]


@dataclass
class _Shot:
    face: Face
    track: Track
    worth: float
    quick_pass: QuickPass | None = None
    candidates: list[Candidate] = field(default_factory=list)


def process_frame(
    pixels: Pixels,
    at: float,
    tracks: TrackSet,
    *,
    engine: Engine,
    gallery: Gallery,
    threshold: float,
    smallest_face: int,
    area: Area = EVERYWHERE,
) -> FrameResult:
    """Process one frame. at: seconds of a monotonic clock. tracks: those of this camera, which are updated."""
    detected = engine.detect(pixels, smallest_face)
    faces = within(detected, area, pixels.shape[1], pixels.shape[0])
    followed = tracks.update([face.box for face in faces], pixels.shape[1], at)
    shots = _chosen(pixels, faces, followed)
    _quick_pass(pixels, shots, engine)
    _search(shots, gallery, engine.quick_gate(threshold))
    _full_pass(pixels, [shot for shot in shots if shot.candidates], engine, gallery, threshold - NEAR_MARGIN)
    matches = [match for shot in shots for match in _agreed(shot, threshold)]
    still_there = [track for track in followed if track.reports_still_there()]
    return FrameResult(detected, faces, sum(track.hits == 2 for track in followed), len(shots), matches, still_there)


def _chosen(pixels: Pixels, faces: Sequence[Face], followed: Sequence[Track]) -> list[_Shot]:
    """Return the faces to embed now. Tracks with the fewest shots come first, so that no new face has to wait."""
    wanted = []
    for face, track in zip(faces, followed, strict=True):
        if not track.may_want_shot():
            continue
        try:
            worth = measure(pixels, face).worth()
        except ValueError:
            # The landmarks coincide, so this face cannot be read. The other faces in the frame can.
            continue
        if track.wants_shot(worth):
            wanted.append(_Shot(face, track, worth))
    wanted.sort(key=lambda shot: (shot.track.shots, -shot.worth))
    for shot in wanted[:SHOTS_A_FRAME]:
        shot.track.note_shot(shot.worth)
    return wanted[:SHOTS_A_FRAME]


def _quick_pass(pixels: Pixels, shots: Sequence[_Shot], engine: Engine) -> None:
    for shot, quick_pass in zip(shots, engine.quick_pass(pixels, [shot.face for shot in shots]), strict=True):
        shot.quick_pass = quick_pass


def _search(shots: Sequence[_Shot], gallery: Gallery, gate: float) -> None:
    searched = [(shot, shot.quick_pass.embedding) for shot in shots if shot.quick_pass is not None]
    if searched:
        found = gallery.nearest([embedding for _, embedding in searched])
        for (shot, _), near in zip(searched, found, strict=True):
            shot.candidates = [
                candidate
                for candidate in near
                if candidate.score >= gate and shot.track.wants_shot_of(str(candidate.person), shot.worth)
            ]


def _full_pass(pixels: Pixels, near: Sequence[_Shot], engine: Engine, gallery: Gallery, least: float) -> None:
    """Replace quick-pass cosines with full-pass scores, dropping candidates that cannot reach `least`."""
    if not near:
        return
    enrolled = gallery.templates([candidate for shot in near for candidate in shot.candidates])
    seconds = engine.second_model(pixels, [shot.quick_pass for shot in near if shot.quick_pass is not None])
    left = []
    for shot, second in zip(near, seconds, strict=True):
        shot.candidates = [
            candidate
            for candidate in shot.candidates
            if (template := enrolled.get(candidate.photograph)) is not None
            and engine.reachable(candidate.score, cosine(second, template.second)) >= least
        ]
        if shot.candidates and shot.quick_pass is not None:
            left.append((shot, shot.quick_pass, second))
    templates = engine.complete_pass([quick_pass for _, quick_pass, _ in left], [second for _, _, second in left])
    for (shot, _, _), template in zip(left, templates, strict=True):
        shot.candidates = [
            replace(candidate, score=engine.score(template, enrolled[candidate.photograph]))
            for candidate in shot.candidates
        ]


def _agreed(shot: _Shot, threshold: float) -> list[Match]:
    """Return matches with the candidates that the track agrees with after this shot.

    A track agrees by the mean of its two best shots, or by one shot clearly above the threshold. Once it has become an
    alert for a candidate, a shot counts only if its own score reaches the threshold.
    """
    matches = []
    for candidate in shot.candidates:
        name = str(candidate.person)
        if name in shot.track.raised:
            if candidate.score >= threshold:
                matches.append(Match(candidate, shot.face, shot.track))
            continue
        if candidate.score < threshold - NEAR_MARGIN:
            continue
        shot.track.note_score(name, candidate.score)
        score = shot.track.agreed(name, threshold)
        if score is not None:
            matches.append(Match(replace(candidate, score=score), shot.face, shot.track))
    return matches
