"""Views for equipment and media, and for the time after the cameras are off: the review and closing."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import closure
from deployments.models import Deployment, Kit
from deployments.permissions import AUTHORISE_DEPLOYMENT, MANAGE_CAMERAS, RUN_DEPLOYMENT
from deployments.register_forms import KitForm, KitWipedForm, ReviewForm


@require_POST
@permitted(MANAGE_CAMERAS)
def kit_receive(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment, form = _deployment(request, deployment_id), KitForm(request.POST)
    if not form.is_valid():
        raise Refused("Select what it is, and enter its description and its serial number.")
    closure.receive_kit(deployment, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Added to the register.")
    return redirect("deployment", deployment.id)


@require_POST
@permitted(MANAGE_CAMERAS)
def kit_wipe(request: HttpRequest, kit_id: int) -> HttpResponse:
    visible = Deployment.objects.visible_to(request.user)
    kit = get_object_or_404(Kit.objects.filter(deployment__in=visible).select_related("deployment"), pk=kit_id)
    form = KitWipedForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter what was wiped, how this was checked and the witness.")
    closure.wipe_kit(kit, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Recorded as wiped.")
    return redirect("deployment", kit.deployment_id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def review(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Begin the review, or change it."""
    deployment, form = _deployment(request, deployment_id), ReviewForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the review, and select whether removable media were used.")
    act = closure.change_review if deployment.state == Deployment.State.REVIEW else closure.begin_review
    act(deployment, **form.cleaned_data, actor=acting(request))
    messages.success(request, "Review saved.")
    return redirect("deployment", deployment.id)


@require_POST
@permitted(AUTHORISE_DEPLOYMENT)
def close(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = _deployment(request, deployment_id)
    closure.close(deployment, actor=acting(request))
    messages.success(request, "Deployment closed. Its record is complete.")
    return redirect("deployment", deployment.id)


def _deployment(request: HttpRequest, deployment_id: uuid.UUID) -> Deployment:
    return get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
