"""Views of a camera: its page and its settings."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import cameras
from deployments.forms import LimitsForm, shape_of
from deployments.models import Camera
from deployments.permissions import MANAGE_CAMERAS, OPERATE_CAMERA


@require_GET
@permitted(OPERATE_CAMERA, MANAGE_CAMERAS)
def camera_page(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera = _camera(request, camera_id)
    form = LimitsForm(initial={"smallest_face": camera.smallest_face, "frame_rate": camera.frame_rate})
    return render(request, "deployments/camera.html", {"camera": camera, "form": form})


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_zone(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    """Save the zone that the script drew, and answer it in JSON."""
    camera = _camera(request, camera_id)
    try:
        cameras.set_zone(camera, shape_of(request.POST, "zone"), actor=acting(request))
    except Refused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    return JsonResponse({"zone": camera.zone})


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_exclude(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    """Exclude the part of the picture that the script drew, and answer it in JSON."""
    camera = _camera(request, camera_id)
    reason = request.POST.get("reason", "")
    try:
        cameras.exclude(camera, shape_of(request.POST, "zone"), reason=reason, actor=acting(request))
    except Refused as refusal:
        return JsonResponse({"error": str(refusal)}, status=422)
    return JsonResponse({"excluded": camera.excluded})


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_include(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera = _camera(request, camera_id)
    cameras.include_again(camera, actor=acting(request))
    messages.info(request, "The whole authorised zone is looked at again.")
    return redirect("camera", camera.id)


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_limits(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera, form = _camera(request, camera_id), LimitsForm(request.POST)
    if not form.is_valid():
        raise Refused("The minimum face width must be 16 to 400 pixels, and the frame rate 1 to 30 frames per second.")
    cameras.set_limits(camera, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Limits saved. A new frame rate applies when the camera next connects.")
    return redirect("camera", camera.id)


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_token(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera = _camera(request, camera_id)
    token = cameras.issue_token(camera, actor=acting(request))
    return render(request, "deployments/camera_token.html", {"camera": camera, "token": token})


@require_POST
@permitted(MANAGE_CAMERAS)
def camera_token_revoke(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    camera = _camera(request, camera_id)
    cameras.revoke_token(camera, actor=acting(request))
    messages.info(request, "Token revoked. The agent will be disconnected within seconds.")
    return redirect("camera", camera.id)


def _camera(request: HttpRequest, camera_id: uuid.UUID) -> Camera:
    visible = Camera.objects.visible_to(request.user).select_related("period__deployment")
    return get_object_or_404(visible, pk=camera_id)
