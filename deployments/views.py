"""Pages of deployments and cameras."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.access import acting, permitted
from audit.errors import Refused
from deployments import operations
from deployments.forms import CameraFormSet, DeploymentForm, cameras_of
from deployments.models import Camera, Deployment

VIEW, RUN = "deployments.view_deployment", "deployments.run_deployment"
APPLY, AUTHORISE = "deployments.apply_deployment", "deployments.authorise_deployment"
STREAM = "deployments.operate_camera"


@require_GET
@permitted(VIEW)
def deployment_list(request: HttpRequest) -> HttpResponse:
    deployments = Deployment.objects.visible_to(request.user).select_related("watchlist")
    return render(request, "deployments/list.html", {"deployments": deployments})


@require_http_methods(["GET", "POST"])
@permitted(APPLY)
def deployment_new(request: HttpRequest) -> HttpResponse:
    form = DeploymentForm(request.POST or None, initial={"starts_at": timezone.localtime()})
    cameras = CameraFormSet(request.POST or None, prefix="cameras")
    status = 200
    if request.method == "POST":
        deployment = _created(request, form, cameras) if form.is_valid() and cameras.is_valid() else None
        if deployment is not None:
            return redirect("deployment", deployment.id)
        status = 422
    return render(request, "deployments/new.html", {"form": form, "cameras": cameras}, status=status)


@require_GET
@permitted(VIEW)
def deployment_detail(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    context = {"deployment": deployment, "is_own": deployment.applicant_id == request.user.pk}
    return render(request, "deployments/detail.html", context)


@require_POST
@permitted(APPLY)
def deployment_submit(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    operations.submit(_deployment(request, deployment_id), actor=acting(request))
    messages.success(request, "Submitted. An authorising officer decides now.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE)
def deployment_authorise(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    operations.authorise(_deployment(request, deployment_id), actor=acting(request), reason=_reason(request))
    messages.success(request, "Authorised.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(AUTHORISE)
def deployment_refuse(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    operations.refuse(_deployment(request, deployment_id), actor=acting(request), reason=_reason(request))
    messages.info(request, "Refused.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(RUN)
def deployment_go_live(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    operations.go_live(_deployment(request, deployment_id), actor=acting(request))
    messages.success(request, "Live: cameras may stream now.")
    return redirect("deployment", deployment_id)


@require_POST
@permitted(RUN)
def deployment_end(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    operations.end(_deployment(request, deployment_id), actor=acting(request), reason=_reason(request))
    messages.info(request, "Ended: every camera is closed and the clock of destruction runs.")
    return redirect("deployment", deployment_id)


@require_GET
@permitted(STREAM)
def camera_page(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    return render(request, "deployments/camera.html", {"camera": _camera(request, camera_id)})


@require_POST
@never_cache
@permitted(RUN)
def camera_token(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera = _camera(request, camera_id)
    token = operations.issue_token(camera, actor=acting(request))
    return render(request, "deployments/camera_token.html", {"camera": camera, "token": token})


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    deployments = Deployment.objects.visible_to(request.user).with_counts()
    related = ("watchlist", "applicant", "authorised_by", "operating_point__engine")
    return get_object_or_404(deployments.select_related(*related), pk=deployment_id)


def _camera(request: HttpRequest, camera_id: uuid.UUID) -> Camera:
    return get_object_or_404(Camera.objects.visible_to(request.user).select_related("deployment"), pk=camera_id)


def _reason(request: HttpRequest) -> str:
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise Refused("Give the reason.")
    return reason[:2000]


def _created(request: HttpRequest, form: DeploymentForm, cameras: object) -> Deployment | None:
    try:
        return operations.create(actor=acting(request), cameras=cameras_of(cameras), **form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return None
