"""Questions about deliveries."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Window
from django.db.models.functions import RowNumber

if TYPE_CHECKING:
    from notifications.models import Delivery  # noqa: F401 (in the strings below)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, at: dt.datetime) -> DeliveryQuerySet:
        """Waiting, and to be tried by now."""
        return self.filter(state="waiting", due_at__lte=at, subscriber__is_active=True)

    def in_turn(self) -> DeliveryQuerySet:
        """The first notification of each subscriber, then the second of each, so that none waits for another's."""
        place = Window(RowNumber(), partition_by="subscriber", order_by=("happened_at", "pk"))
        return self.annotate(place=place).order_by("place", "happened_at", "pk")
