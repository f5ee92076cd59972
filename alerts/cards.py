"""The contexts of an alert's card and of the queue, limited to what the user may see at the time."""

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
from alerts.choices import StandDownReason
from alerts.content import SubjectContent
from alerts.forms import FEATURES, REASONS
from alerts.models import Act, Alert, Shot, StandDown
from alerts.permissions import DECIDE_ALERT, RECORD_OUTCOME
from alerts.places import region_around
from alerts.querysets import AlertQuerySet
from alerts.raising import places_of
from alerts.repeats import shots_again
from alerts.second_looks import last_adjudication
from alerts.states import FALSE, JOINED_AGAIN, ActName
from core.keys import KeyGone
from deployments.models import Posting
from deployments.permissions import RUN_DEPLOYMENT
from watchlists.models import Photograph

SECTION_LENGTH = 200
MOST_AGAIN = 24


@dataclass(frozen=True)
class Elsewhere:
    """Another alert on the same subject. apart: how long after this one it was received; negative if before."""

    alert: Alert
    apart: dt.timedelta

    @property
    def words(self) -> str:
        seconds = round(abs(self.apart.total_seconds()))
        span = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
        return f"{span} {'later' if self.apart >= dt.timedelta() else 'earlier'}"


@dataclass(frozen=True)
class Repeats:
    """The matches at the place of an alert that was decided as not the same, and the acts on them.

    shots: the newest of those that joined it. left_out: how many more there are. region: in percent of the picture.
    earlier: false alerts that may be on the same person or object.
    """

    shots: list[Shot]
    left_out: int
    may_act: bool
    may_stand_down: bool
    stood_down: StandDown | None
    region: dict[str, float]
    minutes: int
    reasons: list[tuple[str, str]]
    earlier: list[Alert]


@dataclass(frozen=True)
class Section:
    """A section of the queue. count: of all its alerts, whether shown or not."""

    name: str
    title: str
    rows: list[Alert]
    count: int


def queue_of(alerts: AlertQuerySet) -> list[Section]:
    """Return the sections of the queue. alerts: those that the user may see."""
    kept, counts = alerts.in_queue(), counts_of(alerts)
    parts = (
        ("waiting", "To decide", kept.undecided().in_order()),
        ("again", "Matched again after “not the same”", kept.seen_again().order_by("-again_at")),
        ("street", "With officers", kept.in_the_street().order_by("referred_at")),
        ("late", "Not decided in time", kept.filter(state=Alert.State.EXPIRED).order_by("-raised_at")),
        ("done", "Done", kept.settled().not_seen_again().order_by("-raised_at")),
    )
    read = {name: list(found.for_rows()[:SECTION_LENGTH]) for name, _, found in parts}
    # The sections are read one after another: an alert that moved in the meantime is shown only where it is now.
    newest: dict[uuid.UUID, int] = {}
    for alert in chain.from_iterable(read.values()):
        newest[alert.pk] = max(alert.revision, newest.get(alert.pk, 0))
    return [
        Section(name, title, [alert for alert in read[name] if alert.revision == newest[alert.pk]], counts[name])
        for name, title, _ in parts
    ]


def counts_of(alerts: AlertQuerySet) -> dict[str, int]:
    """Return the number of alerts in each section of the queue."""
    kept = alerts.in_queue().order_by()
    counts = dict.fromkeys(("waiting", "again", "street", "late", "done"), 0)
    for state, count in kept.values_list("state").annotate(Count("pk")):
        counts[Alert(state=state).section] += count
    counts["again"] = kept.seen_again().count()
    counts["done"] -= counts["again"]
    return counts


def card_of(alert: Alert, user: Any, visible: AlertQuerySet) -> dict[str, Any]:
    """Return the context of a card. visible: alerts that the user may see, among which related ones are found."""
    now = timezone.now()
    shots = [shot for shot in alert.shots.all() if shot.kind == Shot.Kind.PROBE]
    acts = list(alert.acts.select_related("by"))
    subject, may_see = subject_of(alert), may_see_name(alert, user, now)
    adjudication = last_adjudication(acts)
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
        "acts": [act for act in acts if act.name != ActName.OPEN],
        "adjudication": adjudication,
        "decision_words": _decision_words(alert, adjudication),
        "features": FEATURES,
        "reasons": REASONS,
        "hand_to": hand_to(alert) if user.has_perm(DECIDE_ALERT) else [],
        "engaged_for": settings.LFR_ENGAGEMENT,
        "repeats": _repeats(alert, user, visible, now),
    }


def _repeats(alert: Alert, user: Any, visible: AlertQuerySet, now: dt.datetime) -> Repeats | None:
    if alert.state not in JOINED_AGAIN or alert.kind != Alert.Kind.ALERT or alert.purged_at is not None:
        return None
    may_act = user.has_perm(DECIDE_ALERT)
    shots, places = shots_again(alert), places_of(alert)
    stood_down = alert.stand_downs.active(now).select_related("by", "confirmed_by").first()
    region = region_around(places[0], places[1:]) if places else None
    others = visible.of_same_person(alert).filter(state__in=FALSE, raised_at__lt=alert.raised_at, repeat_of=None)
    may_mark = may_act and alert.repeat_of_id is None and not user.has_perm(RUN_DEPLOYMENT)
    return Repeats(
        shots=shots[:MOST_AGAIN],
        left_out=max(len(shots) - MOST_AGAIN, 0),
        may_act=may_act and alert.camera.period.is_open(now),
        may_stand_down=may_act and region is not None and alert.camera.period.is_running,
        stood_down=stood_down,
        region=region.as_percent() if region is not None else {},
        minutes=round(settings.LFR_STAND_DOWN.total_seconds() / 60),
        reasons=StandDownReason.choices,
        earlier=list(others.for_rows()) if may_mark else [],
    )


def hand_to(alert: Alert) -> list[tuple[str, str]]:
    """Return the choices for a referral: every officer posted, each team, each officer."""
    postings = [
        posting
        for posting in Posting.objects.current().filter(deployment=alert.deployment_id).select_related("user")
        if posting.user.has_perm(RECORD_OUTCOME)
    ]
    teams = sorted({posting.team for posting in postings if posting.team})
    return [
        ("", "Every officer posted"),
        *((f"team:{team}", f"Team {team}") for team in teams),
        *((f"user:{posting.user_id}", posting.user.get_full_name() or posting.user.username) for posting in postings),
    ]


def may_see_name(alert: Alert, user: Any, at: dt.datetime) -> bool:
    """Return whether a user may see the subject's name. Nobody may on a known-negative check.

    An officer may once they have responded. At a console it is shown once the adjudication can no longer be undone and
    no other alert on the same subject is undecided, because the name would influence that decision.
    """
    if alert.kind == Alert.Kind.CONTROL:
        return False
    if user.has_perm(RECORD_OUTCOME):
        return bool(alert.officer_id == user.pk)
    return alert.is_revealed(at) and not Alert.objects.undecided().of_same_person(alert).exists()


def score_for(alert: Alert, user: Any, at: dt.datetime) -> float | None:
    """Return the best shot's similarity score for an operator who may see the name; None for anyone else."""
    if not (user.has_perm(DECIDE_ALERT) and may_see_name(alert, user, at)):
        return None
    best = alert.shots.filter(is_best=True).select_related("alert").first()
    try:
        return content.shot_content(best).score if best is not None else None
    except KeyGone:
        return None


def subject_of(alert: Alert) -> SubjectContent | None:
    """Return the subject; None once the alert has been purged."""
    try:
        return content.subject_in(alert)
    except KeyGone:
        return None


def _photographs(alert: Alert) -> list[Photograph]:
    """Return the subject's photographs, first the one most similar to the probe."""
    if alert.person_id is None:
        return []
    found = Photograph.objects.filter(person=alert.person_id).defer("encrypted")
    return sorted(found, key=lambda each: each.pk != alert.photograph_id)


def _undo_until(alert: Alert, user: Any, now: dt.datetime) -> dt.datetime | None:
    until = alert.undo_until()
    return until if until is not None and until > now and alert.decided_by_id == user.pk else None


def _others(alert: Alert, visible: AlertQuerySet) -> list[Alert]:
    return list(visible.of_same_person(alert).for_rows()[:10])


def _decision_words(alert: Alert, adjudication: Act | None) -> str:
    """Return an adjudication and whom the alert was referred to; empty if there is none."""
    if adjudication is None:
        return ""
    words = str(adjudication.get_name_display()).lower()
    return f"{words}, referred to {alert.referred_to_words}" if alert.state == Alert.State.REFERRED else words
