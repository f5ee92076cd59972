"""Alerts, the acts on them, and their shots and evidence holds."""

from alerts.models.acts import ADJUDICATIONS, Act, ActName
from alerts.models.alerts import Alert
from alerts.models.evidence import EvidenceHold, Shot

__all__ = ["ADJUDICATIONS", "Act", "ActName", "Alert", "EvidenceHold", "Shot"]
