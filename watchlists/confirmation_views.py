"""Pages on which users confirm that photographs are of the right people, and that these are still sought."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from watchlists import confirmation
from watchlists.choices import CONSULTED_FOR, Category
from watchlists.forms import ConsultedForm
from watchlists.models import Person, Watchlist
from watchlists.permissions import COMPILE_WATCHLIST

PAGE = 24


@require_POST
@permitted(COMPILE_WATCHLIST)
def people_current(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    """Confirm that the people ticked, or all with one lawful ground, are still sought; or show what to open first."""
    watchlist = get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)
    form, ground = ConsultedForm(request.POST), request.POST.get("ground", "")
    ids = confirmation.to_be_confirmed(watchlist, ground) if ground else _ticked(request, "person")
    source = form.cleaned_data["source"] if form.is_valid() else ""
    try:
        count = confirmation.confirm_current(watchlist, ids, source=source, actor=acting(request))
    except confirmation.SampleNotOpened as refusal:
        chosen = [] if ground else list(Person.objects.filter(watchlist=watchlist, pk__in=ids))
        context = {
            "watchlist": watchlist,
            "why": str(refusal),
            "sample": confirmation.sample_of(watchlist, ids, actor=acting(request)),
            "unopened": refusal.unopened,
            "ground": ground,
            "ground_label": Category(ground).label if ground in Category.values else "",
            "people": chosen,
            "sources": [(each.value, each.label) for each in CONSULTED_FOR[refusal.unopened[0].category]],
            "count": len(ids),
            "consulted_form": form,
        }
        return render(request, "watchlists/sample.html", context, status=422)
    messages.success(request, f"People confirmed as still sought: {count:,}.")
    return redirect("watchlist", watchlist.id)


@require_http_methods(["GET", "POST"])
@permitted(COMPILE_WATCHLIST)
def photographs_confirm(request: HttpRequest, watchlist_id: uuid.UUID) -> HttpResponse:
    """Show the photographs that nobody has confirmed to be of the person, beside the record; confirm those ticked."""
    watchlist = get_object_or_404(Watchlist.objects.visible_to(request.user), pk=watchlist_id)
    if request.method == "POST":
        ticked = _ticked(request, "photograph")
        count = confirmation.confirm_photographs(watchlist, ticked, actor=acting(request))
        messages.success(request, f"Photographs confirmed to be of the person: {count:,}.")
        if request.POST.get("back") == "person":
            return redirect("person", Person.objects.get(photographs=ticked[0]).pk)
        left = confirmation.unconfirmed_photographs(watchlist).exists()
        return redirect("photographs-confirm" if left else "watchlist", watchlist.id)
    waiting = confirmation.unconfirmed_photographs(watchlist).select_related("person").defer("encrypted")
    page = Paginator(waiting.order_by("person__name", "pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "watchlists/photographs.html", {"watchlist": watchlist, "page": page})


def _ticked(request: HttpRequest, name: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in request.POST.getlist(name)]
    except ValueError as error:
        raise Refused("Select from those shown on the page.") from error
