"""Pages of the lists."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.access import acting, permitted
from audit.actions import Action
from audit.errors import Refused
from audit.journal import record
from watchlists import operations
from watchlists.forms import HeldPersonForm, PersonForm, PhotographForm, ReasonForm, WatchlistForm
from watchlists.models import Photograph, Watchlist, WatchlistEntry

COMPILE, AUTHORISE = "watchlists.compile_watchlist", "watchlists.authorise_watchlist"


@require_GET
@permitted(COMPILE, AUTHORISE)
def watchlist_list(request: HttpRequest) -> HttpResponse:
    watchlists = Watchlist.objects.visible_to(request.user).select_related("created_by", "authorised_by")
    return render(request, "watchlists/list.html", {"watchlists": watchlists})


@require_http_methods(["GET", "POST"])
@permitted(COMPILE)
def watchlist_new(request: HttpRequest) -> HttpResponse:
    form = WatchlistForm(request.POST or None)
    if form.is_valid():
        watchlist = operations.create_watchlist(actor=acting(request), **form.cleaned_data)
        return redirect("watchlist", watchlist.id)
    return render(request, "watchlists/new.html", {"form": form})


@require_GET
@permitted(COMPILE, AUTHORISE)
def watchlist_detail(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    with transaction.atomic():
        record(Action.WATCHLIST_VIEWED, actor=acting(request), target=watchlist)
    entries = watchlist.entries.select_related("person").prefetch_related("person__photographs")
    context = {
        "watchlist": watchlist,
        "entries": entries,
        "reason_form": ReasonForm(),
        "is_own": request.user.pk in (watchlist.created_by_id, watchlist.compiled_by_id),
    }
    return render(request, "watchlists/detail.html", context)


@require_http_methods(["GET", "POST"])
@permitted(COMPILE)
def person_new(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    form = PersonForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        if form.is_valid() and _add_person(request, form, watchlist):
            return redirect("watchlist", watchlist.id)
        status = 422
    context = {"form": form, "watchlist": watchlist, "held": HeldPersonForm(watchlist=watchlist)}
    return render(request, "watchlists/person_new.html", context, status=status)


@require_POST
@permitted(COMPILE)
def person_add(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    """Put somebody who is held already on one more list."""
    watchlist = _watchlist(request, watchlist_id)
    form = HeldPersonForm(request.POST, watchlist=watchlist)
    if not form.is_valid():
        raise Refused("Choose a person who is held and not on this list yet.")
    operations.add_to_watchlist(watchlist, form.cleaned_data["person"], actor=acting(request))
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE)
def photograph_check(request: HttpRequest) -> JsonResponse:
    """What is on a photograph, before it is kept: {faces, problems} or {error}. Nothing is stored."""
    form = PhotographForm(request.POST, request.FILES)
    if form.is_valid():
        enrolment = form.enrolment
        return JsonResponse({"faces": [enrolment.face_share], "problems": enrolment.problems})
    error = " ".join(str(message) for found in form.errors.values() for message in found)
    return JsonResponse({"faces": form.faces, "error": error}, status=422)


@require_POST
@permitted(COMPILE)
def entry_remove(request: HttpRequest, watchlist_id: uuid.UUID, entry_id: int) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    entry = get_object_or_404(
        WatchlistEntry.objects.select_related("watchlist", "person"), pk=entry_id, watchlist=watchlist
    )
    operations.remove_from_watchlist(entry, actor=acting(request))
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE)
def watchlist_compile(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.compile_watchlist(watchlist, actor=acting(request))
    messages.success(request, "Submitted. An authorising officer decides now.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(AUTHORISE)
def watchlist_authorise(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.authorise_watchlist(watchlist, actor=acting(request), reason=_reason(request))
    messages.success(request, "Approved and sealed: nothing on it can be changed any more.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(AUTHORISE)
def watchlist_return(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.return_watchlist(watchlist, actor=acting(request), reason=_reason(request))
    messages.info(request, "Returned to its compiler.")
    return redirect("watchlist", watchlist.id)


@require_GET
@never_cache
@permitted(COMPILE, AUTHORISE)
def photograph_jpeg(request: HttpRequest, photograph_id: uuid.UUID) -> HttpResponse:
    photograph = get_object_or_404(Photograph, pk=photograph_id)
    return HttpResponse(bytes(photograph.jpeg), content_type="image/jpeg")


def _watchlist(request: HttpRequest, watchlist_id: uuid.UUID) -> Watchlist:
    return get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Refused("Give the reason for this decision.")
    return str(form.cleaned_data["reason"])


def _add_person(request: HttpRequest, form: PersonForm, watchlist: Watchlist) -> bool:
    fields = {name: form.cleaned_data[name] for name in ("reference", "name", "category", "reason")}
    try:
        operations.add_person(actor=acting(request), enrolment=form.enrolment, watchlist=watchlist, **fields)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    for problem in form.enrolment.problems:
        messages.warning(request, problem)
    messages.success(request, f"{fields['name']} is on the list.")
    return True
