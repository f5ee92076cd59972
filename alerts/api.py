"""The API of alerts: the same permissions as the pages, and the same rules on when names and scores are shown."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import content, operations
from alerts.models import Alert
from alerts.permissions import DECIDE_ALERT, RECORD_OUTCOME, WATCH_ALERTS
from alerts.serializers import AlertRowSerializer, AlertSerializer, NewActSerializer
from core.keys import KeyGone
from watchlists.api import Holds


class AlertViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Alert]):
    """Possible matches that the user may see, and the acts on them."""

    permission_classes = (Holds,)
    may: ClassVar = {"act": (DECIDE_ALERT, RECORD_OUTCOME), "*": (WATCH_ALERTS,)}

    def get_queryset(self) -> QuerySet[Alert]:
        visible = Alert.objects.visible_to(self.request.user).in_queue()
        return visible.select_related("camera", "assigned_to", "officer", "operating_point").order_by("-raised_at")

    def get_serializer_class(self) -> type[Any]:
        return AlertRowSerializer if self.action == "list" else AlertSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("deployment", OpenApiTypes.UUID),
            OpenApiParameter("state", enum=Alert.State.values),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found = self.get_queryset().defer("sealed")
        if state := request.query_params.get("state"):
            found = found.filter(state=state)
        if deployment := request.query_params.get("deployment"):
            found = found.filter(deployment=_uuid(deployment))
        page = self.paginate_queryset(found)
        return self.get_paginated_response(AlertRowSerializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        alert = self.get_object()
        operations.note_viewed(alert, actor=_actor(request))
        return Response(self.get_serializer(alert).data)

    @extend_schema(request=NewActSerializer)
    @action(detail=True, methods=["post"])
    def act(self, request: Request, pk: str) -> Response:
        """Perform an act on an alert. Return the alert afterwards, or 204 if the user may no longer see it."""
        alert = get_object_or_404(Alert.objects.heard_from(request.user).in_queue(), pk=_uuid(pk))
        given = NewActSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        name, what = given.act_input()
        operations.act(alert, name, what, actor=_actor(request))
        found = self.get_queryset().filter(pk=alert.pk).first()
        return Response(self.get_serializer(found).data) if found is not None else Response(status=204)

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="shots/(?P<shot_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
    def shot(self, request: Request, pk: str, shot_id: str) -> HttpResponse:
        """Return a picture of the alert as JPEG."""
        shot = get_object_or_404(self.get_object().shots.select_related("alert"), pk=shot_id)
        try:
            return HttpResponse(content.shot_content(shot).jpeg, content_type="image/jpeg")
        except KeyGone as error:
            raise Http404 from error


def _actor(request: Request) -> Any:
    return request.user


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise ValidationError({"deployment": ["Enter a valid UUID."]}) from error
