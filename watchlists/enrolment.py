"""Reading of photographs for enrolment, with the engine and limits of this installation."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

import recognition.enrolment
from recognition.enrolment import Enrolment, FaceChoice
from watchlists.engine import engine

__all__ = ["Enrolment", "FaceChoice", "read_photograph"]


def read_photograph(data: bytes, chosen: int | None = None, frame: Sequence[float] | None = None) -> Enrolment:
    """Call recognition.enrolment.read_photograph with this process's engine and the force's limits.

    Raises:
        recognition.imaging.UnreadableImage: the file cannot be used as a picture.
        FaceChoice: there is no face, or there are several and none was chosen.
    """
    return recognition.enrolment.read_photograph(
        engine(), data, chosen=chosen, frame=frame, limits=settings.LFR_PHOTOGRAPH_LIMITS
    )
