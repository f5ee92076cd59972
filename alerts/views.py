"""The operator's console and the alerts in it."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from alerts import cards, content, operations, receipts, repeats
from alerts.acts import OFFICER_ACTS
from alerts.forms import act_input_in
from alerts.latency import latest
from alerts.models import Alert, Shot, StandDown
from alerts.permissions import DECIDE_ALERT, RECORD_OUTCOME, WATCH_ALERTS
from core.keys import KeyGone
from core.permissions import acting, permitted
from deployments.models import Deployment
from deployments.permissions import RUN_DEPLOYMENT
from recognition.imaging import encode_jpeg
from watchlists.models import Photograph

# The most rows that a console requests at once. For more, it requests the whole queue.
MOST_ROWS = 100


@require_GET
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def console(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    periods = deployment.periods.filter(went_live_at__isnull=False)
    running = periods.filter(ended_at__isnull=True).first() or periods.last()
    context = {"deployment": deployment, "period": running, "cameras": running.cameras.all() if running else []}
    return render(request, "alerts/console.html", {**context, **_queue(request, deployment), **_measured(deployment)})


@require_GET
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def queue(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return the whole queue."""
    return render(request, "alerts/_queue.html", _queue(request, _deployment(request, deployment_id)))


@require_GET
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def rows(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return the rows of some alerts and the counts. A console requests them after an event."""
    deployment = _deployment(request, deployment_id)
    ids = request.GET.get("ids", "").split(",")[:MOST_ROWS]
    visible = Alert.objects.visible_to(request.user).filter(deployment=deployment)
    found = visible.filter(pk__in=[_uuid(each) for each in ids if each]).in_queue().for_rows()
    context = {"rows": found, "counts": _counts(request, deployment), "now": timezone.now()}
    return render(request, "alerts/_rows.html", context)


@require_GET
@permitted(DECIDE_ALERT, RUN_DEPLOYMENT)
def measured(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Return the present latencies and the telemetry of cameras."""
    return render(request, "alerts/_measured.html", _measured(_deployment(request, deployment_id)))


@require_GET
@permitted(WATCH_ALERTS)
def card(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Return an alert's card. `chosen` in the query: a user asked for it, not a console that keeps its card current."""
    alert = _alert(request, alert_id)
    operations.note_viewed(alert, actor=acting(request))
    if "chosen" in request.GET and request.user.has_perm(DECIDE_ALERT):
        repeats.note_looked(alert)
    return render_card(request, alert)


@require_POST
@permitted(DECIDE_ALERT, RECORD_OUTCOME)
def act(request: HttpRequest, alert_id: uuid.UUID, name: str) -> HttpResponse:
    """Perform an act on an alert, and return its card afterwards."""
    alert = get_object_or_404(Alert.objects.heard_from(request.user).in_queue().for_rows(), pk=alert_id)
    operations.act(alert, name, act_input_in(request.POST), actor=acting(request))
    # The act was done even if the user may no longer see the alert, for example once it is referred to others.
    found = Alert.objects.visible_to(request.user).for_rows().filter(pk=alert_id).first()
    return render_card(request, found) if found is not None else HttpResponse(status=204)


@require_GET
@permitted(WATCH_ALERTS)
def shot_jpeg(request: HttpRequest, shot_id: uuid.UUID) -> HttpResponse:
    """Return a shot as JPEG."""
    visible = Alert.objects.visible_to(request.user).filter(purged_at__isnull=True)
    shot = get_object_or_404(Shot.objects.select_related("alert"), pk=shot_id, alert__in=visible)
    try:
        jpeg = content.shot_content(shot).jpeg
    except KeyGone as error:
        raise Http404 from error
    operations.note_picture_seen(shot.alert, actor=acting(request))
    return HttpResponse(jpeg, content_type="image/jpeg")


@require_GET
@permitted(WATCH_ALERTS)
def photograph_jpeg(request: HttpRequest, alert_id: uuid.UUID, photograph_id: uuid.UUID) -> HttpResponse:
    """Return a face from the watchlist as JPEG, the same size as a probe and with the eyes in the same place."""
    alert = get_object_or_404(Alert.objects.visible_to(request.user), pk=alert_id)
    photograph = get_object_or_404(Photograph, pk=photograph_id, person=alert.person_id)
    try:
        jpeg = encode_jpeg(photograph.face())
    except KeyGone as error:
        raise Http404 from error
    operations.note_picture_seen(alert, actor=acting(request))
    return HttpResponse(jpeg, content_type="image/jpeg")


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    found = Deployment.objects.visible_to(request.user).select_related("operating_point")
    return get_object_or_404(found, pk=deployment_id)


def _alert(request: HttpRequest, alert_id: uuid.UUID) -> Alert:
    return get_object_or_404(Alert.objects.visible_to(request.user).in_queue().for_rows(), pk=alert_id)


def _queue(request: HttpRequest, deployment: Deployment) -> dict[str, object]:
    visible = Alert.objects.visible_to(request.user).filter(deployment=deployment)
    return {"sections": cards.queue_of(visible), "now": timezone.now()}


def _counts(request: HttpRequest, deployment: Deployment) -> dict[str, int]:
    visible = Alert.objects.visible_to(request.user).filter(deployment=deployment)
    return cards.counts_of(visible)


def _measured(deployment: Deployment) -> dict[str, object]:
    now = timezone.now()
    period = deployment.periods.filter(went_live_at__isnull=False, ended_at__isnull=True).first()
    cameras = list(period.cameras.all()) if period is not None else []
    stood_down = StandDown.objects.of(deployment).active(now)
    counters = deployment.counters()
    return {
        "latest": latest(deployment, at=now),
        "cameras_now": cameras,
        "counters": counters,
        "stood_down": stood_down,
    }


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Http404 from error


def render_card(request: HttpRequest, alert: Alert) -> HttpResponse:
    """Return an alert's card, as the console or the handset shows it to this user."""
    visible = Alert.objects.visible_to(request.user)
    officer = request.user.has_perm(RECORD_OUTCOME)
    context = cards.card_of(alert, request.user, visible)
    if officer:
        qr_code = receipts.qr_code(request, alert) if alert.kind == Alert.Kind.ALERT else ""
        context |= {"acts_offered": OFFICER_ACTS, "receipt_qr": qr_code}
        return render(request, "alerts/_street_card.html", context)
    return render(request, "alerts/_card.html", context)
