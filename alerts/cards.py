"""What a console or a handset shows of one alert, and of the queue: nothing that its reader may not see yet."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from alerts import content
from alerts.acts import DECIDE, RESPOND
from alerts.content import SubjectContent
from alerts.forms import FEATURES, REASONS
from alerts.models import JUDGEMENTS, Act, Alert, Shot
from alerts.querysets import AlertQuerySet
from core.keys import KeyGone
from deployments.models import Posting
from watchlists.models import Photograph

SECTION_LENGTH = 200


@dataclass(frozen=True)
class Elsewhere:
    """Another alert on the same person: how long after this one it was seen there (before, when negative)."""

    alert: Alert
    apart: dt.timedelta

    @property
    def words(self) -> str:
        seconds = round(abs(self.apart.total_seconds()))
        span = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
        return f"{span} {'later' if self.apart >= dt.timedelta() else 'before'}"


@dataclass(frozen=True)
class Section:
    """A part of the queue. count: of all there are, whether shown or not."""

    name: str
    title: str
    rows: list[Alert]
    count: int


def queue_of(alerts: AlertQuerySet) -> list[Section]:
    """What waits for whom, what is in the street, and what is over. alerts: those that the user may see."""
    kept, counts = alerts.in_queue(), counts_of(alerts)
    parts = (
        ("waiting", "To decide", kept.undecided().in_order()),
        ("street", "In the street", kept.in_the_street().order_by("referred_at")),
        ("late", "Not looked at in time", kept.filter(state=Alert.State.EXPIRED).order_by("-raised_at")),
        ("done", "Done", kept.settled().order_by("-raised_at")),
    )
    read = {name: list(found.for_rows()[:SECTION_LENGTH]) for name, _, found in parts}
    # They are read one after the other: what moved on meanwhile is shown where it went, and there only.
    newest: dict[uuid.UUID, int] = {}
    for alert in chain.from_iterable(read.values()):
        newest[alert.pk] = max(alert.revision, newest.get(alert.pk, 0))
    return [
        Section(name, title, [alert for alert in read[name] if alert.revision == newest[alert.pk]], counts[name])
        for name, title, _ in parts
    ]


def counts_of(alerts: AlertQuerySet) -> dict[str, int]:
    """How many are in each section of the queue."""
    states = alerts.in_queue().order_by().values_list("state").annotate(Count("pk"))
    counts = dict.fromkeys(("waiting", "street", "late", "done"), 0)
    for state, count in states:
        counts[Alert(state=state).section] += count
    return counts


def card_of(alert: Alert, user: Any, visible: AlertQuerySet) -> dict[str, Any]:
    """The context of a card. visible: alerts that the user may see, of which others are named."""
    now = timezone.now()
    shots = [shot for shot in alert.shots.all() if shot.kind == Shot.Kind.PROBE]
    acts = list(alert.acts.select_related("by"))
    subject, may_see = subject_of(alert), may_see_name(alert, user, now)
    return {
        "alert": alert,
        "now": now,
        "subject": subject if subject is None or may_see else subject.without_name(),
        "shots": shots,
        "best": next((shot for shot in shots if shot.is_best), None),
        "photographs": _photographs(alert),
        "reference": next((shot for shot in alert.shots.all() if shot.kind == Shot.Kind.REFERENCE), None),
        "is_revealed": alert.is_revealed(now),
        "score": score_for(alert, user, now),
        "may_see_name": may_see,
        "undo_until": _undo_until(alert, user, now),
        "elsewhere": [Elsewhere(other, other.received_at - alert.received_at) for other in _others(alert, visible)],
        "acts": [act for act in acts if act.name != "open"],
        "judgement": _judgement(acts),
        "features": FEATURES,
        "reasons": REASONS,
        "hand_to": hand_to(alert) if user.has_perm(DECIDE) else [],
        "engaged_for": settings.LFR_ENGAGEMENT,
    }


def hand_to(alert: Alert) -> list[tuple[str, str]]:
    """Whom an alert may be handed to: everybody, each team, each officer who is posted."""
    postings = [
        posting
        for posting in Posting.objects.current().filter(deployment=alert.deployment_id).select_related("user")
        if posting.user.has_perm("alerts.record_outcome")
    ]
    teams = sorted({posting.team for posting in postings if posting.team})
    return [
        ("", "Every officer posted"),
        *((f"team:{team}", f"Team {team}") for team in teams),
        *((f"user:{posting.user_id}", posting.user.get_full_name() or posting.user.username) for posting in postings),
    ]


def may_see_name(alert: Alert, user: Any, at: dt.datetime) -> bool:
    """An officer once they answered; at a console once the judgement stands. Of a known negative nobody.

    Nor at a console while another alert on the same person is still to be judged: one would tell the other.
    """
    if alert.kind == Alert.Kind.CONTROL:
        return False
    if user.has_perm(RESPOND):
        return bool(alert.officer_id == user.pk)
    return alert.is_revealed(at) and not Alert.objects.undecided().of_same_person(alert).exists()


def score_for(alert: Alert, user: Any, at: dt.datetime) -> float | None:
    """The best shot's, for an operator once the judgement stands; nobody else needs it."""
    if not (user.has_perm(DECIDE) and may_see_name(alert, user, at)):
        return None
    best = alert.shots.filter(is_best=True).select_related("alert").first()
    try:
        return content.shot_content(best).score if best is not None else None
    except KeyGone:
        return None


def subject_of(alert: Alert) -> SubjectContent | None:
    """Who is sought; None once that was purged."""
    try:
        return content.subject_in(alert)
    except KeyGone:
        return None


def _photographs(alert: Alert) -> list[Photograph]:
    """The one that the face came nearest to, then the person's others."""
    if alert.person_id is None:
        return []
    found = Photograph.objects.filter(person=alert.person_id).defer("encrypted")
    return sorted(found, key=lambda each: each.pk != alert.photograph_id)


def _undo_until(alert: Alert, user: Any, now: dt.datetime) -> dt.datetime | None:
    until = alert.undo_until()
    return until if until is not None and until > now and alert.decided_by_id == user.pk else None


def _others(alert: Alert, visible: AlertQuerySet) -> list[Alert]:
    return list(visible.of_same_person(alert).for_rows()[:10])


def _judgement(acts: list[Act]) -> Act | None:
    """The operator's last, if it was not taken back."""
    for act in reversed(acts):
        if act.name == "undo":
            return None
        if act.name in JUDGEMENTS:
            return act
    return None
