"""The threshold a new installation starts with, and where it comes from."""

from __future__ import annotations

# A score of the shipped engine. Measured, not felt: see DEFAULT_BASIS.
DEFAULT_THRESHOLD = 0.69
DEFAULT_BASIS = (
    "Labeled Faces in the Wild, development half, one photograph against one: gallery of 873 people, 1,639 mated and "
    "2,081 non-mated probes. At 0.690 TPIR 95.4%, FPIR 0.3%. Studio and press photographs: a force must calibrate on "
    "its own cameras before it relies on these figures."
)
