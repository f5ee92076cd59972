"""The documents of an authority: PDFs made from the record and stored as made, their hashes in the audit log."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core.actors import System
from deployments import bluetest, governor
from deployments.models import OVER, Camera, Deployment, Document, Kit, Period
from recognition.imaging import decode_stored
from recognition.track import STRONG_MARGIN
from watchlists import thresholds

logger = logging.getLogger(__name__)

CLERK = System("the document service")
TEMPLATE = Path(__file__).resolve().parent / "typeset" / "document.typ"
# Height of a blank sheet, as a share of its width.
BLANK_RATIO = 0.6


@dataclass(frozen=True)
class Section:
    """A section of a document: text, named values, a table whose first row is the header, and plans."""

    heading: str
    text: str = ""
    rows: Sequence[tuple[str, str]] = ()
    table: Sequence[Sequence[str]] = ()
    plans: Sequence[dict[str, Any]] = field(default_factory=list)


def make(deployment: Deployment, kind: str) -> Document:
    """Make a document from the present record and store it, as part of the act that it documents."""
    deployment = Deployment.objects.select_related("operating_point__engine", "applicant", "authorised_by").get(
        pk=deployment.pk
    )
    now = timezone.now()
    pdf = _set(deployment, kind, now)
    document = Document.objects.create(
        deployment=deployment, kind=kind, pdf=pdf, sha256=hashlib.sha256(pdf).hexdigest(), made_at=now
    )
    data = {"kind": kind, "sha256": document.sha256}
    record(Action.DOCUMENT_MADE, actor=CLERK, target=deployment, data=data)
    return document


def make_or_leave(deployment: Deployment, kind: str) -> None:
    """Make a document, or log the failure and let the act succeed; `make_missing` tries again."""
    try:
        with transaction.atomic():
            make(deployment, kind)
    except Exception:
        logger.exception("A document could not be made yet")


def make_missing() -> int:
    """Make the Cancellation Reports that are missing and return how many there were."""
    over = Deployment.objects.filter(state__in=OVER, authorised_by__isnull=False, closed_at__isnull=True)
    missing = over.exclude(documents__kind=Document.Kind.CANCELLATION)
    for deployment in missing:
        # One failure must not prevent the others.
        make_or_leave(deployment, Document.Kind.CANCELLATION)
    return len(missing)


def _set(deployment: Deployment, kind: str, now: dt.datetime) -> bytes:
    is_authority = kind == Document.Kind.AUTHORITY
    with tempfile.TemporaryDirectory(prefix="lfr-document-") as folder:
        content = {
            "title": Document.Kind(kind).label,
            "subtitle": deployment.name,
            "number": deployment.number,
            "force": settings.LFR_FORCE,
            "marking": "DEMONSTRATION" if settings.IS_DEMO else "OFFICIAL",
            "footer": f"Made from the record on {_moment(now)}. The SHA-256 of this document is in the audit log.",
            "facts": (_authority_facts if is_authority else _ending_facts)(deployment),
            "sections": [
                asdict(section)
                for section in (
                    authority_sections(deployment, Path(folder)) if is_authority else ending_sections(deployment)
                )
            ],
        }
        (Path(folder) / "document.typ").write_bytes(TEMPLATE.read_bytes())
        return bytes(
            typst.compile(
                str(Path(folder) / "document.typ"), root=folder, sys_inputs={"data": json.dumps(content)}, format="pdf"
            )
        )


def _authority_facts(deployment: Deployment) -> list[tuple[str, str]]:
    officer = f"{_person(deployment.authorised_by)}, {deployment.get_authorised_rank_display()}"
    facts = [
        ("Authorised by", officer),
        ("Authorised on", _moment(deployment.authorised_at)),
        ("Authority ends", _moment(deployment.authority_ends_at)),
        ("Use case", deployment.get_use_case_display()),
        ("Applicant", _person(deployment.applicant)),
        ("Controller", deployment.controller),
    ]
    if deployment.lender:
        facts.append(("Equipment lent by", deployment.lender))
    if deployment.is_urgent:
        due = deployment.review_due_at
        facts.append(
            (
                "Urgent",
                f"To be confirmed before {_moment(due)}, or the authority ends" if due else "No confirmation is due",
            )
        )
    return facts


def authority_sections(deployment: Deployment, folder: Path) -> Iterable[Section]:
    """Return the sections of the Written Authority Document. folder: where the pictures of its plans are written."""
    periods = list(deployment.periods.prefetch_related("cameras"))
    yield Section("Decision", deployment.decision_reason, [("Conditions", deployment.conditions or "None.")])
    others = deployment.decisions.exclude(kind="authorised")
    yield _table(
        "Other decisions",
        ("Date", "Decision", "By", "Reason"),
        [(_moment(d.at), d.get_kind_display(), f"{_person(d.by)}, {d.get_rank_display()}", d.reason) for d in others],
        none="None.",
    )
    yield _table(
        "Where and when",
        ("Place", "From", "To", "Cameras"),
        [(p.place, _moment(p.starts_at), _moment(p.ends_at), ", ".join(map(str, p.cameras.all()))) for p in periods],
    )
    yield Section(
        "Necessity",
        rows=[
            ("Objective", deployment.objective),
            ("Why here", deployment.why_here),
            (
                "Intelligence",
                f"{deployment.intelligence_reference}, valid until {_day(deployment.intelligence_expires_on)}",
            ),
            ("Why now", deployment.why_now),
            *([("Why it cannot wait", deployment.urgent_reason)] if deployment.is_urgent else []),
            ("Less intrusive means", deployment.alternatives),
        ],
    )
    yield Section(
        "Who may be on the watchlist",
        rows=[("Criteria", deployment.list_criteria), ("Maximum size", f"{deployment.list_size_asked:,} people")],
    )
    yield Section(
        "Proportionality",
        rows=[
            ("Sensitive places and groups nearby", "; ".join(deployment.collateral_labels) or "None of those listed."),
            ("Measures to limit collateral intrusion", deployment.collateral_measures or "None needed."),
            ("Article 8", deployment.article_8),
            ("Article 10", deployment.article_10),
            ("Article 11", deployment.article_11),
            ("Community impact", deployment.community_impact),
            ("Signs and notice", deployment.signage_plan),
            (
                "Officers to respond",
                f"At least {deployment.officers_planned}; the cameras are paused if there are fewer.",
            ),
            ("DPIA", deployment.dpia_version),
            ("Equality assessment", deployment.equality_version),
        ],
    )
    yield _threshold_section(deployment)
    yield _retention_section()
    yield Section("Zones of recognition", plans=[_plan(period, n, folder) for n, period in enumerate(periods, start=1)])


def _threshold_section(deployment: Deployment) -> Section:
    point = deployment.operating_point
    if point is None:
        return Section("Engine and threshold", "None.")
    rows = [
        ("Engine", f"{point.engine.model}, {point.engine.preprocessing}\n{_broken(point.engine.digest)}"),
        (
            "Threshold",
            f"{point.threshold:.3f}. The system raises a possible match when the mean score of the two best pictures "
            f"of a face reaches this threshold, or one picture exceeds it by {STRONG_MARGIN:.2f}. The score is not a "
            "probability.",
        ),
        ("Reasons for this threshold", deployment.threshold_reason),
        ("Basis", point.basis),
    ]
    expected = thresholds.outlook(point, deployment.list_size_asked or 1, deployment.footfall or 0)
    if expected is not None:
        alerts = expected.false_alerts
        beyond = (
            " Extrapolated, because the watchlist is larger than the one measured." if expected.is_extrapolated else ""
        )
        rows.append(
            (
                "Expected false alerts",
                f"{alerts.value:.1f} ({alerts.low:.1f} to {alerts.high:.1f}) among {expected.footfall:,} faces, with a "
                f"watchlist of {expected.list_size:,}, by the calibration and with one probe per face."
                f"{beyond}",
            )
        )
    minutes = round(settings.LFR_CEILING_DECISION.total_seconds() / 60)
    rows.append(("Ceiling of false alerts", governor.rule(settings.LFR_FACES_A_FALSE_ALERT, minutes)))
    evidence = thresholds.support(point, timezone.localdate())
    if evidence is not None:
        rows.append(
            (
                "Equality evidence",
                f"{evidence.title} ({evidence.source}; {evidence.reference}). Supports thresholds of "
                f"{evidence.lowest_threshold:.3f} and above; to be renewed by {_day(evidence.expires_on)}. "
                f"{evidence.finding}",
            )
        )
    return Section("Engine and threshold", rows=rows)


def _retention_section() -> Section:
    lists, alerts = _span(settings.LFR_WATCHLIST_RETENTION), _span(settings.LFR_ALERT_RETENTION)
    return Section(
        "Retention",
        rows=[
            ("Faces without a possible match", "Not kept, neither as a picture nor as a template."),
            (
                "Possible matches",
                f"Faces, scores and names are purged within {alerts} of the end of their period, and no later than 24 "
                "hours after the possible match was raised, unless held as evidence.",
            ),
            (
                "Watchlist",
                f"Destroyed within {lists} of the end of its period, with a certificate of destruction. Entries held "
                "as evidence are kept.",
            ),
        ],
    )


def _ending_facts(deployment: Deployment) -> list[tuple[str, str]]:
    return [
        ("Outcome", str(deployment.get_state_display())),
        ("Date", _moment(deployment.ended_at)),
        ("Reason", "\n".join(filter(None, [deployment.get_end_code_display(), deployment.end_reason]))),
        ("Authorised by", f"{_person(deployment.authorised_by)}, {_moment(deployment.authorised_at)}"),
        ("Authority was due to end", _moment(deployment.authority_ends_at)),
        ("Applicant", _person(deployment.applicant)),
    ]


def ending_sections(deployment: Deployment) -> Iterable[Section]:
    """Return the sections of the Cancellation Report."""
    periods = list(deployment.periods.with_faces().select_related("watchlist"))
    yield _table(
        "What took place",
        ("Place", "Live from", "Live until", "Faces seen", "Possible matches", "False so far", "Open"),
        [_took_place(period) for period in periods],
    )
    yield _table(
        "Watchlists",
        ("Period", "People", "SHA-256 of the sealed list", "To be destroyed by"),
        [
            (p.place, f"{p.list_size:,}", _broken(p.watchlist.sealed_hash), _moment(p.watchlist.destroy_due_at))
            for p in periods
            if p.watchlist is not None
        ],
        none="No watchlist was attached.",
    )
    yield _table(
        "Recognition test",
        ("Camera", "Passes", "Recognised", "Rate", "95% interval (Wilson)"),
        [
            (str(rate.camera), str(rate.passes), str(rate.recognised), rate.share, rate.interval)
            for period in periods
            for rate in bluetest.rates(period, all_of_them=True)
        ],
        none="No passes were recorded.",
    )
    yield from _on_the_threshold(deployment)
    yield _table(
        "Loaned equipment",
        ("Equipment", "Lender", "Received", "Returned"),
        [
            (
                str(k),
                k.lender,
                _moment(k.received_at),
                f"{_moment(k.returned_at)}, wiping witnessed by {k.witness}" if k.returned_at else "Not yet",
            )
            for k in deployment.kit.all()
        ],
        none="None.",
    )
    yield _retention_section()


def _on_the_threshold(deployment: Deployment) -> Iterable[Section]:
    changes = deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by")
    yield _table(
        "Changes of threshold",
        ("Change", "Evidence", "Proposed by", "Decision"),
        [(str(c), c.evidence, _person(c.proposed_by), f"{c.get_state_display()} {c.decision_reason}") for c in changes],
        none="None.",
    )
    questions = deployment.ceiling_questions.select_related("decided_by")
    yield _table(
        "False alerts above the ceiling",
        ("Decision requested", "False alerts", "Faces", "Outcome", "By", "Reason"),
        [
            (_moment(q.asked_at), str(q.false_alerts), f"{q.faces:,}", q.outcome_label, _person(q.decided_by), q.reason)
            for q in questions
        ],
        none="The commander was never asked for a decision.",
    )


def _took_place(period: Period) -> tuple[str, ...]:
    return (
        period.place,
        _moment(period.went_live_at),
        _moment(period.ended_at) if period.went_live_at else "–",
        f"{period.faces:,}",  # type: ignore[attr-defined]
        str(period.alerts_raised),
        str(period.alerts_false),
        str(period.alerts_open),
    )


def _table(title: str, head: tuple[str, ...], lines: Sequence[tuple[str, ...]], *, none: str = "") -> Section:
    """Return a section with a table, or with the text `none` if there are no lines."""
    return Section(title, table=[head, *lines]) if lines else Section(title, none)


def _plan(period: Period, number: int, folder: Path) -> dict[str, Any]:
    name, ratio = "", BLANK_RATIO
    if period.plan_jpeg is not None:
        name = f"plan-{number}.jpg"
        (folder / name).write_bytes(bytes(period.plan_jpeg))
        height, width = decode_stored(bytes(period.plan_jpeg)).shape[:2]
        ratio = height / width
    return {
        "file": name,
        "ratio": ratio,
        "alt": f"Period {number}, {period.place}: where the cameras stand and the zones they cover.",
        "cameras": [_marked(camera) for camera in period.cameras.all() if camera.plan_mark],
    }


def _marked(camera: Camera) -> dict[str, Any]:
    return {"name": camera.name, "at": camera.plan_mark["at"][0], "zone": camera.plan_mark["zone"]}


def _span(time: dt.timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    if not minutes:
        return "moments"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"


def _broken(digest: str) -> str:
    """Return a digest with zero-width spaces, at which a line can break."""
    return "\u200b".join(digest[start : start + 16] for start in range(0, len(digest), 16))


def _returned(kit: Kit) -> str:
    return f"{_moment(kit.returned_at)}, {kit.witness}" if kit.returned_at else "not yet"


def _moment(moment: dt.datetime | None) -> str:
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    # The zone is needed: when the clocks go back, one hour occurs twice.
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def _day(day: dt.date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "–"


def _person(user: Any) -> str:
    return str(user) if user is not None else "–"
