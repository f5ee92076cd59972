"""Create the notifications of what happened to alerts, for each subscriber.

The rows of alerts and their acts serve as the outbox; `alerts` knows nothing of subscribers. Subscribers are therefore
never notified of anything that did not happen, and an interruption loses nothing. An adjudication is notified only when
it can no longer be undone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from alerts.models import Act, Alert
from alerts.states import OVER, ActName
from notifications.models import Delivery, Subscriber, Topic

# Acts older than this are not read again: no transaction lasts this long and no adjudication can still be undone.
READ_AGAIN = dt.timedelta(days=1)
_ACTS: dict[Topic, Q] = {
    Topic.REFERRED: Q(name__in=(ActName.SAME, ActName.HAND_OVER)),
    Topic.ESCALATED: Q(name=ActName.ESCALATE),
    Topic.EXPIRED: Q(name=ActName.EXPIRE),
    Topic.ENDED: Q(after__in=OVER),
}


def collect(at: dt.datetime) -> None:
    """Create a delivery for every event that a subscriber has not yet been notified of."""
    for subscriber in Subscriber.objects.filter(is_active=True):
        # Another worker may be doing the same. The constraints prevent duplicate deliveries.
        Delivery.objects.bulk_create(_new(subscriber, at), ignore_conflicts=True)
        known = Subscriber.objects.filter(pk=subscriber.pk, told_from__lt=at - READ_AGAIN)
        known.update(told_from=at - READ_AGAIN)


def _new(subscriber: Subscriber, at: dt.datetime) -> Iterator[Delivery]:
    told = Delivery.objects.filter(subscriber=subscriber)
    alerts = Alert.objects.public()
    if subscriber.deployment_id is not None:
        alerts = alerts.filter(deployment=subscriber.deployment_id)
    if Topic.RAISED in subscriber.topics:
        raised = alerts.filter(raised_at__gte=subscriber.told_from).select_related("deployment")
        for alert in raised.exclude(Exists(told.filter(alert=OuterRef("pk"), act=None))):
            yield _delivery(subscriber, Topic.RAISED, alert, None, at)
    for topic, acts in _ACTS.items():
        if topic in subscriber.topics:
            final = Act.objects.final(at).filter(acts, recorded_at__gte=subscriber.told_from, alert__in=alerts)
            for act in final.exclude(Exists(told.filter(act=OuterRef("pk")))).select_related("alert__deployment"):
                yield _delivery(subscriber, topic, act.alert, act, at)


def _delivery(subscriber: Subscriber, topic: Topic, alert: Alert, act: Act | None, at: dt.datetime) -> Delivery:
    happened_at = alert.raised_at if act is None else act.recorded_at
    body: dict[str, object] = {
        "type": topic.value,
        "timestamp": happened_at.isoformat(),
        "data": {
            "alert": str(alert.pk),
            "deployment": str(alert.deployment_id),
            "number": alert.deployment.number,
            "state": Alert.State.RAISED.value if act is None else act.after,
            "tier": alert.tier,
            "code": "" if act is None else act.code,
            "revision": 0 if act is None else act.revision,
            "raised_at": alert.raised_at.isoformat(),
        },
    }
    return Delivery(
        subscriber=subscriber, alert=alert, act=act, topic=topic, body=body, happened_at=happened_at, due_at=at
    )
