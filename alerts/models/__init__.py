"""Alerts, the acts on them, and their shots and evidence holds."""

from alerts.models.acts import Act
from alerts.models.alerts import Alert
from alerts.models.evidence import EvidenceHold, Shot

__all__ = ["Act", "Alert", "EvidenceHold", "Shot"]
