"""Serializers of watchlists and people, with the same fields as the pages."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from watchlists.choices import Consulted, Keeping, Marker, Source
from watchlists.models import Certificate, Flag, Import, ImportRow, Person, Photograph, Watchlist
from watchlists.people import PARTICULARS, PROVENANCE


class WatchlistSerializer(serializers.ModelSerializer[Watchlist]):
    class Meta:
        model = Watchlist
        fields = (
            "id",
            "name",
            "purpose",
            "state",
            "version",
            "replaces",
            "policy",
            "size",
            "size_reason",
            "under_18",
            "decision_reason",
            "created_at",
            "sealed_at",
            "sealed_hash",
            "expires_at",
            "destroy_due_at",
            "destroyed_at",
        )
        read_only_fields = tuple(name for name in fields if name not in ("name", "purpose"))


class PersonSerializer(serializers.ModelSerializer[Person]):
    """A watchlist entry. Send `revision` back with a change, so that no other user's change is overwritten."""

    markers = serializers.ListField(child=serializers.ChoiceField(choices=Marker.choices), required=False)
    is_minor = serializers.BooleanField(read_only=True)
    open_flags = serializers.IntegerField(read_only=True, required=False)

    class Meta:
        model = Person
        fields = ("id", "watchlist", *PARTICULARS, "is_minor", "revision", "current_at", "added_at", "open_flags")
        read_only_fields = ("id", "watchlist", "current_at", "added_at", "revision")

    def get_validators(self) -> list[Any]:
        # `people.check` applies the policy, with better messages.
        return []


class PersonChangeSerializer(PersonSerializer):
    revision = serializers.IntegerField(min_value=1)


class PictureSerializer(serializers.Serializer[Any]):
    """A photograph and where it comes from. face: counted from the left; frame: left,top,width,height as shares.

    keeping: why it may be kept, for sources that need it. confirmed_by, confirmed_at: who compared it with the record
    and found that it is of the person; without them it must be confirmed before the list can be submitted.
    """

    photograph = serializers.FileField()
    face = serializers.IntegerField(min_value=0, required=False)
    frame = serializers.CharField(max_length=80, required=False)
    source: Any = serializers.ChoiceField(choices=Source.choices)
    keeping: Any = serializers.ChoiceField(choices=Keeping.choices, required=False)
    lawful_hold = serializers.CharField(max_length=200)
    taken_on = serializers.DateField(required=False, allow_null=True)
    confirmed_by = serializers.CharField(max_length=120, required=False)
    confirmed_at = serializers.DateTimeField(required=False)


class NewPersonSerializer(PersonSerializer):
    """The particulars of a person and a first photograph (multipart)."""

    watchlist: Any = serializers.UUIDField(write_only=True)
    photograph = serializers.FileField(write_only=True)
    face = serializers.IntegerField(min_value=0, required=False, write_only=True)
    frame = serializers.CharField(max_length=80, required=False, write_only=True)
    source: Any = serializers.ChoiceField(choices=Source.choices, write_only=True)
    keeping: Any = serializers.ChoiceField(choices=Keeping.choices, required=False, write_only=True)
    lawful_hold = serializers.CharField(max_length=200, write_only=True)
    taken_on = serializers.DateField(required=False, allow_null=True, write_only=True)
    confirmed_by = serializers.CharField(max_length=120, required=False, write_only=True)
    confirmed_at = serializers.DateTimeField(required=False, write_only=True)

    class Meta(PersonSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *PersonSerializer.Meta.fields,
            "photograph",
            "face",
            "frame",
            *PROVENANCE,
        )


class PhotographSerializer(serializers.ModelSerializer[Photograph]):
    class Meta:
        model = Photograph
        fields = (
            "id",
            "person",
            "sha256",
            "width",
            "height",
            "face_box",
            *PROVENANCE,
            "quality",
            "added_at",
        )


class FlagSerializer(serializers.ModelSerializer[Flag]):
    class Meta:
        model = Flag
        fields = ("id", "person", "kind", "detail", "photograph", "other", "raised_at", "reason", "accepted_at")


class ImportSerializer(serializers.ModelSerializer[Import]):
    class Meta:
        model = Import
        fields = ("id", "watchlist", "state", "unused", "created_at", "finished_at")


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    class Meta:
        model = ImportRow
        fields = ("line", "reference", "verdict", "message")


class CertificateSerializer(serializers.ModelSerializer[Certificate]):
    class Meta:
        model = Certificate
        exclude = ("id",)


class NewImportSerializer(serializers.Serializer[Any]):
    table = serializers.FileField(help_text="CSV")
    archive = serializers.FileField(help_text="ZIP")


class SizeReasonSerializer(serializers.Serializer[Any]):
    size_reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class UrgencySerializer(serializers.Serializer[Any]):
    """urgent_reason: why approval cannot wait for a Superintendent. Leave it out for ordinary lists."""

    urgent_reason = serializers.CharField(max_length=400, required=False, default="")


class FlagReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=400)


class DecisionSerializer(ReasonSerializer):
    """seen: `content_hash` of the list as reviewed. minors: the officer's reason for each person under 18, by id."""

    seen = serializers.CharField(max_length=64)
    minors = serializers.DictField(child=serializers.CharField(max_length=1000), required=False, default=dict)


class CurrentSerializer(serializers.Serializer[Any]):
    """people: ids of those still sought according to the source, all with one lawful ground.

    The account must have fetched a sample of them (`/people/{id}/`) within a day; otherwise the answer is 422, with the
    ids of those it has not: `unopened`.
    """

    people = serializers.ListField(child=serializers.UUIDField())
    source: Any = serializers.ChoiceField(choices=Consulted.choices)


class HoldSerializer(serializers.Serializer[Any]):
    """reason: what the entry is evidence of."""

    reason = serializers.CharField(max_length=400)
    review_on = serializers.DateField()


class ReleaseSerializer(serializers.Serializer[Any]):
    """reason: why the entry is no longer needed as evidence. The audit log keeps it, so do not name anyone."""

    reason = serializers.CharField(max_length=400)


class StandingSerializer(serializers.Serializer[Any]):
    """content_hash: of the list as it is now. obstacles: why it cannot be submitted for approval yet."""

    content_hash = serializers.CharField()
    obstacles = serializers.ListField(child=serializers.CharField())
