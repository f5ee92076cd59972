"""Certificates that the content of a deployment's alerts was purged, and their hashes."""

from __future__ import annotations

import hashlib
import logging

from django.db import transaction
from django.utils import timezone

from alerts import content
from alerts.models import Alert, PurgeCertificate
from alerts.querysets import AlertQuerySet
from audit.actions import Action
from audit.journal import record
from core import keys
from core.actors import CLOCK
from core.machine import JournalData
from deployments.locks import lock_deployment
from deployments.models import OVER, Deployment
from watchlists.seal import canonical

logger = logging.getLogger(__name__)


def certify_due() -> int:
    """Certify the purge of every deployment that is over and of which nothing but evidence is left.

    Returns how many certificates were issued.
    """
    waiting = Alert.objects.uncertified().order_by().values_list("deployment", flat=True).distinct()
    count = 0
    for deployment in Deployment.objects.filter(pk__in=waiting, state__in=OVER):
        try:
            count += _certify(deployment)
        except Exception:
            # It is tried again by the next run. The others are not delayed.
            logger.exception("The purge of a deployment could not be certified")
    return count


@transaction.atomic
def _certify(deployment: Deployment) -> bool:
    lock_deployment(deployment)
    alerts = Alert.objects.filter(deployment=deployment)
    going, purged = alerts.uncertified(), list(alerts.uncertified().order_by("pk"))
    names = [content.key_of(period) for period in deployment.periods.all()]
    if not purged or alerts.filter(purged_at=None, hold=None).exists() or any(map(keys.fingerprint, names)):
        return False
    certificate = PurgeCertificate(
        deployment=deployment,
        issued_at=timezone.now(),
        matches=sum(alert.kind == Alert.Kind.ALERT for alert in purged),
        tests=sum(alert.kind != Alert.Kind.ALERT for alert in purged),
        pictures=sum(alert.pictures_purged for alert in purged),
        held=alerts.filter(hold__isnull=False).count(),
        keys=len({alert.camera.period_id for alert in going.select_related("camera")}),
        first_due_at=min(alert.purge_due_at for alert in purged if alert.purge_due_at),
        last_purged_at=max(alert.purged_at for alert in purged if alert.purged_at),
        rows_sha256=_rows_hash(going),
    )
    certificate.sha256 = certificate_hash(certificate)
    certificate.save(force_insert=True)
    going.update(certificate=certificate)
    data: JournalData = {
        "matches": certificate.matches,
        "tests": certificate.tests,
        "pictures": certificate.pictures,
        "held": certificate.held,
        "certificate_sha256": certificate.sha256,
    }
    record(Action.PURGE_CERTIFIED, actor=CLOCK, target=deployment, data=data)
    return True


def stands(certificate: PurgeCertificate) -> bool:
    """Return whether a certificate and the alerts that it covers are as they were when it was issued.

    Whether the audit log has the same hash is for the caller to compare.
    """
    rows = Alert.objects.filter(certificate=certificate)
    return certificate.rows_sha256 == _rows_hash(rows) and certificate.sha256 == certificate_hash(certificate)


def certificate_hash(certificate: PurgeCertificate) -> str:
    """Return the SHA-256 over the content of a certificate."""
    names = ("issued_at", "matches", "tests", "pictures", "held", "keys", "first_due_at", "last_purged_at")
    written = {name: getattr(certificate, name) for name in (*names, "rows_sha256")}
    return hashlib.sha256(canonical({"deployment": certificate.deployment_id, **written})).hexdigest()


def _rows_hash(alerts: AlertQuerySet) -> str:
    """Return the SHA-256 of a line for each alert: what it was, when it was raised, due and purged, its pictures."""
    names = ("pk", "kind", "raised_at", "purge_due_at", "purged_at", "pictures_purged")
    digest = hashlib.sha256()
    for values in alerts.order_by("pk").values_list(*names).iterator(chunk_size=1000):
        digest.update(canonical(dict(zip(names, values, strict=True))))
    return digest.hexdigest()
