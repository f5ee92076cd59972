"""The composed street reports the position of every face, on which measurements are based."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demo import scene
from recognition.engine import Engine
from recognition.open_set import NoFaces, photographs


@pytest.fixture(scope="module")
def looks(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> list[scene.Cutout]:
    pictures = photographs(scene.bundled_faces(tmp_path_factory.mktemp("faces")))["portrait"]
    assert len(pictures) == 4
    return [look for path in pictures if (look := scene.cutout(engine, path)) is not None]


def test_faces_are_where_the_street_reports_them(engine: Engine, looks: list[scene.Cutout]) -> None:
    people = {f"person {number}": looks for number in range(8)}
    street = scene.Street(scene.walk_past(people, seconds=12, seed=3), seed=3)
    found = told = 0
    for at in np.arange(0.5, 11, 0.7):
        pixels, visible = street.frame(float(at))
        faces = engine.detect(pixels, 32)
        told += len(visible)
        for person in visible:
            left, top, width, height = person.box
            centres = [(left + width / 2 - x, top + height / 2 - y) for x, y in (face.centre for face in faces)]
            found += any(abs(dx) < width * 0.25 and abs(dy) < height * 0.25 for dx, dy in centres)
    assert told > 30
    assert found / told > 0.95


def test_everybody_walks_once(looks: list[scene.Cutout]) -> None:
    walkers = scene.walk_past({f"p{number}": looks for number in range(10)}, seconds=20)
    assert sorted(walker.person for walker in walkers) == sorted(f"p{number}" for number in range(10))
    assert scene.Street(walkers).seconds <= 20
    with pytest.raises(ValueError, match="need at least"):
        scene.walk_past({f"p{number}": looks for number in range(40)}, seconds=10)


def test_the_same_seed_gives_the_same_street(looks: list[scene.Cutout]) -> None:
    frames = [scene.Street(scene.walk_past({"a": looks}, seconds=8, seed=5), seed=5).frame(3)[0] for _ in range(2)]
    assert (frames[0] == frames[1]).all()


def test_an_empty_folder_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(NoFaces, match="<person>/<photograph>"):
        photographs(tmp_path)
