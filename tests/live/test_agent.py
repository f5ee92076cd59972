"""`python -m agent`: a recording over the socket that every camera uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.camera_client import CameraClient, Picture
from agent.video import open_video
from lfr_site.supervisor import BASE_DIR
from recognition.camera_jpeg import decode_frame
from tests.cast import portrait, portrait_jpeg
from tests.live.system import LiveDeployment, LiveSystem, go_live

RATE, SECONDS = 20, 3


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the portrait, the picture growing brighter."""
    path = tmp_path_factory.mktemp("video") / "portrait.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (512, 512))
    for number in range(RATE * SECONDS):
        writer.write((portrait() * (0.7 + 0.3 * number / (RATE * SECONDS))).astype(np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="module")
def deployment(live: LiveSystem) -> LiveDeployment:
    return go_live(live, {"Agent Portrait": portrait_jpeg()})


def _run_agent(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", *arguments]
    environment = {**os.environ, **extra}
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def test_a_recording_plays_at_its_own_speed(recording: Path) -> None:
    frames = open_video(str(recording), 5)
    played = []
    while (picture := frames.next()) is not None:
        assert not isinstance(picture, bytes)
        played.append(decode_frame(picture(85, 1.0)).mean())
    assert len(played) == 5 * SECONDS
    assert played == sorted(played)


def test_a_recording_can_begin_again(recording: Path) -> None:
    frames = open_video(str(recording), 5, loop=True)
    assert all(frames.next() is not None for _ in range(5 * SECONDS * 3))


def test_the_agent_feeds_a_recording(live: LiveSystem, deployment: LiveDeployment, recording: Path) -> None:
    camera = deployment.cameras[0]
    token = live.user("commander").token(camera)
    arguments = ("--server", live.url, "--camera", camera, "--source", str(recording), "--fps", "5")
    done = _run_agent(*arguments, LFR_CAMERA_TOKEN=token)
    assert done.returncode == 0, done.stderr
    summary = r"(\d+) frames sent, (\d+) read, (\d+) dropped by the server, (\d+) skipped by the agent"
    found = re.search(summary, done.stdout)
    assert found is not None, done.stdout
    sent, read, dropped, skipped = map(int, found.groups())
    # Each of the recording's fifteen is accounted for; a busy machine passes over some.
    assert (sent + skipped, read + dropped) == (5 * SECONDS, sent)
    assert read >= 2
    assert live.sql(f"SELECT count(*) FROM alerts_alert WHERE camera_id = '{camera}'")[0][0] >= 1


async def test_a_picture_that_cannot_be_made_costs_no_more_than_itself(
    live: LiveSystem, deployment: LiveDeployment
) -> None:
    camera = deployment.cameras[0]
    client = CameraClient(live.url, camera, live.user("commander").token(camera))

    def broken(quality: int, scale: float) -> bytes:
        raise ValueError("The encoder is gone.")

    async def pictures() -> AsyncIterator[Picture]:
        for picture in (broken, portrait_jpeg(), broken, broken, portrait_jpeg()):
            await client.answered()
            yield picture

    await client.stream(pictures())
    assert (client.traffic.offered, client.traffic.sent, client.traffic.read) == (5, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--source", "/no/such/file.mp4"), "cannot be opened as a video"),
        (("--source", __file__), "cannot be opened as a video"),
        (("--source", "x.mp4", "--fps", "0"), "--fps must be between 0.1 and 60."),
    ],
)
def test_a_wrong_call_is_reported_plainly(deployment: LiveDeployment, arguments: tuple[str, ...], says: str) -> None:
    done = _run_agent("--camera", deployment.cameras[0], *arguments, LFR_CAMERA_TOKEN="x")
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agent_asks_for_a_token(deployment: LiveDeployment) -> None:
    done = _run_agent("--camera", deployment.cameras[0], "--source", "x.mp4", LFR_CAMERA_TOKEN="")
    assert (done.returncode, done.stderr) == (
        1,
        "Set LFR_CAMERA_TOKEN to the camera's token. The camera's page issues it.\n",
    )


def test_another_cameras_token_is_refused(live: LiveSystem, deployment: LiveDeployment, recording: Path) -> None:
    other = go_live(live, {"Agent Other": portrait_jpeg()})
    token = live.user("commander").token(other.cameras[0])
    arguments = ("--server", live.url, "--camera", deployment.cameras[0], "--source", str(recording))
    done = _run_agent(*arguments, LFR_CAMERA_TOKEN=token)
    assert done.returncode == 1
    assert "The server refused this camera: This token is not this camera's" in done.stderr
