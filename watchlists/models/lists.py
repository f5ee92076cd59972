"""A watchlist: one version of a list of people for one purpose."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models

from audit.actions import Action
from core import keys, retention
from core.machine import Stateful, Step
from core.ranks import Rank
from watchlists.models.engines import Engine
from watchlists.permissions import AUTHORISE_WATCHLIST, COMPILE_WATCHLIST, RUN_DEPLOYMENT
from watchlists.querysets import WatchlistQuerySet

# The kind of key that a list's photographs are encrypted with.
LIST_KEY = "list"


class Watchlist(Stateful, models.Model):
    """A named list of people for one purpose, in one version. States and steps: STEPS.

    People, photographs and their key belong to one version of one list. Sealing the list therefore freezes all of them,
    and destroying it destroys all of them.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        RETURNED = "returned", "Returned"
        COMPILED = "compiled", "Compiled"
        CHECKED = "checked", "Awaiting approval"
        AUTHORISED = "authorised", "Approved"
        SEALED = "sealed", "Sealed"
        LIVE = "live", "Live"
        CLOSED = "closed", "Closed"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"
        SUPERSEDED = "superseded", "Superseded"
        DESTROYED = "destroyed", "Destroyed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    purpose = models.TextField(help_text="What the list is for: the operation, and the policing need it meets.")
    is_blue = models.BooleanField(
        "blue watchlist",
        default=False,
        help_text="For recognition tests: only consenting staff, who walk past cameras to test them.",
    )
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, related_name="versions", null=True, editable=False)
    policy = models.CharField("policy version", max_length=20, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    compiled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    size_reason = models.TextField(blank=True, editable=False)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    authorised_rank = models.CharField(max_length=16, choices=Rank.choices, blank=True, editable=False)
    decision_reason = models.TextField(blank=True, editable=False)
    # Why approval could not wait for a Superintendent. Until one confirms it, the list expires at this time.
    urgent_reason = models.CharField(max_length=400, blank=True, editable=False)
    review_due_at = models.DateTimeField(null=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    confirmed_at = models.DateTimeField(null=True, editable=False)
    engine = models.ForeignKey(Engine, on_delete=models.PROTECT, related_name="+", null=True, editable=False)
    sealed_at = models.DateTimeField(null=True, editable=False)
    sealed_hash = models.CharField(max_length=64, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    size = models.PositiveIntegerField("people", default=0, editable=False)
    under_18 = models.PositiveIntegerField(null=True, editable=False)
    destroy_due_at = models.DateTimeField(null=True, editable=False)
    destroyed_at = models.DateTimeField(null=True, editable=False)

    objects = WatchlistQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        # Sealed templates refer to this (migration 0002).
        constraints = (models.UniqueConstraint(fields=["id", "engine"], name="watchlist_with_its_engine"),)
        permissions = (
            ("compile_watchlist", "Can add people and compile watchlists"),
            ("authorise_watchlist", "Can approve, return and reject watchlists"),
            ("hold_evidence", "Can hold an entry as evidence, so that it is not destroyed"),
            ("search_ledger", "Can search the ledger of past entries, and see which lists are or will be destroyed"),
        )

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}" if self.version > 1 else self.name

    @property
    def journal_name(self) -> str:
        # The name of a list may contain the name of a person on it, until that is checked.
        return f"watchlist {str(self.id)[:8]}, version {self.version}"

    @property
    def key_name(self) -> str:
        """The name of the key that its photographs are encrypted with."""
        return keys.name_of(LIST_KEY, self.id)

    @property
    def is_editable(self) -> bool:
        return self.state in EDITABLE

    @property
    def awaits_approval(self) -> bool:
        """Whether it is not sealed yet, so that checks on its entries can still run out before approval."""
        return self.state in (*EDITABLE, _S.COMPILED, _S.CHECKED, _S.AUTHORISED)

    @property
    def lapses_at(self) -> dt.datetime | None:
        """When it expires unless it is sealed before; None once it is sealed or over."""
        return self.created_at + retention.period("draft") if self.awaits_approval else None

    @property
    def awaits_confirmation(self) -> bool:
        """Whether it was approved urgently and a Superintendent has not confirmed it yet."""
        return self.state in (_S.SEALED, _S.LIVE) and self.review_due_at is not None and self.confirmed_at is None

    @property
    def is_overdue(self) -> bool:
        """Whether its destruction is overdue."""
        due = self.destroy_due_at
        return due is not None and self.destroyed_at is None and due < dt.datetime.now(dt.UTC)


_S = Watchlist.State
EDITABLE = (_S.DRAFT, _S.RETURNED)
# States of a list that only awaits destruction.
OVER = (_S.CLOSED, _S.REJECTED, _S.EXPIRED, _S.SUPERSEDED)

STEPS: dict[str, Step] = {
    "compile": Step(EDITABLE, _S.COMPILED, COMPILE_WATCHLIST, Action.WATCHLIST_COMPILED),
    "withdraw": Step((_S.COMPILED, _S.CHECKED), _S.RETURNED, COMPILE_WATCHLIST, Action.WATCHLIST_WITHDRAWN),
    "check": Step((_S.COMPILED,), _S.CHECKED, COMPILE_WATCHLIST, Action.WATCHLIST_CHECKED),
    "return": Step((_S.COMPILED, _S.CHECKED), _S.RETURNED, AUTHORISE_WATCHLIST, Action.WATCHLIST_RETURNED),
    "reject": Step((_S.COMPILED, _S.CHECKED), _S.REJECTED, AUTHORISE_WATCHLIST, Action.WATCHLIST_REJECTED),
    "discard": Step(EDITABLE, _S.REJECTED, COMPILE_WATCHLIST, Action.WATCHLIST_DISCARDED),
    "authorise": Step((_S.CHECKED,), _S.AUTHORISED, AUTHORISE_WATCHLIST, Action.WATCHLIST_AUTHORISED),
    "seal": Step((_S.AUTHORISED,), _S.SEALED, AUTHORISE_WATCHLIST, Action.WATCHLIST_SEALED),
    "supersede": Step((_S.SEALED,), _S.SUPERSEDED, AUTHORISE_WATCHLIST, Action.WATCHLIST_SUPERSEDED),
    "go_live": Step((_S.SEALED,), _S.LIVE, RUN_DEPLOYMENT, Action.WATCHLIST_LIVE, system_may=True),
    "close": Step((_S.LIVE,), _S.CLOSED, RUN_DEPLOYMENT, Action.WATCHLIST_CLOSED, system_may=True),
    "lapse": Step((*EDITABLE, _S.COMPILED, _S.CHECKED), _S.EXPIRED, "", Action.WATCHLIST_EXPIRED, system_may=True),
    "expire": Step((_S.SEALED,), _S.EXPIRED, "", Action.WATCHLIST_EXPIRED, system_may=True),
    "destroy": Step(OVER, _S.DESTROYED, "", Action.WATCHLIST_DESTROYED, system_may=True),
}
Watchlist.steps = STEPS
