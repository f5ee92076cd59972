"""Everything about one case, as sections for the page's PDF: for a court, the Commissioner or a panel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.models import Act, Alert
from audit.models import Entry
from cases import content, time_limits
from cases.links import alert_words
from cases.models import Case, CaseEvent
from deployments.document_parts import Section, broken, day, moment, person, table
from deployments.documents import typeset
from deployments.models import Deployment


def file_pdf(case: Case, *, made_by: str) -> bytes:
    """Return the file of a case as PDF."""
    now = timezone.now()
    facts = [
        ("State", str(case.get_state_display())),
        ("Received", received_words(case)),
        ("Opened by", f"{person(case.opened_by)}, {moment(case.opened_at)}"),
        ("Outcome", outcome_words(case)),
        ("Made by", made_by),
    ]
    with tempfile.TemporaryDirectory(prefix="lfr-case-") as folder:
        return typeset(
            "Case file",
            str(case.get_kind_display()),
            number=case.reference,
            footer=f"Compiled on {moment(now)}. The audit log records this file.",
            facts=facts,
            sections=_sections(case),
            folder=Path(folder),
        )


def received_words(case: Case) -> str:
    """When and how it was received."""
    at = moment(case.received_at) if case.is_breach else day(timezone.localdate(case.received_at))
    return f"{at} ({str(case.get_channel_display()).lower()})"


def outcome_words(case: Case) -> str:
    """The outcome with its ground; "–" while there is none."""
    if not case.outcome:
        return "–"
    ground = f"\nSection 45(4){case.get_ground_display()}" if case.ground else ""
    return f"{case.get_outcome_display()}, {moment(case.closed_at)}{ground}"


def _sections(case: Case) -> Iterator[Section]:
    now, about = timezone.now(), content.content_of(case)
    if about is None:
        yield Section("What was asked", f"Destroyed on {moment(case.purged_at)}, when its retention had ended.")
    elif case.is_breach:
        yield Section("What happened", rows=[("Facts", about.request), ("Effects", about.effects or "–")])
    else:
        yield Section(
            "What was asked", rows=[("Name", about.name), ("Contact", about.contact), ("Request", about.request)]
        )
    yield table(
        "Time limits",
        ("What", "By", "Standing", "Rule"),
        [(each.what, each.due_words, each.words(now), each.rule) for each in time_limits.limits_of(case, now)],
    )
    yield table(
        "What was done",
        ("When", "What", "By", "Words"),
        [(moment(each.at), str(each.get_kind_display()), person(each.by), words) for each, words in _events(case)],
    )
    if case.deployment is not None:
        yield from _deployment(case, case.deployment)
    yield table(
        "Audit log",
        ("Entry", "When", "What", "Target", "By"),
        [
            (f"{entry.number or '–'}", moment(entry.at), str(entry.get_action_display()), entry.target, entry.actor)
            for entry in entries_about(case)
        ],
        after="The entries on this case and on the possible matches linked to it.",
    )


def _events(case: Case) -> Iterator[tuple[CaseEvent, str]]:
    for event in case.events.select_related("by", "case"):
        said = content.content_of_event(event)
        if said is None:
            yield event, "Destroyed with the case’s key."
            continue
        parts = [said.words, f"Reasons, not in the letter: {said.reasons}" if said.reasons else ""]
        if event.kind == CaseEvent.Kind.SEARCHED:
            asked = f"Reference {said.reference}" + (f", name {said.name}" if said.name else "")
            parts.append(
                "\n".join([asked, *(each.words for each in said.found)] if said.found else [asked, "Nothing."])
            )
        if event.letter_sha256:
            parts.append(f"Letter, SHA-256 {broken(event.letter_sha256)}")
        yield event, "\n".join(filter(None, parts)) or "–"


def _deployment(case: Case, deployment: Deployment) -> Iterator[Section]:
    yield Section(
        "The deployment",
        rows=[
            ("Name", f"{deployment.name}, {deployment.number}"),
            ("Places", deployment.places),
            ("Authorised by", f"{person(deployment.authorised_by)}, {moment(deployment.authorised_at)}"),
            ("State", str(deployment.get_state_display())),
        ],
    )
    for alert in linked_alerts(case):
        acts = Act.objects.filter(alert=alert).select_related("by")
        yield table(
            alert_words(alert).capitalize(),
            ("When", "What", "By", "Basis or reason"),
            [(moment(act.done_at), act.words, act.by_words, act.basis or act.reason or "–") for act in acts],
            none="Nobody has acted on it.",
            after=f"Raised {moment(alert.raised_at)} at the camera {alert.camera.name}. {kept_words(alert)}",
        )


def linked_alerts(case: Case) -> list[Alert]:
    """Return the possible matches that a case is about, the earliest first."""
    return list(case.alerts.select_related("camera", "deployment", "hold__owner").order_by("raised_at"))


def kept_words(alert: Alert) -> str:
    """Whether the pictures and the subject of an alert are still here, and until when."""
    if alert.purged_at is not None:
        return f"Its content was purged on {moment(alert.purged_at)}."
    if hasattr(alert, "hold"):
        return f"Its content is held as evidence by {person(alert.hold.owner)}."
    return f"Its content is purged by {moment(alert.purge_by)}, unless an authorising officer or a commander holds it."


def entries_about(case: Case) -> QuerySet[Entry]:
    """Return the entries of the audit log on a case and on its possible matches, in the order of writing."""
    alerts = [str(pk) for pk in case.alerts.values_list("pk", flat=True)]
    on_case = Q(target_type=Case._meta.label_lower, target_id=str(case.pk))
    on_alerts = Q(target_type=Alert._meta.label_lower, target_id__in=alerts)
    return Entry.objects.filter(on_case | on_alerts).order_by("pk")
