"""The force's policy as closed lists: use cases, sensitive places, ranks that authorise, and reasons to halt."""

from __future__ import annotations

from django.db import models

from core.ranks import Rank


class UseCase(models.TextChoices):
    """Where live facial recognition may be used. There is no "other": Bridges [2020] EWCA Civ 1058, paragraph 130."""

    HOTSPOT = "hotspot", "Crime hotspot"
    MISSING = "missing", "Missing person hotspot"
    INFRASTRUCTURE = "infrastructure", "Protective security: critical national infrastructure"
    EVENT = "event", "Protective security: event"
    INTELLIGENCE = "intelligence", "Specific intelligence about where a person is"


class Collateral(models.TextChoices):
    """Sensitive places and groups that cameras may see. The application must address each one nearby."""

    SCHOOL = "school", "School, nursery or playground"
    WORSHIP = "worship", "Place of worship"
    CLINIC = "clinic", "Hospital, clinic or surgery"
    LEGAL = "legal", "Solicitors, court or advice centre"
    PROTEST = "protest", "Protest or assembly expected"
    MINORS = "minors", "Many under 18 expected"


# The lowest rank that can authorise: normally; in urgency, subject to confirmation by the first; with a protest.
AUTHORISES, AUTHORISES_URGENTLY, AUTHORISES_PROTEST = Rank.SUPERINTENDENT, Rank.INSPECTOR, Rank.ACC


class Halt(models.TextChoices):
    """Why cameras were paused or stopped."""

    DONE = "done", "Objective met"
    END_OF_PERIOD = "end_of_period", "End of the period"
    AUTHORITY = "authority", "Authority ended"
    RESPONSE = "response", "Too few officers to respond"
    FAULT = "fault", "Technical fault"
    FALSE_ALERTS = "false_alerts", "False alerts above the ceiling"
    RECOGNITION = "recognition", "Recognition rate below the minimum"
    SIGNAGE = "signage", "Signs missing or down"
    INCIDENT = "incident", "Critical incident"
    COMMUNITY = "community", "Community tension"
    BREACH = "breach", "Data breach"
    CLOCK = "clock", "Clock unreliable"
    LIST = "list", "Watchlist no longer valid"
    WEATHER = "weather", "Weather or light"


# The reasons that people can select; only the system gives the others.
CHOSEN_HALTS = tuple(halt for halt in Halt if halt not in (Halt.END_OF_PERIOD, Halt.AUTHORITY))
