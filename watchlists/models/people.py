"""People on a list, their photographs, and the flags to settle before the list is approved."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from core import keys
from recognition.crop import SIDE, face_crop
from recognition.imaging import Pixels, decode_stored
from watchlists.choices import (
    EXCEPTIONAL,
    KEEPING_OF,
    REFUSED_SOURCES,
    Age,
    Category,
    Consulted,
    DataSubject,
    Keeping,
    LegalBasis,
    Marker,
    Seriousness,
    Source,
    Tier,
)
from watchlists.models.lists import Watchlist
from watchlists.querysets import PersonQuerySet

ADULT_YEARS = 18


class Person(models.Model):
    """A watchlist entry: a person whom the force has a lawful reason to seek, on one version of one list.

    revision: counts the changes, so that the second of two users who edit at once is refused.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    watchlist = models.ForeignKey(Watchlist, on_delete=models.PROTECT, related_name="people", editable=False)
    reference = models.CharField(
        "nominal reference", max_length=40, help_text="The person's number in the force's records system."
    )
    name = models.CharField(max_length=120)
    date_of_birth = models.DateField(null=True, blank=True)
    age = models.CharField(
        "age, if the date of birth is not known", max_length=8, choices=Age.choices, blank=True, default=""
    )
    category = models.CharField(max_length=12, choices=Category.choices)
    offence = models.CharField("offence or harm", max_length=300, help_text="What the person is sought for.")
    seriousness = models.CharField(max_length=8, choices=Seriousness.choices)
    data_subject = models.CharField("category of data subject", max_length=12, choices=DataSubject.choices)
    legal_basis = models.CharField(max_length=12, choices=LegalBasis.choices)
    authority = models.CharField(
        "warrant or order",
        max_length=200,
        blank=True,
        default="",
        help_text="Number, court and date, if there is one.",
    )
    tier = models.CharField("response", max_length=8, choices=Tier.choices)
    expected_action = models.CharField(
        max_length=200, help_text="What the engagement officer should do once they have identified the person."
    )
    markers = ArrayField(
        models.CharField(max_length=12, choices=Marker.choices),
        verbose_name="risk markers",
        default=list,
        blank=True,
    )
    look_alikes = models.CharField(
        "relatives and look-alikes",
        max_length=300,
        blank=True,
        default="",
        help_text="For example a twin, another relative, or anyone known to be mistaken for this person.",
    )
    rationale = models.TextField(
        blank=True, default="", help_text="Why an associate, witness or victim must be sought in this way."
    )
    minor_rationale = models.TextField(
        "rationale for a person under 18",
        blank=True,
        default="",
        help_text="Why this child must be sought in this way: the harm, and what else was considered.",
    )
    expires_on = models.DateField("sought until", null=True, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    added_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1, editable=False)
    current_at = models.DateTimeField(null=True, editable=False)
    current_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    current_source = models.CharField(max_length=12, choices=Consulted.choices, blank=True, editable=False)
    minor_accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    minor_accepted_reason = models.TextField(
        blank=True, editable=False, help_text="The authorising officer's own reason for a person under 18."
    )

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        ordering = ("name", "reference")
        constraints = (
            models.UniqueConstraint(fields=["watchlist", "reference"], name="once_on_a_watchlist"),
            models.CheckConstraint(
                condition=~models.Q(category__in=EXCEPTIONAL) | ~models.Q(rationale=""),
                name="exceptional_has_rationale",
            ),
            models.CheckConstraint(
                condition=models.Q(date_of_birth__isnull=False) | ~models.Q(age=""), name="age_is_known"
            ),
        )
        indexes = (
            models.Index(fields=["watchlist", "name"]),
            models.Index(fields=["watchlist", "category"]),
        )

    def __str__(self) -> str:
        # The audit log keeps this for ever, so it contains no name and no reference.
        return f"person {str(self.id)[:8]}"

    def is_minor(self, on: dt.date | None = None) -> bool:
        """Return whether the person is under 18 on that day (today by default), as far as is known."""
        if self.date_of_birth is None:
            return self.age == Age.MINOR
        return self.date_of_birth > eighteen_years_before(on or timezone.localdate())

    @property
    def needs_minor_tick(self) -> bool:
        return self.is_minor() and self.minor_accepted_by_id is None

    @property
    def marker_labels(self) -> list[str]:
        return [str(Marker(marker).label) for marker in self.markers]


def eighteen_years_before(day: dt.date) -> dt.date:
    """Return the date of birth after which a person is under 18 on that day.

    A person born on 29 February turns 18 on 1 March.
    """
    try:
        return day.replace(year=day.year - ADULT_YEARS)
    except ValueError:
        return day.replace(year=day.year - ADULT_YEARS, day=28)


class Photograph(models.Model):
    """One lawful photograph of a person, re-encoded without metadata, with the face that was chosen on it.

    It is stored in the database, so that it is written and destroyed together with the rows that describe it
    (docs/explain/decisions/0001), and encrypted with the key of its list.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="photographs")
    encrypted = models.BinaryField()
    key_name = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64, help_text="Of the JPEG before encryption.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    face_box: models.JSONField[list[float], list[float]] = models.JSONField(
        help_text="Left, top, width, height of the chosen face, in pixels."
    )
    landmarks: models.JSONField[list[list[float]] | None, list[list[float]] | None] = models.JSONField(
        null=True,
        help_text="Eyes, nose and corners of the mouth, in pixels. Empty for photographs read before 2026-11-26.",
    )
    source = models.CharField(max_length=12, choices=Source.choices)
    lawful_hold = models.CharField(max_length=200, help_text="Why the force may hold this photograph.")
    keeping = models.CharField(max_length=12, choices=Keeping.choices, blank=True)
    taken_on = models.DateField(null=True, blank=True)
    confirmed_by = models.CharField(
        max_length=120, blank=True, help_text="Who compared it with the record and found that it is of the person."
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    quality: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("added_at",)
        constraints = (
            models.CheckConstraint(condition=~models.Q(source__in=REFUSED_SOURCES), name="lawful_source"),
            models.CheckConstraint(
                condition=~models.Q(source__in=KEEPING_OF) | ~models.Q(keeping=""), name="kept_on_a_basis"
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by="") | models.Q(confirmed_at__isnull=False), name="confirmed_at_a_time"
            ),
            models.UniqueConstraint(fields=["person", "sha256"], name="photograph_once_a_person"),
        )

    def __str__(self) -> str:
        return f"photograph {str(self.id)[:8]}"

    def face(self, side: int = SIDE) -> Pixels:
        """Return the chosen face, side x side x 3, with its eyes at the same place as in every other crop.

        Raises:
            core.keys.KeyGone: its key was destroyed.
        """
        left, top, width, height = self.face_box
        landmarks = None if self.landmarks is None else np.array(self.landmarks, np.float32)
        return face_crop(decode_stored(self.jpeg), (left, top, width, height), side, landmarks)

    @property
    def jpeg(self) -> bytes:
        """The decrypted JPEG.

        Raises:
            core.keys.KeyGone: its key was destroyed.
        """
        return keys.decrypted(self.key_name, bytes(self.encrypted), self.sha256)


class Flag(models.Model):
    """Something about an entry that a person must correct, or accept with a reason, before the list is approved."""

    class Kind(models.TextChoices):
        OLD_PHOTOGRAPH = "old_photograph", "Old photograph"
        POOR_QUALITY = "poor_quality", "Poor photograph"
        SAME_PERSON = "same_person", "May be the same person as another entry"
        LOOK_ALIKE = "look_alike", "Looks like another person on file"

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="flags")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    detail = models.CharField(max_length=400)
    photograph = models.ForeignKey(Photograph, on_delete=models.CASCADE, related_name="+", null=True)
    other = models.ForeignKey(Photograph, on_delete=models.SET_NULL, related_name="+", null=True)
    raised_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=400, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("person", "pk")
        constraints = (models.UniqueConstraint(fields=["person", "kind", "photograph", "other"], name="flagged_once"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.person}"

    @property
    def is_same_person(self) -> bool:
        return self.kind == self.Kind.SAME_PERSON

    @property
    def can_be_merged(self) -> bool:
        """Whether it is about another entry of the same list, so that the two can become one."""
        return (
            self.is_same_person
            and self.other is not None
            and self.other.person.watchlist_id == self.person.watchlist_id
        )

    @property
    def is_look_alike(self) -> bool:
        return self.kind == self.Kind.LOOK_ALIKE

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None
