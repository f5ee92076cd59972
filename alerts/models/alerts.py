"""A possible match, from the camera to what came of it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import models

from alerts.policy import Disposal, NoAction, NoEngagement, OffenceClass, Result, WhyFalse
from alerts.querysets import AlertQuerySet
from audit.actions import Action
from core.machine import Step
from deployments.models import Camera, Deployment
from watchlists.models import OperatingPoint, Person, Photograph
from watchlists.policy import Tier


class Alert(models.Model):
    """One person of a list whom one camera came near: a possible match until people decide. ACTS says how.

    What it shows of anybody (`sealed`, and its shots) lies encrypted under `key_name`: its period's key, or that of a
    hold. The purge takes both and leaves what is counted: state, times, who decided. revision counts acts, so that
    nobody decides on another state than they saw.
    """

    class Kind(models.TextChoices):
        ALERT = "alert", "Possible match"
        # Of consenting staff on the blue list: decided by nobody and in no public count.
        BLUE = "blue", "Recognition test"
        # A member of staff beside somebody they are not, so that operators are measured: never handed to an officer.
        CONTROL = "control", "Known negative"

    class State(models.TextChoices):
        RAISED = "raised", "Possible match"
        REVIEW = "review", "Being compared"
        UNSURE = "unsure", "Cannot say"
        OP_FALSE = "op_false", "Judged not the same"
        REFERRED = "referred", "Handed to officers"
        ACKED = "acked", "Officer answers"
        OFFICER_NOT_SAME = "officer_false", "Officer: not the same"
        NOT_LOCATED = "not_located", "Not located"
        NO_ENGAGEMENT = "no_engagement", "No engagement"
        ENGAGED = "engaged", "Person spoken to"
        ID_CHECK = "id_check", "Identity being checked"
        CONFIRMED_FALSE = "not_same", "Not the person: released"
        CONFIRMED_TRUE = "same", "Identity confirmed"
        ARRESTED = "arrested", "Same person: arrested"
        OTHER_DISPOSAL = "other", "Same person: other disposal"
        NO_ACTION = "no_action", "Same person: no action"
        EXPIRED = "expired", "Not looked at in time"
        LATE_SAME = "late_same", "Found the same afterwards"
        LATE_NOT_SAME = "late_not_same", "Found not the same afterwards"
        UNRESOLVED = "unresolved", "Never resolved"
        BLUE = "blue", "Recognition test"
        CONTROL = "control", "Known negative, judged"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.ALERT)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="alerts")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="alerts")
    operating_point = models.ForeignKey(OperatingPoint, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RAISED)
    revision = models.PositiveIntegerField(default=0)
    tier = models.CharField(max_length=8, choices=Tier.choices, blank=True)
    raised_at = models.DateTimeField()
    received_at = models.DateTimeField(help_text="When the frame came in.")
    last_seen_at = models.DateTimeField(help_text="When whoever it is was last in view.")

    track = models.CharField(max_length=32, blank=True)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    photograph = models.ForeignKey(Photograph, on_delete=models.SET_NULL, null=True, related_name="+")
    key_name = models.CharField(max_length=60, blank=True)
    sealed = models.BinaryField(null=True, help_text="Encrypted: who is sought, as it stood on the list.")

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
    code = models.CharField(max_length=16, blank=True, help_text="Of an arrest what for, of another ending why.")
    ended_at = models.DateTimeField(null=True, help_text="When it was found what came of it.")
    purged_at = models.DateTimeField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-raised_at",)
        permissions = (
            ("watch_alerts", "Can see possible matches"),
            ("decide_alert", "Can decide possible matches"),
            ("record_outcome", "Can answer possible matches in the street, and record what came of them"),
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
            models.CheckConstraint(
                condition=~models.Q(kind="control")
                | models.Q(state__in=("raised", "review", "unsure", "control", "expired")),
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
    def is_undecided(self) -> bool:
        """Still waiting for an operator."""
        return self.state in UNDECIDED

    @property
    def is_open(self) -> bool:
        """Something is still to come of it."""
        return self.state in OPEN

    @property
    def is_in_the_street(self) -> bool:
        """With officers, and not over."""
        return self.state in IN_THE_STREET

    @property
    def section(self) -> str:
        """Where it stands in the queue: waiting, street, late or done."""
        if self.is_undecided:
            return "waiting"
        if self.is_in_the_street:
            return "street"
        return "late" if self.state == self.State.EXPIRED else "done"

    @property
    def queue_key(self) -> str:
        """What the rows of its section are sorted by, as text: `AlertQuerySet.in_order`, and times for the others."""
        if self.section == "waiting":
            rank = RANKS.get(self.tier, len(RANKS))
            return f"{int(self.state == self.State.UNSURE)}{rank} {self.raised_at.isoformat()}"
        if self.section == "street":
            return (self.referred_at or self.raised_at).isoformat()
        # The newest first: the distance to a moment far ahead.
        return f"{4e9 - self.raised_at.timestamp():020.6f}"

    @property
    def street_since(self) -> dt.datetime:
        """Since when officers have been at the step that they are at."""
        return self.engaged_at or self.referred_at or self.raised_at

    @property
    def result(self) -> Result | None:
        """How it counts; None as long as something is to come of it, and of what counts nowhere."""
        return RESULTS.get(self.state)

    @property
    def counts_false(self) -> bool:
        """Whether it counts as a false alert."""
        return self.result is not None and self.result.is_false

    def undo_until(self) -> dt.datetime | None:
        """How long its operator may take the judgement back."""
        return self.decided_at + settings.LFR_UNDO if self.decided_at and self.state in CAN_BE_TAKEN_BACK else None

    def is_revealed(self, at: dt.datetime) -> bool:
        """Whether name and score may be shown: judged, and no longer to be taken back. Nobody sees them before."""
        if self.state in (*UNDECIDED, self.State.EXPIRED, self.State.BLUE):
            return False
        until = self.undo_until()
        return until is None or at >= until


@dataclass(frozen=True)
class ActKind:
    """One thing that people do with an alert. codes: one of these has to be said, or may be when `optional`."""

    label: str
    step: Step
    codes: type[models.TextChoices] | None = None
    is_optional: bool = False
    asks_leaflet: bool = False


RANKS: dict[str, int] = {tier: rank for rank, tier in enumerate((Tier.RED, Tier.AMBER, Tier.GREEN))}
_S = Alert.State
_DECIDE, _RESPOND, _RUN = "alerts.decide_alert", "alerts.record_outcome", "deployments.run_deployment"
UNDECIDED = (_S.RAISED, _S.REVIEW, _S.UNSURE)
IN_THE_STREET = (_S.REFERRED, _S.ACKED, _S.ENGAGED, _S.ID_CHECK, _S.CONFIRMED_TRUE)
CAN_BE_TAKEN_BACK = (_S.REFERRED, _S.OP_FALSE, _S.UNSURE)
OPEN = (*UNDECIDED, *IN_THE_STREET, _S.EXPIRED)
_SPOKEN_TO = (_S.ENGAGED, _S.ID_CHECK)
_NOT_YET_MET = (_S.REFERRED, _S.ACKED)

RESULTS: dict[str, Result] = {
    _S.OP_FALSE: Result.FALSE_UNCONFIRMED,
    _S.OFFICER_NOT_SAME: Result.FALSE_UNCONFIRMED,
    _S.LATE_NOT_SAME: Result.FALSE_UNCONFIRMED,
    _S.CONFIRMED_FALSE: Result.FALSE_CONFIRMED,
    _S.NOT_LOCATED: Result.TRUE_UNCONFIRMED,
    _S.NO_ENGAGEMENT: Result.TRUE_UNCONFIRMED,
    _S.LATE_SAME: Result.TRUE_UNCONFIRMED,
    _S.ARRESTED: Result.TRUE_CONFIRMED,
    _S.OTHER_DISPOSAL: Result.TRUE_CONFIRMED,
    _S.NO_ACTION: Result.TRUE_CONFIRMED,
    _S.UNRESOLVED: Result.UNRESOLVED,
}

# What an operator does. The judgements come first: they are the only acts that say what somebody saw.
OPERATOR_ACTS: dict[str, ActKind] = {
    "same": ActKind("Same person", Step(UNDECIDED, _S.REFERRED, _DECIDE, Action.ALERT_DECIDED)),
    "not_same": ActKind("Not the same", Step(UNDECIDED, _S.OP_FALSE, _DECIDE, Action.ALERT_DECIDED)),
    "cannot_say": ActKind("Cannot say", Step((_S.RAISED, _S.REVIEW), _S.UNSURE, _DECIDE, Action.ALERT_DECIDED)),
    "open": ActKind("Taken up", Step((_S.RAISED,), _S.REVIEW, _DECIDE, Action.ALERT_OPENED)),
    "undo": ActKind("Taken back", Step(CAN_BE_TAKEN_BACK, _S.REVIEW, _DECIDE, Action.ALERT_RETRACTED)),
    "hand_over": ActKind("Handed over", Step(_NOT_YET_MET, _S.REFERRED, _DECIDE, Action.ALERT_HANDED_OVER)),
}
JUDGEMENTS = ("same", "not_same", "cannot_say")

# What an officer does, on the handset. "Not them", or "release" of who is spoken to, is one tap away in every state.
OFFICER_ACTS: dict[str, ActKind] = {
    "acknowledge": ActKind("On my way", Step((_S.REFERRED,), _S.ACKED, _RESPOND, Action.ALERT_RESPONDED)),
    "engage": ActKind("Speaking to them", Step(_NOT_YET_MET, _S.ENGAGED, _RESPOND, Action.ALERT_RESPONDED)),
    "not_them": ActKind("Not them", Step(_NOT_YET_MET, _S.OFFICER_NOT_SAME, _RESPOND, Action.ALERT_OUTCOME)),
    "release": ActKind(
        "Not the person: release",
        Step((*_SPOKEN_TO, _S.CONFIRMED_TRUE), _S.CONFIRMED_FALSE, _RESPOND, Action.ALERT_OUTCOME),
        WhyFalse,
        is_optional=True,
        asks_leaflet=True,
    ),
    "check_identity": ActKind("Checking identity", Step((_S.ENGAGED,), _S.ID_CHECK, _RESPOND, Action.ALERT_RESPONDED)),
    "confirm": ActKind("Identity confirmed", Step((_S.ID_CHECK,), _S.CONFIRMED_TRUE, _RESPOND, Action.ALERT_RESPONDED)),
    **{
        name: ActKind(
            label, Step((_S.CONFIRMED_TRUE,), state, _RESPOND, Action.ALERT_OUTCOME), codes, asks_leaflet=True
        )
        for name, label, state, codes in (
            ("arrest", "Arrested", _S.ARRESTED, OffenceClass),
            ("other", "Other disposal", _S.OTHER_DISPOSAL, Disposal),
            ("no_action", "No action", _S.NO_ACTION, NoAction),
        )
    },
    "lost": ActKind("Not located", Step((*_NOT_YET_MET, *_SPOKEN_TO), _S.NOT_LOCATED, _RESPOND, Action.ALERT_OUTCOME)),
    "no_engagement": ActKind(
        "No engagement",
        Step(_NOT_YET_MET, _S.NO_ENGAGEMENT, _RESPOND, Action.ALERT_OUTCOME),
        NoEngagement,
    ),
}

# What only a clock or the review does.
OTHER_ACTS: dict[str, ActKind] = {
    "judge_control": ActKind("Known negative judged", Step(UNDECIDED, _S.CONTROL, _DECIDE, Action.CONTROL_JUDGED)),
    "escalate": ActKind(
        "Nobody answered", Step((_S.REFERRED,), _S.REFERRED, "", Action.ALERT_ESCALATED, system_may=True)
    ),
    "expire": ActKind("Not looked at in time", Step(UNDECIDED, _S.EXPIRED, "", Action.ALERT_EXPIRED, system_may=True)),
}

# How an alert may end, for who codes or corrects it afterwards.
ENDINGS: dict[str, ActKind] = {
    _S.LATE_SAME: ActKind(_S.LATE_SAME.label, Step((*UNDECIDED, _S.EXPIRED), _S.LATE_SAME, _RUN, Action.ALERT_OUTCOME)),
    _S.LATE_NOT_SAME: ActKind(
        _S.LATE_NOT_SAME.label, Step((*UNDECIDED, _S.EXPIRED), _S.LATE_NOT_SAME, _RUN, Action.ALERT_OUTCOME)
    ),
    _S.UNRESOLVED: ActKind(_S.UNRESOLVED.label, Step(OPEN, _S.UNRESOLVED, _RUN, Action.ALERT_OUTCOME)),
    **{
        state: ActKind(state.label, Step(IN_THE_STREET, state, _RUN, Action.ALERT_OUTCOME), codes)
        for state, codes in (
            (_S.OFFICER_NOT_SAME, None),
            (_S.NOT_LOCATED, None),
            (_S.NO_ENGAGEMENT, NoEngagement),
            (_S.CONFIRMED_FALSE, WhyFalse),
            (_S.ARRESTED, OffenceClass),
            (_S.OTHER_DISPOSAL, Disposal),
            (_S.NO_ACTION, NoAction),
        )
    },
}
# Every step there is, but corrections: from any ending to any other, by the commander, with the reason.
STEPS: dict[str, Step] = {
    **{name: kind.step for name, kind in {**OPERATOR_ACTS, **OFFICER_ACTS, **OTHER_ACTS}.items()},
    **{f"code as {state}": kind.step for state, kind in ENDINGS.items()},
}
OVER = tuple(RESULTS)
CORRECTIONS: dict[str, ActKind] = {
    state: replace(kind, step=replace(kind.step, sources=OVER, action=Action.ALERT_CORRECTED))
    for state, kind in {**ENDINGS, _S.OP_FALSE: ActKind(_S.OP_FALSE.label, ENDINGS[_S.UNRESOLVED].step)}.items()
}
