"""The entries of the audit log, the tree over them, and the checkpoints of the tree."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Cast

from audit.actions import Action, Verb


def _salt() -> str:
    return secrets.token_hex(16)


class EntryQuerySet(models.QuerySet["Entry"]):
    def in_order(self) -> EntryQuerySet:
        """Order by number; those that have none yet come last, by arrival."""
        return self.order_by(models.F("number").asc(nulls_last=True), "id")

    def matching(self, words: str) -> EntryQuerySet:
        """Return entries with these words in the actor, the action (code or label), the target or the details."""
        labelled = [action for action in Action if words.lower() in action.label.lower()]
        return self.annotate(details=Cast("data", models.TextField())).filter(
            models.Q(actor__icontains=words)
            | models.Q(target__icontains=words)
            | models.Q(target_id=words)
            | models.Q(action__icontains=words)
            | models.Q(action__in=labelled)
            | models.Q(details__icontains=words)
        )


class Entry(models.Model):
    """An entry in the audit log. The database refuses to change it, and to delete it before its time (migration 0002).

    Actor and target are also kept as text, so that the entry outlives both. Entries hold only ids and text: never an
    image or an embedding, and never the name of a subject, because names must be destroyed on time.

    number: the entry's place in the tree, from 1, without gaps; None until it has one, some seconds after the commit.
    roles: that the actor held at the time. salt: random, so that nobody who has an entry's hash can guess its content.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.BigIntegerField(unique=True, null=True, editable=False)
    at = models.DateTimeField()
    action = models.CharField(max_length=40, choices=Action.choices)
    verb = models.CharField(max_length=12, choices=Verb.choices)
    actor_id = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=200)
    roles = ArrayField(models.CharField(max_length=150), default=list)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    target = models.CharField(max_length=300)
    data = models.JSONField(default=dict)
    salt = models.CharField(max_length=32, default=_salt)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ("-id",)
        permissions = (("read_journal", "Can read and download the audit log"),)
        indexes = (
            models.Index(fields=["target_type", "target_id"]),
            models.Index(fields=["action", "id"]),
            models.Index(fields=["id"], name="audit_entry_waiting", condition=models.Q(number=None)),
        )

    def __str__(self) -> str:
        return f"{self.number or 'new'} {self.action} {self.target}"

    def canonical(self) -> bytes:
        """Return the content as canonical JSON: what is hashed into the tree. The number is the place in the tree."""
        return canonical({name: getattr(self, name) for name in CONTENT})


CONTENT = (
    *("at", "action", "verb", "actor_id", "actor", "roles", "target_type", "target_id", "target", "data", "salt"),
)


def canonical(content: dict[str, Any]) -> bytes:
    """Return an entry's content (`CONTENT`) as canonical JSON: sorted keys, no spaces, UTF-8; the time in UTC."""
    content = {**content, "at": content["at"].isoformat(timespec="microseconds")}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Tile(models.Model):
    """Up to 256 hashes of one level of the tree: of entries at level 0, of full tiles of the level below above it.

    hashes: 32 bytes each. The database allows it to be extended only. Hashes outlive their entries. They reveal nothing
    of them, because each entry has a salt, which goes with it.
    """

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["level", "index"], name="audit_tile_place"),)

    def __str__(self) -> str:
        return f"tile {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed state of the log (tlog-checkpoint): how many entries there were, and the root of their tree.

    note: the text and the log's signature, as they were made; the database refuses to change or delete it. origin: the
    name of the log then.
    """

    class Why(models.TextChoices):
        DAILY = "daily", "Daily"
        LIVE = "live", "While a deployment is live"
        OVER = "over", "A deployment ended or was closed"
        ASKED = "asked", "For an export or a proof"

    at = models.DateTimeField()
    size = models.BigIntegerField(unique=True)
    origin = models.CharField(max_length=200)
    why = models.CharField(max_length=5, choices=Why.choices)
    note = models.TextField()

    class Meta:
        ordering = ("-size",)

    def __str__(self) -> str:
        return f"checkpoint at entry {self.size:,}"

    @property
    def signed(self) -> str:
        """The note with the signatures of the log and of every witness so far."""
        return self.note + "".join(each.line for each in self.cosignatures.all())


class Cosignature(models.Model):
    """The signature of a witness: this checkpoint extends every earlier one that the witness saw."""

    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, related_name="cosignatures")
    witness = models.CharField(max_length=200)
    at = models.DateTimeField()
    line = models.CharField(max_length=400)

    class Meta:
        ordering = ("witness",)
        constraints = (models.UniqueConstraint(fields=["checkpoint", "witness"], name="audit_one_cosignature_each"),)

    def __str__(self) -> str:
        return f"{self.checkpoint}, countersigned by {self.witness}"


class Timestamp(models.Model):
    """The response of a time-stamping service (RFC 3161) for the SHA-256 of a checkpoint's note."""

    checkpoint = models.OneToOneField(Checkpoint, models.PROTECT, related_name="timestamp")
    at = models.DateTimeField()
    response = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.checkpoint}, time-stamped {self.at:%Y-%m-%d %H:%M}"
