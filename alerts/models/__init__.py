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
from alerts.models.outwards import Delivery, Event, Recipient

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
    "Delivery",
    "Event",
    "EvidenceHold",
    "Recipient",
    "Shot",
]
