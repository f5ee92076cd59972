"""The picture quality that the line between a camera and the server can carry."""

from __future__ import annotations

# JPEG qualities and scales, best first. The last is for lines on which nothing else helps: faces near the smallest
# detectable size are lost with it.
ENCODINGS = ((85, 1.0), (70, 1.0), (55, 1.0), (40, 1.0), (45, 0.75))
# Approximate size of a frame in each encoding, relative to the first.
SIZES = (1.0, 0.55, 0.39, 0.31, 0.22)
# The encoding until the line has been measured: the smallest frames at full scale.
FIRST_ENCODING = 3
# How long a frame may take beyond the round trip of an empty message: on a slower line, smaller frames are sent.
LONGEST_TRANSFER_S = 0.1
SMOOTHING = 0.3


class Line:
    """Chooses the encoding of the next frame from the measured line."""

    def __init__(self) -> None:
        self._step = FIRST_ENCODING
        self._round_trip_s = 0.0
        self._transfer_s: float | None = None

    @property
    def encoding(self) -> tuple[int, float]:
        """JPEG quality and scale."""
        return ENCODINGS[self._step]

    def note_round_trip(self, round_trip_s: float) -> None:
        """Note the round trip of an empty message, which no frame can beat."""
        self._round_trip_s = round_trip_s

    def note(self, transit_s: float) -> None:
        """Note how long a frame and its answer were in transit."""
        self._round_trip_s = min(self._round_trip_s, transit_s)
        transfer_s, before = transit_s - self._round_trip_s, self._transfer_s
        self._transfer_s = transfer_s if before is None else before + SMOOTHING * (transfer_s - before)
        fits = SIZES[self._step] * LONGEST_TRANSFER_S / max(self._transfer_s, 0.001)
        step = next((each for each, size in enumerate(SIZES) if size <= fits), len(SIZES) - 1)
        if step != self._step:
            # The measurement was of frames in the previous encoding.
            self._transfer_s *= SIZES[step] / SIZES[self._step]
            self._step = step
