"""The API of watchlists: the same reads and operations as the pages, under the same permissions."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from audit.actions import Action
from audit.journal import record
from core.keys import KeyGone
from recognition.imaging import UnreadableImage
from watchlists import approval, confirmation, destruction, flags, operations, people
from watchlists.enrolment import Enrolment, FaceChoice, read_photograph
from watchlists.forms import PhotographForm
from watchlists.models import Certificate, Flag, Person, Photograph, Watchlist
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST, HOLD_EVIDENCE, SEARCH_LEDGER
from watchlists.seal import content_hash
from watchlists.serializers import (
    CertificateSerializer,
    CurrentSerializer,
    DecisionSerializer,
    FlagReasonSerializer,
    FlagSerializer,
    HoldSerializer,
    NewPersonSerializer,
    PersonChangeSerializer,
    PersonSerializer,
    PhotographSerializer,
    PictureSerializer,
    ReasonSerializer,
    ReleaseSerializer,
    SizeReasonSerializer,
    StandingSerializer,
    UrgencySerializer,
    WatchlistSerializer,
)

READ = (COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
OF_WATCHLIST = OpenApiParameter("watchlist", OpenApiTypes.UUID, required=True)


class Holds(BasePermission):
    """Allow users who hold one of the permissions that the view names for the requested action."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted: dict[str, tuple[str, ...]] = view.may
        allowed = wanted.get(getattr(view, "action", None) or "", wanted.get("*", ()))
        return any(request.user.has_perm(name) for name in allowed)


def given_by(serializer: Any) -> dict[str, Any]:
    """Return the validated data of a request.

    Raises:
        ValidationError: something in it is wrong.
    """
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class WatchlistViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet[Watchlist]
):
    """Create watchlists and take them through compilation, checks and approval."""

    serializer_class = WatchlistSerializer
    permission_classes = (Holds,)
    may: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "standing": READ,
        "authorise": (AUTHORISE_WATCHLIST,),
        "give_back": (AUTHORISE_WATCHLIST,),
        "reject": (AUTHORISE_WATCHLIST,),
        "*": (COMPILE_WATCHLIST,),
    }

    def get_queryset(self) -> QuerySet[Watchlist]:
        return Watchlist.objects.visible_to(self.request.user)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        watchlist = self.get_object()
        consult(request, watchlist)
        return self._answer(watchlist)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = given_by(self.get_serializer(data=request.data))
        return self._answer(operations.create_watchlist(actor=actor_of(request), **given), status=201)

    @extend_schema(responses=StandingSerializer)
    @action(detail=True)
    def standing(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        return Response({"content_hash": content_hash(watchlist), "obstacles": operations.obstacles_of(watchlist)})

    @extend_schema(request=SizeReasonSerializer)
    @action(detail=True, methods=["post"])
    def compile(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        given = given_by(SizeReasonSerializer(data=request.data))
        operations.compile_watchlist(watchlist, actor=actor_of(request), **given)
        return self._answer(watchlist)

    @extend_schema(request=CurrentSerializer)
    @action(detail=True, methods=["post"])
    def current(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        given = given_by(CurrentSerializer(data=request.data))
        try:
            confirmation.confirm_current(watchlist, given["people"], source=given["source"], actor=actor_of(request))
        except confirmation.SampleNotOpened as refusal:
            unopened = [str(person.pk) for person in refusal.unopened]
            return Response({"detail": str(refusal), "unopened": unopened}, status=422)
        return self._answer(watchlist)

    @extend_schema(request=UrgencySerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        given = given_by(UrgencySerializer(data=request.data))
        operations.check_watchlist(watchlist, actor=actor_of(request), **given)
        return self._answer(watchlist)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        operations.withdraw_watchlist(watchlist, actor=actor_of(request))
        return self._answer(watchlist)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        operations.discard_watchlist(watchlist, actor=actor_of(request))
        return self._answer(watchlist)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def version(self, request: Request, pk: str) -> Response:
        return self._answer(operations.new_version(self.get_object(), actor=actor_of(request)), status=201)

    @extend_schema(request=DecisionSerializer)
    @action(detail=True, methods=["post"])
    def authorise(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        given = given_by(DecisionSerializer(data=request.data))
        approval.authorise_watchlist(watchlist, actor=actor_of(request), **given)
        return self._answer(watchlist)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def give_back(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        approval.return_watchlist(watchlist, actor=actor_of(request), **given_by(ReasonSerializer(data=request.data)))
        return self._answer(watchlist)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        approval.reject_watchlist(watchlist, actor=actor_of(request), **given_by(ReasonSerializer(data=request.data)))
        return self._answer(watchlist)

    def _answer(self, watchlist: Watchlist, status: int = 200) -> Response:
        watchlist.refresh_from_db()
        return Response(WatchlistSerializer(watchlist).data, status=status)


class PersonViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Person]
):
    """The people on a watchlist. A person is added together with a first photograph."""

    serializer_class = PersonSerializer
    permission_classes = (Holds,)
    parser_classes = (JSONParser, MultiPartParser, FormParser)
    may: ClassVar = {
        "list": READ,
        "retrieve": READ,
        "hold": (HOLD_EVIDENCE,),
        "release": (HOLD_EVIDENCE,),
        "*": (COMPILE_WATCHLIST,),
    }

    def get_queryset(self) -> QuerySet[Person]:
        return Person.objects.visible_to(self.request.user).select_related("watchlist").with_flags()

    @extend_schema(
        parameters=[OF_WATCHLIST, *(OpenApiParameter(name) for name in ("q", "category", "tier"))],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        watchlist = watchlist_of(request)
        consult(request, watchlist)
        found = self.get_queryset().filter(watchlist=watchlist).order_by("name", "reference")
        words = request.query_params.get("q", "")[:100]
        if words:
            found = found.filter(pk__in=Person.objects.matching(words))
        for name in ("category", "tier"):
            if request.query_params.get(name):
                found = found.filter(**{name: request.query_params[name]})
        page = self.paginate_queryset(found)
        return self.get_paginated_response(PersonSerializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        person = self.get_object()
        with transaction.atomic():
            record(Action.PERSON_VIEWED, actor=actor_of(request), target=person)
        return Response(PersonSerializer(person).data)

    @extend_schema(request={"multipart/form-data": NewPersonSerializer}, responses={201: PersonSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = given_by(NewPersonSerializer(data=request.data))
        watchlist = get_object_or_404(Watchlist.objects.visible_to(request.user), pk=given["watchlist"])
        enrolment, provenance = _picture(given)
        particulars = {name: given[name] for name in people.PARTICULARS if name in given}
        person = people.add_person(watchlist, particulars, enrolment, provenance, actor=actor_of(request))
        return Response(PersonSerializer(person).data, status=201)

    @extend_schema(request=PersonChangeSerializer, responses=PersonSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        person = self.get_object()
        given = given_by(PersonChangeSerializer(person, data=request.data, partial=True))
        if "revision" not in given:
            raise ValidationError({"revision": ["Enter the revision that you are changing."]})
        people.change_person(person, given, revision=given.pop("revision"), actor=actor_of(request))
        return Response(PersonSerializer(person).data)

    def perform_destroy(self, instance: Person) -> None:
        people.remove_person(instance, actor=actor_of(self.request))

    @extend_schema(request=HoldSerializer, responses=PersonSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        person = self.get_object()
        destruction.place_hold(person, actor=actor_of(request), **given_by(HoldSerializer(data=request.data)))
        return Response(PersonSerializer(person).data)

    @extend_schema(request=ReleaseSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        person = self.get_object()
        destruction.release_hold(person, actor=actor_of(request), **given_by(ReleaseSerializer(data=request.data)))
        return Response(status=204)

    @extend_schema(request={"multipart/form-data": PictureSerializer}, responses={201: PhotographSerializer})
    @action(detail=True, methods=["post"])
    def photographs(self, request: Request, pk: str) -> Response:
        person = self.get_object()
        enrolment, provenance = _picture(given_by(PictureSerializer(data=request.data)))
        photograph = people.add_photograph(person, enrolment, provenance, actor=actor_of(request))
        return Response(PhotographSerializer(photograph).data, status=201)


class PhotographViewSet(mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet[Photograph]):
    """The details of a photograph, and the picture itself."""

    serializer_class = PhotographSerializer
    permission_classes = (Holds,)
    may: ClassVar = {"retrieve": READ, "jpeg": READ, "*": (COMPILE_WATCHLIST,)}

    def get_queryset(self) -> QuerySet[Photograph]:
        visible = Person.objects.visible_to(self.request.user)
        return Photograph.objects.filter(person__in=visible).select_related("person__watchlist")

    def perform_destroy(self, instance: Photograph) -> None:
        people.remove_photograph(instance, actor=actor_of(self.request))

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    @action(detail=True)
    def jpeg(self, request: Request, pk: str) -> HttpResponse:
        try:
            return HttpResponse(self.get_object().jpeg, content_type="image/jpeg")
        except KeyGone as error:
            raise Http404 from error


class FlagViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Flag]):
    """Flags on the entries of a list, which must be settled before the list is approved."""

    serializer_class = FlagSerializer
    permission_classes = (Holds,)
    may: ClassVar = {"list": READ, "*": (COMPILE_WATCHLIST,)}

    def get_queryset(self) -> QuerySet[Flag]:
        visible = Person.objects.visible_to(self.request.user)
        return Flag.objects.filter(person__in=visible).select_related("person__watchlist")

    @extend_schema(parameters=[OF_WATCHLIST])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        watchlist = watchlist_of(request)
        consult(request, watchlist)
        found = self.get_queryset().filter(person__watchlist=watchlist)
        return self.get_paginated_response(FlagSerializer(self.paginate_queryset(found), many=True).data)

    @extend_schema(request=None, responses=PersonSerializer)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        return Response(PersonSerializer(people.merge(self.get_object(), actor=actor_of(request))).data)

    @extend_schema(request=FlagReasonSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        flag = self.get_object()
        flags.accept_flag(flag, actor=actor_of(request), **given_by(FlagReasonSerializer(data=request.data)))
        flag.refresh_from_db()
        return Response(FlagSerializer(flag).data)


class CertificateViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Certificate]):
    """Certificates of destroyed watchlists."""

    serializer_class = CertificateSerializer
    permission_classes = (Holds,)
    may: ClassVar = {"*": (SEARCH_LEDGER,)}
    queryset = Certificate.objects.select_related("watchlist")


def actor_of(request: Request) -> Any:
    """Return the user or service account of the request."""
    return request.user


@transaction.atomic
def consult(request: Request, watchlist: Watchlist) -> None:
    """Record that the user saw who is on a watchlist."""
    record(Action.WATCHLIST_VIEWED, actor=actor_of(request), target=watchlist)


def watchlist_of(request: Request) -> Watchlist:
    """Return the watchlist that the query names.

    Raises:
        ValidationError: it names none. Http404: the user may not see it.
    """
    try:
        wanted = uuid.UUID(request.query_params.get("watchlist", ""))
    except ValueError as error:
        raise ValidationError({"watchlist": ["Enter the id of the watchlist."]}) from error
    return get_object_or_404(Watchlist.objects.visible_to(request.user), pk=wanted)


def _picture(given: dict[str, Any]) -> tuple[Enrolment, people.Provenance]:
    """Read the photograph in a request in the same way as the page's form."""
    frame = None
    if given.get("frame"):
        form = PhotographForm({"frame": given["frame"]})
        form.is_valid()
        if "frame" in form.errors:
            raise ValidationError({"frame": [str(error) for error in form.errors["frame"]]})
        frame = form.cleaned_data["frame"]
    try:
        enrolment = read_photograph(given["photograph"].read(), given.get("face"), frame)
    except (UnreadableImage, FaceChoice) as error:
        raise ValidationError({"photograph": [str(error)]}) from error
    return enrolment, people.Provenance(
        given["source"],
        given["lawful_hold"],
        given.get("taken_on"),
        given.get("keeping", ""),
        given.get("confirmed_by", ""),
        given.get("confirmed_at"),
    )
