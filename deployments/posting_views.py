"""Views for posting staff to a deployment."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import staffing
from deployments.forms import PostingForm
from deployments.models import Deployment, Posting
from deployments.permissions import RUN_DEPLOYMENT


@require_POST
@permitted(RUN_DEPLOYMENT)
def staff_post(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=deployment_id)
    form = PostingForm(request.POST)
    if not form.is_valid():
        raise Refused("Select the person to post.")
    user = form.cleaned_data["user"]
    staffing.post(deployment, user, team=form.cleaned_data["team"], actor=acting(request))
    messages.success(request, f"{user} has been posted.")
    return redirect("deployment", deployment.id)


@require_POST
@permitted(RUN_DEPLOYMENT)
def staff_withdraw(request: HttpRequest, posting_id: int) -> HttpResponse:
    visible = Deployment.objects.visible_to(request.user)
    postings = Posting.objects.filter(deployment__in=visible).select_related("deployment", "user")
    posting = get_object_or_404(postings, pk=posting_id)
    staffing.withdraw(posting, actor=acting(request))
    messages.info(request, f"{posting.user} is no longer posted.")
    return redirect("deployment", posting.deployment_id)
