"""Forms of the notifications page."""

from __future__ import annotations

from django import forms

from deployments.models import Deployment
from notifications.models import Subscriber, Topic


class SubscriberForm(forms.Form):
    name = forms.CharField(max_length=80)
    kind = forms.ChoiceField(choices=Subscriber.Kind.choices)
    address = forms.CharField(max_length=300, help_text="An address that starts with https://, or an email address.")
    topics = forms.MultipleChoiceField(
        label="Notify of",
        choices=Topic.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Notifications contain only IDs and codes.",
    )
    deployment = forms.ModelChoiceField(
        queryset=Deployment.objects.all(), required=False, empty_label="All deployments"
    )
