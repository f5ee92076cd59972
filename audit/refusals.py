"""Refusals of pages, acts and sockets to a signed-in user, as entries in the audit log.

A page that a user may not open is not offered to them, so a refusal is somebody who tried an address, or whose roles
changed in between. There is one entry an hour for each user and page, so that nobody can fill the log.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from audit.actions import Action
from audit.journal import record
from audit.models import Entry
from core.machine import JournalData

AGAIN_AFTER = dt.timedelta(hours=1)


def note_refused(user: AbstractBaseUser, page: str, **more: str) -> None:
    """Record that a user was refused, unless that was recorded for this page within the last hour.

    page: the name of the URL, or of the socket. more: such as its ids, the method and the address.
    """
    since = dt.datetime.now(dt.UTC) - AGAIN_AFTER
    entries = Entry.objects.filter(target_type=user._meta.label_lower, target_id=str(user.pk))
    if entries.filter(action=Action.ACCESS_REFUSED, data__page=page, at__gte=since).exists():
        return
    data: JournalData = {"page": page, **{name: value[:60] for name, value in more.items()}}
    with transaction.atomic():
        record(Action.ACCESS_REFUSED, actor=user, target=user, data=data)
