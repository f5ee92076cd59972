"""A possible match, from the camera to its outcome."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.db import models

from alerts.choices import IdentityMethod, Result
from alerts.querysets import CEILING, AlertQuerySet
from alerts.receipt_codes import new_code, shown
from alerts.states import (
    CAN_BE_TAKEN_BACK,
    DISPOSED,
    IN_THE_STREET,
    JOINED_AGAIN,
    MET,
    OPEN,
    RESULTS,
    STATES_OF_CONTROLS,
    UNDECIDED,
    AlertState,
)
from core import retention
from core.machine import Stateful
from deployments.models import Camera, Deployment
from watchlists.choices import Tier
from watchlists.models import OperatingPoint, Person, Photograph

RANKS: dict[str, int] = {tier: rank for rank, tier in enumerate((Tier.RED, Tier.AMBER, Tier.GREEN))}


class Alert(Stateful, models.Model):
    """A face at one camera that is similar to a subject: a possible match until people decide (`alerts.acts`).

    Its personal data (`sealed` and its shots) is encrypted under `key_name`: the key of its period or of an evidence
    hold. The purge deletes this data and leaves what is counted: state, times, who decided. revision counts acts, so
    that nobody decides on a state other than the one they saw.
    """

    class Kind(models.TextChoices):
        ALERT = "alert", "Possible match"
        # Consenting staff on the blue watchlist: nobody decides on it, and it is in no public count.
        BLUE = "blue", "Recognition test"
        # A member of staff beside a subject they are not, to measure operators: never referred to an officer.
        CONTROL = "control", "Known-negative check"

    State = AlertState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.ALERT)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="alerts")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="alerts")
    operating_point = models.ForeignKey(OperatingPoint, on_delete=models.PROTECT, related_name="+")
    authority_sha256 = models.CharField(max_length=64, help_text="The signed authority under which it was raised.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RAISED)
    revision = models.PositiveIntegerField(default=0)
    tier = models.CharField(max_length=8, choices=Tier.choices, blank=True)
    raised_at = models.DateTimeField()
    received_at = models.DateTimeField(help_text="When the frame was received.")
    last_seen_at = models.DateTimeField(help_text="When the person was last in view.")

    track = models.CharField(max_length=32, blank=True)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    photograph = models.ForeignKey(Photograph, on_delete=models.SET_NULL, null=True, related_name="+")
    key_name = models.CharField(max_length=60, blank=True)
    sealed = models.BinaryField(null=True, help_text="Encrypted: the subject, as the watchlist entry stood.")

    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    assigned_team = models.CharField(max_length=40, blank=True)
    referred_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    engaged_at = models.DateTimeField(null=True)
    identity_method = models.CharField(max_length=16, choices=IdentityMethod.choices, blank=True)
    code = models.CharField(
        max_length=16,
        blank=True,
        help_text="The offence of an arrest, how identity was established, or the reason for another outcome.",
    )
    ended_at = models.DateTimeField(null=True, help_text="When the outcome was reached.")
    again_count = models.PositiveIntegerField(
        default=0, help_text="How often the subject was matched again at the same place after “not the same”."
    )
    again_at = models.DateTimeField(null=True, help_text="When that happened last.")
    again_viewed_at = models.DateTimeField(null=True, help_text="When an operator last looked at it since.")
    repeat_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="repeats",
        help_text="The first alert on the same person or object, which an operator recognised in both.",
    )
    is_sampled = models.BooleanField(
        default=False, help_text="Drawn, as it was raised, for a second look once it has been decided."
    )
    receipt = models.CharField(
        max_length=12, unique=True, default=new_code, editable=False, help_text="The code of an engagement’s receipt."
    )
    hold_released_at = models.DateTimeField(null=True, help_text="When its last evidence hold was released.")
    purged_at = models.DateTimeField(null=True)
    purge_due_at = models.DateTimeField(null=True, help_text="By when it had to be purged, as it stood then.")
    pictures_purged = models.PositiveSmallIntegerField(default=0)
    certificate = models.ForeignKey(
        "alerts.PurgeCertificate", on_delete=models.PROTECT, null=True, related_name="alerts", editable=False
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-raised_at",)
        permissions = (
            ("watch_alerts", "Can see possible matches"),
            ("decide_alert", "Can decide on possible matches"),
            ("record_outcome", "Can respond to possible matches on the street and record outcomes"),
            ("hold_alert", "Can hold a possible match as evidence"),
            ("see_figures", "Can see the figures of every operator"),
        )
        constraints = (
            models.UniqueConstraint(fields=["camera", "track", "person"], name="once_a_person_and_track"),
            models.CheckConstraint(
                condition=models.Q(purged_at__isnull=True)
                | models.Q(sealed__isnull=True, person__isnull=True, photograph__isnull=True, track="", key_name=""),
                name="purged_means_empty",
            ),
            # However it is recorded: no disposal without an engagement and an identity check.
            models.CheckConstraint(
                condition=~models.Q(state__in=DISPOSED) | ~models.Q(identity_method=""),
                name="disposed_after_identity_check",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=MET) | models.Q(engaged_at__isnull=False, officer__isnull=False),
                name="met_after_engagement",
            ),
            # Alerts on one object form one group: each names the first, which names none.
            models.CheckConstraint(condition=~models.Q(repeat_of=models.F("pk")), name="repeats_another_alert"),
            models.CheckConstraint(
                condition=~models.Q(kind="control") | models.Q(state__in=STATES_OF_CONTROLS),
                name="controls_stay_with_operators",
            ),
        )
        indexes = (
            models.Index(fields=["deployment", "raised_at"]),
            models.Index(fields=["camera", "person", "last_seen_at"]),
        )

    def __str__(self) -> str:
        return f"alert {str(self.id)[:8]}"

    @property
    def engagement(self) -> dt.timedelta | None:
        """How long an officer spoke to the person; None unless both ends were recorded as they happened."""
        if self.engaged_at is None or self.ended_at is None:
            return None
        names = {act.name for act in self.acts.all()}
        return self.ended_at - self.engaged_at if "engage" in names and "code" not in names else None

    @property
    def receipt_shown(self) -> str:
        """The code of the receipt as people read it."""
        return shown(self.receipt)

    @property
    def is_undecided(self) -> bool:
        """Whether it is still waiting for an operator's decision."""
        return self.state in UNDECIDED

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still to be recorded."""
        return self.state in OPEN

    @property
    def is_in_the_street(self) -> bool:
        """Whether it is with officers and has no outcome yet."""
        return self.state in IN_THE_STREET

    @property
    def is_control(self) -> bool:
        """Whether it is a known-negative check."""
        return self.kind == self.Kind.CONTROL

    @property
    def can_be_decided(self) -> bool:
        """Whether an operator can still compare its faces and decide."""
        return self.is_undecided and self.purged_at is None

    @property
    def is_unanswered(self) -> bool:
        """Whether it was referred, and no officer has responded for so long that it was escalated."""
        return self.state == self.State.REFERRED and self.escalated_at is not None

    @property
    def at_desk_of(self) -> int | None:
        """The primary key of the operator who is comparing its faces, or who found them inconclusive."""
        if self.state == self.State.REVIEW:
            return self.opened_by_id
        return self.decided_by_id if self.state == self.State.INCONCLUSIVE else None

    @property
    def referred_to_words(self) -> str:
        """The officer, the team, or all, whom it was referred to."""
        if self.assigned_to is not None:
            return self.assigned_to.get_full_name() or str(self.assigned_to)
        return f"team {self.assigned_team}" if self.assigned_team else "every officer posted"

    @property
    def is_seen_again(self) -> bool:
        """Whether it was matched again at the same place after "not the same", and no operator has looked since."""
        if self.again_at is None or self.state not in JOINED_AGAIN:
            return False
        return self.again_viewed_at is None or self.again_viewed_at < self.again_at

    @property
    def section(self) -> str:
        """Its section of the queue: waiting, again, street, late or done."""
        if self.is_undecided:
            return "waiting"
        if self.is_seen_again:
            return "again"
        if self.is_in_the_street:
            return "street"
        return "late" if self.state == self.State.EXPIRED else "done"

    @property
    def queue_key(self) -> str:
        """The text that its section is sorted by: as in `AlertQuerySet.in_order`, or by time."""
        if self.section == "waiting":
            rank = RANKS.get(self.tier, len(RANKS))
            return f"{int(self.state == self.State.INCONCLUSIVE)}{rank} {self.raised_at.isoformat()}"
        if self.section == "street":
            return (self.referred_at or self.raised_at).isoformat()
        newest = self.again_at if self.section == "again" and self.again_at else self.raised_at
        # Newest first: the seconds left until a moment in the far future.
        return f"{4e9 - newest.timestamp():020.6f}"

    @property
    def street_since(self) -> dt.datetime:
        """When the engagement began, or else when it was referred."""
        return self.engaged_at or self.referred_at or self.raised_at

    @property
    def result(self) -> Result | None:
        """How it counts; None while its outcome is to be recorded, and for alerts that do not count."""
        return RESULTS.get(self.state)

    @property
    def counts_false(self) -> bool:
        """Whether it counts as a false alert."""
        return self.result is not None and self.result.is_false

    def undo_until(self) -> dt.datetime | None:
        """Return until when the operator may undo the adjudication; None if it cannot be undone."""
        return self.decided_at + settings.LFR_UNDO if self.decided_at and self.state in CAN_BE_TAKEN_BACK else None

    @property
    def purge_by(self) -> dt.datetime:
        """When it is purged, unless it is held as evidence: if a hold was released later, then."""
        ended_at = self.camera.period.ended_at or self.deployment.ended_at
        ends = [self.raised_at + CEILING, *([ended_at + retention.period("alert")] if ended_at else [])]
        return max(min(ends), self.hold_released_at) if self.hold_released_at else min(ends)

    def is_revealed(self, at: dt.datetime) -> bool:
        """Return whether name and score may be shown: it was decided, and that can no longer be undone."""
        if self.state in (*UNDECIDED, self.State.EXPIRED, self.State.BLUE):
            return False
        until = self.undo_until()
        return until is None or at >= until
