"""The choices that decisions are made from, so that they name nobody and can be counted."""

from __future__ import annotations

from django.db import models


class Feature(models.TextChoices):
    """The features compared on two faces (after the list of FISWG), in order of comparison."""

    OUTLINE = "outline", "Shape of face and jaw"
    HAIRLINE = "hairline", "Forehead and hairline"
    BROWS = "brows", "Eyebrows"
    EYES = "eyes", "Eyes"
    NOSE = "nose", "Nose"
    MOUTH = "mouth", "Mouth and chin"
    EARS = "ears", "Ears"
    MARKS = "marks", "Scars, moles, tattoos"


class Finding(models.TextChoices):
    """How a feature compares. A feature that cannot be seen is left unmarked."""

    ALIKE = "alike", "Alike"
    DIFFERS = "differs", "Differs"


class InconclusiveReason(models.TextChoices):
    """Why a comparison is inconclusive."""

    TURNED = "turned", "Face turned away"
    COVERED = "covered", "Face covered"
    BLURRED = "blurred", "Blurred or too small"
    LIGHT = "light", "Too dark or too bright"
    OLD = "old", "Photograph too old or too poor"
    UNDECIDABLE = "undecidable", "Some features alike, some different"


class IdentityMethod(models.TextChoices):
    """How an officer established who the person is, apart from the likeness."""

    DOCUMENT = "document", "Identity document"
    FINGERPRINT = "fingerprint", "Mobile fingerprint check"
    RECORDS = "records", "Questions checked against police records"
    KNOWN = "known", "Known to an officer"
    CUSTODY = "custody", "Checks in custody"


class OffenceClass(models.TextChoices):
    """The class of offence of an arrest, as published. It is kept after the purge and identifies nobody."""

    RAPE = "rape", "Rape and serious sexual offences"
    VIOLENCE = "violence", "Violence"
    ROBBERY = "robbery", "Robbery"
    BURGLARY = "burglary", "Burglary and theft"
    DRUGS = "drugs", "Drugs"
    WEAPONS = "weapons", "Weapons"
    WARRANT = "warrant", "Outstanding warrant"
    RECALL = "recall", "Recall to prison"
    BREACH = "breach", "Breach of an order or of bail"
    OTHER = "other", "Another offence"


class Disposal(models.TextChoices):
    """The disposal, if it was not an arrest."""

    SAFEGUARDED = "safeguarded", "Found and made safe"
    INTERVIEW = "interview", "Voluntary interview arranged"
    SUMMONS = "summons", "Summons or charge by post"
    PENALTY = "penalty", "Penalty notice or community resolution"
    ADVICE = "advice", "Words of advice"
    INFORMATION = "information", "Details taken for the investigation"


class NoAction(models.TextChoices):
    """Why no action was taken once the subject was found."""

    DEALT_WITH = "dealt_with", "Already dealt with"
    COMPLYING = "complying", "Complying with the order"
    NOT_WANTED = "not_wanted", "No longer wanted"
    DISCRETION = "discretion", "Officer's discretion"


class NoEngagement(models.TextChoices):
    """Why officers engaged nobody. Each reason is as valid as any other decision."""

    DOUBT = "doubt", "Doubt about the likeness"
    UNSAFE = "unsafe", "Not safe for the public or officers"
    NOBODY_FREE = "nobody_free", "No officer free"
    DISPROPORTIONATE = "disproportionate", "Not proportionate in the circumstances"


class WhyFalse(models.TextChoices):
    """Why somebody was stopped who was not the subject."""

    RELATIVE = "relative", "A relative of the person sought"
    LOOK_ALIKE = "look_alike", "Someone who looks like the person sought"
    PHOTOGRAPH = "photograph", "The photograph shows someone else"
    UNLIKE = "unlike", "Not alike in person"


class StandDownReason(models.TextChoices):
    """Things that are matched again and again in one part of a camera's picture, without being the subject."""

    PICTURE = "picture", "A poster, photograph or other printed picture"
    SCREEN = "screen", "A screen"
    FIGURE = "figure", "A mannequin, statue or other figure"
    REFLECTION = "reflection", "A reflection of one of these"
    STAYING = "staying", "Someone who is not the person sought and stays there"


class Result(models.TextChoices):
    """How an alert counts in the published figures (after the Met's grid)."""

    TRUE_CONFIRMED = "tc", "True, confirmed"
    TRUE_UNCONFIRMED = "tu", "True, unconfirmed"
    FALSE_CONFIRMED = "fc", "False, confirmed"
    FALSE_UNCONFIRMED = "fu", "False, unconfirmed"
    UNRESOLVED = "unresolved", "Unresolved"

    @property
    def is_false(self) -> bool:
        return self in (Result.FALSE_CONFIRMED, Result.FALSE_UNCONFIRMED)


class SecondFinding(models.TextChoices):
    """The finding of a person who compares the faces of a decided alert again."""

    SAME = "same", "Same person"
    NOT_SAME = "not_same", "Not the same"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
