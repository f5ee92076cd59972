"""Publishing the results of a deployment, and corrections of what was published."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from alerts.choices import Result
from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from core.errors import Conflict, Refused
from core.machine import JournalData, move
from core.permissions import require
from deployments.locks import lock_deployment
from deployments.models import STEPS, Deployment
from deployments.permissions import PUBLISH_RESULTS
from reports import grid
from reports.figures import Figures
from reports.grid_rules import CONTRADICTIONS, findings_in
from reports.models import Publication
from reports.record_files import record_csv, record_json
from reports.records import record_of
from watchlists.operations import refuse_names_on_file
from watchlists.seal import canonical

# Bedfordshire Police publishes within five days of a deployment.
WITHIN = dt.timedelta(days=5)
# What differs between two versions although nothing was corrected: the moment, and roles that people have since lost.
_NOT_COMPARED = ("made_at", "staff")
_PUBLISHING = (Action.RESULTS_PUBLISHED, Action.RESULTS_CORRECTED)
_PUBLISHABLE = (Deployment.State.CLOSED, Deployment.State.RESULTS_PUBLISHED)


@transaction.atomic
def publish(deployment: Deployment, *, reason: str = "", actor: AbstractBaseUser) -> Publication:
    """Publish the results of a closed deployment, or a correction of them.

    reason: why the version before is corrected; empty for the first version.

    Raises:
        Refused: the results break a rule of arithmetic, a correction has no reason, or there is nothing to correct.
        Conflict: the deployment is not closed.
    """
    require(actor, PUBLISH_RESULTS)
    lock_deployment(deployment)
    deployment.refresh_from_db()
    if deployment.state not in _PUBLISHABLE:
        raise Conflict(f"This deployment is {deployment.quoted_state}. Its results can be published once it is closed.")
    before = deployment.publications.order_by("-version").first()
    if (before is None) == bool(reason.strip()):
        why = "Enter why the published results are corrected." if before else "Nothing is published to correct yet."
        raise Refused(why)
    refuse_names_on_file(reason)
    found = record_of(deployment)
    table = grid.read(record_csv(found, public=True).encode())
    broken = [each for each in findings_in(table, timezone.localdate()) if each.rule in CONTRADICTIONS]
    if broken:
        raise Refused("These results cannot be published. " + " ".join(each.words for each in broken))
    content = json.loads(record_json(found, public=True))
    if before is not None and not differences(before.content, content):
        raise Refused("The record says what was published. There is nothing to correct.")
    made = Publication(
        deployment=deployment,
        version=before.version + 1 if before else 1,
        published_at=timezone.now(),
        published_by_id=actor.pk,
        reason=reason.strip()[:400],
        content=content,
        sha256=content_hash(content),
        **_counts(found.figures),
    )
    made.save(force_insert=True)
    data: JournalData = {"version": made.version, "sha256": made.sha256, "reason": made.reason}
    if before is None:
        move(deployment, STEPS["publish"], actor=actor, data=data)
    else:
        record(Action.RESULTS_CORRECTED, actor=actor, target=deployment, data=data)
    return made


def _counts(figures: Figures) -> dict[str, int]:
    results = ("true_confirmed", "true_unconfirmed", "false_confirmed", "false_unconfirmed", "unresolved")
    disposals = figures.disposals
    return {
        "faces": figures.faces,
        "alerts": figures.alerts,
        **{name: figures.of(Result[name.upper()]) for name in results},
        "arrests": disposals["arrest"],
        "other": disposals["other"],
        "no_action": disposals["no_action"],
    }


def content_hash(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a content's canonical JSON: sorted keys, no spaces, UTF-8."""
    return hashlib.sha256(canonical(content)).hexdigest()


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs between two versions: the column, what it was and what it is."""
    one, two = _flat(before), _flat(after)
    names = sorted(set(one) | set(two))
    return [(name, _said(one.get(name)), _said(two.get(name))) for name in names if one.get(name) != two.get(name)]


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    lines = {str(line["period"]): line for line in content["periods"]} | {"": content["all"]}
    return {
        f"{name} (period {number})" if number else name: value
        for number, line in lines.items()
        for name, value in line.items()
        # Purges go on after publication, and the state is that of publication itself.
        if name not in (*_NOT_COMPARED, "state", "alerts_purged", "alerts_held_as_evidence")
    }


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def _public(deployment: Deployment) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(record_json(record_of(deployment), public=True))
    return content


@dataclass(frozen=True)
class Waiting:
    """A deployment whose results are not published. due: five days after it ended."""

    deployment: Deployment
    due: dt.datetime
    may_publish: bool

    @property
    def is_overdue(self) -> bool:
        return self.due < timezone.now()


def waiting() -> list[Waiting]:
    """Return the deployments that took place and whose results are not published, the first due first."""
    ended = Deployment.objects.filter(ended_at__isnull=False, periods__went_live_at__isnull=False)
    unpublished = ended.exclude(state=Deployment.State.RESULTS_PUBLISHED).distinct()
    found = [
        Waiting(each, each.ended_at + WITHIN, each.state == Deployment.State.CLOSED)
        for each in unpublished.prefetch_related("periods")
        if each.ended_at is not None
    ]
    return sorted(found, key=lambda each: each.due)


def latest() -> list[Publication]:
    """Return the newest version of each published deployment, the last published first."""
    later = Publication.objects.filter(deployment=OuterRef("deployment"), version__gt=OuterRef("version"))
    rows = Publication.objects.filter(~Exists(later)).select_related("deployment", "published_by")
    return list(rows.prefetch_related("deployment__publications"))


def to_correct() -> list[Publication]:
    """Return the publications whose record now says something else."""
    touched = (each for each in latest() if _was_touched(each))
    return [each for each in touched if differences(each.content, _public(each.deployment))]


def _was_touched(publication: Publication) -> bool:
    """Return whether anything happened to the deployment, or to one of its possible matches, since it was published."""
    deployment = publication.deployment
    acts = deployment.alerts.filter(acts__recorded_at__gt=publication.published_at)
    entries = Entry.objects.filter(target_id=str(deployment.pk), at__gt=publication.published_at)
    return acts.exists() or entries.exclude(action__in=_PUBLISHING).exists()
