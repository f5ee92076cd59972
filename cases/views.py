"""Pages of cases. Names and words are shown on the page of one case only, and each visit is recorded."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from alerts.models import Alert
from audit.actions import Action
from audit.journal import note_consulted, record
from cases import answers, board, case_file, content, figures, letters, links, operations, search, time_limits
from cases.acts import ACTS, offered
from cases.answers import CaseAnswer
from cases.choices import CaseKind
from cases.content import EventContent
from cases.filters import CaseFilter
from cases.forms import (
    ADVICE,
    AlertsForm,
    AnswerForm,
    DeploymentForm,
    OpenBreachForm,
    OpenCaseForm,
    ReceiptForm,
    SearchForm,
)
from cases.models import Case, CaseEvent
from cases.permissions import KEEP_CASES
from core.downloads import download
from core.errors import Conflict, Refused
from core.keys import KeyGone
from core.pages import query_of
from core.permissions import acting, permitted

PAGE = 50
SEARCHED_KINDS = (CaseKind.ACCESS, CaseKind.RECTIFICATION, CaseKind.ERASURE, CaseKind.COMPLAINT)


@dataclass(frozen=True)
class EventRow:
    """Something done on a case, as its page shows it. said: None once it was destroyed."""

    event: CaseEvent
    said: EventContent | None


@require_GET
@permitted(KEEP_CASES)
def case_list(request: HttpRequest) -> HttpResponse:
    """List the cases in progress, by what has to be done next, or those that are closed. No names."""
    now = timezone.now()
    cases = Case.objects.select_related("deployment").prefetch_related("waits").defer("sealed")
    chosen = CaseFilter(request.GET, queryset=cases)
    # Only cases in progress are ranked; they are few.
    is_closed = request.GET.get("show") == "closed"
    ranked: Any = chosen.qs if is_closed else board.by_urgency(chosen.qs, now)
    page = Paginator(ranked, PAGE).get_page(request.GET.get("page"))
    if is_closed:
        page.object_list = board.by_urgency(page.object_list, now)
    context = {
        "filter": chosen,
        "query": query_of(request),
        "is_closed": is_closed,
        "page": page,
        "figures": figures.by_year(now),
    }
    return render(request, "cases/list.html", context)


@require_http_methods(["GET", "POST"])
@permitted(KEEP_CASES)
def case_new(request: HttpRequest) -> HttpResponse:
    """Choose the kind of a case (`?kind=…`), then open it."""
    kind = request.GET.get("kind", "")
    if kind not in CaseKind.values:
        kinds = [(each.value, each.label, ADVICE[each]) for each in CaseKind]
        return render(request, "cases/kinds.html", {"kinds": kinds}, status=422 if request.method == "POST" else 200)
    form = (OpenBreachForm if kind == CaseKind.BREACH else OpenCaseForm)(_posted(request))
    if form.is_valid():
        given = form.cleaned_data
        try:
            case = operations.open_case(
                kind=kind,
                channel=given["channel"],
                received_at=form.received_at(),
                about=form.about(),
                deployment=given["deployment"],
                actor=acting(request),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Opened as {case.reference}.")
            return redirect("case", case.number)
    context = {"form": form, "kind": CaseKind(kind), "advice": ADVICE[CaseKind(kind)]}
    return render(request, "cases/new.html", context, status=422 if request.method == "POST" else 200)


@require_GET
@permitted(KEEP_CASES)
def case_detail(request: HttpRequest, number: int) -> HttpResponse:
    return _page(request, _case(number))


@require_POST
@permitted(KEEP_CASES)
def case_act(request: HttpRequest, number: int, act_name: str) -> HttpResponse:
    """Do one of `cases.acts.ACTS`."""
    case = _case(number)
    act = ACTS.get(act_name)
    if act is None or case.kind not in act.kinds:
        raise Http404
    form = act.form_for(case, request.POST)
    if form.is_valid():
        given = form.as_given() if hasattr(form, "as_given") else form.cleaned_data
        try:
            act.do(case, **given, actor=acting(request))
        except Conflict:
            raise
        except Refused as refusal:
            form.add_error(None, str(refusal))
            # What the act had changed before it was refused was not saved.
            case = _case(number)
        else:
            messages.success(request, act.done)
            return redirect("case", case.number)
    return _page(request, case, refused=act_name, form=form, status=422)


@require_POST
@permitted(KEEP_CASES)
def case_search(request: HttpRequest, number: int) -> HttpResponse:
    """Search for the person. POST keeps the reference and the name out of addresses and logs."""
    case, form = _case(number), SearchForm(request.POST)
    if not form.is_valid():
        return _page(request, case, searching=form, status=422)
    try:
        found = search.search(case, **form.cleaned_data, actor=acting(request))
    except Conflict:
        raise
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, _case(number), searching=form, status=422)
    messages.success(request, f"Searched: found in {len(found)} place{'' if len(found) == 1 else 's'}.")
    return redirect("case", case.number)


@require_POST
@permitted(KEEP_CASES)
def case_deployment(request: HttpRequest, number: int) -> HttpResponse:
    case, form = _case(number), DeploymentForm(request.POST)
    if not form.is_valid():
        raise Refused("Select the deployment.")
    links.link_deployment(case, **form.cleaned_data, actor=acting(request))
    messages.success(request, "Link to the deployment saved.")
    return redirect("case", case.number)


@require_POST
@permitted(KEEP_CASES)
def case_receipt(request: HttpRequest, number: int) -> HttpResponse:
    """Link the possible match whose receipt the person was given."""
    case, form = _case(number), ReceiptForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter the code of the receipt.")
    links.link_receipt(case, **form.cleaned_data, actor=acting(request))
    messages.success(request, "Linked to the possible match of this receipt.")
    return redirect("case", case.number)


@require_http_methods(["GET", "POST"])
@permitted(KEEP_CASES)
def case_alerts(request: HttpRequest, number: int) -> HttpResponse:
    """Choose the possible matches that a case is about, of those of its deployment. No face and no name is shown."""
    case = _case(number)
    form = AlertsForm(_posted(request), case=case)
    if form.is_valid():
        links.link_alerts(case, alerts=form.cleaned_data["alerts"], actor=acting(request))
        messages.success(request, "Possible matches linked.")
        return redirect("case", case.number)
    field: Any = form.fields["alerts"]
    alerts = field.queryset.select_related("camera", "officer").order_by("raised_at")
    context = {"case": case, "form": form, "alerts": alerts}
    return render(request, "cases/alerts.html", context, status=422 if request.method == "POST" else 200)


@require_POST
@permitted(KEEP_CASES)
def case_unlink(request: HttpRequest, number: int, alert_id: uuid.UUID) -> HttpResponse:
    case = _case(number)
    links.unlink_alert(case, alert=get_object_or_404(Alert, pk=alert_id), actor=acting(request))
    messages.info(request, "Link removed.")
    return redirect("case", case.number)


@require_http_methods(["GET", "POST"])
@permitted(KEEP_CASES)
def case_answer(request: HttpRequest, number: int) -> HttpResponse:
    """Write the answer, and close the case. Who asks and what was found is shown, so the visit is recorded."""
    case = _case(number)
    note_consulted(Action.CASE_VIEWED, actor=acting(request), target=case)
    form = _answer_form(case, _posted(request))
    if form.is_valid():
        try:
            answers.answer(case, CaseAnswer(**form.cleaned_data), actor=acting(request))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Closed." if case.is_breach else "Answered and closed. Send the letter below.")
            return redirect("case", case.number)
    context = {"case": case, "form": form, "asked": content.content_of(case)}
    return render(request, "cases/answer.html", context, status=422 if request.method == "POST" else 200)


@require_POST
@permitted(KEEP_CASES)
def answer_preview(request: HttpRequest, number: int) -> HttpResponse:
    """Return the letter as it would be, from what is entered so far, marked as a preview. Nothing is kept."""
    case = _case(number)
    if case.is_closed or case.is_breach or content.content_of(case) is None:
        raise Refused("There is no letter to preview: the case is closed, or it has none.")
    note_consulted(Action.CASE_VIEWED, actor=acting(request), target=case)
    form = _answer_form(case, request.POST)
    form.is_valid()
    given = form.cleaned_data
    reply = CaseAnswer(
        given.get("outcome", ""), given.get("words", ""), search=given.get("search", ""), given=given.get("given", ())
    )
    telling = answers.told(case, reply)
    pdf = letters.answer_letter(case, reply.outcome, reply.words, telling, timezone.now(), marking="PREVIEW, NOT SENT")
    return HttpResponse(pdf, content_type="application/pdf")


def _answer_form(case: Case, posted: QueryDict | None) -> AnswerForm:
    last, found = answers.last_search(case)
    about = content.content_of(case)
    return AnswerForm(posted, case=case, search=last, found=found, effects=about.effects if about else "")


@require_GET
@permitted(KEEP_CASES)
def letter(request: HttpRequest, number: int, event_id: uuid.UUID) -> HttpResponse:
    """Return a letter as it was made."""
    event = get_object_or_404(CaseEvent.objects.select_related("case"), pk=event_id, case__number=number)
    try:
        pdf = content.letter_of(event)
    except KeyGone as error:
        raise Http404 from error
    with transaction.atomic():
        record(Action.CASE_READ, actor=acting(request), target=event.case, data={"what": event.kind})
    return download(pdf, f"{_file_name(event.case)}-{event.kind}.pdf", "application/pdf")


@require_GET
@permitted(KEEP_CASES)
def case_file_pdf(request: HttpRequest, number: int) -> HttpResponse:
    """Return everything about a case as PDF."""
    case = _case(number)
    with transaction.atomic():
        record(Action.CASE_READ, actor=acting(request), target=case, data={"what": "file"})
    pdf = case_file.file_pdf(case, made_by=str(acting(request)))
    return download(pdf, f"{_file_name(case)}-file.pdf", "application/pdf")


def _page(
    request: HttpRequest,
    case: Case,
    *,
    refused: str = "",
    form: Any = None,
    searching: SearchForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page of a case. refused, form: an act that was refused, with its form."""
    now = timezone.now()
    note_consulted(Action.CASE_VIEWED, actor=acting(request), target=case)
    events = case.events.select_related("by", "case")
    context = {
        "case": case,
        "asked": content.content_of(case),
        "received": case_file.received_words(case),
        "outcome": case_file.outcome_words(case),
        "limits": [(limit, limit.words(now), limit.style(now)) for limit in time_limits.limits_of(case, now)],
        "events": [EventRow(event, content.content_of_event(event)) for event in events][::-1],
        "acts": offered(case, refused, form),
        "search": (searching or SearchForm()) if _may_search(case) else None,
        "linked": [(alert, case_file.kept_words(alert)) for alert in case_file.linked_alerts(case)],
        "deployments": DeploymentForm(initial={"deployment": case.deployment_id}),
        "receipt": ReceiptForm(),
        "entries": case_file.entries_about(case).count(),
    }
    return render(request, "cases/detail.html", context, status=status)


def _posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _may_search(case: Case) -> bool:
    ready = not case.is_of_own_data or case.identity_on is not None
    return case.kind in SEARCHED_KINDS and ready and not case.is_closed


def _case(number: int) -> Case:
    return get_object_or_404(Case.objects.select_related("deployment", "opened_by", "closed_by"), number=number)


def _file_name(case: Case) -> str:
    return case.reference.replace("/", "-").lower()
