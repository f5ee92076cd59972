"""Attributes of people, for the equality report."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from watchlists.attributes import AgeBand, SelfDefined, Sex
from watchlists.models.people import Person


class SaidAttributes(models.Model):
    """What a person says about themselves; empty where it was not recorded."""

    self_defined = models.CharField("self-defined ethnicity", max_length=2, choices=SelfDefined.choices, blank=True)
    sex = models.CharField(max_length=8, choices=Sex.choices, blank=True)
    age_band = models.CharField("age", max_length=8, choices=AgeBand.choices, blank=True)

    class Meta:
        abstract = True


class VolunteerAttributes(SaidAttributes):
    """What a member of staff on a blue watchlist said about themselves, with their consent. It goes with the list."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="attributes")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(self_defined="") | ~Q(sex="") | ~Q(age_band=""), name="volunteer_said_something"
            ),
        )

    def __str__(self) -> str:
        return f"attributes of {self.person_id}"
