"""Acts on an application before it is decided: drafting, checking, submitting and withdrawing."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from deployments import governing, plans
from deployments.locks import lock_deployment
from deployments.models import LONGEST_APPROACH, STEPS, Camera, Deployment, Period, last_day
from deployments.permissions import APPLY_DEPLOYMENT
from watchlists import thresholds
from watchlists.operations import refuse_names_on_file

# The fields of an application, apart from its periods.
FIELDS = (
    "name",
    "use_case",
    "objective",
    "why_here",
    "intelligence_reference",
    "intelligence_expires_on",
    "why_now",
    "list_criteria",
    "list_categories",
    "list_seriousness",
    "list_tiers",
    "list_size_asked",
    "list_under_18",
    "footfall",
    "subjects_expected",
    "alternatives",
    "collateral",
    "collateral_measures",
    "article_8",
    "article_10",
    "article_11",
    "community_impact",
    "signage_plan",
    "officers_planned",
    "operating_point",
    "threshold_reason",
    "controller",
    "lender",
    "staff_from",
    "is_urgent",
    "urgent_reason",
)
# Fields that may be empty.
OPTIONAL = {"collateral", "collateral_measures", "lender", "staff_from", "is_urgent", "urgent_reason"}


@dataclass(frozen=True)
class CameraDraft:
    """A camera as entered in the form. id: None for a new one."""

    name: str
    kind: str = Camera.Kind.BROWSER
    smallest_face: int = 32
    frame_rate: int = 5
    id: uuid.UUID | None = None


@dataclass(frozen=True)
class PeriodDraft:
    """A period as entered in the form. approaches: one a line. id: None for a new one."""

    place: str
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    cameras: Sequence[CameraDraft] = field(default_factory=list)
    id: uuid.UUID | None = None
    approaches: str = ""
    alternative_route: str = ""


@transaction.atomic
def create(*, actor: AbstractBaseUser, name: str) -> Deployment:
    """Create an empty application with one period."""
    deployment = new_row(actor, name)
    Period.objects.create(deployment=deployment)
    record(Action.DEPLOYMENT_CREATED, actor=actor, target=deployment)
    return deployment


def new_row(actor: AbstractBaseUser, name: str) -> Deployment:
    """Return a new application without a period. The caller records it in the audit log."""
    require(actor, APPLY_DEPLOYMENT)
    if not name.strip():
        raise Refused("Enter a name for the deployment.")
    deployment = Deployment.objects.create(name=name.strip(), applicant_id=actor.pk, controller=settings.LFR_FORCE)
    deployment.governing.set(governing.current(timezone.localdate()))
    return deployment


@transaction.atomic
def save_draft(
    deployment: Deployment,
    given: Mapping[str, Any],
    periods: Sequence[PeriodDraft] | None = None,
    *,
    revision: int,
    actor: AbstractBaseUser,
) -> int:
    """Save what was entered, however incomplete, and return the new revision.

    given: values of FIELDS, and `governing`, the governing documents.
    periods: the complete list; periods that are not in it are deleted. None leaves them all.

    Raises:
        Conflict: the application can no longer be edited, or someone has changed it since this revision.
        Refused: the name is empty, two cameras of a period share a name, or a period does not end after its start.
    """
    require(actor, APPLY_DEPLOYMENT)
    lock_deployment(deployment)
    _still_the_same(deployment, revision)
    if not deployment.is_editable:
        raise Conflict("This application cannot be changed now. If it is awaiting authority, withdraw it first.")
    changed = [name for name in FIELDS if name in given and getattr(deployment, name) != given[name]]
    for name in changed:
        setattr(deployment, name, given[name])
    if not deployment.name.strip():
        raise Refused("Enter a name for the deployment.")
    chosen = given.get("governing")
    if chosen is not None and {each.pk for each in chosen} != set(deployment.governing.values_list("pk", flat=True)):
        deployment.governing.set(chosen)
        changed.append("governing")
    if periods is not None and _save_periods(deployment, periods):
        changed.append("periods")
    if changed:
        deployment.revision += 1
        deployment.save()
        data: JournalData = {"fields": ", ".join(changed), "revision": deployment.revision}
        record(Action.DEPLOYMENT_CHANGED, actor=actor, target=deployment, data=data)
    return deployment.revision


@transaction.atomic
def set_plan(period: Period, jpeg: bytes | None, *, actor: AbstractBaseUser) -> None:
    """Set the picture on which cameras are marked. jpeg: re-encoded, without metadata; None for a blank sheet."""
    _editing(period.deployment, actor)
    period.plan_jpeg = jpeg
    period.save(update_fields=["plan_jpeg"])
    _note_change(period.deployment, "plan", actor)


@transaction.atomic
def mark_camera(camera: Camera, mark: plans.Mark, *, actor: AbstractBaseUser) -> None:
    """Set where a camera stands on the plan and the zone it covers there.

    Raises:
        Refused: a point is outside the plan, or the zone has no area.
    """
    _editing(camera.deployment, actor)
    camera.plan_mark = plans.checked(mark)
    camera.save(update_fields=["plan_mark"])
    _note_change(camera.deployment, f"plan of {camera.journal_name}", actor)


@transaction.atomic
def submit(deployment: Deployment, *, revision: int, actor: AbstractBaseUser) -> None:
    """Submit an application for authority.

    Raises:
        Refused: something is missing or wrong; the message lists it. Conflict: the application has changed since this
            revision, or cannot be submitted from its present state.
    """
    require(actor, APPLY_DEPLOYMENT)
    lock_deployment(deployment)
    _still_the_same(deployment, revision)
    if not deployment.is_editable:
        raise Conflict(f"This application is {deployment.quoted_state}.")
    problems = problems_of(deployment)
    if problems:
        raise Refused(" ".join(problems))
    street = [text for period in deployment.periods.all() for text in (period.approaches, period.alternative_route)]
    refuse_names_on_file(deployment.name, deployment.places, *street)
    changes = {"submitted_at": timezone.now(), "decision_reason": "", "conditions": ""}
    data: JournalData = {"revision": deployment.revision, "use_case": deployment.use_case}
    move(deployment, STEPS["submit"], actor=actor, changes=changes, data=data)


@transaction.atomic
def withdraw(deployment: Deployment, *, actor: AbstractBaseUser) -> None:
    """Withdraw a submitted application, before it is decided, so that it can be changed."""
    lock_deployment(deployment)
    move(deployment, STEPS["withdraw"], actor=actor)


def problems_of(deployment: Deployment, *, at: dt.datetime | None = None) -> list[str]:
    """Return what prevents an application from being submitted, as sentences; empty if nothing does."""
    now = at or timezone.now()
    found = []
    empty = [
        str(Deployment._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        for name in FIELDS
        if name not in OPTIONAL and getattr(deployment, name) in ("", None, [])
    ]
    if empty:
        found.append(f"Not filled in: {', '.join(empty)}.")
    if deployment.is_urgent and not deployment.urgent_reason.strip():
        found.append("Enter why it cannot wait.")
    if deployment.collateral and not deployment.collateral_measures.strip():
        found.append("Enter the measures to limit collateral intrusion.")
    found += _problems_of_periods(deployment, now)
    end = deployment.ends_at
    until = last_day(end or now)
    holds_until = deployment.intelligence_expires_on
    if end is not None and holds_until is not None and holds_until < until:
        found.append("The intelligence expires before the deployment ends.")
    found += governing.problems_of(deployment, until)
    if deployment.operating_point is not None:
        found += thresholds.obstacles_to(deployment.operating_point, until)
    return found


def _problems_of_periods(deployment: Deployment, now: dt.datetime) -> list[str]:
    periods = list(deployment.periods.prefetch_related("cameras"))
    found = [] if periods else ["There is no period. Add one with its place, start and end."]
    for number, period in enumerate(periods, start=1):
        found += [f"Period {number}: {problem}" for problem in _problems_of_period(period, now)]
    timed = [period for period in periods if period.starts_at and period.ends_at]
    for first, second in itertools.pairwise(timed):
        if first.ends_at and second.starts_at and second.starts_at < first.ends_at:
            found.append("Two periods overlap. Only one period of a deployment can be live at a time.")
    return found


def _problems_of_period(period: Period, now: dt.datetime) -> list[str]:
    found = []
    if not period.place.strip():
        found.append("enter the place.")
    if not period.approach_list:
        found.append("enter every approach to the zones, one a line.")
    if any(len(each) > LONGEST_APPROACH for each in period.approach_list):
        found.append(f"each approach can have {LONGEST_APPROACH} characters at most.")
    if not period.alternative_route.strip():
        found.append("enter how people can go who would rather not pass the cameras.")
    if period.starts_at is None or period.ends_at is None:
        found.append("enter the start and the end.")
    elif period.ends_at <= period.starts_at:
        found.append("the end must be after the start.")
    elif period.ends_at <= now:
        found.append("the end is in the past.")
    elif period.ends_at - period.starts_at > settings.LFR_LONGEST_DEPLOYMENT:
        hours = settings.LFR_LONGEST_DEPLOYMENT.total_seconds() / 3600
        found.append(f"it can last {hours:.0f} hours at most.")
    cameras = list(period.cameras.all())
    if not cameras:
        found.append("add at least one camera.")
    unmarked = [camera.name for camera in cameras if not camera.plan_mark]
    if unmarked:
        found.append(f"these cameras are not on the plan: {', '.join(unmarked)}.")
    marked = [camera for camera in cameras if camera.plan_mark]
    for one, other in itertools.combinations(marked, 2):
        if plans.overlap(one.plan_mark["zone"], other.plan_mark["zone"]):
            found.append(
                f"the zones of {one.name} and {other.name} overlap on the plan, so people there would be counted twice."
            )
    return found


def _save_periods(deployment: Deployment, drafts: Sequence[PeriodDraft]) -> bool:
    """Save the periods and return whether anything changed."""
    held = {period.pk: period for period in deployment.periods.all()}
    kept, changed = set(), False
    for draft in drafts:
        if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
            raise Refused("The end of a period must be after its start.")
        period = held.get(draft.id) if draft.id else None
        if period is None:
            period, changed = Period(deployment=deployment), True
        for name in ("place", "approaches", "alternative_route", "starts_at", "ends_at"):
            if getattr(period, name) != getattr(draft, name):
                setattr(period, name, getattr(draft, name))
                changed = True
        period.save()
        kept.add(period.pk)
        changed |= _save_cameras(period, draft.cameras)
    gone, _ = deployment.periods.exclude(pk__in=kept).delete()
    return changed or bool(gone)


def _save_cameras(period: Period, drafts: Sequence[CameraDraft]) -> bool:
    names = [draft.name for draft in drafts]
    if len(set(names)) != len(names):
        raise Refused("Two cameras in a period have the same name. Give each camera a different name.")
    held = {camera.pk: camera for camera in period.cameras.all()}
    kept = {draft.id for draft in drafts if draft.id in held}
    gone = period.cameras.exclude(pk__in=kept).delete()[0]
    changed = bool(gone)
    # Free the old names first, so that two cameras can swap names.
    for draft in drafts:
        if draft.id in held and held[draft.id].name != draft.name:
            Camera.objects.filter(pk=draft.id).update(name=f"renaming {draft.id}")
    for draft in drafts:
        camera = held.get(draft.id) if draft.id else None
        if camera is None:
            camera, changed = Camera(period=period), True
        for name in ("name", "kind", "smallest_face", "frame_rate"):
            if getattr(camera, name) != getattr(draft, name):
                setattr(camera, name, getattr(draft, name))
                changed = True
        camera.save()
    return changed


def _editing(deployment: Deployment, actor: AbstractBaseUser) -> None:
    require(actor, APPLY_DEPLOYMENT)
    lock_deployment(deployment)
    if not deployment.is_editable:
        raise Conflict("This application cannot be changed now. If it is awaiting authority, withdraw it first.")


def _note_change(deployment: Deployment, what: str, actor: AbstractBaseUser) -> None:
    deployment.revision += 1
    deployment.save(update_fields=["revision"])
    data: JournalData = {"fields": what, "revision": deployment.revision}
    record(Action.DEPLOYMENT_CHANGED, actor=actor, target=deployment, data=data)


def _still_the_same(deployment: Deployment, revision: int) -> None:
    if deployment.revision != revision:
        raise Conflict(
            "Someone else, or you in another window, has changed this application since you opened it. Open it again."
        )
