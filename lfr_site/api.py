"""The REST API: routes, error responses and service accounts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DataError, transaction
from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from knox.models import AuthToken
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import exception_handler

from alerts.api import AlertViewSet
from audit.actions import Action
from audit.journal import record
from core.actors import INSTALLER
from core.errors import Conflict, Refused
from lfr_site.accounts import give_role
from lfr_site.middleware import NUL, holds_nul, note_refusal_of
from lfr_site.models import User
from watchlists import api, import_api

SERVICE_ROLE = "Records system"

router = SimpleRouter()
router.register("watchlists", api.WatchlistViewSet, "api-watchlist")
router.register("people", api.PersonViewSet, "api-person")
router.register("photographs", api.PhotographViewSet, "api-photograph")
router.register("flags", api.FlagViewSet, "api-flag")
router.register("imports", import_api.ImportViewSet, "api-import")
router.register("certificates", api.CertificateViewSet, "api-certificate")

router.register("alerts", AlertViewSet, "api-alert")

urlpatterns = [
    *router.urls,
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]


def refused(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to a refused action: 409 if somebody else acted first, 422 otherwise."""
    if isinstance(error, DataError) and holds_nul(error):
        error = Refused(NUL)
    if isinstance(error, Refused):
        return Response({"detail": str(error)}, status=409 if isinstance(error, Conflict) else 422)
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        note_refusal_of(context["request"]._request)
    answer = exception_handler(error, context)
    if answer is not None and isinstance(error, exceptions.ValidationError):
        answer.status_code = 422
    return answer


@transaction.atomic
def issue_service_token(name: str, days: int) -> str:
    """Issue a token to a records system and revoke its earlier ones. Its account has no password.

    Raises:
        Refused: the name belongs to an account that is not a service account.
    """
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User.objects.create_user(name)
        record(Action.USER_ADDED, actor=INSTALLER, target=user, data={"role": SERVICE_ROLE})
        give_role(user, SERVICE_ROLE, actor=INSTALLER)
    elif user.has_usable_password() or not user.groups.filter(name=SERVICE_ROLE).exists():
        raise Refused(f"“{name}” is not a service account.")
    AuthToken.objects.filter(user=user).delete()
    _, token = AuthToken.objects.create(user, expiry=dt.timedelta(days=days))
    record(Action.TOKEN_ISSUED, actor=INSTALLER, target=user, data={"days": days})
    return str(token)
