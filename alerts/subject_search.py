"""Search of possible matches for one person, by decrypting the subjects of those that are not purged."""

from __future__ import annotations

from collections.abc import Iterator

from alerts import content
from alerts.content import SubjectContent
from alerts.models import Alert
from core.keys import KeyGone


def find(reference: str, name: str = "") -> Iterator[tuple[Alert, SubjectContent]]:
    """Yield the alerts whose subject has this reference or name, the newest first. Case and spacing do not matter.

    There are few: what is not held as evidence is purged within a day. Whoever calls this checks who may search, and
    records it.
    """
    wanted, called = _spelt(reference), _spelt(name)
    kept = Alert.objects.filter(purged_at=None, sealed__isnull=False)
    for alert in kept.select_related("deployment", "camera", "hold").order_by("-raised_at").iterator(chunk_size=200):
        try:
            subject = content.subject_in(alert)
        except KeyGone:
            # Its key was destroyed, and the purge has not reached the row.
            continue
        if _spelt(subject.reference) == wanted or (called and _spelt(subject.name) == called):
            yield alert, subject


def _spelt(text: str) -> str:
    return " ".join(text.split()).casefold()
