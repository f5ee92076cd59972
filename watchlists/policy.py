"""The closed lists of the force's policy: who may be looked for, on what basis, with what response.

A change here is a change of policy: it takes a new `VERSION`, which every list names.
"""

from __future__ import annotations

from django.db import models

VERSION = "2026-11.2"


class Category(models.TextChoices):
    """The lawful grounds of the College of Policing's practice. There is no "other": Bridges [2020] EWCA Civ 1058."""

    WANTED = "wanted", "Wanted by the courts"
    SUSPECT = "suspect", "Suspected of an offence"
    RESTRICTED = "restricted", "Subject to bail conditions or a court order"
    MISSING = "missing", "Missing and at increased risk of harm"
    RISK = "risk", "Poses a risk of harm to self or others"
    ASSOCIATE = "associate", "Associate of a person in the categories above"
    WITNESS = "witness", "Witness"
    VICTIM = "victim", "Victim"
    # No ground to look for anybody: members of staff who walk past cameras so that these can be tested, on lists of
    # their own, and on no other.
    STAFF = "staff", "Consenting member of staff (recognition test)"


# Rarely justified: these take a rationale of their own.
EXCEPTIONAL = (Category.ASSOCIATE, Category.WITNESS, Category.VICTIM)


class LegalBasis(models.TextChoices):
    """What allows the force to look for somebody. Closed, because it outlives the list in the ledger."""

    WARRANT = "warrant", "Warrant of arrest"
    RECALL = "recall", "Recall to prison, or unlawfully at large"
    ARREST = "arrest", "Power of arrest without warrant (PACE 1984, section 24)"
    ORDER = "order", "Enforcement of bail conditions or a court order"
    LIFE = "life", "Common law duty to protect life"
    CRIME = "crime", "Common law duty to prevent and detect crime"
    CONSENT = "consent", "Consent to a recognition test"


class Tier(models.TextChoices):
    """How officers respond to a confirmed match."""

    RED = "red", "Red: immediate response"
    AMBER = "amber", "Amber: arrest or enforce"
    GREEN = "green", "Green: identify only"


class Marker(models.TextChoices):
    """What an officer must know before they walk up to somebody."""

    WEAPONS = "weapons", "Weapons"
    VIOLENT = "violent", "Violent"
    ESCAPER = "escaper", "May run"
    SELF_HARM = "self_harm", "Self-harm"
    VULNERABLE = "vulnerable", "Vulnerable"
    HEALTH = "health", "Medical condition"


class Age(models.TextChoices):
    """Said where the date of birth is not known."""

    ADULT = "adult", "18 or over"
    MINOR = "minor", "Under 18"


class Source(models.TextChoices):
    """Where a photograph comes from. Those of REFUSED are asked for, so that nobody hides them under another name."""

    CUSTODY = "custody", "Custody photograph"
    POLICE = "police", "Other police photograph"
    PARTNER = "partner", "Another force or agency"
    CAMERA = "camera", "CCTV or body-worn video"
    FAMILY = "family", "Family or carers"
    CONSENT = "consent", "Given by a member of staff"
    PUBLISHED = "published", "Openly published"
    PASSPORT = "passport", "Passport"
    LICENCE = "licence", "Driving licence"


REFUSED_SOURCES = (Source.PASSPORT, Source.LICENCE)
