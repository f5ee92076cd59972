"""The commander's tile of a camera, and the zone in which faces are detected."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.engine import Engine
from recognition.frame import process_frame
from recognition.imaging import Pixels
from recognition.open_set import photographs
from recognition.tile import TILE_WIDTH, light_and_focus, tile
from recognition.track import TrackSet
from recognition.zone import EVERYWHERE, Area, within
from tests.cast import LONDON, NO_LONDON, portrait, portrait_enrolment
from tests.test_frame import OneListed
from watchlists.defaults import DEFAULT_THRESHOLD


def _large(pixels: Pixels, width: int = 1280) -> Pixels:
    height = round(pixels.shape[0] * width / pixels.shape[1])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.skipif(not LONDON.is_dir(), reason=NO_LONDON)
@pytest.mark.parametrize("seen", [True, False])
def test_nobody_on_a_tile_can_be_recognised(engine: Engine, *, seen: bool) -> None:
    """Whether they were detected or not, no face of the enlarged tile comes near the original."""
    for paths in list(photographs(LONDON).values())[:12]:
        pixels = cv2.imread(str(paths[0]))
        assert pixels is not None
        # In a street a face is a tenth of the picture or less; cameras do not see faces that fill it.
        frame = np.full((720, 1280, 3), 90, np.uint8)
        frame[60:560, 400:900] = cv2.resize(pixels, (500, 500), interpolation=cv2.INTER_AREA)
        (face, *_) = engine.detect_in_photograph(frame)
        small = tile(frame, [face.box] if seen else [])
        assert small.shape[1] == TILE_WIDTH
        again = _large(small)
        for found in engine.detect_in_photograph(again):
            here = engine.full_pass(again, engine.quick_pass(again, [found]))[0]
            there = engine.full_pass(frame, engine.quick_pass(frame, [face]))[0]
            assert engine.score(here, there) < DEFAULT_THRESHOLD - 0.1


def test_light_and_focus_do_not_depend_on_the_size_of_the_picture() -> None:
    sharp = portrait()
    brightness, sharpness = light_and_focus(sharp)
    again = light_and_focus(_large(sharp))
    assert again == pytest.approx((brightness, sharpness), rel=0.4)
    dark = light_and_focus((sharp * 0.1).astype(np.uint8))
    assert dark[0] < 20 < brightness
    blurred = light_and_focus(np.asarray(cv2.GaussianBlur(sharp, (0, 0), 8), np.uint8))
    assert blurred[1] < sharpness / 10


def test_only_faces_in_the_zone_are_processed(engine: Engine) -> None:
    pixels = portrait()
    height, width = pixels.shape[:2]
    (face,) = engine.detect(pixels, 20)
    x, y = face.centre[0] / width, face.centre[1] / height
    around = ((x - 0.1, y - 0.1), (x + 0.1, y - 0.1), (x + 0.1, y + 0.1), (x - 0.1, y + 0.1))
    elsewhere = ((0.0, 0.8), (0.2, 0.8), (0.2, 1.0), (0.0, 1.0))
    for area, count in (
        (EVERYWHERE, 1),
        (Area((around,)), 1),
        (Area((elsewhere,)), 0),
        # What was signed and what was set since: only what both allow.
        (Area((around, elsewhere)), 0),
        (Area(without=(around,)), 0),
        (Area((around,), (elsewhere,)), 1),
        (Area((around,), (around,)), 0),
    ):
        assert len(within([face], area, width, height)) == count
        seen = process_frame(
            pixels,
            0.0,
            TrackSet(),
            engine=engine,
            gallery=OneListed(portrait_enrolment().template),
            threshold=DEFAULT_THRESHOLD,
            smallest_face=20,
            area=area,
        )
        assert len(seen.faces) == count
