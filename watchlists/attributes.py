"""The codes in which attributes of people are recorded for the equality report. Never inferred from a face.

Self-defined ethnicity: the 18+1 codes that people choose from. Officer-defined: the 6+1 codes of what an officer saw.
They answer two questions and are never mixed. Some forces write another number for "unknown".
"""

from __future__ import annotations

import datetime as dt

from django.db import models


class SelfDefined(models.TextChoices):
    """Ethnicity as the person says it (18+1)."""

    W1 = "W1", "W1 White: British"
    W2 = "W2", "W2 White: Irish"
    W3 = "W3", "W3 White: Gypsy or Irish Traveller"
    W9 = "W9", "W9 White: any other background"
    M1 = "M1", "M1 Mixed: White and Black Caribbean"
    M2 = "M2", "M2 Mixed: White and Black African"
    M3 = "M3", "M3 Mixed: White and Asian"
    M9 = "M9", "M9 Mixed: any other background"
    A1 = "A1", "A1 Asian: Indian"
    A2 = "A2", "A2 Asian: Pakistani"
    A3 = "A3", "A3 Asian: Bangladeshi"
    A4 = "A4", "A4 Asian: Chinese"
    A9 = "A9", "A9 Asian: any other background"
    B1 = "B1", "B1 Black: Caribbean"
    B2 = "B2", "B2 Black: African"
    B9 = "B9", "B9 Black: any other background"
    O2 = "O2", "O2 Arab"
    O9 = "O9", "O9 Any other ethnic group"
    NS = "NS", "NS Not stated"


# The groups that self-defined codes are counted in, by their first letter: single codes are too few for a rate.
SELF_DEFINED_GROUPS: dict[str, str] = {
    "W": "White",
    "M": "Mixed",
    "A": "Asian",
    "B": "Black",
    "O": "Other",
    "N": "Not stated",
}


class OfficerDefined(models.TextChoices):
    """Ethnicity as an officer saw it (6+1)."""

    IC1 = "1", "IC1 White, North European"
    IC2 = "2", "IC2 White, South European"
    IC3 = "3", "IC3 Black"
    IC4 = "4", "IC4 Asian, Indian subcontinent"
    IC5 = "5", "IC5 Chinese, Japanese, Korean or other South-East Asian"
    IC6 = "6", "IC6 Arab or North African"
    IC9 = "9", "IC9 Unknown"


class Sex(models.TextChoices):
    FEMALE = "female", "Female"
    MALE = "male", "Male"
    UNKNOWN = "unknown", "Not known"


class AgeBand(models.TextChoices):
    UNDER_18 = "under18", "Under 18"
    TO_24 = "18to24", "18 to 24"
    TO_34 = "25to34", "25 to 34"
    TO_44 = "35to44", "35 to 44"
    TO_54 = "45to54", "45 to 54"
    FROM_55 = "from55", "55 and over"
    UNKNOWN = "unknown", "Not known"


_TOPS = ((18, AgeBand.UNDER_18), (25, AgeBand.TO_24), (35, AgeBand.TO_34), (45, AgeBand.TO_44), (55, AgeBand.TO_54))


def age_band_of(born: dt.date | None, on: dt.date) -> str:
    """Return the band of somebody's age on a day; empty if the date of birth is not known."""
    if born is None:
        return ""
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return next((band for top, band in _TOPS if age < top), AgeBand.FROM_55)
