"""The operator's console and the alerts in it."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from alerts import operations
from alerts.frames import frame_source
from alerts.models import Alert, OffenceClass, Outcome
from audit.access import acting, permitted
from deployments.models import Camera, Deployment
from recognition.crop import face_crop
from recognition.imaging import decode_photograph, encode_jpeg
from watchlists.keys import KeyGone

WATCH, DECIDE, CONCLUDE = "alerts.watch_alerts", "alerts.decide_alert", "alerts.record_outcome"
RUN = "deployments.run_deployment"
QUEUE_LENGTH = 200
# What an officer may find; that nobody looked is found afterwards.
_OUTCOMES = [choice for choice in Outcome.choices if choice[0] != Outcome.UNREVIEWED]


@require_GET
@permitted(WATCH)
def console(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = get_object_or_404(
        Deployment.objects.visible_to(request.user).select_related("operating_point"), pk=deployment_id
    )
    periods = deployment.periods.filter(went_live_at__isnull=False)
    running = periods.filter(ended_at__isnull=True).first() or periods.last()
    context = {
        "deployment": deployment,
        "period": running,
        "cameras": running.cameras.all() if running is not None else [],
        **_queue(request, deployment_id),
    }
    return render(request, "alerts/console.html", context)


@require_GET
@never_cache
@permitted(WATCH)
def queue(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    return render(request, "alerts/_queue.html", _queue(request, deployment_id))


@require_GET
@never_cache
@permitted(WATCH)
def row(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    return render(request, "alerts/_row.html", {"alert": _alert(request, alert_id)})


@require_GET
@never_cache
@permitted(WATCH)
def card(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    operations.note_viewed(alert, actor=acting(request))
    return _card(request, alert)


@require_POST
@permitted(DECIDE)
def decide(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    operations.decide(alert, request.POST.get("decision", ""), actor=acting(request))
    return _card(request, _alert(request, alert_id))


@require_POST
@permitted(CONCLUDE)
def conclude(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    operations.conclude(
        alert,
        request.POST.get("outcome", ""),
        offence_class=request.POST.get("offence_class", ""),
        actor=acting(request),
    )
    return _card(request, _alert(request, alert_id))


@require_GET
@never_cache
@permitted(WATCH)
def probe_jpeg(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """The face from the camera."""
    alert = get_object_or_404(Alert.objects.visible_to(request.user).only("probe_jpeg"), pk=alert_id)
    if alert.probe_jpeg is None:
        raise Http404
    return HttpResponse(bytes(alert.probe_jpeg), content_type="image/jpeg")


@require_GET
@never_cache
@permitted(WATCH)
def photograph_jpeg(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """The face from the watchlist, cut at the scale of the one from the camera."""
    alert = get_object_or_404(Alert.objects.visible_to(request.user).select_related("photograph"), pk=alert_id)
    if alert.photograph is None:
        raise Http404
    left, top, width, height = alert.photograph.face_box
    try:
        jpeg = alert.photograph.jpeg
    except KeyGone as error:
        raise Http404 from error
    crop = face_crop(decode_photograph(jpeg), (left, top, width, height))
    return HttpResponse(encode_jpeg(crop), content_type="image/jpeg")


@require_GET
@never_cache
@permitted(RUN)
def unsettled(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Alerts that nobody settled while cameras were on, to be coded for the review."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    alerts = Alert.objects.filter(deployment=deployment).public().unsettled().for_rows()
    context = {
        "deployment": deployment,
        "alerts": alerts,
        "outcomes": Outcome.choices,
        "offences": OffenceClass.choices,
    }
    return render(request, "alerts/unsettled.html", context)


@require_POST
@permitted(RUN)
def write_off(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    visible = Deployment.objects.visible_to(request.user)
    alert = get_object_or_404(Alert.objects.filter(deployment__in=visible).for_rows(), pk=alert_id)
    operations.write_off(
        alert,
        request.POST.get("outcome", ""),
        offence_class=request.POST.get("offence_class", ""),
        actor=acting(request),
    )
    return redirect("unsettled", alert.deployment_id)


@require_GET
@never_cache
@permitted(RUN)
def tile_jpeg(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    """What a camera sees now, so small and blurred that nobody can be recognised."""
    camera = get_object_or_404(Camera.objects.visible_to(request.user), pk=camera_id)
    jpeg = frame_source().tile_for_watcher(str(camera.pk))
    return HttpResponse(jpeg, content_type="image/jpeg") if jpeg else HttpResponse(status=204)


def _alert(request: HttpRequest, alert_id: uuid.UUID) -> Alert:
    return get_object_or_404(Alert.objects.visible_to(request.user).for_rows(), pk=alert_id)


def _queue(request: HttpRequest, deployment_id: uuid.UUID) -> dict[str, object]:
    alerts = Alert.objects.visible_to(request.user).filter(deployment_id=deployment_id)
    unpurged = alerts.filter(purged_at__isnull=True)
    waiting = unpurged.undecided() if request.user.has_perm(DECIDE) else unpurged.filter(state=Alert.State.REFERRED)
    return {
        "alerts": alerts.for_rows()[:QUEUE_LENGTH],
        "total": alerts.count(),
        "waiting": waiting.count(),
    }


def _card(request: HttpRequest, alert: Alert) -> HttpResponse:
    return render(
        request, "alerts/_card.html", {"alert": alert, "outcomes": _OUTCOMES, "offences": OffenceClass.choices}
    )
