"""Second looks at possible matches that were decided, before they are purged."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from alerts.choices import SecondFinding
from alerts.models.alerts import Alert


class SecondLook(models.Model):
    """The finding of somebody else who compared the faces of a decided alert, without being told the decision.

    decision: what had been decided then, in the same terms. The finding changes nothing: an outcome is corrected by an
    act.
    """

    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="second_look")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    finding = models.CharField(max_length=12, choices=SecondFinding.choices)
    decision = models.CharField(max_length=12, choices=SecondFinding.choices)
    remark = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ("at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(finding=models.F("decision")) | ~Q(remark=""), name="another_finding_has_a_remark"
            ),
        )

    def __str__(self) -> str:
        return f"second look at {self.alert}"

    @property
    def agrees(self) -> bool:
        return self.finding == self.decision
