"""The fixed choices of the force's policy: who may be sought, on what legal basis, and with what response.

A change here is a change of policy and needs a new `VERSION`, which every list records.
"""

from __future__ import annotations

from django.db import models

from core.ranks import Rank

VERSION = "2026-11.3"


class Category(models.TextChoices):
    """The lawful grounds in the College of Policing's practice. There is no "other": Bridges [2020] EWCA Civ 1058."""

    WANTED = "wanted", "Wanted by the courts"
    SUSPECT = "suspect", "Suspected of an offence"
    RESTRICTED = "restricted", "Subject to bail conditions or a court order"
    MISSING = "missing", "Missing and at increased risk of harm"
    RISK = "risk", "Poses a risk of harm to self or others"
    ASSOCIATE = "associate", "Associate of a person in the categories above"
    WITNESS = "witness", "Witness"
    VICTIM = "victim", "Victim"
    # Not a ground for seeking a person: staff who walk past cameras to test them. They are on blue watchlists only,
    # with nobody else.
    STAFF = "staff", "Consenting member of staff (recognition test)"


# Those that an application may ask for.
LISTED_CATEGORIES = [(each.value, each.label) for each in Category if each != Category.STAFF]
# Rarely justified: each entry needs a rationale.
EXCEPTIONAL = (Category.ASSOCIATE, Category.WITNESS, Category.VICTIM)


# The lowest rank that approves lists and thresholds; and a list that cannot wait, subject to confirmation by the first.
APPROVES = Rank.SUPERINTENDENT
APPROVES_URGENTLY = Rank.INSPECTOR


class LegalBasis(models.TextChoices):
    """The power or duty under which a person is sought. Fixed choices, because the ledger keeps it after the list."""

    WARRANT = "warrant", "Warrant of arrest"
    RECALL = "recall", "Recall to prison, or unlawfully at large"
    ARREST = "arrest", "Power of arrest without warrant (PACE 1984, section 24)"
    ORDER = "order", "Enforcement of bail conditions or a court order"
    LIFE = "life", "Common law duty to protect life"
    CRIME = "crime", "Common law duty to prevent and detect crime"
    CONSENT = "consent", "Consent to a recognition test"


class Tier(models.TextChoices):
    """How officers respond when they have confirmed a possible match."""

    RED = "red", "Red: immediate response"
    AMBER = "amber", "Amber: arrest or enforce"
    GREEN = "green", "Green: identify only"


class Seriousness(models.TextChoices):
    """How serious the matter is that a person is sought for. An application states which of these its list may hold."""

    GRAVE = "grave", "Most serious: danger to life, sexual offences, grave violence"
    SERIOUS = "serious", "Serious: violence, robbery, burglary, weapons, supply of drugs"
    OTHER = "other", "Another offence, or breach of an order"
    NONE = "none", "No offence: missing or at risk"


class DataSubject(models.TextChoices):
    """The categories of data subject that section 38(3) of the Data Protection Act 2018 distinguishes."""

    SUSPECT = "suspect", "Suspected of an offence"
    CONVICTED = "convicted", "Convicted of an offence"
    VICTIM = "victim", "Victim, or thought to be one"
    WITNESS = "witness", "Witness, or has information"
    NONE = "none", "None of these"


class Marker(models.TextChoices):
    """What an officer must know before they approach a person."""

    WEAPONS = "weapons", "Weapons"
    VIOLENT = "violent", "Violent"
    ESCAPER = "escaper", "May run"
    SELF_HARM = "self_harm", "Self-harm"
    VULNERABLE = "vulnerable", "Vulnerable"
    HEALTH = "health", "Medical condition"


class Age(models.TextChoices):
    """Recorded if the date of birth is not known."""

    ADULT = "adult", "18 or over"
    MINOR = "minor", "Under 18"


class Source(models.TextChoices):
    """Where a photograph comes from. REFUSED_SOURCES can be selected, so that nobody enters them as something else."""

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


class Keeping(models.TextChoices):
    """Why the force may keep a custody photograph, or use one that comes from somebody else."""

    CONVICTED = "convicted", "Convicted of the offence it was taken for"
    PROCEEDINGS = "proceedings", "The investigation or proceedings are not concluded"
    REVIEWED = "reviewed", "Not convicted: kept after a review of necessity"
    AGREEMENT = "agreement", "Shared under an agreement that allows this use"
    REQUEST = "request", "Shared on request, for this person"
    OBTAINED = "obtained", "Obtained in the investigation of this offence"
    OWN = "own", "Recorded by the force itself"
    GIVEN = "given", "Given in order to find the person"
    NO_OTHER = "no_other", "No police photograph exists, and the need for this one was reviewed"


# The bases for each source that needs one. Custody photographs of people who were not convicted may not be kept without
# a review (RMC [2012] EWHC 1681 (Admin)); those of others carry the risks of where they come from.
KEEPING_OF: dict[str, tuple[Keeping, ...]] = {
    Source.CUSTODY: (Keeping.CONVICTED, Keeping.PROCEEDINGS, Keeping.REVIEWED),
    Source.PARTNER: (Keeping.AGREEMENT, Keeping.REQUEST),
    Source.CAMERA: (Keeping.OWN, Keeping.OBTAINED),
    Source.FAMILY: (Keeping.GIVEN,),
    Source.PUBLISHED: (Keeping.NO_OTHER,),
}


class Consulted(models.TextChoices):
    """The source that was consulted to see whether a person is still sought."""

    PNC = "pnc", "Police National Computer"
    COURT = "court", "Court or warrants register"
    RECORDS = "records", "The force's records system"
    OFFICER = "officer", "Officer in the case"
    MISSING = "missing", "Missing persons system"
    PARTNER = "partner", "Another force or agency"
    STAFF = "staff", "The member of staff"


# The sources that can say whether people with each lawful ground are still sought.
CONSULTED_FOR: dict[str, tuple[Consulted, ...]] = {
    Category.WANTED: (Consulted.PNC, Consulted.COURT, Consulted.RECORDS, Consulted.OFFICER, Consulted.PARTNER),
    Category.SUSPECT: (Consulted.PNC, Consulted.RECORDS, Consulted.OFFICER, Consulted.PARTNER),
    Category.RESTRICTED: (Consulted.PNC, Consulted.COURT, Consulted.RECORDS, Consulted.OFFICER),
    Category.MISSING: (Consulted.MISSING, Consulted.RECORDS, Consulted.OFFICER, Consulted.PARTNER),
    Category.RISK: (Consulted.RECORDS, Consulted.OFFICER, Consulted.MISSING, Consulted.PARTNER),
    Category.ASSOCIATE: (Consulted.OFFICER, Consulted.RECORDS),
    Category.WITNESS: (Consulted.OFFICER, Consulted.RECORDS),
    Category.VICTIM: (Consulted.OFFICER, Consulted.RECORDS),
    Category.STAFF: (Consulted.STAFF,),
}
