"""The Celery application: engine loading, database connections and heartbeats of the workers."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from celery import Celery
from celery.exceptions import WorkerShutdown
from celery.signals import celeryd_after_setup, task_postrun, task_prerun, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lfr_site.settings")

app = Celery("lfr")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def mend_connection(**kwargs: Any) -> None:
    """Replace a database connection that is too old, or that the previous task found broken."""
    from django.db import close_old_connections

    close_old_connections()


@celeryd_after_setup.connect
def load_engine(sender: str, instance: Any, **kwargs: Any) -> None:
    """Load the engine before a frame worker's first frame; stop the worker if a system check fails."""
    if "frames" not in instance.app.amqp.queues.consume_from:
        return
    from django.core.management import call_command

    from watchlists.engine import engine

    try:
        call_command("check", databases=["default"])
        engine().warm_up()
    except Exception as error:
        # Celery logs any other exception of a receiver and carries on.
        raise WorkerShutdown(f"This worker cannot process frames: {error}") from error


BEAT_S = 1.0
# The clock worker beats after this task, which the scheduler sends every two seconds: a beat shows that the worker, the
# scheduler and the broker all work.
CLOCKS_TASK = "deployments.end_run_out"
_heartbeats: dict[str, Any] = {}


@worker_ready.connect
def begin_heartbeat(sender: Any, **kwargs: Any) -> None:
    """Start the worker's heartbeat. sender: the worker's consumer."""
    from core.heartbeats import HeartbeatWriter

    part = next(iter(sender.app.amqp.queues.consume_from))
    writer = _heartbeats[part] = HeartbeatWriter(part, sender.hostname)
    writer.beat()
    if part == "frames":
        from capture.tasks import call_worker

        # Frames may be waiting whose task was lost while there was no worker.
        call_worker()
        # On the loop that takes frames, so that a worker that hangs on a frame stops beating.
        sender.timer.call_repeatedly(BEAT_S, writer.beat)
    elif part != "clock":
        # An import or a slow subscriber may take minutes, so these workers beat as long as they are alive.
        threading.Thread(target=_beat_for_ever, args=(writer,), name="heartbeat", daemon=True).start()


@task_postrun.connect
def beat_of_the_clock(task: Any, **kwargs: Any) -> None:
    if task.name == CLOCKS_TASK and "clock" in _heartbeats:
        _heartbeats["clock"].beat()


@worker_shutdown.connect
def end_heartbeat(**kwargs: Any) -> None:
    for writer in _heartbeats.values():
        writer.stop()


def _beat_for_ever(writer: Any) -> None:
    while True:
        writer.beat()
        time.sleep(BEAT_S)
