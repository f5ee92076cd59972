"""The agent's command line: `python -m agent --server URL --camera ID --source FILE|rtsp://…`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Sequence

from agent.camera_client import CameraClient, Rejected, paced
from agent.video import NoVideo, open_video

SLOWEST, FASTEST = 0.1, 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Stream until the recording ends or somebody stops it. Return the exit status."""
    options = _options(arguments)
    token = os.environ.get("LFR_CAMERA_TOKEN")
    if not token:
        return _fail("Set LFR_CAMERA_TOKEN to the camera's token. The camera's page issues it.")
    if not SLOWEST <= options.fps <= FASTEST:
        return _fail(f"--fps must be between {SLOWEST:g} and {FASTEST:g}.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    client = CameraClient(options.server, str(options.camera), token)
    try:
        frames = open_video(options.source, options.fps, loop=options.loop)
        asyncio.run(client.stream(paced(frames.next, options.fps)))
    except NoVideo as error:
        return _fail(str(error))
    except Rejected as error:
        return _fail(f"The server refused this camera: {error}")
    except KeyboardInterrupt:
        pass
    traffic = client.traffic
    print(
        f"{traffic.sent} frames sent, {traffic.read} read, {traffic.dropped} dropped by the server, "
        f"{traffic.passed_over} skipped by the agent"
    )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m agent",
        description="Stream a video file or an RTSP stream to a deployment's camera.",
        epilog="The camera's token is read from LFR_CAMERA_TOKEN.",
    )
    parser.add_argument("--server", default="http://localhost:8000", help="Address of the system.")
    parser.add_argument("--camera", required=True, type=uuid.UUID, help="The camera's id, from its page.")
    parser.add_argument("--source", required=True, help="A video file, or rtsp://…")
    parser.add_argument("--fps", type=float, default=10.0, help="Frames a second.")
    parser.add_argument("--loop", action="store_true", help="Start a file again when it ends.")
    return parser.parse_args(arguments)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
