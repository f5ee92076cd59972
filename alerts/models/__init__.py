"""Alerts, what was done with them, and what they hold of anybody."""

from alerts.models.acts import JUDGEMENTS, Act, ActName
from alerts.models.alerts import Alert
from alerts.models.evidence import EvidenceHold, Shot

__all__ = ["JUDGEMENTS", "Act", "ActName", "Alert", "EvidenceHold", "Shot"]
