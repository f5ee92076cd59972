"""Pages for the people on a list, their photographs and flags, evidence holds, destruction and the ledger."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.actions import Action
from audit.journal import note_consulted, record
from core.errors import Refused
from core.keys import KeyGone
from core.permissions import acting, permitted
from recognition.imaging import encode_jpeg
from watchlists import destruction, flags, people, volunteers
from watchlists.choices import CONSULTED_FOR
from watchlists.confirmation import AFTER_CHANGE
from watchlists.forms import (
    ComparedForm,
    HoldForm,
    PersonForm,
    PhotographForm,
    ReleaseForm,
    VolunteerForm,
)
from watchlists.likeness import nearness
from watchlists.models import Flag, Hold, Person, Photograph, Watchlist
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST, HOLD_EVIDENCE

BOARD = 100
# Side of the face shown in a row of a list, in pixels.
SMALL = 110


@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def person_new(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)
    form, photograph, provenance = _enrolment_forms(request)
    status = 200
    if request.method == "POST":
        if all([form.is_valid(), photograph.is_valid(), provenance.is_valid()]):
            try:
                person = people.add_person(
                    watchlist,
                    form.particulars(),
                    photograph.enrolment,
                    provenance.compared_by(acting(request)),
                    actor=acting(request),
                )
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, "Person added to the list.")
                return _changed(person.id)
        status = 422
    context = {"form": form, "photograph": photograph, "provenance": provenance, "watchlist": watchlist}
    return render(request, "watchlists/person_new.html", context, status=status)


@require_GET
@permitted(COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
def person_detail(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    with transaction.atomic():
        data = {AFTER_CHANGE: True} if AFTER_CHANGE in request.GET else {}
        record(Action.PERSON_VIEWED, actor=acting(request), target=person, data=dict(data))
    hold, watchlist = Hold.objects.filter(person=person).select_related("owner").first(), person.watchlist
    context = {
        "person": person,
        "watchlist": watchlist,
        "photographs": person.photographs.defer("encrypted"),
        "flags": person.flags.select_related("accepted_by", "other__person").defer("other__encrypted"),
        "hold": hold,
        "hold_form": HoldForm(),
        "release_form": ReleaseForm() if hold and hold.may_be_released_by(acting(request)) else None,
        "sources": [(each.value, each.label) for each in CONSULTED_FOR[person.category]],
        "nearness": nearness(person),
        "volunteer_form": VolunteerForm(instance=getattr(person, "attributes", None)) if watchlist.is_blue else None,
        "may_settle": person.watchlist.is_editable or person.watchlist.state == Watchlist.State.COMPILED,
    }
    return render(request, "watchlists/person.html", context)


@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def person_edit(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    revision = request.POST.get("revision", str(person.revision))
    # A copy of its own: values that fail validation must not appear on the page as if they were stored.
    form = PersonForm(request.POST or None, instance=Person.objects.get(pk=person.pk))
    status = 200
    if request.method == "POST":
        if form.is_valid() and revision.isdecimal() and len(revision) < 9:
            try:
                people.change_person(person, form.particulars(), revision=int(revision), actor=acting(request))
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, "Changes saved.")
                return _changed(person.id)
        status = 422
    context = {"form": form, "person": person, "watchlist": person.watchlist, "revision": revision}
    return render(request, "watchlists/person_edit.html", context, status=status)


@require_POST
@permitted(COMPILE_WATCHLIST)
def person_remove(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    people.remove_person(person, actor=acting(request))
    messages.info(request, "Person removed from the list, and their data destroyed.")
    return redirect("watchlist", person.watchlist_id)


@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def photograph_new(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    _, photograph, provenance = _enrolment_forms(request)
    status = 200
    if request.method == "POST":
        if all([photograph.is_valid(), provenance.is_valid()]):
            try:
                people.add_photograph(
                    person, photograph.enrolment, provenance.compared_by(acting(request)), actor=acting(request)
                )
            except Refused as refusal:
                provenance.add_error(None, str(refusal))
            else:
                return _changed(person.id)
        status = 422
    context = {"photograph": photograph, "provenance": provenance, "person": person, "watchlist": person.watchlist}
    return render(request, "watchlists/photograph_new.html", context, status=status)


@require_POST
@permitted(COMPILE_WATCHLIST)
def photograph_remove(request: HttpRequest, photograph_id: uuid.UUID) -> HttpResponse:
    photograph = get_object_or_404(Photograph.objects.select_related("person__watchlist"), pk=photograph_id)
    people.remove_photograph(photograph, actor=acting(request))
    return _changed(photograph.person_id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def photograph_check(request: HttpRequest) -> JsonResponse:
    """Return what is on a photograph: {faces, report, blocked} or {faces, error}. Nothing is stored."""
    form = PhotographForm(request.POST, request.FILES)
    if form.is_valid():
        enrolment = form.enrolment
        report = [vars(measure) for measure in enrolment.report]
        return JsonResponse({"faces": [enrolment.face_share], "report": report, "blocked": enrolment.is_blocked})
    error = " ".join(str(message) for found in form.errors.values() for message in found)
    return JsonResponse({"faces": form.faces, "error": error}, status=422)


@require_GET
@permitted(COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
def photograph_jpeg(request: HttpRequest, photograph_id: uuid.UUID) -> HttpResponse:
    photograph = get_object_or_404(Photograph.objects.select_related("person__watchlist"), pk=photograph_id)
    try:
        jpeg = encode_jpeg(photograph.face(SMALL)) if "small" in request.GET else photograph.jpeg
    except KeyGone as error:
        raise Http404 from error
    person = photograph.person
    # The page of the list shows small pictures of everybody on it, and has an entry of its own.
    within = [person.watchlist] if "small" in request.GET else []
    note_consulted(Action.PHOTOGRAPH_VIEWED, actor=acting(request), target=person, within=within)
    return HttpResponse(jpeg, content_type="image/jpeg")


@require_POST
@permitted(COMPILE_WATCHLIST)
def flag_accept(request: HttpRequest, flag_id: int) -> HttpResponse:
    flag = get_object_or_404(Flag.objects.select_related("person__watchlist"), pk=flag_id)
    flags.accept_flag(flag, reason=request.POST.get("reason", "")[:400], actor=acting(request))
    return _changed(flag.person_id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def flag_merge(request: HttpRequest, flag_id: int) -> HttpResponse:
    flag = get_object_or_404(Flag.objects.select_related("person__watchlist", "other__person"), pk=flag_id)
    person = people.merge(flag, actor=acting(request))
    messages.success(request, "Entries merged into this one.")
    return _changed(person.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def volunteer_attributes(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person, form = _person(request, person_id), VolunteerForm(request.POST)
    if not form.is_valid():
        raise Refused("Select ethnicity, sex and age from the lists.")
    volunteers.record_attributes(person, form.cleaned_data, actor=acting(request))
    messages.success(request, "Recorded. It is used for the recognition rates of groups only.")
    return _changed(person.id)


@require_POST
@permitted(HOLD_EVIDENCE)
def hold_place(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    form = HoldForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter what this is evidence of, and the date of review.")
    destruction.place_hold(person, actor=acting(request), **form.cleaned_data)
    messages.success(request, "Entry held as evidence. It will not be destroyed with its list.")
    return redirect("person", person.id)


@require_POST
@permitted(HOLD_EVIDENCE)
def hold_release(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    person = _person(request, person_id)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter why this is no longer needed as evidence, in 400 characters or fewer.")
    destruction.release_hold(person, actor=acting(request), **form.cleaned_data)
    messages.info(request, "Hold released.")
    return redirect("watchlist", person.watchlist_id)


def _changed(person_id: uuid.UUID) -> HttpResponse:
    """Redirect to the page of an entry that the user has just changed."""
    return redirect(f"{reverse('person', args=[person_id])}?{AFTER_CHANGE}")


def _person(request: HttpRequest, person_id: uuid.UUID) -> Person:
    return get_object_or_404(Person.objects.visible_to(request.user).select_related("watchlist"), pk=person_id)


def _enrolment_forms(request: HttpRequest) -> tuple[PersonForm, PhotographForm, ComparedForm]:
    data, files = request.POST or None, request.FILES or None
    return PersonForm(data), PhotographForm(data, files), ComparedForm(data)
