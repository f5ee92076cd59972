"""The closed lists that decisions are made of, so that nothing in them names anybody and every one can be counted."""

from __future__ import annotations

from django.db import models


class Feature(models.TextChoices):
    """What is compared on two faces (after the list of FISWG), in the order that it is looked at."""

    OUTLINE = "outline", "Shape of face and jaw"
    HAIRLINE = "hairline", "Forehead and hairline"
    BROWS = "brows", "Eyebrows"
    EYES = "eyes", "Eyes"
    NOSE = "nose", "Nose"
    MOUTH = "mouth", "Mouth and chin"
    EARS = "ears", "Ears"
    MARKS = "marks", "Scars, moles, tattoos"


class Finding(models.TextChoices):
    """How a feature compares. One that cannot be seen is left out."""

    ALIKE = "alike", "Alike"
    DIFFERS = "differs", "Differs"


class InconclusiveReason(models.TextChoices):
    """Why a comparison is inconclusive."""

    TURNED = "turned", "Face turned away"
    COVERED = "covered", "Face covered"
    BLURRED = "blurred", "Blurred or too small"
    LIGHT = "light", "Too dark or too bright"
    OLD = "old", "Photograph too old or too poor"
    UNDECIDABLE = "undecidable", "Some alike, some differ"


class OffenceClass(models.TextChoices):
    """What an arrest was for, as it is published: it outlives the alert, and is nobody's offence in particular."""

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
    """What came of it instead of an arrest."""

    SAFEGUARDED = "safeguarded", "Found and made safe"
    INTERVIEW = "interview", "Voluntary interview arranged"
    SUMMONS = "summons", "Summons or charge by post"
    PENALTY = "penalty", "Penalty notice or community resolution"
    ADVICE = "advice", "Words of advice"
    INFORMATION = "information", "Details taken for the investigation"


class NoAction(models.TextChoices):
    """Why nothing was to be done about the person sought, once they were found."""

    DEALT_WITH = "dealt_with", "Already dealt with"
    COMPLYING = "complying", "Complying with the order"
    NOT_WANTED = "not_wanted", "No longer wanted"
    DISCRETION = "discretion", "Officer's discretion"


class NoEngagement(models.TextChoices):
    """Why nobody was spoken to: a choice that is as good as any other."""

    DOUBT = "doubt", "Doubt about the likeness"
    UNSAFE = "unsafe", "Not safe for the public or officers"
    NOBODY_FREE = "nobody_free", "No officer free"
    DISPROPORTIONATE = "disproportionate", "Not proportionate there and then"


class WhyFalse(models.TextChoices):
    """How somebody came to be stopped who was not the person sought."""

    RELATIVE = "relative", "A relative of the person sought"
    LOOK_ALIKE = "look_alike", "Somebody who looks like them"
    PHOTOGRAPH = "photograph", "The photograph is of somebody else"
    UNLIKE = "unlike", "Not alike when seen"


class Result(models.TextChoices):
    """How an alert counts in the published figures (doctrine of the Met's grid)."""

    TRUE_CONFIRMED = "tc", "True, confirmed"
    TRUE_UNCONFIRMED = "tu", "True, unconfirmed"
    FALSE_CONFIRMED = "fc", "False, confirmed"
    FALSE_UNCONFIRMED = "fu", "False, unconfirmed"
    UNRESOLVED = "unresolved", "Unresolved"

    @property
    def is_false(self) -> bool:
        return self in (Result.FALSE_CONFIRMED, Result.FALSE_UNCONFIRMED)
