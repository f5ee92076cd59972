"""The entries of the audit log."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import models
from django.db.models.functions import Cast

from audit.actions import Action, Verb

GENESIS = "0" * 64


class EntryQuerySet(models.QuerySet["Entry"]):
    def in_order(self) -> EntryQuerySet:
        return self.order_by("number")

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
    """An entry in the audit log. The database refuses to change or delete it (migration 0002).

    Actor and target are also kept as text, so that the entry outlives both. Entries hold only ids and text: never an
    image or an embedding, and never the name of a subject, because names must be destroyed on time.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=40, choices=Action.choices)
    verb = models.CharField(max_length=12, choices=Verb.choices)
    actor_id = models.CharField(max_length=40, blank=True)
    actor = models.CharField(max_length=200)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    target = models.CharField(max_length=300)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ("-number",)
        permissions = (("read_journal", "Can read and download the audit log"),)
        indexes = (models.Index(fields=["target_type", "target_id"]), models.Index(fields=["at"]))

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.target}"

    def computed_hash(self) -> str:
        """Return the SHA-256, in hexadecimal, of this entry's content and the hash of the entry before it."""
        content: dict[str, Any] = {
            "number": self.number,
            "at": self.at.isoformat(timespec="microseconds"),
            "action": str(self.action),
            "verb": str(self.verb),
            "actor_id": self.actor_id,
            "actor": self.actor,
            "target_type": self.target_type,
            "target_id": self.target_id,
            "target": self.target,
            "data": self.data,
            "previous_hash": self.previous_hash,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
