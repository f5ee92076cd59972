"""Who outside is told of alerts, and the log of what they were told."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from alerts import outwards
from alerts.forms import RecipientForm
from alerts.models import Delivery, Recipient
from audit.access import acting, permitted
from audit.errors import Refused

PAGE = 50


@require_http_methods(["GET", "POST"])
@permitted(outwards.MANAGE)
def recipients(request: HttpRequest) -> HttpResponse:
    form, secret = RecipientForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = outwards.add_recipient(actor=acting(request), **form.cleaned_data)
            form = RecipientForm()
        except Refused as refusal:
            form.add_error(None, str(refusal))
    log = Delivery.objects.select_related("recipient").order_by("-created_at")
    context = {
        "recipients": Recipient.objects.select_related("deployment"),
        "form": form,
        "secret": secret,
        "page": Paginator(log, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "alerts/recipients.html", context)


@require_POST
@permitted(outwards.MANAGE)
def recipient_switch(request: HttpRequest, recipient_id: uuid.UUID) -> HttpResponse:
    recipient = get_object_or_404(Recipient, pk=recipient_id)
    is_active = request.POST.get("active") == "1"
    outwards.set_active(recipient, is_active=is_active, actor=acting(request))
    messages.success(request, "Told again from now on." if is_active else "No longer told.")
    return redirect("recipients")


@require_POST
@permitted(outwards.MANAGE)
def delivery_again(request: HttpRequest, delivery_id: uuid.UUID) -> HttpResponse:
    outwards.send_again(get_object_or_404(Delivery, pk=delivery_id), actor=acting(request))
    messages.success(request, "It is tried again.")
    return redirect("recipients")
