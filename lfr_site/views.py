"""Views: sign-in, the start page and the server's time."""

from __future__ import annotations

import time

from allauth.account.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.models import Deployment
from lfr_site.signin import TryLater
from watchlists.models import Watchlist


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


@require_GET
def server_time(request: HttpRequest) -> JsonResponse:
    """Return the server's time in milliseconds since 1970, from which browsers estimate their clock's offset."""
    return JsonResponse({"ms": time.time() * 1000})
