"""The retention board: what is due to be destroyed, what is overdue, held and destroyed, and how long what is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from alerts.models import Alert, EvidenceHold
from core import retention
from core.permissions import permitted
from deployments.models import Deployment
from deployments.permissions import READ_RECORDS
from watchlists.models import Certificate, Hold, Watchlist

PAGE = 20


@dataclass(frozen=True)
class Due:
    """Something that will be destroyed. count: of people or of possible matches. due: when the first of them is."""

    what: str
    where: str
    count: int
    due: dt.datetime
    is_overdue: bool


@dataclass(frozen=True)
class Held:
    """Something that is held as evidence. hold: of a watchlist entry or of a possible match."""

    what: str
    where: str
    hold: Hold | EvidenceHold


@require_GET
@permitted(READ_RECORDS)
def board(request: HttpRequest) -> HttpResponse:
    """Show what is due, overdue, held and destroyed. No name of a person on a list is shown."""
    now = timezone.now()
    due = due_now(now)
    certificates = Paginator(Certificate.objects.select_related("watchlist"), PAGE).get_page(request.GET.get("page"))
    context = {
        "due": due,
        "overdue_count": sum(each.is_overdue for each in due),
        "held": _held(),
        "page": certificates,
        "purged": Alert.objects.filter(purged_at__gte=now - dt.timedelta(days=30)).count(),
        "lines": retention.LINES,
    }
    return render(request, "reports/retention.html", context)


def due_now(now: dt.datetime) -> list[Due]:
    """Return the lists and the possible matches that will be destroyed, the earliest first."""
    found = [
        Due(str(each), str(each.get_state_display()), each.size, due, due < now)
        for each in Watchlist.objects.to_be_destroyed()
        if (due := each.destroy_due_at) is not None
    ]
    for deployment in Deployment.objects.filter(alerts__purged_at=None, alerts__hold=None).distinct():
        alerts = _kept(deployment)
        if alerts:
            first = min(alert.purge_by for alert in alerts)
            what = f"Possible matches of {deployment.name}"
            found.append(Due(what, str(deployment.get_state_display()), len(alerts), first, first < now))
    return sorted(found, key=lambda each: each.due)


def _held() -> list[Held]:
    people = Hold.objects.select_related("owner", "person__watchlist")
    alerts = EvidenceHold.objects.select_related("owner", "alert__deployment")
    return [
        *(Held(str(hold.person), str(hold.person.watchlist), hold) for hold in people),
        *(Held(str(hold.alert), str(hold.alert.deployment), hold) for hold in alerts),
    ]


def _kept(deployment: Deployment) -> QuerySet[Alert]:
    alerts = Alert.objects.filter(deployment=deployment, purged_at=None, hold=None)
    return alerts.select_related("camera__period", "deployment")
