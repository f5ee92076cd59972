"""The Post-Deployment Report: the review, then the record, once every outcome is recorded; and the record as PDF."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from deployments import fairness
from deployments.document_parts import Content, Section, moment, person
from deployments.documents import typeset
from deployments.models import Deployment
from reports.record_sections import as_of, record_sections
from reports.records import DeploymentRecord, record_of


def _facts(deployment: Deployment) -> list[tuple[str, str]]:
    return [
        ("Authorised by", f"{person(deployment.authorised_by)}, {moment(deployment.authorised_at)}"),
        ("Ended on", moment(deployment.ended_at)),
        ("Reason for the end", "\n".join(filter(None, [deployment.get_end_code_display(), deployment.end_reason]))),
        ("Closed on", moment(deployment.closed_at)),
        ("Applicant", person(deployment.applicant)),
        ("Equality evidence", fairness.words_of(deployment)),
    ]


def post_deployment_sections(deployment: Deployment, folder: Path) -> Iterable[Section]:
    """Return the sections of the Post-Deployment Report."""
    yield Section("Review", deployment.review or "No review was written.")
    yield Section("Conditions of the authority", deployment.conditions or "None.")
    yield from record_sections(record_of(deployment))


def record_pdf(record: DeploymentRecord) -> bytes:
    """Return the record as PDF, as it stands now. Its sections are those of the page."""
    deployment = record.deployment
    with tempfile.TemporaryDirectory(prefix="lfr-record-") as folder:
        return typeset(
            "Record",
            deployment.name,
            number=deployment.number,
            footer=as_of(record.made_at),
            facts=[("State", str(deployment.get_state_display())), *_facts(deployment)],
            sections=record_sections(record),
            folder=Path(folder),
        )


POST_DEPLOYMENT = Content(_facts, post_deployment_sections)
