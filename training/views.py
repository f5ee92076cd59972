"""The register of training."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from training import register
from training.forms import TrainingForm
from training.models import TrainingRecord
from training.permissions import KEEP_TRAINING, SEE_TRAINING


@require_GET
@permitted(SEE_TRAINING, KEEP_TRAINING)
def show(request: HttpRequest) -> HttpResponse:
    """Show who is trained to do what, and until when."""
    return _register(request, TrainingForm())


@require_POST
@permitted(KEEP_TRAINING)
def record(request: HttpRequest) -> HttpResponse:
    form = TrainingForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        try:
            made = register.record_training(given.pop("user"), **given, actor=acting(request))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Training of {made.user} recorded.")
            return redirect("training")
    return _register(request, form, status=422)


@require_POST
@permitted(KEEP_TRAINING)
def withdraw(request: HttpRequest, training_id: int) -> HttpResponse:
    training = get_object_or_404(TrainingRecord.objects.select_related("user"), pk=training_id)
    register.withdraw_training(training, reason=request.POST.get("reason", ""), actor=acting(request))
    messages.info(request, f"Training of {training.user} withdrawn. It no longer counts.")
    return redirect("training")


def _register(request: HttpRequest, form: TrainingForm, status: int = 200) -> HttpResponse:
    today = timezone.localdate()
    records = TrainingRecord.objects.select_related("user", "recorded_by", "withdrawn_by")
    rows = [(each, each.is_valid(today), each.valid_until - today <= register.NOTICE) for each in records]
    return render(request, "training/register.html", {"rows": rows, "form": form}, status=status)
