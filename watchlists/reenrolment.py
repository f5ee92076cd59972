"""Read every photograph again after the engine has changed.

Templates of two engines are never compared. After a change of model, or of its version, no person on file can be found
until the new engine has read their photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from recognition.reading import reading_faces
from recognition.track import Box
from watchlists import engines
from watchlists.engine import choice
from watchlists.models import Photograph

BATCH = 50


@dataclass
class Progress:
    """Progress. of: photographs in all; read: those read; without: those on which the enrolled face was not found."""

    of: int
    read: int = 0
    without: int = 0


def unread() -> QuerySet[Photograph]:
    """Return the photographs that the present engine has not read."""
    return Photograph.objects.exclude(templates__engine=engines.current_engine())


def read_unread(say: Callable[[Progress], None]) -> Progress:
    """Read all of them, on every core. Results are stored batch by batch, so that an interruption costs one batch.

    A photograph on which this engine does not find the enrolled face stays unread. A list cannot be sealed while a
    person on it has no photograph that was read.
    """
    ids = list(unread().order_by("added_at").values_list("pk", flat=True))
    progress = Progress(of=len(ids))
    with reading_faces(settings.DEEPFACE_HOME, choice()) as read:
        for at in range(0, len(ids), BATCH):
            batch = list(Photograph.objects.filter(pk__in=ids[at : at + BATCH]))
            readings = read([photograph.jpeg for photograph in batch], [_box(each) for each in batch])
            found = [(each, reading.close) for each, reading in zip(batch, readings, strict=True) if reading]
            engines.keep_templates(found)
            progress.read += len(found)
            progress.without += len(batch) - len(found)
            say(progress)
    return progress


def _box(photograph: Photograph) -> Box:
    left, top, width, height = photograph.face_box
    return left, top, width, height
