"""How good a picture the line between a camera and the server can carry."""

from __future__ import annotations

# JPEG qualities and scales, best first, and how long a frame may take on the line beyond the round trip of a message
# that has no size: a slower line is sent smaller frames. The last is for lines on which nothing else helps: faces near
# the smallest that is looked for are lost with it.
ENCODINGS = ((85, 1.0), (70, 1.0), (55, 1.0), (40, 1.0), (45, 0.75))
# About how large a frame is in each, beside the first.
SIZES = (1.0, 0.55, 0.39, 0.31, 0.22)
# Where a camera begins, until its line is known: the smallest frames in full scale.
FIRST_ENCODING = 3
LONGEST_TRANSFER_S = 0.1
SMOOTHING = 0.3


class Line:
    """The quality of picture that the line to the server can carry."""

    def __init__(self) -> None:
        self._step = FIRST_ENCODING
        self._round_trip_s = 0.0
        self._transfer_s: float | None = None

    @property
    def encoding(self) -> tuple[int, float]:
        """JPEG quality and scale."""
        return ENCODINGS[self._step]

    def note_round_trip(self, round_trip_s: float) -> None:
        """Note how long a message without a size and its answer are on the line: no frame is quicker."""
        self._round_trip_s = round_trip_s

    def note(self, transit_s: float) -> None:
        """Note how long a frame and its answer were on the line."""
        self._round_trip_s = min(self._round_trip_s, transit_s)
        transfer_s, before = transit_s - self._round_trip_s, self._transfer_s
        self._transfer_s = transfer_s if before is None else before + SMOOTHING * (transfer_s - before)
        fits = SIZES[self._step] * LONGEST_TRANSFER_S / max(self._transfer_s, 0.001)
        step = next((each for each, size in enumerate(SIZES) if size <= fits), len(SIZES) - 1)
        if step != self._step:
            # The measurement was of frames of another size.
            self._transfer_s *= SIZES[step] / SIZES[self._step]
            self._step = step
