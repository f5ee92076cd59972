"""The content of the Written Authority Document and the Cancellation Report, from the record and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import segno
from django.conf import settings

from core import retention
from deployments import bluetest, executable, fairness, governor
from deployments.document_parts import Content, Section, broken, day, moment, person, table
from deployments.models import Camera, Deployment, Period, ThresholdChange
from deployments.readiness import ceiling_of
from recognition.imaging import decode_stored
from recognition.track import STRONG_MARGIN
from watchlists import thresholds
from watchlists.choices import Category, Seriousness, Tier

# Height of a blank sheet, as a share of its width.
BLANK_RATIO = 0.6


def _authority_facts(deployment: Deployment) -> list[tuple[str, str]]:
    officer = f"{person(deployment.authorised_by)}, {deployment.get_authorised_rank_display()}"
    facts = [
        ("Authorised by", officer),
        ("Authorised on", moment(deployment.authorised_at)),
        ("Authority ends", moment(deployment.authority_ends_at)),
        ("Use case", deployment.get_use_case_display()),
        ("Applicant", person(deployment.applicant)),
        ("Controller", deployment.controller),
    ]
    if deployment.lender:
        facts.append(("Equipment lent by", deployment.lender))
    if deployment.staff_from:
        facts.append(("Staff from another force", deployment.staff_from))
    if deployment.is_urgent:
        due = deployment.review_due_at
        facts.append(
            (
                "Urgent",
                f"To be confirmed before {moment(due)}, or the authority ends" if due else "No confirmation is due",
            )
        )
    return facts


def authority_sections(deployment: Deployment, folder: Path) -> Iterable[Section]:
    """Return the sections of the Written Authority Document. folder: where the pictures of its plans are written."""
    periods = list(deployment.periods.prefetch_related("cameras"))
    yield Section("Decision", deployment.decision_reason, [("Conditions", deployment.conditions or "None.")])
    others = deployment.decisions.exclude(kind="authorised")
    yield table(
        "Other decisions",
        ("Date", "Decision", "By", "Reason"),
        [(moment(d.at), d.get_kind_display(), f"{person(d.by)}, {d.get_rank_display()}", d.reason) for d in others],
        none="None.",
    )
    yield _signed_section(deployment, folder)
    yield _where_and_when(periods)
    yield _street(periods)
    yield _necessity(deployment)
    yield Section(
        "Who may be on the watchlist",
        rows=[
            ("Criteria", deployment.list_criteria),
            ("Maximum size", f"{deployment.list_size_asked:,} people"),
            ("Expected to pass", f"{deployment.subjects_expected:,} of them, among {deployment.footfall:,} faces"),
        ],
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
        ],
    )
    yield _threshold_section(deployment)
    yield _governing_section(deployment)
    yield from _amendments(deployment)
    yield _retention_section()
    yield Section("Zones of recognition", plans=[_plan(period, n, folder) for n, period in enumerate(periods, start=1)])


def _necessity(deployment: Deployment) -> Section:
    intelligence = f"{deployment.intelligence_reference}, valid until {day(deployment.intelligence_expires_on)}"
    return Section(
        "Necessity",
        rows=[
            ("Objective", deployment.objective),
            ("Why here", deployment.why_here),
            ("Intelligence", intelligence),
            ("Why now", deployment.why_now),
            *([("Why it cannot wait", deployment.urgent_reason)] if deployment.is_urgent else []),
            ("Less intrusive means", deployment.alternatives),
        ],
    )


def _amendments(deployment: Deployment) -> Iterable[Section]:
    approved = deployment.threshold_changes.filter(state=ThresholdChange.State.APPROVED)
    changes = list(approved.select_related("before", "after", "proposed_by", "decided_by"))
    if changes:
        yield table(
            "Amendments",
            ("Threshold", "Evidence", "Proposed by", "Approved by", "When", "Reason"),
            [
                (
                    str(c),
                    c.evidence,
                    person(c.proposed_by),
                    person(c.decided_by),
                    moment(c.decided_at),
                    c.decision_reason,
                )
                for c in changes
            ],
        )


def _where_and_when(periods: Sequence[Period]) -> Section:
    return table(
        "Where and when",
        ("Place", "From", "To", "Cameras"),
        [(p.place, moment(p.starts_at), moment(p.ends_at), ", ".join(map(str, p.cameras.all()))) for p in periods],
    )


def _street(periods: Sequence[Period]) -> Section:
    """Return the approaches, on each of which a sign must be up before the cameras are on, and the way around."""
    return table(
        "Signs and alternative route",
        ("Place", "Approaches, each with a sign before the cameras are on", "Alternative route"),
        [(p.place, "\n".join(p.approach_list), p.alternative_route) for p in periods],
    )


def _threshold_section(deployment: Deployment) -> Section:
    point = deployment.operating_point
    if point is None:
        return Section("Engine and threshold", "None.")
    rows = [
        ("Engine", f"{point.engine.model}, {point.engine.preprocessing}\n{broken(point.engine.digest)}"),
        (
            "Threshold",
            f"{point.threshold:.3f}. The system raises a possible match when the mean score of the two best pictures "
            f"of a face reaches this threshold, or one picture exceeds it by {STRONG_MARGIN:.2f}. The score is not a "
            "probability.",
        ),
        ("Reasons for the threshold applied for", deployment.threshold_reason),
        ("Basis", point.basis),
    ]
    expected = thresholds.outlook(point, deployment.list_size_asked or 1, deployment.footfall or 0)
    alerts = expected.false_alerts
    beyond = " Extrapolated, because the watchlist is larger than the one measured." if expected.is_extrapolated else ""
    rows.append(
        (
            "Expected false alerts",
            f"{alerts.value:.1f} ({alerts.low:.1f} to {alerts.high:.1f}) among {expected.footfall:,} faces, with a "
            f"watchlist of {expected.list_size:,}, by the calibration and with one probe per face.{beyond}",
        )
    )
    minutes = round(settings.LFR_CEILING_DECISION.total_seconds() / 60)
    rows.append(("Ceiling of false alerts", governor.rule(ceiling_of(deployment), minutes)))
    rows.append(("Equality evidence", fairness.words_of(deployment)))
    return Section("Engine and threshold", rows=rows)


def _governing_section(deployment: Deployment) -> Section:
    return table(
        "Governing documents",
        ("Document", "Owner", "In force", "SHA-256"),
        [
            (
                str(each),
                each.owner,
                f"{day(each.in_force_from)} to {day(each.in_force_until)}",
                broken(each.file_sha256),
            )
            for each in deployment.governing.defer("file")
        ],
        none="None.",
    )


def _signed_section(deployment: Deployment, folder: Path) -> Section:
    """Return the hash and signature of the authority in force, which the system runs on, with a QR code of the hash."""
    signed = executable.latest(deployment)
    if signed is None:
        return Section("Signed authority", "None.")
    segno.make(signed.sha256, error="m").save(str(folder / "authority.svg"), scale=4, border=1)
    who = signed.document["who"]
    rows = [
        ("Version", f"{signed.version}, signed on {moment(signed.signed_at)}"),
        ("SHA-256 of its terms", broken(signed.sha256)),
        ("Ed25519 signature", broken(signed.signature_text)),
        ("Key", signed.key_id),
        ("Lawful grounds allowed", _labels(Category, who["categories"])),
        ("Seriousness allowed", _labels(Seriousness, who["seriousness"])),
        ("Responses allowed", _labels(Tier, who["tiers"])),
        ("Most people", f"{who['most_people']:,}, of these {who['most_under_18']:,} under 18"),
        (
            "Effect",
            "Cameras and possible matches follow these signed terms. A watchlist that goes beyond them cannot be "
            "attached, and none is searched before an authorising officer has confirmed it by its hash.",
        ),
    ]
    return Section("Signed authority", rows=rows, picture="authority.svg")


def _labels(choices: Any, values: Iterable[str]) -> str:
    return "; ".join(str(choices(value).label) for value in values)


def _retention_section() -> Section:
    lines = [retention.line(key) for key in ("stranger", "alert", "watchlist", "hold", "ledger", "audit_log")]
    return table(
        "Retention",
        ("What", "Kept"),
        [(line.what, f"{line.kept[:1].upper()}{line.kept[1:]}. {line.besides}".strip()) for line in lines],
    )


def _ending_facts(deployment: Deployment) -> list[tuple[str, str]]:
    return [
        ("Outcome", str(deployment.get_state_display())),
        ("Date", moment(deployment.ended_at)),
        ("Reason", "\n".join(filter(None, [deployment.get_end_code_display(), deployment.end_reason]))),
        ("Authorised by", f"{person(deployment.authorised_by)}, {moment(deployment.authorised_at)}"),
        ("Authority was due to end", moment(deployment.authority_ends_at)),
        ("Applicant", person(deployment.applicant)),
    ]


def ending_sections(deployment: Deployment, folder: Path) -> Iterable[Section]:
    """Return the sections of the Cancellation Report, which records the ending. Outcomes may come later."""
    yield Section(
        "What this records",
        "How and when the deployment ended. Outcomes of possible matches may be recorded and corrected after this. "
        "They are in the Post-Deployment Report, which is made when the deployment is closed.",
    )
    periods = list(deployment.periods.with_faces().select_related("watchlist"))
    yield table(
        "What took place",
        ("Place", "Live from", "Live until", "Faces seen", "Possible matches"),
        [_took_place(period) for period in periods],
    )
    yield table(
        "Watchlists",
        ("Period", "People", "SHA-256 of the sealed list", "To be destroyed by"),
        [
            (p.place, f"{p.list_size:,}", broken(p.watchlist.sealed_hash), moment(p.watchlist.destroy_due_at))
            for p in periods
            if p.watchlist is not None
        ],
        none="No watchlist was attached.",
    )
    yield test_section(deployment)
    yield from threshold_sections(deployment)
    yield kit_section(deployment)
    yield _retention_section()


def test_section(deployment: Deployment) -> Section:
    """Return the passes of the recognition test at each camera."""
    periods = deployment.periods.order_by("starts_at")
    return table(
        "Recognition test",
        ("Camera", "Passes", "Recognised", "Rate", "95% interval (Wilson)"),
        [
            (str(rate.camera), str(rate.passes), str(rate.recognised), rate.share, rate.interval)
            for period in periods
            for rate in bluetest.rates(period, all_of_them=True)
        ],
        none="No passes were recorded.",
    )


def kit_section(deployment: Deployment) -> Section:
    """Return the equipment and media that may hold data, with who witnessed their wiping."""
    return table(
        "Equipment and removable media",
        ("What", "Kind and lender", "Registered", "Wiped"),
        [
            (
                str(k),
                "\n".join(filter(None, [k.get_kind_display(), k.lender])),
                moment(k.received_at),
                f"{moment(k.wiped_at)}, witnessed by {k.witness}: {k.wiping}" if k.wiped_at else "Not yet",
            )
            for k in deployment.kit.all()
        ],
        none="None.",
    )


def threshold_sections(deployment: Deployment) -> Iterable[Section]:
    """Return what was decided about the threshold and about false alerts while the deployment ran."""
    changes = deployment.threshold_changes.select_related("before", "after", "proposed_by", "decided_by")
    yield table(
        "Changes of threshold",
        ("Change", "Evidence", "Proposed by", "Decision"),
        [(str(c), c.evidence, person(c.proposed_by), f"{c.get_state_display()} {c.decision_reason}") for c in changes],
        none="None.",
    )
    questions = deployment.ceiling_questions.select_related("decided_by")
    yield table(
        "False alerts above the ceiling",
        ("Decision requested", "Closed", "False alerts", "Faces", "Outcome", "By", "Reason"),
        [
            (
                moment(q.asked_at),
                moment(q.closed_at),
                str(q.false_alerts),
                f"{q.faces:,}",
                q.outcome_label,
                person(q.decided_by),
                q.reason,
            )
            for q in questions
        ],
        none="The commander was never asked for a decision.",
    )


def _took_place(period: Period) -> tuple[str, ...]:
    return (
        period.place,
        moment(period.went_live_at),
        moment(period.ended_at) if period.went_live_at else "–",
        f"{period.faces:,}",  # type: ignore[attr-defined]
        str(period.alerts_raised),
    )


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


AUTHORITY: Content = Content(_authority_facts, authority_sections)
ENDING: Content = Content(_ending_facts, ending_sections)
