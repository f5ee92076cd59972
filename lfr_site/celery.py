"""The Celery application: workers that hold the engine, and the clock."""

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


BEAT_S = 1.0
# The clock beats when it has done this task, which the scheduler asks for every two seconds: it, the scheduler and the
# broker between them work.
CLOCKS_TASK = "deployments.end_run_out"
_heartbeats: dict[str, Any] = {}


@worker_ready.connect
def begin_heartbeat(sender: Any, **kwargs: Any) -> None:
    """Every worker says that it works. sender: its consumer."""
    from core.heartbeats import HeartbeatWriter

    part = next(iter(sender.app.amqp.queues.consume_from))
    writer = _heartbeats[part] = HeartbeatWriter(part, sender.hostname)
    writer.beat()
    if part == "frames":
        from capture.tasks import call_worker

        # Frames may wait whose call was lost while no worker was there.
        call_worker()
        # In the loop that takes frames: one that hangs in a frame is silent.
        sender.timer.call_repeatedly(BEAT_S, writer.beat)
    elif part != "clock":
        # An import or a slow subscriber may take minutes: alive is enough.
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
