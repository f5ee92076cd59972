"""Operations on the evidence on an engine's fairness: recording it, countersigning it, withdrawing it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.errors import Conflict, Refused
from core.locks import lock
from core.permissions import require
from watchlists import engines
from watchlists.models import BiasEvidence, Engine, EvidenceGroup
from watchlists.operations import refuse_names_on_file
from watchlists.permissions import COUNTERSIGN_EVIDENCE, KEEP_EVIDENCE

MOST_BYTES = 20 * 1024 * 1024
# Fewer would compare nothing.
LEAST_GROUPS = 2


@dataclass(frozen=True)
class GroupFigures:
    """The figures of one group. characteristic: a value of `EvidenceGroup.Characteristic`."""

    characteristic: str
    name: str
    passes: int
    recognised: int
    searches: int
    false_matches: int


def covering(engine: Engine, threshold: float, on: dt.date) -> BiasEvidence | None:
    """Return the entry in force on a day that covers a threshold, measured evidence first; None if there is none."""
    found = BiasEvidence.objects.in_force(engine, on).covering(threshold)
    return found.select_related("countersigned_by").first()


@transaction.atomic
def record_measured(
    given: Mapping[str, Any], groups: Sequence[GroupFigures], *, file: bytes, file_name: str, actor: AbstractBaseUser
) -> BiasEvidence:
    """Record measured evidence on the present engine. It is in force once it is countersigned.

    given: title, laboratory, independence, finding, lowest_threshold, highest_threshold and expires_on. groups: at
    least two for each characteristic. file: the laboratory's report.

    Raises:
        Refused: something is missing, does not add up or has expired.
    """
    require(actor, KEEP_EVIDENCE)
    _check_common(given)
    if not str(given["laboratory"]).strip() or given["independence"] not in BiasEvidence.Independence.values:
        raise Refused("Enter who measured it, and select how independent they are.")
    _check_groups(groups)
    if not 0 < len(file) <= MOST_BYTES:
        raise Refused(f"Attach the laboratory's report, as a file of {MOST_BYTES // 1024 // 1024} MB at most.")
    evidence = BiasEvidence.objects.create(
        engine=engines.current_engine(),
        kind=BiasEvidence.Kind.MEASURED,
        file=file,
        file_name=file_name[:200],
        file_sha256=hashlib.sha256(file).hexdigest(),
        recorded_by_id=actor.pk,
        **given,
    )
    EvidenceGroup.objects.bulk_create(EvidenceGroup(evidence=evidence, **vars(each)) for each in groups)
    _note(evidence, actor)
    return evidence


@transaction.atomic
def record_risk(given: Mapping[str, Any], *, actor: AbstractBaseUser) -> BiasEvidence:
    """Record that the present engine is to be used for a limited time although nothing was measured.

    It is in force once the senior responsible owner has countersigned it. given: title, finding (the reason and what
    limits the risk), lowest_threshold, highest_threshold and expires_on.

    Raises:
        Refused: something is missing, or it would last longer than `LFR_RISK_ACCEPTANCE`.
    """
    require(actor, KEEP_EVIDENCE)
    _check_common(given)
    longest = settings.LFR_RISK_ACCEPTANCE
    if given["expires_on"] > timezone.localdate() + longest:
        raise Refused(f"A risk acceptance can last {longest.days} days at most. Enter an earlier date.")
    evidence = BiasEvidence.objects.create(
        engine=engines.current_engine(), kind=BiasEvidence.Kind.RISK, recorded_by_id=actor.pk, **given
    )
    _note(evidence, actor)
    return evidence


@transaction.atomic
def countersign(evidence: BiasEvidence, *, actor: AbstractBaseUser) -> None:
    """Put evidence or a risk acceptance in force, as the senior responsible owner.

    Raises:
        Refused: the actor recorded it, or it has expired. Conflict: it is countersigned or withdrawn already.
    """
    require(actor, COUNTERSIGN_EVIDENCE)
    evidence = lock(BiasEvidence.objects.all(), evidence.pk)
    if actor.pk == evidence.recorded_by_id:
        raise Refused("You recorded this entry, so another person must countersign it.")
    if evidence.countersigned_at is not None or evidence.withdrawn_at is not None:
        raise Conflict("This entry is already countersigned or withdrawn.")
    if evidence.expires_on < timezone.localdate():
        raise Refused("This entry has expired. Ask a compliance officer to record a new one.")
    now = timezone.now()
    BiasEvidence.objects.filter(pk=evidence.pk).update(countersigned_by_id=actor.pk, countersigned_at=now)
    record(Action.EVIDENCE_COUNTERSIGNED, actor=actor, target=evidence, data={"kind": evidence.kind})


@transaction.atomic
def withdraw(evidence: BiasEvidence, *, actor: AbstractBaseUser) -> None:
    """Withdraw evidence. Deployments that rely only on it can no longer go live.

    Raises:
        Conflict: it is already withdrawn.
    """
    require(actor, KEEP_EVIDENCE)
    rows = BiasEvidence.objects.filter(pk=evidence.pk, withdrawn_at__isnull=True)
    if not rows.update(withdrawn_at=timezone.now(), withdrawn_by_id=actor.pk):
        raise Conflict("This evidence has already been withdrawn.")
    record(Action.EVIDENCE_WITHDRAWN, actor=actor, target=evidence)


def _check_common(given: Mapping[str, Any]) -> None:
    if not str(given["title"]).strip() or not str(given["finding"]).strip():
        raise Refused("Enter a title and the finding, or the reason why the risk is accepted.")
    refuse_names_on_file(given["title"], given["finding"])
    if given["expires_on"] < timezone.localdate():
        raise Refused("This evidence has expired. Enter a date of today or later.")
    if not 0 < given["lowest_threshold"] <= given["highest_threshold"] < 1:
        raise Refused("Both thresholds must be between 0 and 1, the lowest first.")


def _check_groups(groups: Sequence[GroupFigures]) -> None:
    counts = Counter(each.characteristic for each in groups)
    for characteristic in EvidenceGroup.Characteristic:
        if counts[characteristic] < LEAST_GROUPS:
            raise Refused(
                f"Enter the figures of at least {LEAST_GROUPS} groups by {characteristic.label.lower()}. If they were "
                "not measured, record a risk acceptance instead."
            )
    if len({(each.characteristic, each.name) for each in groups}) < len(groups):
        raise Refused("Enter each group once.")
    for each in groups:
        is_counted = 0 <= each.recognised <= each.passes and 0 <= each.false_matches <= each.searches
        if not is_counted or not each.passes or not each.searches or not each.name.strip():
            raise Refused(
                f"The figures of the group “{each.name}” do not add up. Recognised cannot exceed passes, and false "
                "matches cannot exceed searches; passes and searches must be more than 0."
            )


def _note(evidence: BiasEvidence, actor: AbstractBaseUser) -> None:
    data = {
        "kind": str(evidence.kind),
        "lowest_threshold": f"{evidence.lowest_threshold:.4f}",
        "highest_threshold": f"{evidence.highest_threshold:.4f}",
        "expires_on": evidence.expires_on.isoformat(),
        "engine": evidence.engine.digest,
        "file_sha256": evidence.file_sha256,
    }
    record(Action.EVIDENCE_RECORDED, actor=actor, target=evidence, data=data)
