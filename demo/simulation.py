"""The simulated camera: a composed street, sent over the same socket as every camera's frames."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.utils import Error as DatabaseFailure
from django.utils import timezone

from agent.camera_client import CameraClient, Picture, Rejected, paced
from core.actors import System
from demo import scene, seeding
from deployments import cameras as camera_operations
from deployments.models import Camera
from recognition.engine import detector_at
from recognition.imaging import bounded, encode_jpeg
from recognition.open_set import photographs

logger = logging.getLogger(__name__)

SIMULATOR = System("the simulated street")
LOOKS = 3
STRANGERS = 40


async def run(server: str, faces: Path | None, fps: float) -> None:
    """Stream to every live simulated camera, without end."""
    street = await asyncio.to_thread(_street, faces)
    playing: dict[str, asyncio.Task[None]] = {}
    while True:
        playing = {camera: task for camera, task in playing.items() if not task.done()}
        try:
            tokens = await sync_to_async(_new_tokens, thread_sensitive=False)(set(playing))
        except DatabaseFailure as error:
            logger.warning("The database does not answer: %s", error)
            tokens = {}
        for camera, token in tokens.items():
            playing[camera] = asyncio.create_task(_play(CameraClient(server, camera, token), street, fps))
        await asyncio.sleep(2)


async def _play(client: CameraClient, street: scene.Street, fps: float) -> None:
    began = time.monotonic()

    def frame() -> Picture:
        pixels, _ = street.frame((time.monotonic() - began) % street.seconds)
        return lambda quality, scale: encode_jpeg(bounded(pixels, round(max(pixels.shape) * scale)), quality)

    try:
        await client.stream(paced(frame, fps))
    except Rejected as error:
        logger.info("The simulated camera stopped: %s", error)


def _new_tokens(playing: set[str]) -> dict[str, str]:
    """Issue a token for each live simulated camera that has no stream yet."""
    cameras = Camera.objects.streaming_allowed(timezone.now()).filter(kind=Camera.Kind.SIMULATED)
    return {
        str(camera.id): camera_operations.issue_token(camera, actor=SIMULATOR)
        for camera in cameras
        if str(camera.id) not in playing
    }


def _street(faces: Path | None) -> scene.Street:
    folder = seeding.faces_folder(faces)
    detector = detector_at(settings.DEEPFACE_HOME)
    people = photographs(folder)
    names = list(people)
    wanted = names[: seeding.WANTED]
    staff = {name for name, _ in seeding.walkers(folder)}
    others = [name for name in names[seeding.WANTED :] if name not in staff]
    chosen = wanted + random.Random(7).sample(others, min(len(others), STRANGERS))
    looks = {}
    for name in chosen:
        # People who are enrolled are shown in other photographs than the one on the watchlist.
        rest = scene.matching(people[name][1:], "*front*,*3quarter*") or people[name][1:] or people[name]
        cut = [look for path in rest[:LOOKS] if (look := scene.cutout(detector, path)) is not None]
        if cut:
            looks[name] = cut
    return scene.Street(
        scene.endless(
            {name: looks[name] for name in wanted if name in looks},
            {name: looks[name] for name in chosen if name in looks and name not in wanted},
        )
    )
