"""The certificates of destroyed watchlists and purged possible matches, each computed again and compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from alerts import certificates
from alerts.models import PurgeCertificate
from audit.actions import Action
from audit.models import Entry
from core import retention
from deployments.document_parts import counted
from deployments.models import Period
from watchlists import destruction
from watchlists.models import Certificate

_ACTIONS = (Action.WATCHLIST_DESTROYED, Action.PURGE_CERTIFIED)


@dataclass(frozen=True)
class Proof:
    """A certificate as pages and reports show it.

    due, done: of what was destroyed last. problem: why it does not hold; empty if its hash, computed again from the
    rows, is the one that it and the audit log have. is_logged: whether the log has it, as long as its entries are kept.
    """

    what: str
    deployments: str
    counts: str
    held: int
    due: dt.datetime
    done: dt.datetime
    issued: dt.datetime
    method: str
    sha256: str
    problem: str
    is_logged: bool

    @property
    def was_late(self) -> bool:
        """Whether it was destroyed after it was due, and not at the next run of the clock."""
        return self.done - self.due > retention.PROMPT

    @property
    def check(self) -> str:
        """The result of the comparison, in words."""
        if self.is_logged:
            return self.problem or "The hash, computed again, is the one in the audit log"
        return self.problem or "The hash, computed again, is the one issued; its entry in the audit log has expired"


def proofs_between(start: dt.datetime, end: dt.datetime) -> list[Proof]:
    """Return the certificates issued from `start` until before `end`, the newest first."""
    lists = Certificate.objects.filter(issued_at__gte=start, issued_at__lt=end)
    return proofs_of(lists, PurgeCertificate.objects.filter(issued_at__gte=start, issued_at__lt=end))


def proofs_of(lists: Iterable[Certificate], purges: Iterable[PurgeCertificate]) -> list[Proof]:
    """Return these certificates as they are shown, the newest first, each checked."""
    lists, purges = list(lists), list(purges)
    logged = _logged([*(str(each.watchlist_id) for each in lists), *(str(each.deployment_id) for each in purges)])
    since = _log_begins()
    found = [_of_list(each, logged, since) for each in lists] + [_of_purge(each, logged, since) for each in purges]
    return sorted(found, key=lambda each: each.issued, reverse=True)


def _log_begins() -> dt.datetime:
    """Return when the oldest entry of the audit log was made; certificates before it have outlived their entries."""
    return Entry.objects.order_by("id").values_list("at", flat=True).first() or dt.datetime.min.replace(tzinfo=dt.UTC)


def _logged(targets: list[str]) -> set[tuple[str, str]]:
    """Return what was destroyed and the hash of its certificate, as the audit log has them."""
    entries = Entry.objects.filter(action__in=_ACTIONS, target_id__in=targets)
    return {(target, str(data.get("certificate_sha256"))) for target, data in entries.values_list("target_id", "data")}


def _of_list(certificate: Certificate, logged: set[tuple[str, str]], since: dt.datetime) -> Proof:
    watchlist = certificate.watchlist
    used = Period.objects.filter(watchlist=watchlist) | Period.objects.filter(blue_list=watchlist)
    names = used.order_by("deployment__name").values_list("deployment__name", flat=True).distinct()
    stands = certificate.sha256 == destruction.certificate_hash(certificate)
    is_logged = (str(certificate.watchlist_id), certificate.sha256) in logged
    return Proof(
        what=f"Watchlist {watchlist}",
        deployments=", ".join(names) or "Not used",
        counts=", ".join(
            (
                counted(certificate.people, "person", "people"),
                counted(certificate.photographs, "photograph"),
                counted(certificate.templates, "template"),
            )
        ),
        held=certificate.held,
        due=certificate.due_at,
        done=certificate.issued_at,
        issued=certificate.issued_at,
        method=_method(certificate),
        sha256=certificate.sha256,
        problem=_problem(stands, is_logged, certificate.issued_at < since),
        is_logged=is_logged,
    )


def _method(certificate: Certificate) -> str:
    parts = ["Rows deleted"]
    if certificate.key_fingerprint:
        parts.append("key destroyed")
    if certificate.scrubbed_at is None:
        return ", ".join(parts) + "; tables not rewritten yet"
    log = "older log files removed" if certificate.log_removed else "the server may keep older log files"
    return ", ".join([*parts, "tables rewritten", log])


def _of_purge(certificate: PurgeCertificate, logged: set[tuple[str, str]], since: dt.datetime) -> Proof:
    parts = [counted(certificate.matches, "possible match", "possible matches")]
    parts += [counted(certificate.tests, "test match", "test matches")] if certificate.tests else []
    times = certificate.alerts.values_list("purge_due_at", "purged_at")
    # Of the one that was latest, so that one late purge shows.
    pairs = [(due, done) for due, done in times if due and done]
    due, done = max(
        pairs, key=lambda pair: pair[1] - pair[0], default=(certificate.first_due_at, certificate.issued_at)
    )
    is_logged = (str(certificate.deployment_id), certificate.sha256) in logged
    return Proof(
        what="Possible matches",
        deployments=certificate.deployment.name,
        counts=", ".join([*parts, counted(certificate.pictures, "picture")]),
        held=certificate.held,
        due=due,
        done=done,
        issued=certificate.issued_at,
        method=f"Rows deleted, {counted(certificate.keys, 'key')} destroyed",
        sha256=certificate.sha256,
        problem=_problem(certificates.stands(certificate), is_logged, certificate.issued_at < since),
        is_logged=is_logged,
    )


def _problem(stands: bool, is_logged: bool, is_expired: bool) -> str:
    if not stands:
        return "The rows or the certificate have been changed since it was issued"
    return "" if is_logged or is_expired else "The audit log has no certificate with this hash"
