"""Track a face through several frames, by position, size and motion of its boxes.

The state is plain data without any image or embedding. It is kept for seconds, between the frames of one camera.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
"""Left, top, width, height: of a face, in pixels of its frame; of a track, in widths of the frame."""

# Seconds that a track is kept while its face is not seen, for example behind a lamp post or in a lost frame.
OCCLUSION = 1.2
# The least affinity of two boxes of one face. 1 is the same box, 0 is a face's width apart.
LEAST_AFFINITY = 0.15
QUICK_SHOTS = 3
# A shot is clearly better if its worth is a sixth higher. Worth is measured every third time the face is detected.
CLEARLY_BETTER = 7 / 6
MEASURE_EVERY = 3
# How often a face is detected between two shots: if it is near a candidate, and at most if it is not.
WAIT_WHEN_NEAR, LONGEST_WAIT = 2, 18
# After this many shots, a face near a candidate no longer gets more shots than others.
GIVEN_UP = 12
# The number of shots whose mean must reach the threshold. See STRONG_MARGIN for a single shot.
AGREEING = 2
# A face that moves less than this, in its own widths a second, counts as standing still.
LEAST_PACE = 0.25
# The shots of one track that are kept for one candidate: the first match, and two that are better by a third. Each
# costs a full pass and a picture, which would slow ten cameras if every shot of a match were kept.
KEPT_SHOTS = 3
WORTH_KEEPING = 4 / 3
# One shot this far above the threshold is enough by itself.
STRONG_MARGIN = 0.04
# Seconds after which a match that is still in view is reported again.
REPORT_EVERY_S = 5.0


@dataclass
class Track:
    """One face being followed.

    box, velocity: in widths of the frame, and widths a second, because a camera may change the size of its frames.
    scores: for each candidate near the threshold, the scores of its two best shots, best first. raised: the candidates
    for which this track has become an alert. kept: the number of shots kept for each of them; kept_worth: the track's
    best worth when the last of them was kept. reported_at: when the face was last reported as still in view.
    """

    id: str
    box: Box
    seen_at: float
    velocity: tuple[float, float] = (0.0, 0.0)
    hits: int = 1
    shots: int = 0
    best_worth: float = 0.0
    hits_at_shot: int = 0
    scores: dict[str, list[float]] = field(default_factory=dict)
    raised: list[str] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)
    kept_worth: float = 0.0
    reported_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the face is near a candidate, with no alert yet and shots left to decide."""
        return bool(self.scores) and not self.raised and self.shots < GIVEN_UP

    def wants_shot_of(self, candidate: str, worth: float) -> bool:
        """Return whether to compare this shot with a candidate. After a match, only clearly better shots are."""
        if candidate not in self.raised:
            return True
        return self.kept.get(candidate, 0) < KEPT_SHOTS and worth > self.kept_worth * WORTH_KEEPING

    def note_kept(self, candidate: str) -> None:
        """Note that a shot became an alert or was added to one."""
        if candidate not in self.raised:
            self.raised.append(candidate)
        self.kept[candidate] = self.kept.get(candidate, 0) + 1
        self.kept_worth = self.best_worth
        self.reported_at = self.seen_at

    def reports_still_there(self) -> bool:
        """Return whether to report now that a matched face is still in view, and note that it was reported."""
        if not self.raised or self.seen_at - self.reported_at < REPORT_EVERY_S:
            return False
        self.reported_at = self.seen_at
        return True

    @property
    def heading(self) -> str:
        """The direction of the face: left, right, towards or away; empty if it is standing still or unknown."""
        across, down = (speed / self.box[2] for speed in self.velocity)
        if max(abs(across), abs(down)) < LEAST_PACE:
            return ""
        if abs(across) >= abs(down):
            return "right" if across > 0 else "left"
        # Cameras look down on people, so a person who comes nearer moves down in the picture.
        return "towards" if down > 0 else "away"

    def may_want_shot(self) -> bool:
        """Return whether to measure the quality of the face in this frame at all."""
        waited = self.hits - self.hits_at_shot
        if self.shots < QUICK_SHOTS or (self.is_open and waited >= WAIT_WHEN_NEAR):
            return True
        return waited > 0 and waited % MEASURE_EVERY == 0

    def wants_shot(self, worth: float) -> bool:
        """Return whether to embed the face in this frame.

        The first three shots are taken at once. After that, a shot is taken if the face is clearly better than before,
        or after a wait that grows each time. A face near a candidate is embedded every other time until the track
        agrees or has used up its shots. A face that has become an alert is still embedded, but rarely, because the
        track may have passed to another person.
        """
        if self.shots < QUICK_SHOTS:
            return True
        waited = self.hits - self.hits_at_shot
        if worth > self.best_worth * CLEARLY_BETTER and not self.raised:
            return True
        if self.is_open:
            return waited >= WAIT_WHEN_NEAR
        return waited >= min(MEASURE_EVERY << (self.shots - QUICK_SHOTS), LONGEST_WAIT)

    def note_shot(self, worth: float) -> None:
        self.shots += 1
        self.hits_at_shot = self.hits
        self.best_worth = max(self.best_worth, worth)

    def note_score(self, candidate: str, score: float) -> None:
        """Record the score of a shot for a candidate that it is near."""
        best = sorted([*self.scores.get(candidate, []), round(score, 4)], reverse=True)
        self.scores[candidate] = best[:AGREEING]

    def agreed(self, candidate: str, threshold: float) -> float | None:
        """Return the track's score for a candidate, or None if it does not reach the threshold.

        The score is the mean of the two best shots. One shot alone must be above the threshold by STRONG_MARGIN.
        """
        scores = self.scores.get(candidate, [])
        if scores and scores[0] >= threshold + STRONG_MARGIN:
            return scores[0]
        mean = sum(scores) / AGREEING
        return mean if len(scores) == AGREEING and mean >= threshold else None

    def predicted(self, at: float) -> Box:
        """Return where the box should be at this time, by its velocity."""
        elapsed = min(at - self.seen_at, OCCLUSION)
        left, top, width, height = self.box
        return left + self.velocity[0] * elapsed, top + self.velocity[1] * elapsed, width, height


class TrackSet:
    """The tracks of one camera."""

    def __init__(self, tracks: list[Track] | None = None) -> None:
        self.tracks = tracks or []

    @classmethod
    def from_json(cls, text: str | bytes | None) -> TrackSet:
        """Read what `to_json` wrote. None or empty text gives an empty set."""
        rows = json.loads(text) if text else []
        return cls([Track(**{**row, "box": tuple(row["box"]), "velocity": tuple(row["velocity"])}) for row in rows])

    def to_json(self) -> str:
        return json.dumps([vars(track) for track in self.tracks], separators=(",", ":"))

    def update(self, boxes: Sequence[Box], frame_width: int, at: float) -> list[Track]:
        """Return the track of each box, in the order of the boxes. Start tracks for new faces and drop expired ones.

        boxes: in pixels of a frame of frame_width, each with a width above zero. at: seconds of a clock that does not
        jump between two frames of one camera. If it does, all tracks start again.
        """
        shares = [_in_frame_widths(box, frame_width) for box in boxes]
        self.tracks = [track for track in self.tracks if 0 <= at - track.seen_at <= OCCLUSION]
        pairs = sorted(
            (
                (affinity(track.predicted(at), box), track_index, box_index)
                for track_index, track in enumerate(self.tracks)
                for box_index, box in enumerate(shares)
            ),
            reverse=True,
        )
        found: dict[int, Track] = {}
        taken: set[int] = set()
        for value, track_index, box_index in pairs:
            if value < LEAST_AFFINITY:
                break
            if track_index not in taken and box_index not in found:
                taken.add(track_index)
                found[box_index] = self.tracks[track_index]
                _advance(self.tracks[track_index], shares[box_index], at)
        for box_index, box in enumerate(shares):
            if box_index not in found:
                found[box_index] = Track(uuid.uuid4().hex, box, at)
                self.tracks.append(found[box_index])
        return [found[index] for index in range(len(boxes))]


def affinity(one: Box, other: Box) -> float:
    """Return 1 for the same box, less with distance and difference in size, 0 or less for two faces side by side."""
    size = (one[2] + other[2]) / 2
    dx = one[0] + one[2] / 2 - other[0] - other[2] / 2
    dy = one[1] + one[3] / 2 - other[1] - other[3] / 2
    distance = math.hypot(dx, dy) / size
    likeness = min(one[2], other[2]) / max(one[2], other[2])
    return likeness - distance


def _in_frame_widths(box: Box, frame_width: int) -> Box:
    left, top, width, height = (side / frame_width for side in box)
    return left, top, width, height


def _advance(track: Track, box: Box, at: float) -> None:
    elapsed = max(at - track.seen_at, 1e-3)
    fresh = (
        (box[0] + box[2] / 2 - track.box[0] - track.box[2] / 2) / elapsed,
        (box[1] + box[3] / 2 - track.box[1] - track.box[3] / 2) / elapsed,
    )
    track.velocity = (0.5 * track.velocity[0] + 0.5 * fresh[0], 0.5 * track.velocity[1] + 0.5 * fresh[1])
    track.box, track.seen_at = box, at
    track.hits += 1
