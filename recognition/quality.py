"""The quality of a face, measured from pixels and landmarks and never from whose face it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from recognition.align import align
from recognition.detect import Face
from recognition.imaging import Pixels


@dataclass(frozen=True)
class Limits:
    """The values at which a measure gives a warning and blocks a photograph. None: it never does."""

    warn: float
    block: float | None = None


# `high_` limits are upper limits; the others are lower limits. These are starting values, which a force should set from
# its own photographs (LFR_PHOTOGRAPH_LIMITS). docs/explain/accuracy.md has what size, blur, darkness and turn cost.
LIMITS: Mapping[str, Limits] = {
    "width": Limits(60, 24),
    "sharpness": Limits(15, 3),
    "brightness": Limits(45, 15),
    "high_brightness": Limits(225, 245),
    "contrast": Limits(18, 6),
    "high_turn": Limits(0.6),
    "confidence": Limits(0.75, 0.5),
}


@dataclass(frozen=True)
class Measure:
    """One line of a quality report. level: good, warn or block. advice: what to do; empty if the level is good."""

    name: str
    value: float
    good: str
    level: str
    advice: str = ""


@dataclass(frozen=True)
class Quality:
    """The measures of one face.

    width: pixels of the face box. sharpness: variance of the Laplacian of the aligned grey crop (about 10 for a
    blurred face, above 100 for a crisp one). brightness, contrast: mean and standard deviation of the grey crop, 0 to
    255. turn: how far the nose tip lies from the middle between the eyes, in eye distances (0 frontal, about 0.5 a
    three-quarter view, above 1 profile). confidence: the detector's own, 0 to 1, which falls when part of the face is
    covered.
    """

    width: float
    sharpness: float
    brightness: float
    contrast: float
    turn: float
    confidence: float

    def report(self, limits: Mapping[str, Limits] = LIMITS) -> list[Measure]:
        """Return every measure with its good range, and advice if it is outside that range."""
        return [
            self._measure(
                limits, "width", "Face width, pixels", "The face is small. Use a larger or closer picture.", 0
            ),
            self._measure(limits, "sharpness", "Sharpness", "The face is blurred. Use a sharper photograph.", 0),
            self._measure(
                limits,
                "brightness",
                "Brightness, 0 to 255",
                "The photograph is too dark or too bright. Use one with better light.",
                0,
            ),
            self._measure(
                limits, "contrast", "Contrast", "The face has little contrast. Use a photograph with better light.", 0
            ),
            self._measure(
                limits, "turn", "Turn of the head", "The face is turned away. Use a photograph from the front.", 2
            ),
            self._measure(
                limits,
                "confidence",
                "Clear view of the face, 0 to 1",
                "Part of the face seems to be covered. Use a photograph without a mask, glasses or a hand.",
                2,
            ),
        ]

    def _measure(self, limits: Mapping[str, Limits], name: str, label: str, advice: str, digits: int) -> Measure:
        value = float(getattr(self, name))
        low, high = limits.get(name), limits.get(f"high_{name}")
        level = "good"
        for bound, sign in ((low, 1), (high, -1)):
            if bound is None:
                continue
            if bound.block is not None and sign * value < sign * bound.block:
                level = "block"
            elif sign * value < sign * bound.warn and level == "good":
                level = "warn"
        return Measure(label, round(value, digits or None), _range(low, high), level, "" if level == "good" else advice)

    def worth(self) -> float:
        """Return 0 to 1, to decide which of two shots of a track to embed first. It is not a probability."""
        size = min(self.width / 80, 1.0)
        sharp = min(self.sharpness / 120, 1.0)
        lit = min(max(1 - abs(self.brightness - 125) / 110, 0.0), 1.0)
        frontal = max(1 - self.turn, 0.0)
        return size * (0.4 + 0.3 * sharp + 0.3 * lit) * (0.3 + 0.7 * frontal)


def _range(low: Limits | None, high: Limits | None) -> str:
    if low is not None and high is not None:
        return f"{low.warn:g} to {high.warn:g}"
    return f"{low.warn:g} or more" if low is not None else f"{high.warn:g} or less" if high is not None else "any"


def measure(pixels: Pixels, face: Face) -> Quality:
    """Return the quality of one face in a picture."""
    grey = cv2.cvtColor(align(pixels, face.landmarks), cv2.COLOR_BGR2GRAY)
    return Quality(
        width=face.width,
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        turn=_turn(face),
        confidence=float(face.score),
    )


def _turn(face: Face) -> float:
    right_eye, left_eye, nose = face.landmarks[:3]
    between = left_eye - right_eye
    distance = max(float(np.hypot(*between)), 1e-3)
    middle = (left_eye + right_eye) / 2
    return abs(float(np.dot(nose - middle, between / distance))) / distance
