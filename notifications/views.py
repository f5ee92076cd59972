"""The pages for subscribers and the delivery log."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.permissions import acting, permitted
from notifications import operations
from notifications.forms import SubscriberForm
from notifications.models import Delivery, Subscriber
from notifications.permissions import MANAGE_SUBSCRIBERS, SEE_DELIVERIES

PAGE = 50


@require_http_methods(["GET", "POST"])
@permitted(MANAGE_SUBSCRIBERS, SEE_DELIVERIES)
def subscribers(request: HttpRequest) -> HttpResponse:
    """Show who is notified and the log of deliveries; add a subscriber for users who may."""
    if request.method == "POST" and not request.user.has_perm(MANAGE_SUBSCRIBERS):
        raise PermissionDenied
    form, secret = SubscriberForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = operations.add_subscriber(actor=acting(request), **form.cleaned_data)
            form = SubscriberForm()
        except Refused as refusal:
            form.add_error(None, str(refusal))
    log = Delivery.objects.select_related("subscriber").order_by("-happened_at")
    context = {
        "subscribers": Subscriber.objects.select_related("deployment"),
        "form": form,
        "secret": secret,
        "page": Paginator(log, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "notifications/subscribers.html", context)


@require_POST
@permitted(MANAGE_SUBSCRIBERS)
def subscriber_switch(request: HttpRequest, subscriber_id: uuid.UUID) -> HttpResponse:
    subscriber = get_object_or_404(Subscriber, pk=subscriber_id)
    is_active = request.POST.get("active") == "1"
    operations.set_active(subscriber, is_active=is_active, actor=acting(request))
    messages.success(request, "Notifications resumed." if is_active else "Notifications stopped.")
    return redirect("subscribers")


@require_POST
@permitted(MANAGE_SUBSCRIBERS)
def delivery_again(request: HttpRequest, delivery_id: uuid.UUID) -> HttpResponse:
    operations.send_again(get_object_or_404(Delivery, pk=delivery_id), actor=acting(request))
    messages.success(request, "The notification will be sent again.")
    return redirect("subscribers")
