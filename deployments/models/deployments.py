"""A deployment: the unit of control. No camera compares faces outside one."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from audit.actions import Action
from core.machine import Stateful, Step
from core.ranks import Rank
from deployments.choices import Collateral, Halt, UseCase
from deployments.models.governing import GoverningDocument
from deployments.permissions import (
    APPLY_DEPLOYMENT,
    AUTHORISE_DEPLOYMENT,
    HALT_DEPLOYMENT,
    PUBLISH_RESULTS,
    RUN_DEPLOYMENT,
)
from deployments.querysets import DeploymentQuerySet
from watchlists.choices import LISTED_CATEGORIES, Seriousness, Tier
from watchlists.models import OperatingPoint

if TYPE_CHECKING:
    from deployments.models.records import CeilingQuestion


@dataclass(frozen=True)
class Counters:
    """Numbers of possible matches (except blue watchlist), of open ones, of false ones, and of faces seen."""

    raised: int
    open: int
    false: int
    faces: int


class Deployment(Stateful, models.Model):
    """A use of LFR with sealed watchlists, in one or more periods, under one authority. Steps: STEPS.

    It holds the application from the first draft on; places, times and watchlists belong to its periods. revision
    counts the changes of the application, so that nobody decides on a version that they have not read.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Awaiting authority"
        RETURNED = "returned", "Returned"
        AUTHORISED = "authorised", "Authorised"
        REFUSED = "refused", "Refused"
        NOTIFIED = "notified", "Public notice given"
        READY = "ready", "Ready"
        LIVE = "live", "Live"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"
        STOPPED = "stopped", "Stopped"
        REVIEW = "review", "In review"
        CLOSED = "closed", "Closed"
        RESULTS_PUBLISHED = "results_published", "Results published"
        CANCELLED = "cancelled", "Cancelled"
        AUTH_EXPIRED = "auth_expired", "Expired before going live"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    taken_from = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="The earlier application that this one was begun from.",
    )
    use_case = models.CharField(max_length=16, choices=UseCase.choices, blank=True)
    objective = models.TextField("policing objective", blank=True)
    why_here = models.TextField(
        blank=True,
        help_text="What links the people on the watchlist to this place: crime hotspot figures, sightings or an event.",
    )
    intelligence_reference = models.CharField(max_length=120, blank=True)
    intelligence_expires_on = models.DateField("intelligence valid until", null=True, blank=True)
    why_now = models.TextField(blank=True)
    list_criteria = models.TextField(
        "criteria for the watchlist", blank=True, help_text="Who can be on it, and who cannot."
    )
    list_categories = ArrayField(
        models.CharField(max_length=12, choices=LISTED_CATEGORIES),
        verbose_name="lawful grounds on the watchlist",
        default=list,
        blank=True,
    )
    list_seriousness = ArrayField(
        models.CharField(max_length=8, choices=Seriousness.choices),
        verbose_name="seriousness of what people are sought for",
        default=list,
        blank=True,
    )
    list_tiers = ArrayField(
        models.CharField(max_length=8, choices=Tier.choices), verbose_name="responses", default=list, blank=True
    )
    list_size_asked = models.PositiveIntegerField("maximum number of people on the watchlist", null=True, blank=True)
    list_under_18 = models.PositiveIntegerField("of these, maximum number under 18", null=True, blank=True)
    footfall = models.PositiveIntegerField(
        "expected number of faces",
        null=True,
        blank=True,
        help_text="How many people will pass the cameras over the whole deployment.",
    )
    subjects_expected = models.PositiveIntegerField(
        "expected number of people sought",
        null=True,
        blank=True,
        help_text="How many of the people on the watchlist are likely to pass, by the intelligence you have.",
    )
    alternatives = models.TextField(
        "less intrusive means considered",
        blank=True,
        help_text="What else was considered or tried, and why it is not enough.",
    )
    collateral = ArrayField(
        models.CharField(max_length=12, choices=Collateral.choices),
        verbose_name="sensitive places and groups nearby",
        default=list,
        blank=True,
    )
    collateral_measures = models.TextField(
        "measures to limit collateral intrusion", blank=True, help_text="For each place or group selected above."
    )
    article_8 = models.TextField("Article 8: private life", blank=True)
    article_10 = models.TextField("Article 10: expression", blank=True)
    article_11 = models.TextField("Article 11: assembly", blank=True)
    community_impact = models.TextField("community impact assessment", blank=True)
    signage_plan = models.TextField(
        "signs and notice",
        blank=True,
        help_text="Where the signs will be, what notice will be given beforehand, and how.",
    )
    officers_planned = models.PositiveSmallIntegerField(
        "minimum number of officers to respond",
        null=True,
        blank=True,
        help_text="The cameras are paused if there are fewer.",
    )
    operating_point = models.ForeignKey(
        OperatingPoint,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name="threshold requested",
    )
    threshold_reason = models.TextField("reasons for this threshold", blank=True)
    governing = models.ManyToManyField(
        GoverningDocument, verbose_name="governing documents", related_name="deployments", blank=True
    )
    controller = models.CharField(max_length=120, blank=True, help_text="The force responsible for the personal data.")
    lender = models.CharField(
        "equipment lent by", max_length=120, blank=True, help_text="Leave empty if the equipment is the force's own."
    )
    staff_from = models.CharField(
        "staff from another force",
        max_length=120,
        blank=True,
        help_text="Leave empty if all staff are the force's own.",
    )
    is_urgent = models.BooleanField(
        "urgent",
        default=False,
        help_text="An Inspector can authorise it. The authority ends unless a Superintendent confirms it in time.",
    )
    urgent_reason = models.TextField("why it cannot wait", blank=True)
    revision = models.PositiveIntegerField(default=1, editable=False)
    # False alerts count against the ceiling from when the present threshold applied: from this time and this number of
    # faces seen. `alerts` updates the number of false alerts (deployments.counters).
    governed_from = models.DateTimeField(null=True, editable=False)
    governed_from_faces = models.PositiveBigIntegerField(default=0, editable=False)
    false_governed = models.PositiveIntegerField(default=0, editable=False)

    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT, editable=False)
    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, editable=False)
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    authorised_rank = models.CharField(max_length=16, choices=Rank.choices, blank=True, editable=False)
    authorised_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, editable=False)
    conditions = models.TextField(blank=True, editable=False)
    authority_ends_at = models.DateTimeField(null=True, editable=False)
    # The version of the signed authority in force (`deployments.executable`).
    authority_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    # The end of an urgent authority once it is confirmed.
    decided_until = models.DateTimeField(null=True, editable=False)
    review_due_at = models.DateTimeField(null=True, editable=False)
    notified_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    end_code = models.CharField(max_length=16, choices=Halt.choices, blank=True, editable=False)
    end_reason = models.CharField(max_length=400, blank=True, editable=False)
    review = models.TextField(blank=True, editable=False)
    media_used = models.BooleanField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        permissions = (
            ("apply_deployment", "Can draft deployments and submit them for authority"),
            ("authorise_deployment", "Can authorise, return, refuse and close deployments, subject to their rank"),
            ("run_deployment", "Can mark deployments as ready, and start, resume and end them"),
            ("halt_deployment", "Can pause and stop deployments"),
            ("manage_cameras", "Can set up cameras, their zones and tokens, and record loaned equipment"),
            ("operate_camera", "Can stream a camera and record passes in the recognition test"),
            ("read_records", "Can read and download deployment records"),
            ("publish_results", "Can publish the results of closed deployments, and corrections"),
        )
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(state__in=("authorised", "notified", "ready", "live", "paused"))
                | models.Q(authorised_by__isnull=False, operating_point__isnull=False, authority_ends_at__isnull=False),
                name="live_only_under_authority",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_editable(self) -> bool:
        return self.state in EDITABLE

    @property
    def has_authority(self) -> bool:
        return self.state in UNDER_AUTHORITY

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def is_running(self) -> bool:
        """Whether it is live or paused: its console and handsets are open."""
        return self.state in RUNNING

    @property
    def has_live_operations(self) -> bool:
        """Whether a commander can still act on it on the page of live operations."""
        return self.state in (_S.NOTIFIED, _S.READY, *RUNNING)

    @property
    def has_run(self) -> bool:
        """Whether its cameras are or were on, so that it may have alerts and has a record."""
        return self.state in (*RUNNING, _S.ENDED, _S.STOPPED, _S.REVIEW, _S.CLOSED, _S.RESULTS_PUBLISHED)

    @property
    def collateral_labels(self) -> list[str]:
        return [str(Collateral(each).label) for each in self.collateral]

    @property
    def starts_at(self) -> dt.datetime | None:
        """The start of the first period."""
        return min((period.starts_at for period in self.periods.all() if period.starts_at), default=None)

    @property
    def ends_at(self) -> dt.datetime | None:
        """The end of the last period."""
        return max((period.ends_at for period in self.periods.all() if period.ends_at), default=None)

    @property
    def places(self) -> str:
        return ", then ".join(period.place for period in self.periods.all() if period.place)

    @property
    def ceiling_question(self) -> CeilingQuestion | None:
        """The question about false alerts above the ceiling that waits for the commander's decision."""
        return self.ceiling_questions.filter(outcome="").first()

    def counters(self) -> Counters:
        """Return the counts over all periods."""
        sums = self.periods.aggregate(
            raised=models.Sum("alerts_raised", default=0),
            open=models.Sum("alerts_open", default=0),
            false=models.Sum("alerts_false", default=0),
        )
        # A query of its own: joined with the cameras, each period would be counted once per camera.
        faces = self.periods.aggregate(faces=models.Sum("cameras__faces_seen", default=0))
        return Counters(**sums, **faces)

    @property
    def journal_name(self) -> str:
        # The name that people chose may identify a person.
        return f"deployment {self.number}"

    @property
    def number(self) -> str:
        """The reference number, as documents show it."""
        return f"LFR/{self.created_at:%Y}/{str(self.id)[:8].upper()}"

    def authority_holds(self, at: dt.datetime | None = None) -> bool:
        """Return whether the authority has been given and has not ended at this moment."""
        moment = at or timezone.now()
        return self.has_authority and self.authority_ends_at is not None and moment < self.authority_ends_at


_S = Deployment.State
EDITABLE = (_S.DRAFT, _S.RETURNED)
RUNNING = (_S.LIVE, _S.PAUSED)
UNDER_AUTHORITY = (_S.AUTHORISED, _S.NOTIFIED, _S.READY, *RUNNING)
# The cameras are off for good.
OVER = (
    _S.ENDED,
    _S.STOPPED,
    _S.REVIEW,
    _S.CLOSED,
    _S.RESULTS_PUBLISHED,
    _S.CANCELLED,
    _S.AUTH_EXPIRED,
    _S.REFUSED,
)

STEPS: dict[str, Step] = {
    "submit": Step(EDITABLE, _S.SUBMITTED, APPLY_DEPLOYMENT, Action.DEPLOYMENT_SUBMITTED),
    "withdraw": Step((_S.SUBMITTED,), _S.DRAFT, APPLY_DEPLOYMENT, Action.DEPLOYMENT_WITHDRAWN),
    "return": Step((_S.SUBMITTED,), _S.RETURNED, AUTHORISE_DEPLOYMENT, Action.DEPLOYMENT_RETURNED),
    "authorise": Step((_S.SUBMITTED,), _S.AUTHORISED, AUTHORISE_DEPLOYMENT, Action.DEPLOYMENT_AUTHORISED),
    "refuse": Step((_S.SUBMITTED,), _S.REFUSED, AUTHORISE_DEPLOYMENT, Action.DEPLOYMENT_REFUSED),
    "notify": Step((_S.AUTHORISED,), _S.NOTIFIED, RUN_DEPLOYMENT, Action.DEPLOYMENT_NOTIFIED),
    "make_ready": Step((_S.NOTIFIED,), _S.READY, RUN_DEPLOYMENT, Action.DEPLOYMENT_READY),
    "unready": Step((_S.READY,), _S.NOTIFIED, RUN_DEPLOYMENT, Action.DEPLOYMENT_UNREADY, system_may=True),
    "go_live": Step((_S.READY,), _S.LIVE, RUN_DEPLOYMENT, Action.DEPLOYMENT_LIVE),
    "pause": Step((_S.LIVE,), _S.PAUSED, HALT_DEPLOYMENT, Action.DEPLOYMENT_PAUSED, system_may=True),
    "resume": Step((_S.PAUSED,), _S.LIVE, RUN_DEPLOYMENT, Action.DEPLOYMENT_RESUMED),
    "stand_down": Step(
        (_S.LIVE, _S.PAUSED), _S.NOTIFIED, RUN_DEPLOYMENT, Action.DEPLOYMENT_STOOD_DOWN, system_may=True
    ),
    "end": Step(
        (_S.NOTIFIED, _S.READY, _S.LIVE, _S.PAUSED), _S.ENDED, RUN_DEPLOYMENT, Action.DEPLOYMENT_ENDED, system_may=True
    ),
    "stop": Step((_S.NOTIFIED, _S.READY, _S.LIVE, _S.PAUSED), _S.STOPPED, HALT_DEPLOYMENT, Action.DEPLOYMENT_STOPPED),
    "cancel": Step(
        (_S.DRAFT, _S.RETURNED, _S.SUBMITTED, _S.AUTHORISED, _S.NOTIFIED, _S.READY),
        _S.CANCELLED,
        APPLY_DEPLOYMENT,
        Action.DEPLOYMENT_CANCELLED,
    ),
    "revoke": Step(
        (_S.AUTHORISED, _S.NOTIFIED, _S.READY), _S.CANCELLED, AUTHORISE_DEPLOYMENT, Action.DEPLOYMENT_CANCELLED
    ),
    "expire": Step(
        (_S.SUBMITTED, _S.AUTHORISED, _S.NOTIFIED, _S.READY),
        _S.AUTH_EXPIRED,
        "",
        Action.DEPLOYMENT_LAPSED,
        system_may=True,
    ),
    "begin_review": Step((_S.ENDED, _S.STOPPED), _S.REVIEW, RUN_DEPLOYMENT, Action.DEPLOYMENT_REVIEWED),
    "close": Step((_S.REVIEW,), _S.CLOSED, AUTHORISE_DEPLOYMENT, Action.DEPLOYMENT_CLOSED),
    # Publication is not built yet; nobody holds this permission.
    "publish": Step((_S.CLOSED,), _S.RESULTS_PUBLISHED, PUBLISH_RESULTS, Action.RESULTS_PUBLISHED),
}
Deployment.steps = STEPS
