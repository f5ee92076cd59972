"""Serializers of alerts and acts. They show what a console or handset would show the same user."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts import cards
from alerts.act_rules import ActInput
from alerts.acts import OFFICER_ACTS, OPERATOR_ACTS
from alerts.choices import Feature, InconclusiveReason
from alerts.models import Act, Alert, Shot
from alerts.permissions import RECORD_OUTCOME


class ActSerializer(serializers.ModelSerializer[Act]):
    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = Act
        fields = (
            "name",
            "before",
            "after",
            "by",
            "done_at",
            "recorded_at",
            "alike",
            "differ",
            "reasons",
            "code",
            "leaflet",
            "reason",
        )

    def to_representation(self, instance: Act) -> dict[str, Any]:
        """Leave out colleagues' reasons for officers and for undecided alerts, so that users decide independently."""
        found = super().to_representation(instance)
        request = self.context.get("request")
        if instance.alert.is_undecided or (request is not None and request.user.has_perm(RECORD_OUTCOME)):
            found |= {"alike": [], "differ": [], "reasons": []}
        return found


class ShotSerializer(serializers.ModelSerializer[Shot]):
    class Meta:
        model = Shot
        fields = ("id", "kind", "received_at", "heading", "is_best")


class SubjectSerializer(serializers.Serializer[Any]):
    """The subject. name: null until the user may see it."""

    name = serializers.CharField(allow_null=True)
    category = serializers.CharField()
    offence = serializers.CharField()
    authority = serializers.CharField()
    tier = serializers.CharField()
    expected_action = serializers.CharField()
    markers = serializers.ListField(child=serializers.CharField())
    is_minor = serializers.BooleanField()
    minor_rationale = serializers.CharField()
    look_alikes = serializers.CharField()
    photographed = serializers.CharField(help_text="The date on which the photograph was taken; empty if unknown.")


class AlertRowSerializer(serializers.ModelSerializer[Alert]):
    """An alert in a list, without its subject and shots. revision: to be sent back with an act."""

    camera = serializers.CharField(source="camera.name")
    assigned_to = serializers.CharField(source="assigned_to.username", default=None, allow_null=True)
    officer = serializers.CharField(source="officer.username", default=None, allow_null=True)

    class Meta:
        model = Alert
        fields = (
            "id",
            "deployment",
            "camera",
            "state",
            "revision",
            "tier",
            "raised_at",
            "received_at",
            "last_seen_at",
            "referred_at",
            "escalated_at",
            "assigned_to",
            "assigned_team",
            "officer",
            "engaged_at",
            "identity_method",
            "ended_at",
            "code",
            "purged_at",
            "authority_sha256",
        )


class AlertSerializer(AlertRowSerializer):
    """An alert with its subject, shots and acts. score: null until the adjudication can no longer be undone."""

    subject = serializers.SerializerMethodField()
    score = serializers.SerializerMethodField()
    threshold = serializers.FloatField(source="operating_point.threshold")
    shots = ShotSerializer(many=True)
    acts = ActSerializer(many=True)

    class Meta(AlertRowSerializer.Meta):
        fields = (*AlertRowSerializer.Meta.fields, "subject", "score", "threshold", "shots", "acts")  # type: ignore[assignment]

    @extend_schema_field(SubjectSerializer(allow_null=True))
    def get_subject(self, alert: Alert) -> dict[str, Any] | None:
        subject = cards.subject_of(alert)
        if subject is None:
            return None
        if not cards.may_see_name(alert, self._reader, timezone.now()):
            subject = subject.without_name()
        found = {name: value for name, value in vars(subject).items() if name in SubjectSerializer().fields}
        return {**found, "name": subject.name or None}

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_score(self, alert: Alert) -> float | None:
        return cards.score_for(alert, self._reader, timezone.now())

    @property
    def _reader(self) -> Any:
        return self.context["request"].user


class NewActSerializer(serializers.Serializer[Any]):
    """An act. key: a UUID chosen by the sender; sent twice, the act is recorded once. ago_ms: time since the act."""

    act = serializers.ChoiceField(choices=[*OPERATOR_ACTS, *OFFICER_ACTS])
    key = serializers.UUIDField(required=False)
    revision = serializers.IntegerField(min_value=0, required=False)
    ago_ms = serializers.IntegerField(min_value=0, max_value=10**9, required=False)
    alike = serializers.ListField(child=serializers.ChoiceField(choices=Feature.choices), required=False)
    differ = serializers.ListField(child=serializers.ChoiceField(choices=Feature.choices), required=False)
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=InconclusiveReason.choices), required=False)
    code = serializers.CharField(max_length=16, required=False)
    leaflet = serializers.BooleanField(required=False, allow_null=True, default=None)
    to_user = serializers.SlugRelatedField(
        slug_field="username", queryset=get_user_model().objects.filter(is_active=True), required=False
    )
    to_team = serializers.CharField(max_length=40, required=False)

    def act_input(self) -> tuple[str, ActInput]:
        """Return the act's name and its input."""
        given = dict(self.validated_data)
        name, ago = given.pop("act"), given.pop("ago_ms", 0)
        return name, ActInput(ago=dt.timedelta(milliseconds=ago), **given)
