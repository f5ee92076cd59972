"""The closed lists of the force's policy on where, why and by whom, and its figures that are no settings."""

from __future__ import annotations

from django.db import models

from core.ranks import Rank


class UseCase(models.TextChoices):
    """Where live facial recognition may be used. There is no "other": Bridges [2020] EWCA Civ 1058, paragraph 130."""

    HOTSPOT = "hotspot", "Crime hotspot"
    MISSING = "missing", "Missing person hotspot"
    INFRASTRUCTURE = "infrastructure", "Protective security: critical national infrastructure"
    EVENT = "event", "Protective security: event"
    INTELLIGENCE = "intelligence", "Specific intelligence on where somebody is"


class Collateral(models.TextChoices):
    """Whom else the cameras would see: each that is near has to be answered."""

    SCHOOL = "school", "School, nursery or playground"
    WORSHIP = "worship", "Place of worship"
    CLINIC = "clinic", "Hospital, clinic or surgery"
    LEGAL = "legal", "Solicitors, court or advice centre"
    PROTEST = "protest", "Protest or assembly expected"
    MINORS = "minors", "Many under 18 expected"


# Who may give authority; in urgency, subject to review by the first; and where a protest is expected.
AUTHORISES, AUTHORISES_URGENTLY, AUTHORISES_PROTEST = Rank.SUPERINTENDENT, Rank.INSPECTOR, Rank.ACC


class Halt(models.TextChoices):
    """Why cameras were paused or stopped."""

    DONE = "done", "Objective met"
    END_OF_PERIOD = "end_of_period", "End of the period"
    AUTHORITY = "authority", "Authority ended"
    RESPONSE = "response", "Too few officers to respond"
    FAULT = "fault", "Technical fault"
    FALSE_ALERTS = "false_alerts", "False alerts above the ceiling"
    RECOGNITION = "recognition", "Recognition rate below the floor"
    SIGNAGE = "signage", "Signs missing or down"
    INCIDENT = "incident", "Critical incident"
    COMMUNITY = "community", "Community tension"
    BREACH = "breach", "Data breach"
    CLOCK = "clock", "Clock not to be trusted"
    LIST = "list", "Watchlist no longer valid"
    WEATHER = "weather", "Weather or light"


# What people choose from; the others are found by the system.
CHOSEN_HALTS = tuple(halt for halt in Halt if halt not in (Halt.END_OF_PERIOD, Halt.AUTHORITY))
