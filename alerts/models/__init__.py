"""Alerts, what was done with them, and what they hold of anybody."""

from alerts.models.acts import Act
from alerts.models.alerts import (
    CORRECTIONS,
    ENDINGS,
    IN_THE_STREET,
    JUDGEMENTS,
    OFFICER_ACTS,
    OPEN,
    OPERATOR_ACTS,
    OTHER_ACTS,
    OVER,
    RESULTS,
    STEPS,
    UNDECIDED,
    ActKind,
    Alert,
)
from alerts.models.evidence import EvidenceHold, Shot

__all__ = [
    "CORRECTIONS",
    "ENDINGS",
    "IN_THE_STREET",
    "JUDGEMENTS",
    "OFFICER_ACTS",
    "OPEN",
    "OPERATOR_ACTS",
    "OTHER_ACTS",
    "OVER",
    "RESULTS",
    "STEPS",
    "UNDECIDED",
    "Act",
    "ActKind",
    "Alert",
    "EvidenceHold",
    "Shot",
]
