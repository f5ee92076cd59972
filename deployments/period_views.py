"""Views of a period: its plan, the readiness checks and the recognition test."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import applications, bluetest, list_fit, period_lists, readiness, running, signs
from deployments.forms import ReasonForm, device_offset, shape_of
from deployments.models import Camera, Period, Sign
from deployments.period_forms import BriefingForm, ListForm, OfficersForm, PassForm, SignForm
from deployments.permissions import (
    APPLY_DEPLOYMENT,
    AUTHORISE_DEPLOYMENT,
    OPERATE_CAMERA,
    RUN_DEPLOYMENT,
    VIEW_DEPLOYMENT,
)
from deployments.register_forms import CardsForm
from recognition.crop import faceless
from recognition.imaging import Pixels, UnreadableImage, encode_jpeg
from recognition.photographs import read_upload
from watchlists.engine import engine
from watchlists.models import Person

PLAN_SIDE, SIGN_SIDE = 1600, 1000


@require_http_methods(["GET", "POST"])
@permitted(VIEW_DEPLOYMENT)
def plan(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    """Show cameras and zones on the plan. A POST from an applicant sets or removes the plan's picture."""
    period = _period(request, period_id)
    if request.method == "POST":
        if not request.user.has_perm(APPLY_DEPLOYMENT):
            return HttpResponse(status=403)
        picture = request.FILES.get("plan")
        jpeg = None if "remove" in request.POST else encode_jpeg(_without_faces(_read(picture, PLAN_SIDE)), 85)
        applications.set_plan(period, jpeg, actor=acting(request))
        return redirect("plan", period.id)
    cameras = [{"id": str(camera.id), "name": camera.name, "mark": camera.plan_mark} for camera in period.cameras.all()]
    may_draw = period.deployment.is_editable and request.user.has_perm(APPLY_DEPLOYMENT)
    context = {"period": period, "deployment": period.deployment, "cameras": cameras, "may_draw": may_draw}
    return render(request, "deployments/plan.html", context)


@require_GET
@permitted(VIEW_DEPLOYMENT)
def plan_jpeg(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period = _period(request, period_id)
    if period.plan_jpeg is None:
        raise Http404
    return HttpResponse(bytes(period.plan_jpeg), content_type="image/jpeg")


@require_POST
@permitted(APPLY_DEPLOYMENT)
def camera_mark(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    """Save where a camera stands on the plan, and answer the script in JSON."""
    visible = Camera.objects.visible_to(request.user).select_related("period__deployment")
    camera = get_object_or_404(visible, pk=camera_id)
    try:
        applications.mark_camera(camera, shape_of(request.POST, "mark"), actor=acting(request))
    except Refused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    return JsonResponse({"mark": camera.plan_mark})


@require_GET
@permitted(VIEW_DEPLOYMENT)
def period_detail(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    """Show the readiness checks of a period and the forms that record them."""
    period = _period(request, period_id)
    context: dict[str, Any] = {
        "period": period,
        "deployment": period.deployment,
        "checks": readiness.checks(period),
        "rates": bluetest.rates(period),
        "is_open": period.is_open(),
        "pass_window": round(settings.LFR_PASS_WINDOW.total_seconds()),
        "staff": list(period.blue_list.people.all()) if period.blue_list is not None else [],
        "signs": period.signs.select_related("recorded_by", "taken_down_by").defer("photograph"),
        "list_form": ListForm(is_blue=False),
        "blue_form": ListForm(is_blue=True, auto_id="id_blue_%s"),
        "sign_form": SignForm(period=period, auto_id="id_sign_%s"),
        "cards_form": CardsForm(initial={"count": period.cards_handed_out}, auto_id="id_cards_%s"),
        "briefing_form": BriefingForm(),
        "officers_form": OfficersForm(initial={"count": period.officers_present}),
        "is_next": readiness.next_period(period.deployment) == period,
        "mix": list_fit.mix_of(period.watchlist) if period.watchlist is not None else [],
        "reason_form": ReasonForm(auto_id="id_return_%s"),
    }
    return render(request, "deployments/period.html", context)


@require_POST
@permitted(RUN_DEPLOYMENT, APPLY_DEPLOYMENT)
def list_attach(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period = _period(request, period_id)
    form = ListForm(request.POST, is_blue="blue" in request.POST)
    if not form.is_valid():
        raise Refused("Select a sealed watchlist that no other period uses.")
    period_lists.attach_list(period, form.cleaned_data["watchlist"], actor=acting(request))
    messages.success(request, "Watchlist attached.")
    return redirect("period", period.id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def list_confirm(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    """Bind the attached watchlist to the authority, as its officer."""
    period = _period(request, period_id)
    period_lists.confirm_list(period, seen=request.POST.get("seen", ""), actor=acting(request))
    messages.success(request, "Watchlist confirmed. The signed authority names it now.")
    return redirect("period", period.id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def list_return(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period, form = _period(request, period_id), ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    period_lists.return_list(period, reason=reason, actor=acting(request))
    messages.info(request, "Watchlist returned. Another one can be attached.")
    return redirect("period", period.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def sign_record(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period = _period(request, period_id)
    form = SignForm(request.POST, request.FILES, period=period)
    if not form.is_valid():
        raise Refused("Select the approach, enter location and distance of the sign, and select its photograph.")
    given = dict(form.cleaned_data)
    given["photograph"] = encode_jpeg(_without_faces(_read(given["photograph"], SIGN_SIDE)), 80)
    signs.record_sign(period, **given, actor=acting(request))
    messages.success(request, "Sign recorded.")
    return redirect("period", period.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def sign_take_down(request: HttpRequest, sign_id: int) -> HttpResponse:
    visible = Period.objects.visible_to(request.user)
    found = Sign.objects.filter(period__in=visible).select_related("period__deployment").defer("photograph")
    sign = get_object_or_404(found, pk=sign_id)
    signs.take_down(sign, actor=acting(request))
    messages.success(request, "Sign recorded as taken down.")
    return redirect("period", sign.period_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def cards_record(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period, form = _period(request, period_id), CardsForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the number of cards handed out.")
    signs.record_cards(period, count=form.cleaned_data["count"], actor=acting(request))
    messages.success(request, "Number of cards recorded.")
    return redirect("period", period.id)


@require_GET
@permitted(VIEW_DEPLOYMENT)
def sign_jpeg(request: HttpRequest, sign_id: int) -> HttpResponse:
    visible = Period.objects.visible_to(request.user)
    sign = get_object_or_404(Sign.objects.filter(period__in=visible), pk=sign_id)
    return HttpResponse(bytes(sign.photograph), content_type="image/jpeg")


@require_POST
@permitted(RUN_DEPLOYMENT)
def briefing_record(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period, form = _period(request, period_id), BriefingForm(request.POST)
    briefing = form.cleaned_data["briefing"] if form.is_valid() else ""
    readiness.record_briefing(period, briefing=briefing, actor=acting(request))
    messages.success(request, "Briefing recorded.")
    return redirect("period", period.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def officers_count(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period, form = _period(request, period_id), OfficersForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the number of officers present, from 0 to 1,000.")
    running.count_officers(period, count=form.cleaned_data["count"], actor=acting(request))
    return redirect(_back(request, period))


@require_POST
@permitted(RUN_DEPLOYMENT)
def clock_check(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    """Compare the clocks. The device has measured how far its own is from the server's (static/js/period.js)."""
    period = _period(request, period_id)
    check = readiness.check_clock(period, device=device_offset(request.POST), actor=acting(request))
    messages.add_message(request, messages.SUCCESS if check.holds else messages.ERROR, check.why)
    return redirect("period", period.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def test_start(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period = _period(request, period_id)
    bluetest.start(period, actor=acting(request))
    messages.success(request, "Test started. Cameras can stream, and compare faces with the blue watchlist only.")
    return redirect("period", period.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def test_end(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    period = _period(request, period_id)
    bluetest.end(period, actor=acting(request))
    return redirect("period", period.id)


@require_POST
@permitted(OPERATE_CAMERA)
def pass_tap(request: HttpRequest, period_id: uuid.UUID) -> HttpResponse:
    """Record that a member of staff on the blue watchlist walks past a camera now."""
    period, form = _period(request, period_id), PassForm(request.POST)
    if not form.is_valid():
        raise Refused("Select a member of staff and a camera.")
    camera = get_object_or_404(period.cameras, pk=form.cleaned_data["camera"])
    person = get_object_or_404(Person.objects.filter(watchlist=period.blue_list_id), pk=form.cleaned_data["person"])
    bluetest.tap(camera, person, actor=acting(request))
    return redirect(_back(request, period))


def _back(request: HttpRequest, period: Period) -> str:
    from django.urls import reverse

    if request.POST.get("back") == "command":
        return reverse("command", args=[period.deployment_id])
    return reverse("period", args=[period.id])


def _period(request: HttpRequest, period_id: uuid.UUID) -> Period:
    related = ("deployment__operating_point__engine", "watchlist", "blue_list", "briefed_by")
    return get_object_or_404(Period.objects.visible_to(request.user).select_related(*related), pk=period_id)


def _read(upload: Any, side: int) -> Any:
    if upload is None:
        raise Refused("Select a picture.")
    try:
        return read_upload(upload.read(), side)
    except UnreadableImage as error:
        raise Refused(str(error)) from error


def _without_faces(pixels: Pixels) -> Pixels:
    """Return the picture with faces made unrecognisable: it may show passers-by."""
    return faceless(pixels, [face.box for face in engine().detect_in_photograph(pixels)])
