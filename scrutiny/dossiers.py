"""The draw of dossiers by chance, and what a dossier shows.

It shows what was done, how long after the possible match was raised, and by which role. No name, place, date, picture,
score, threshold or attribute of anybody, and no text that somebody typed. Numbers and the order of the list are by
chance. Somebody who knows a deployment well could still recognise a rare course of events.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alerts.acts import OFFICER_ACTS, OPERATOR_ACTS
from alerts.models import Act, Alert
from alerts.states import FALSE
from audit.actions import Action
from audit.journal import record
from core.actors import CLOCK
from core.locks import Turn, take
from core.machine import JournalData
from deployments.locks import lock_deployment
from deployments.models import Deployment
from scrutiny.models import Dossier, Draw


@dataclass(frozen=True)
class Line:
    """One act of a dossier. after: since the possible match was raised. who: a role with a letter."""

    after: str
    who: str
    what: str
    basis: str


@dataclass(frozen=True)
class DossierContent:
    """What the panel sees of a dossier."""

    lines: list[Line]
    facts: list[tuple[str, str]]


def draw_due() -> int:
    """Draw for every closed deployment of which nothing was drawn yet; return how many dossiers there are now."""
    closed = Deployment.objects.filter(closed_at__isnull=False, draw__isnull=True)
    return sum(_draw(deployment) for deployment in closed)


@transaction.atomic
def _draw(deployment: Deployment) -> int:
    lock_deployment(deployment)
    if Draw.objects.filter(deployment=deployment).exists():
        return 0
    alerts = Alert.objects.filter(deployment=deployment).public()
    false = set(alerts.filter(state__in=FALSE).values_list("pk", flat=True))
    # Whatever the result, and also if the outcome was recorded afterwards: then the officer has no end to show.
    times = alerts.filter(engaged_at__isnull=False, ended_at__isnull=False).values_list("pk", "engaged_at", "ended_at")
    long = {pk for pk, began, ended in times if began and ended and ended - began > settings.LFR_LONG_ENGAGEMENT}
    made = Draw.objects.create(
        deployment=deployment,
        drawn_at=timezone.now(),
        percent=settings.LFR_SCRUTINY,
        false_alerts=len(false),
        long_engagements=len(long),
    )
    chosen = dict.fromkeys(_sample(false), Dossier.Why.FALSE) | dict.fromkeys(_sample(long), Dossier.Why.LONG)
    take(Turn.DOSSIER_NUMBER)
    taken = set(Dossier.objects.values_list("number", flat=True))
    for pk, why in chosen.items():
        taken.add(number := _number_beside(taken))
        Dossier.objects.create(number=number, draw=made, alert_id=pk, why=why)
    data: JournalData = {"false": len(false), "long": len(long), "drawn": len(chosen), "percent": made.percent}
    record(Action.DOSSIERS_DRAWN, actor=CLOCK, target=deployment, data=data)
    return len(chosen)


def _number_beside(taken: set[int]) -> int:
    """Return a number by chance: numbers in a row would tell which deployment each is of."""
    while (number := secrets.randbelow(900_000) + 100_000) in taken:
        pass
    return number


def _sample(found: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Return the share of these that is drawn, at least one if there is any."""
    if not found:
        return []
    count = max(round(len(found) * settings.LFR_SCRUTINY / 100), 1)
    return secrets.SystemRandom().sample(sorted(found), count)


def content_of(dossier: Dossier) -> DossierContent:
    """Return what the panel sees."""
    alert = dossier.alert
    acts = list(Act.objects.filter(alert=alert).select_related("by"))
    people: dict[object, str] = {}
    lines = [Line(_after(act.done_at - alert.raised_at), _who(act, people), act.words, act.basis) for act in acts]
    return DossierContent(lines, _facts(alert))


def _facts(alert: Alert) -> list[tuple[str, str]]:
    facts = [
        ("Result", str(alert.get_state_display())),
        ("Response authorised", str(alert.get_tier_display()) or "–"),
    ]
    if alert.engagement is not None:
        facts.append(("Minutes with the person", f"{alert.engagement.total_seconds() / 60:.0f}"))
    elif alert.engaged_at is not None:
        facts.append(("Minutes with the person", "not known: the end was recorded afterwards"))
    if alert.identity_method:
        facts.append(("Identity established by", str(alert.get_identity_method_display())))
    if hasattr(alert, "second_look"):
        same = "the same decision" if alert.second_look.agrees else "another decision"
        facts.append(("Second look", f"Somebody else reached {same}"))
    if alert.again_count:
        facts.append(("Matched again at the same place", "yes"))
    return facts


def _who(act: Act, people: dict[object, str]) -> str:
    """Return the role that acted, with a letter for each person, in the order in which they occur."""
    if act.by_id is None:
        return "The system"
    if act.by_id not in people:
        role = "Officer" if act.name in OFFICER_ACTS else "Operator" if act.name in OPERATOR_ACTS else "Commander"
        people[act.by_id] = f"{role} {chr(ord('A') + len(people) % 26)}"
    return people[act.by_id]


def _after(time: dt.timedelta) -> str:
    seconds = max(round(time.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
