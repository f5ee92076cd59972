"""Reading every photograph again when the engine has changed.

Templates of two engines are never compared, so an installation that takes another model, or a new version of this one,
has everybody on file and nobody it can look for until their photographs have been read by the new engine.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from recognition.engine import Choice, Template, engine_at
from recognition.imaging import UnreadableImage, decode_photograph
from recognition.track import Box, affinity
from watchlists import operations
from watchlists.engine import choice
from watchlists.models import Photograph

BATCH = 50
# How like the face that was chosen at enrolment a face must be in place and size to be it.
SAME_FACE = 0.4


@dataclass
class Progress:
    """read, without: photographs with a face and without the one that was enrolled, of `of` in all."""

    of: int
    read: int = 0
    without: int = 0


def unread() -> QuerySet[Photograph]:
    """Photographs that the present engine has not read."""
    return Photograph.objects.exclude(templates__engine=operations.current_engine())


def read_unread(say: Callable[[Progress], None]) -> Progress:
    """Read them all, on every core; what has been read is kept batch by batch, so that a stop costs one batch.

    A photograph on which this engine does not find the enrolled face stays unread: whoever has no other cannot be
    sealed.
    """
    ids = list(unread().order_by("added_at").values_list("pk", flat=True))
    progress = Progress(of=len(ids))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        reader = _Reader(settings.DEEPFACE_HOME, choice())
        for at in range(0, len(ids), BATCH):
            batch = list(Photograph.objects.filter(pk__in=ids[at : at + BATCH]))
            found = pool.map(reader, [bytes(photograph.jpeg) for photograph in batch], _boxes(batch))
            pairs = list(zip(batch, found, strict=True))
            read = [(photograph, template) for photograph, template in pairs if template is not None]
            operations.keep_templates(read)
            progress.read += len(read)
            progress.without += len(pairs) - len(read)
            say(progress)
    return progress


def _boxes(photographs: Sequence[Photograph]) -> Iterator[Box]:
    for photograph in photographs:
        left, top, width, height = photograph.face_box
        yield left, top, width, height


@dataclass(frozen=True)
class _Reader:
    """Runs in a process of its own: bytes and box in, template out."""

    deepface_home: Path
    choice: Choice

    def __call__(self, jpeg: bytes, box: Box) -> Template | None:
        engine = engine_at(self.deepface_home, self.choice)
        try:
            pixels = decode_photograph(jpeg)
        except UnreadableImage:
            return None
        faces = engine.detect_in_photograph(pixels)
        nearest = max(faces, key=lambda face: affinity(face.box, box), default=None)
        if nearest is None or affinity(nearest.box, box) < SAME_FACE:
            return None
        return engine.look_closely(pixels, engine.glance(pixels, [nearest]))[0]
