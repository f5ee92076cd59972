"""Reading every photograph again when the engine has changed.

Templates of two engines are never compared, so an installation that takes another model, or a new version of this one,
has everybody on file and nobody it can look for until their photographs have been read by the new engine.
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
    """read, without: photographs with a face and without the one that was enrolled, of `of` in all."""

    of: int
    read: int = 0
    without: int = 0


def unread() -> QuerySet[Photograph]:
    """Photographs that the present engine has not read."""
    return Photograph.objects.exclude(templates__engine=engines.current_engine())


def read_unread(say: Callable[[Progress], None]) -> Progress:
    """Read them all, on every core; what has been read is kept batch by batch, so that a stop costs one batch.

    A photograph on which this engine does not find the enrolled face stays unread: whoever has no other cannot be
    sealed.
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
