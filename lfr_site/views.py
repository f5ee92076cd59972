"""The first page, and whether everything runs."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.utils import Error as DatabaseFailure
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from kombu.exceptions import OperationalError

from deployments.models import Deployment
from lfr_site.celery import app
from recognition.weights import WeightsError
from watchlists.engine import identity
from watchlists.models import Watchlist

PING_TIMEOUT_S = 1.0


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


@login_not_required
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """200 when everything answers, 503 when not; the body says which part."""
    body: dict[str, Any] = {
        "status": "ok",
        "database": _database(),
        "broker": _broker(),
        "workers": 0,
        "engine": _engine(),
    }
    if body["broker"] == "ok":
        body["workers"] = _workers()
    healthy = body["database"] == body["broker"] == "ok" and body["workers"] > 0 and body["engine"]["digest"]
    body["status"] = "ok" if healthy else "degraded"
    return JsonResponse(body, status=200 if healthy else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFailure:
        return "does not answer"
    return "ok"


def _broker() -> str:
    try:
        with redis.Redis.from_url(settings.VALKEY_FRAMES_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError:
        return "does not answer"
    return "ok"


def _workers() -> int:
    try:
        answers = app.control.ping(timeout=PING_TIMEOUT_S) or []
    except (OperationalError, redis.RedisError, OSError):
        return 0
    return sum(name.startswith("frames") for answer in answers for name in answer)


def _engine() -> dict[str, str]:
    try:
        running = identity()
    except WeightsError:
        return {"model": settings.LFR_MODEL, "digest": ""}
    return {"model": running.model, "digest": running.digest}
