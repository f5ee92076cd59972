"""The sign-in page of the demonstration: one button a role, without a password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from demo.users import USERS
from lfr_site import views
from lfr_site.models import User


class SignIn(views.SignIn):
    """The site's sign-in page with a button for each user of the demonstration below it."""

    template_name = "demo/sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "demo_users": USERS}


@require_POST
@login_not_required
def sign_in_as(request: HttpRequest) -> HttpResponse:
    """Sign in as a user of the demonstration.

    The demonstration's URLs are mounted with LFR_ENV=demo only; the view refuses anything else by itself as well.

    Raises:
        Http404: this is no demonstration, or the name is not one of its users.
    """
    names = {user.username for user in USERS} if settings.IS_DEMO else set()
    if request.POST.get("username") not in names:
        raise Http404
    user = get_object_or_404(User, username=request.POST["username"], is_active=True)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("home")
