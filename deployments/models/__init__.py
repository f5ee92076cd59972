"""Models of deployments, their periods and cameras, the recognition test and the records of each deployment."""

from deployments.models.authority import PRINTED, Amendment, SignedAuthority
from deployments.models.blue import Pass, Recognition
from deployments.models.cameras import Camera
from deployments.models.deployments import EDITABLE, OVER, STEPS, UNDER_AUTHORITY, Deployment
from deployments.models.findings import EqualityFinding
from deployments.models.governing import REQUIRED, GoverningDocument
from deployments.models.notices import NoticeExemption, PublicNotice
from deployments.models.pauses import Pause
from deployments.models.periods import LONGEST_APPROACH, TESTABLE, Period, Sign, last_day
from deployments.models.postings import Posting
from deployments.models.records import CHANGE_STEPS, CeilingQuestion, Decision, Document, Kit, ThresholdChange
from deployments.models.sharing import Disclosure, EquipmentLoan

__all__ = [
    "CHANGE_STEPS",
    "EDITABLE",
    "LONGEST_APPROACH",
    "OVER",
    "PRINTED",
    "REQUIRED",
    "STEPS",
    "TESTABLE",
    "UNDER_AUTHORITY",
    "Amendment",
    "Camera",
    "CeilingQuestion",
    "Decision",
    "Deployment",
    "Disclosure",
    "Document",
    "EqualityFinding",
    "EquipmentLoan",
    "GoverningDocument",
    "Kit",
    "NoticeExemption",
    "Pass",
    "Pause",
    "Period",
    "Posting",
    "PublicNotice",
    "Recognition",
    "Sign",
    "SignedAuthority",
    "ThresholdChange",
    "last_day",
]
