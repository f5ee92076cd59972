"""Queries for deliveries."""

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
        """Return deliveries that are waiting and due."""
        return self.filter(state="waiting", due_at__lte=at, subscriber__is_active=True)

    def in_turn(self) -> DeliveryQuerySet:
        """Order by turns (the first of each subscriber, then the second), so that none waits for another's."""
        place = Window(RowNumber(), partition_by="subscriber", order_by=("happened_at", "pk"))
        return self.annotate(place=place).order_by("place", "happened_at", "pk")
