"""Uploaded photographs stay in memory: a face must not be left in a temporary file."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload

from recognition.imaging import MAX_PHOTOGRAPH_BYTES


class BoundedMemoryUploadHandler(MemoryFileUploadHandler):
    """Takes any file up to the largest photograph, in memory, and cuts the connection of a larger one."""

    # Room for the other fields and the boundaries of the form.
    LARGEST = MAX_PHOTOGRAPH_BYTES + 1_000_000

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        self.activated = True
        self._received = 0
        if content_length > self.LARGEST:
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._received += len(raw_data)
        if self._received > self.LARGEST:
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)
