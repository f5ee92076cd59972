"""Search of possible matches for one person, by decrypting the subjects of those that are not purged."""

from __future__ import annotations

from collections.abc import Iterator

from alerts import content
from alerts.content import SubjectContent
from alerts.models import Alert
from core.keys import KeyGone
from core.names import spelt, words_of


def find(reference: str, name: str = "") -> Iterator[tuple[Alert, SubjectContent]]:
    """Yield the possible matches whose subject has this reference or name, the newest first.

    There are few: what is not held as evidence is purged within a day. Recognition tests and known-negative checks are
    no possible matches and are left out. Whoever calls this checks who may search, and records it.
    """
    wanted, called = spelt(reference), words_of(name)
    kept = Alert.objects.public().filter(purged_at=None, sealed__isnull=False)
    for alert in kept.select_related("deployment", "camera", "hold").order_by("-raised_at").iterator(chunk_size=200):
        try:
            subject = content.subject_in(alert)
        except KeyGone:
            # Its key was destroyed, and the purge has not reached the row.
            continue
        is_reference = bool(wanted) and spelt(subject.reference) == wanted
        if is_reference or (called and words_of(subject.name) == called):
            yield alert, subject
