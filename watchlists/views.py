"""Pages for watchlists."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.actions import Action
from audit.journal import record
from core.errors import Refused
from core.pages import query_of
from core.permissions import acting, permitted
from watchlists import approval, confirmation, flags, operations
from watchlists.choices import CONSULTED_FOR, Category, Keeping, Source, Tier
from watchlists.contributions import contribution_of
from watchlists.filters import PersonFilter
from watchlists.forms import ConsultedForm, ReasonForm, SizeReasonForm, WatchlistForm
from watchlists.models import Flag, Person, Photograph, Watchlist
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST
from watchlists.seal import content_hash

PAGE = 50
# The names of the fields with the officer's reason for each person under 18 begin with this.
MINOR = "minor-"
_PICTURES = Prefetch("photographs", queryset=Photograph.objects.defer("encrypted"))


@require_GET
@permitted(COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
def watchlist_list(request: HttpRequest) -> HttpResponse:
    watchlists = Watchlist.objects.visible_to(request.user).select_related("created_by", "authorised_by")
    page = Paginator(watchlists, PAGE).get_page(request.GET.get("page"))
    return render(request, "watchlists/list.html", {"page": page})


@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def watchlist_new(request: HttpRequest) -> HttpResponse:
    form = WatchlistForm(request.POST or None)
    if form.is_valid():
        watchlist = operations.create_watchlist(actor=acting(request), **form.cleaned_data)
        return redirect("watchlist", watchlist.id)
    return render(request, "watchlists/new.html", {"form": form}, status=422 if request.method == "POST" else 200)


@require_GET
@permitted(COMPILE_WATCHLIST, AUTHORISE_WATCHLIST)
def watchlist_detail(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    with transaction.atomic():
        record(Action.WATCHLIST_VIEWED, actor=acting(request), target=watchlist)
    chosen = PersonFilter(request.GET, queryset=Person.objects.filter(watchlist=watchlist).with_flags())
    entries = chosen.qs.prefetch_related(_PICTURES).order_by("name", "reference")
    context = {
        "watchlist": watchlist,
        "filter": chosen,
        "page": Paginator(entries, PAGE).get_page(request.GET.get("page")),
        "query": query_of(request, "flags"),
        "is_current_since": timezone.now() - operations.CURRENT_FOR,
        **_work(request, watchlist),
    }
    return render(request, "watchlists/detail.html", context)


def _work(request: HttpRequest, watchlist: Watchlist) -> dict[str, Any]:
    """Return the context for what this user can do on a list in its present state."""
    state = watchlist.state
    context: dict[str, Any] = {}
    if request.user.has_perm(COMPILE_WATCHLIST) and (watchlist.is_editable or state == Watchlist.State.COMPILED):
        context["obstacles"] = operations.obstacles_of(watchlist) if watchlist.size else []
        open_flags = Flag.objects.filter(person__watchlist=watchlist, accepted_at__isnull=True)
        context["flag_kinds"] = [
            (kind.value, kind.label, count)
            for kind in flags.PICTURE_KINDS
            if (count := open_flags.filter(kind=kind).count())
        ]
        context["grounds"] = [
            _ground(watchlist, ground, request) for ground in confirmation.unconfirmed_grounds(watchlist)
        ]
        context["consulted_form"] = ConsultedForm()
        context["unconfirmed_photographs"] = confirmation.unconfirmed_photographs(watchlist).count()
        context["size_form"] = SizeReasonForm() if watchlist.size > settings.LFR_LIST_SIZE_CAP else None
    if request.user.has_perm(AUTHORISE_WATCHLIST) and state in (Watchlist.State.COMPILED, Watchlist.State.CHECKED):
        context["own_part"] = contribution_of(watchlist, acting(request))
        context["reason_form"] = ReasonForm()
        context["seen"] = content_hash(watchlist)
        context["urgent_review_hours"] = round(settings.LFR_URGENT_REVIEW.total_seconds() / 3600)
        context["summary"] = _summary(watchlist, request.GET.get("flags"))
    return context


def _ground(watchlist: Watchlist, ground: Category, request: HttpRequest) -> dict[str, Any]:
    """Return how many with this lawful ground are to be confirmed as still sought, and the sample for this user."""
    ids = confirmation.to_be_confirmed(watchlist, ground)
    sample = confirmation.sample_of(watchlist, ids, actor=acting(request))
    return {
        "value": ground.value,
        "label": ground.label,
        "count": len(ids),
        "sample": sample,
        "unopened": confirmation.unopened_by(acting(request), sample),
        "sources": [(each.value, each.label) for each in CONSULTED_FOR[ground]],
    }


def _summary(watchlist: Watchlist, flag_page: str | None) -> dict[str, Any]:
    """Return what an authorising officer considers: size beside earlier lists, the mix, flags, people under 18."""
    entries = watchlist.people.all()
    by = {
        name: dict(entries.values_list(name).annotate(count=Count("pk")).values_list(name, "count"))
        for name in ("category", "tier")
    }
    minors = [person for person in entries.perhaps_minors() if person.is_minor()]
    earlier = Watchlist.objects.filter(sealed_at__isnull=False).exclude(pk=watchlist.pk).order_by("-sealed_at")[:5]
    raised = Flag.objects.filter(person__watchlist=watchlist).select_related("person", "accepted_by")
    return {
        "earlier": earlier,
        "categories": [(label, by["category"].get(value, 0)) for value, label in Category.choices],
        "tiers": [(label, by["tier"].get(value, 0)) for value, label in Tier.choices],
        "ages": _ages(entries),
        "keeping": _keeping(watchlist),
        "minors": minors,
        "flags": Paginator(raised, PAGE).get_page(flag_page),
        "flag_counts": [
            (label, count) for value, label in Flag.Kind.choices if (count := raised.filter(kind=value).count())
        ],
    }


def _keeping(watchlist: Watchlist) -> list[tuple[str, int]]:
    """Return how many photographs come from each source, with the basis for keeping them where one is needed."""
    found = Photograph.objects.filter(person__watchlist=watchlist).order_by().values_list("source", "keeping")
    counted = found.annotate(count=Count("pk"))
    of = {(source, keeping): count for source, keeping, count in counted}
    bases = dict(Keeping.choices)
    return [
        (f"{label}: {bases[keeping].lower()}" if keeping else str(label), of[source, keeping])
        for source, label in Source.choices
        for keeping in ("", *Keeping.values)
        if (source, keeping) in of
    ]


def _ages(entries: QuerySet[Person]) -> list[tuple[str, int]]:
    today = timezone.localdate()
    bands = Counter({"Under 18": 0, "18 to 24": 0, "25 to 39": 0, "40 and over": 0, "Adult, age not known": 0})
    for born, age in entries.values_list("date_of_birth", "age").iterator(chunk_size=5000):
        if born is None:
            bands["Under 18" if age == "minor" else "Adult, age not known"] += 1
            continue
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        bands[
            "Under 18" if years < 18 else "18 to 24" if years < 25 else "25 to 39" if years < 40 else "40 and over"
        ] += 1
    return list(bands.items())


@require_POST
@permitted(COMPILE_WATCHLIST)
def flags_accept(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    """Accept every open flag of one kind, for one reason."""
    watchlist = _watchlist(request, watchlist_id)
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "")[:400]
    count = flags.accept_all(watchlist, kind, reason=reason, actor=acting(request))
    messages.success(request, f"Flags accepted: {count:,}.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def watchlist_compile(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    form = SizeReasonForm(request.POST)
    form.is_valid()
    reason = form.cleaned_data.get("size_reason", "")
    operations.compile_watchlist(watchlist, actor=acting(request), size_reason=reason)
    messages.success(request, "List marked as complete. Now settle its flags and check that everyone is still sought.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def watchlist_check(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.check_watchlist(watchlist, actor=acting(request), urgent_reason=request.POST.get("urgent_reason", ""))
    messages.success(request, "List submitted for approval. An authorising officer will decide.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def watchlist_withdraw(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.withdraw_watchlist(watchlist, actor=acting(request))
    messages.info(request, "List taken back. You can change it again.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(COMPILE_WATCHLIST)
def watchlist_discard(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    operations.discard_watchlist(watchlist, actor=acting(request))
    messages.info(request, "Draft discarded. Everything on it will be destroyed shortly.")
    return redirect("watchlists")


@require_POST
@permitted(COMPILE_WATCHLIST)
def watchlist_version(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    draft = operations.new_version(watchlist, actor=acting(request))
    messages.success(request, f"Version {draft.version} created as a draft.")
    return redirect("watchlist", draft.id)


@require_POST
@permitted(AUTHORISE_WATCHLIST)
def watchlist_authorise(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    approval.authorise_watchlist(
        watchlist,
        actor=acting(request),
        reason=_reason(request),
        seen=request.POST.get("seen", ""),
        minors={name.removeprefix(MINOR): str(text) for name, text in request.POST.items() if name.startswith(MINOR)},
    )
    messages.success(request, "List approved and sealed. It can no longer be changed.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(AUTHORISE_WATCHLIST)
def watchlist_confirm(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    approval.confirm_watchlist(watchlist, actor=acting(request), reason=_reason(request))
    messages.success(request, "Urgent approval confirmed.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(AUTHORISE_WATCHLIST)
def watchlist_return(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    approval.return_watchlist(watchlist, actor=acting(request), reason=_reason(request))
    messages.info(request, "List returned to its compiler.")
    return redirect("watchlist", watchlist.id)


@require_POST
@permitted(AUTHORISE_WATCHLIST)
def watchlist_reject(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    watchlist = _watchlist(request, watchlist_id)
    approval.reject_watchlist(watchlist, actor=acting(request), reason=_reason(request))
    messages.info(request, "List rejected. It will be destroyed after the retention period.")
    return redirect("watchlist", watchlist.id)


def _watchlist(request: HttpRequest, watchlist_id: uuid.UUID) -> Watchlist:
    return get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the reason for this decision.")
    return str(form.cleaned_data["reason"])
