"""How much a face can tell: measured from pixels and landmarks, never from who it may be."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from recognition.align import align
from recognition.detect import Face
from recognition.imaging import Pixels


@dataclass(frozen=True)
class Quality:
    """Measures of one face.

    width: pixels of the face box. sharpness: variance of the Laplacian of the aligned grey crop (about 10 for a
    blurred face, above 100 for a crisp one). brightness, contrast: mean and standard deviation of the grey crop, 0 to
    255. turn: how far the nose tip lies from the middle between the eyes, in eye distances (0 frontal, about 0.5 a
    three-quarter view, above 1 profile).
    """

    width: float
    sharpness: float
    brightness: float
    contrast: float
    turn: float

    def problems(self) -> list[str]:
        """What a person who chose this photograph should know, and do."""
        found = []
        if self.width < 60:
            found.append(f"The face is only {self.width:.0f} pixels wide; 60 or more are needed for a reliable match.")
        if self.sharpness < 15:
            found.append("The face is blurred. Use a sharper photograph.")
        if self.brightness < 45:
            found.append("The face is very dark. Use a photograph with more light.")
        if self.brightness > 225:
            found.append("The face is overexposed. Use a photograph with less light.")
        if self.contrast < 18:
            found.append("The face has very little contrast.")
        if self.turn > 0.6:
            found.append("The face is turned away. Use one that looks at the camera.")
        return found

    def worth(self) -> float:
        """0 to 1: which of two shots of one track to embed first. Not a probability of anything."""
        size = min(self.width / 80, 1.0)
        sharp = min(self.sharpness / 120, 1.0)
        lit = min(max(1 - abs(self.brightness - 125) / 110, 0.0), 1.0)
        frontal = max(1 - self.turn, 0.0)
        return size * (0.4 + 0.3 * sharp + 0.3 * lit) * (0.3 + 0.7 * frontal)


def measure(pixels: Pixels, face: Face) -> Quality:
    """The quality of one face of a picture."""
    grey = cv2.cvtColor(align(pixels, face.landmarks), cv2.COLOR_BGR2GRAY)
    return Quality(
        width=face.width,
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        turn=_turn(face),
    )


def _turn(face: Face) -> float:
    right_eye, left_eye, nose = face.landmarks[:3]
    between = left_eye - right_eye
    distance = max(float(np.hypot(*between)), 1e-3)
    middle = (left_eye + right_eye) / 2
    return abs(float(np.dot(nose - middle, between / distance))) / distance
