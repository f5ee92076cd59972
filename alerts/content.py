"""The encrypted content of an alert: its subject and shots, under the key of its period or of an evidence hold."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from alerts.models import Alert, Shot
from alerts.places import Place
from core import keys
from core.sealing import seal, unseal
from deployments.models import Period
from watchlists.models import Person

# The kinds of keys that hold alerts.
PERIOD_KEY, HOLD_KEY = "alerts", "evidence"


def key_of(period: Period) -> str:
    """Return the name of the key for a period's alerts."""
    return keys.name_of(PERIOD_KEY, period.pk)


def key_of_hold(alert: Alert) -> str:
    """Return the name of the key for an alert that is held as evidence."""
    return keys.name_of(HOLD_KEY, alert.pk)


_FREE_TEXTS = ("offence", "authority", "expected_action", "minor_rationale", "look_alikes")


@dataclass(frozen=True)
class SubjectContent:
    """The subject as the watchlist entry stood when the alert was raised. Labels instead of codes, for display."""

    name: str
    reference: str
    category: str
    offence: str
    authority: str
    tier: str
    expected_action: str
    markers: list[str]
    is_minor: bool
    minor_rationale: str
    look_alikes: str
    photographed: str

    @classmethod
    def of(cls, person: Person, taken_on: dt.date | None) -> SubjectContent:
        return cls(
            name=person.name,
            reference=person.reference,
            category=person.get_category_display(),
            offence=person.offence,
            authority=person.authority,
            tier=person.get_tier_display(),
            expected_action=person.expected_action,
            markers=person.marker_labels,
            is_minor=person.is_minor(),
            minor_rationale=person.minor_rationale,
            look_alikes=person.look_alikes,
            photographed=taken_on.isoformat() if taken_on else "",
        )

    def without_name(self) -> SubjectContent:
        """Return a copy without the name, which is also removed from free text, for users who may not see it yet.

        Accents are ignored. Words in lower case stay: a subject who “may run” need not be called May.
        """
        words = [word for word in re.split(r"[\s\-'’.,]+", self.name) if len(word) > 2 or (not word.isascii() and word)]
        if not words:
            return replace(self, name="")
        named = re.compile("|".join(pattern for word in words for pattern in (_mention(word), _mention(word.upper()))))
        texts: dict[str, Any] = {each: _hidden(named, getattr(self, each)) for each in _FREE_TEXTS}
        return replace(self, name="", **texts)

    @property
    def photograph_age(self) -> str:
        """The age of the photograph, in words."""
        if not self.photographed:
            return "date unknown"
        days = (dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(self.photographed)).days
        years, months = divmod(max(days, 0) // 30, 12)
        if years >= 2:
            return f"{years} years old"
        months += years * 12
        return f"{months} month{'' if months == 1 else 's'} old" if months else "less than a month old"


def _mention(word: str) -> str:
    """Return a pattern that finds a word of a name in decomposed text."""
    letters = [letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter)]
    spelt = "".join(f"{re.escape(letter)}[\u0300-\u036f]*" for letter in letters)
    # Only for Latin letters: not every script puts spaces between words.
    return rf"(?<!\w){spelt}(?!\w)" if "".join(letters).isascii() else spelt


def _hidden(named: re.Pattern[str], text: str) -> str:
    return unicodedata.normalize("NFC", named.sub("(name)", unicodedata.normalize("NFD", text)))


@dataclass(frozen=True)
class ShotContent:
    """A decrypted shot. score: its similarity score. box: left, top, width, height in pixels of its frame.

    place: the same as shares of the frame's width and height; None for a reference photograph.
    """

    score: float
    box: list[float]
    jpeg: bytes
    place: Place | None = None


def _opened(name: str, row_id: uuid.UUID, sealed: bytes | memoryview[int] | None) -> tuple[dict[str, Any], bytes]:
    if sealed is None or not name:
        raise keys.KeyGone("This possible match has been purged")
    return unseal(name, row_id, sealed)


def seal_subject(alert: Alert, subject: SubjectContent) -> bytes:
    return seal(alert.key_name, alert.pk, asdict(subject))


def subject_in(alert: Alert) -> SubjectContent:
    """Return the subject of an alert.

    Raises:
        core.keys.KeyGone: the alert was purged, or its key was destroyed.
    """
    about, _ = _opened(alert.key_name, alert.pk, alert.sealed)
    return SubjectContent(**about)


def seal_shot(shot: Shot, key_name: str, shown: ShotContent) -> bytes:
    place = None if shown.place is None else shown.place.as_list()
    return seal(key_name, shot.pk, {"score": shown.score, "box": shown.box, "place": place}, shown.jpeg)


def shot_content(shot: Shot) -> ShotContent:
    """Return the content of a shot.

    Raises:
        core.keys.KeyGone: its key was destroyed.
    """
    about, jpeg = _opened(shot.alert.key_name, shot.pk, shot.sealed)
    place = None if about["place"] is None else Place(*about["place"])
    return ShotContent(score=about["score"], box=about["box"], jpeg=jpeg, place=place)
