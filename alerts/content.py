"""What an alert holds of somebody, encrypted: under its period's own key, or that of a hold.

Each piece names the row it belongs to, so that none opens in another's place.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
import unicodedata
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from alerts.models import Alert, Shot
from core import keys
from deployments.models import Period
from watchlists.models import Person


def key_of(period: Period) -> str:
    """The name of the key that a period's alerts are encrypted under."""
    return f"alerts-{period.pk}"


def key_of_hold(alert: Alert) -> str:
    # Not "hold-": those are of entries of lists (watchlists.destruction), which sweeps away what is none of its own.
    return f"evidence-{alert.pk}"


_FREE_TEXTS = ("offence", "authority", "expected_action", "minor_rationale", "look_alikes")


@dataclass(frozen=True)
class SubjectContent:
    """The person sought, as the list had them when the alert was raised. Labels, not codes: it is for reading."""

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
        """For who judges before they may know: the name is gone, and its words from what was written freely.

        With or without accents, but not in lower case: who “may run” need not be called May.
        """
        words = [word for word in re.split(r"[\s\-'’.,]+", self.name) if len(word) > 2 or (not word.isascii() and word)]
        if not words:
            return replace(self, name="")
        named = re.compile("|".join(pattern for word in words for pattern in (_mention(word), _mention(word.upper()))))
        texts: dict[str, Any] = {each: _hidden(named, getattr(self, each)) for each in _FREE_TEXTS}
        return replace(self, name="", **texts)

    @property
    def photograph_age(self) -> str:
        """How old the photograph is, in words."""
        if not self.photographed:
            return "of an unknown date"
        days = (dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(self.photographed)).days
        years, months = divmod(max(days, 0) // 30, 12)
        if years >= 2:
            return f"{years} years old"
        months += years * 12
        return f"{months} month{'' if months == 1 else 's'} old" if months else "less than a month old"


def _mention(word: str) -> str:
    """What finds a word of a name in decomposed text."""
    letters = [letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter)]
    spelt = "".join(f"{re.escape(letter)}[\u0300-\u036f]*" for letter in letters)
    # Not every script puts spaces between its words.
    return rf"(?<!\w){spelt}(?!\w)" if "".join(letters).isascii() else spelt


def _hidden(named: re.Pattern[str], text: str) -> str:
    return unicodedata.normalize("NFC", named.sub("(name)", unicodedata.normalize("NFD", text)))


@dataclass(frozen=True)
class ShotContent:
    """One shot, open. score: of this shot. box: left, top, width, height in pixels of its frame."""

    score: float
    box: list[float]
    jpeg: bytes


def seal(name: str, row_id: uuid.UUID, about: dict[str, object], jpeg: bytes = b"") -> bytes:
    """
    Raises:
        core.keys.KeyGone: there is no such key.
    """
    header = json.dumps({"row": str(row_id), **about}).encode()
    return keys.encrypted(name, struct.pack(">I", len(header)) + header + jpeg)


def _opened(name: str, row_id: uuid.UUID, sealed: bytes | memoryview[int] | None) -> tuple[dict[str, object], bytes]:
    if sealed is None or not name:
        raise keys.KeyGone("This alert was purged")
    plain = keys.opened(name, bytes(sealed))
    (length,) = struct.unpack_from(">I", plain)
    about = json.loads(plain[4 : 4 + length])
    if about.pop("row") != str(row_id):
        raise keys.KeyGone("This is not what was kept here")
    return about, plain[4 + length :]


def seal_subject(alert: Alert, subject: SubjectContent) -> bytes:
    return seal(alert.key_name, alert.pk, asdict(subject))


def subject_in(alert: Alert) -> SubjectContent:
    """
    Raises:
        core.keys.KeyGone: it was purged, or its key is gone.
    """
    about, _ = _opened(alert.key_name, alert.pk, alert.sealed)
    return SubjectContent(**about)  # type: ignore[arg-type]


def seal_shot(shot: Shot, key_name: str, shown: ShotContent) -> bytes:
    return seal(key_name, shot.pk, {"score": shown.score, "box": shown.box}, shown.jpeg)


def shot_content(shot: Shot) -> ShotContent:
    """
    Raises:
        core.keys.KeyGone: its key is gone.
    """
    about, jpeg = _opened(shot.alert.key_name, shot.pk, shot.sealed)
    return ShotContent(score=about["score"], box=about["box"], jpeg=jpeg)  # type: ignore[arg-type]
