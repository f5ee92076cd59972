"""The registers of equipment on loan and of disclosures."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from deployments import sharing
from deployments.models import Deployment, Disclosure, EquipmentLoan
from deployments.permissions import MANAGE_CAMERAS, RECORD_DISCLOSURE, SEE_SHARING
from deployments.register_forms import DisclosureForm, KitWipedForm, LoanForm


@require_GET
@permitted(SEE_SHARING, MANAGE_CAMERAS)
def loans(request: HttpRequest) -> HttpResponse:
    """Show the equipment that is and was lent to other forces."""
    return _loans(request, LoanForm())


@require_POST
@permitted(MANAGE_CAMERAS)
def lend(request: HttpRequest) -> HttpResponse:
    form = LoanForm(request.POST)
    if form.is_valid():
        try:
            made = sharing.lend(**form.cleaned_data, actor=acting(request))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Loan to {made.borrower} recorded.")
            return redirect("loans")
    return _loans(request, form, status=422)


@require_POST
@permitted(MANAGE_CAMERAS)
def take_back(request: HttpRequest, loan_id: int) -> HttpResponse:
    form = KitWipedForm(request.POST)
    if not form.is_valid():
        raise Refused("Enter what was wiped, how this was checked and the witness.")
    sharing.take_back(get_object_or_404(EquipmentLoan, pk=loan_id), **form.cleaned_data, actor=acting(request))
    messages.success(request, "Recorded as back and wiped.")
    return redirect("loans")


@require_GET
@permitted(SEE_SHARING)
def disclosures(request: HttpRequest) -> HttpResponse:
    """Show what was given to others outside the force."""
    return _disclosures(request, DisclosureForm(deployments=Deployment.objects.visible_to(request.user)))


@require_POST
@permitted(RECORD_DISCLOSURE)
def disclose(request: HttpRequest) -> HttpResponse:
    form = DisclosureForm(request.POST, deployments=Deployment.objects.visible_to(request.user))
    if form.is_valid():
        try:
            sharing.disclose(**form.cleaned_data, actor=acting(request))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Disclosure recorded.")
            return redirect("disclosures")
    return _disclosures(request, form, status=422)


def _loans(request: HttpRequest, form: LoanForm, status: int = 200) -> HttpResponse:
    rows = EquipmentLoan.objects.select_related("agreement", "lent_by", "returned_by").defer("agreement__file")
    context = {"loans": rows, "form": form, "back_form": KitWipedForm(), "today": timezone.localdate()}
    return render(request, "deployments/loans.html", context, status=status)


def _disclosures(request: HttpRequest, form: DisclosureForm, status: int = 200) -> HttpResponse:
    own = Q(deployment__isnull=True) | Q(deployment__in=Deployment.objects.visible_to(request.user))
    rows = Disclosure.objects.filter(own).select_related("deployment", "recorded_by")
    return render(request, "deployments/disclosures.html", {"disclosures": rows, "form": form}, status=status)
