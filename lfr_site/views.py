"""The first page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.models import Deployment
from watchlists.models import Watchlist


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is live, and what waits for this user."""
    deployments = Deployment.objects.visible_to(request.user).prefetch_related("periods")
    lists = Watchlist.objects.visible_to(request.user)
    may = request.user.has_perm
    context = {
        "live": deployments.live(timezone.now()),
        "ahead": deployments.filter(state__in=("authorised", "notified", "ready", "paused"))
        if may("deployments.run_deployment")
        else [],
        "awaiting": deployments.filter(state="submitted") if may("deployments.authorise_deployment") else [],
        "lists_awaiting": lists.filter(state="checked") if may("watchlists.authorise_watchlist") else [],
        "own_drafts": deployments.filter(state__in=("draft", "returned"))
        if may("deployments.apply_deployment")
        else [],
        "drafts": lists.filter(state__in=("draft", "returned", "compiled"))
        if may("watchlists.compile_watchlist")
        else [],
    }
    return render(request, "home.html", context)
