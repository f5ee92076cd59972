"""Views: sign-in, the start page and the server's time."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from alerts.second_looks import waiting_for
from cases import board
from cases.permissions import KEEP_CASES
from deployments import governing
from deployments.models import UNDER_AUTHORITY, Deployment, Period
from deployments.permissions import APPLY_DEPLOYMENT, AUTHORISE_DEPLOYMENT, RUN_DEPLOYMENT, VIEW_DEPLOYMENT
from lfr_site.signin import TryLater
from scrutiny.models import PanelFinding
from scrutiny.permissions import ANSWER_FINDINGS, SCRUTINISE
from watchlists.models import Watchlist
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST

# The most urgent cases that the start page names.
MOST_CASES = 10


class SignIn(LoginView):  # type: ignore[misc]
    """Allauth's sign-in page. If the password was not checked, it answers 429 or 503 with Retry-After."""

    def form_invalid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        for error in form.errors.as_data().get(NON_FIELD_ERRORS, []):
            if isinstance(error, TryLater):
                response.status_code = error.status
                response.headers["Retry-After"] = str(error.seconds)
        return response


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show live deployments, and the work that waits for this user."""
    deployments = Deployment.objects.visible_to(request.user).prefetch_related("periods")
    lists = Watchlist.objects.visible_to(request.user)
    may = request.user.has_perm
    context: dict[str, Any] = {
        "live": deployments.live(timezone.now()),
        "ahead": deployments.filter(state__in=("authorised", "notified", "ready", "paused"))
        if may(RUN_DEPLOYMENT)
        else [],
        "awaiting": deployments.filter(state="submitted") if may(AUTHORISE_DEPLOYMENT) else [],
        "to_confirm": _to_confirm(deployments) if may(AUTHORISE_DEPLOYMENT) else [],
        "lists_awaiting": lists.filter(state="checked") if may(AUTHORISE_WATCHLIST) else [],
        "own_drafts": deployments.filter(state__in=("draft", "returned")) if may(APPLY_DEPLOYMENT) else [],
        "drafts": lists.filter(state__in=("draft", "returned", "compiled")) if may(COMPILE_WATCHLIST) else [],
    }
    in_progress = board.in_progress(timezone.now()) if may(KEEP_CASES) else []
    context |= {"cases": in_progress[:MOST_CASES], "more_cases": len(in_progress[MOST_CASES:])}
    context |= {
        "dossiers": PanelFinding.objects.waiting_for(request.user) if may(SCRUTINISE) else 0,
        "findings": PanelFinding.objects.to_answer().count() if may(ANSWER_FINDINGS) else 0,
    }
    context["second_looks"] = waiting_for(request.user).count()
    context["has_waiting"] = any(bool(found) for name, found in context.items() if name != "live")
    if may(VIEW_DEPLOYMENT):
        context["standing"] = governing.standing()
    return render(request, "home.html", context)


def _to_confirm(deployments: QuerySet[Deployment]) -> QuerySet[Period]:
    """Return the periods whose watchlist waits for the authorising officer's confirmation."""
    waiting = Period.objects.filter(deployment__in=deployments, deployment__state__in=UNDER_AUTHORITY)
    waiting = waiting.filter(watchlist__isnull=False, list_confirmed_at__isnull=True, went_live_at__isnull=True)
    return waiting.select_related("deployment", "watchlist")


@require_GET
def server_time(request: HttpRequest) -> JsonResponse:
    """Return the server's time in milliseconds since 1970, from which browsers estimate their clock's offset."""
    return JsonResponse({"ms": time.time() * 1000})
