import asyncio
import os
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lfr_site.agent import CameraClient, Rejected, paced
from lfr_site.video import NoVideo, open_video


class Command(BaseCommand):
    help = "Feed a video file or an RTSP stream through the socket that every camera uses."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", required=True, help="A video file, or rtsp://…")
        parser.add_argument("--camera", required=True, type=uuid.UUID, help="The camera's id, from its page.")
        parser.add_argument("--token", help="The camera's token; better in LFR_CAMERA_TOKEN, which no other user sees.")
        parser.add_argument("--server", default="http://localhost:8000")
        parser.add_argument("--fps", type=float, default=10.0)
        parser.add_argument("--loop", action="store_true", help="Begin a file again when it ends.")

    def handle(self, *args: Any, **options: Any) -> None:
        token = options["token"] or os.environ.get("LFR_CAMERA_TOKEN")
        if not token:
            raise CommandError("Give the camera's token in LFR_CAMERA_TOKEN or with --token.")
        if not 0.1 <= options["fps"] <= 60:
            raise CommandError("--fps must lie between 0.1 and 60.")
        client = CameraClient(options["server"], str(options["camera"]), token)
        try:
            frames = open_video(options["source"], options["fps"], loop=options["loop"])
            asyncio.run(client.stream(paced(frames.next, options["fps"])))
        except NoVideo as error:
            raise CommandError(str(error)) from error
        except Rejected as error:
            raise CommandError(f"The server refused this camera: {error}") from error
        except KeyboardInterrupt:
            pass
        traffic = client.traffic
        self.stdout.write(
            f"{traffic.sent} frames sent, {traffic.read} read, {traffic.dropped} dropped by the server, "
            f"{traffic.passed_over} passed over here"
        )
