"""The Celery application: workers that hold the engine, and the clock."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.exceptions import WorkerShutdown
from celery.signals import celeryd_after_setup, task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lfr_site.settings")

app = Celery("lfr")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def mend_connection(**kwargs: Any) -> None:
    """What the task before found broken (a restarted server), or what is too old, is made new for this one."""
    from django.db import close_old_connections

    close_old_connections()


@celeryd_after_setup.connect
def load_engine(sender: str, instance: Any, **kwargs: Any) -> None:
    """A worker of frames loads the engine before its first one, and refuses a database that would log faces."""
    if "frames" not in instance.app.amqp.queues.consume_from:
        return
    from django.core.management import call_command

    from watchlists.engine import engine

    try:
        call_command("check", databases=["default"])
        engine().warm_up()
    except Exception as error:
        # Celery logs what a receiver raises and goes on; only a shutdown passes through.
        raise WorkerShutdown(f"This worker cannot look at faces: {error}") from error
