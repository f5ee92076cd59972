"""The picture of a camera on the live operations page."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from capture.frame_queue import frame_source
from core.permissions import permitted
from deployments.models import Camera
from deployments.permissions import RUN_DEPLOYMENT


@require_GET
@permitted(RUN_DEPLOYMENT)
def tile_jpeg(request: HttpRequest, camera_id: uuid.UUID) -> HttpResponse:
    """Return what a camera sees now, so small and blurred that nobody can be recognised; 204 if there is none."""
    camera = get_object_or_404(Camera.objects.visible_to(request.user), pk=camera_id)
    jpeg = frame_source().tile_for_watcher(str(camera.pk))
    return HttpResponse(jpeg, content_type="image/jpeg") if jpeg else HttpResponse(status=204)
