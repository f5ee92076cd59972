"""The API of bulk imports."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from watchlists import imports
from watchlists.api import OF_WATCHLIST, Holds, actor_of, consult, given_by, watchlist_of
from watchlists.import_views import NamelessFileHandler
from watchlists.models import Import, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST
from watchlists.serializers import ImportRowSerializer, ImportSerializer, NewImportSerializer
from watchlists.tasks import hurry_imports


class ImportViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Import]):
    """Bulk imports. Upload the files here, on the list's page, or with `manage.py import_watchlist`."""

    serializer_class = ImportSerializer
    permission_classes = (Holds,)
    parser_classes = (MultiPartParser, JSONParser)
    may: ClassVar = {"*": (COMPILE_WATCHLIST,)}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        # Set before anything reads the body, which may be too large for memory.
        request.upload_handlers = [NamelessFileHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Import]:
        visible = Watchlist.objects.visible_to(self.request.user)
        return Import.objects.filter(watchlist__in=visible).select_related("watchlist")

    @extend_schema(
        parameters=[OF_WATCHLIST],
        request={"multipart/form-data": NewImportSerializer},
        responses={201: ImportSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = given_by(NewImportSerializer(data=request.data))
        begun = imports.begin(
            watchlist_of(request), given["table"].read(), given["archive"].file, actor=actor_of(request)
        )
        hurry_imports()
        return Response(ImportSerializer(begun).data, status=201)

    @extend_schema(responses=ImportRowSerializer(many=True))
    @action(detail=True)
    def rows(self, request: Request, pk: str) -> Response:
        imported = self.get_object()
        consult(request, imported.watchlist)
        page = self.paginate_queryset(imported.rows.all())  # type: ignore[arg-type]
        return self.get_paginated_response(ImportRowSerializer(page, many=True).data)  # type: ignore[arg-type]

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        imported = self.get_object()
        imports.confirm(imported, actor=actor_of(request))
        hurry_imports()
        return Response(ImportSerializer(imported).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        imported = self.get_object()
        imports.cancel(imported, actor=actor_of(request))
        return Response(ImportSerializer(imported).data)
