"""From a frame to its alerts: the terms of the deployment, and failures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time

import pytest
from django.db import DatabaseError

from alerts import raising
from alerts.models import Alert
from capture import pipeline
from capture.frame_queue import Frame
from capture.pipeline import NotLive, OtherEngine, read_frame
from deployments.models import Camera, Deployment
from recognition.engine import Engine
from recognition.imaging import bounded, encode_jpeg
from recognition.track import TrackSet
from tests.cast import Cast, cameras_of, end, make_live_deployment, portrait, portrait_jpeg, sign_again
from watchlists.models import Engine as EngineRow


@pytest.fixture
def deployment(cast: Cast) -> Deployment:
    return make_live_deployment(cast)


def _camera(deployment: Deployment) -> Camera:
    return cameras_of(deployment)[0]


def _frame(number: int) -> Frame:
    return Frame(number, time.time(), number / 5, "reply!1", portrait_jpeg())


def test_a_listed_face_becomes_one_alert(deployment: Deployment, engine: Engine) -> None:
    tracks, camera = TrackSet(), _camera(deployment)
    readings = [read_frame(str(camera.id), _frame(number), tracks, engine) for number in range(3)]
    alert = Alert.objects.get()
    assert (alert.camera, alert.operating_point) == (camera, deployment.operating_point)
    # The same shot again raises nothing.
    assert [shot.frame_number for shot in alert.shots.all()] == [0]
    assert [reading.new_faces for reading in readings] == [0, 1, 0]
    left, top, width, height = readings[0].boxes[0]
    assert 0 < left < left + width < 1
    assert 0 < top < top + height < 1


def test_light_and_focus_are_measured_when_the_camera_asks_for_them(deployment: Deployment, engine: Engine) -> None:
    camera, tracks = str(_camera(deployment).id), TrackSet()
    asked = dataclasses.replace(_frame(0), wants_light=True)
    light = read_frame(camera, asked, tracks, engine).light
    assert light is not None
    assert 0 < light[0] < 255
    assert read_frame(camera, _frame(1), tracks, engine).light is None


def test_a_person_is_counted_once_if_the_camera_changes_its_frame_size(deployment: Deployment, engine: Engine) -> None:
    tracks, camera = TrackSet(), _camera(deployment)
    pictures = [portrait_jpeg(), encode_jpeg(bounded(portrait(), 384), 60), portrait_jpeg()]
    readings = [
        read_frame(str(camera.id), Frame(number, time.time(), number / 5, "reply!1", picture), tracks, engine)
        for number, picture in enumerate(pictures)
    ]
    assert [reading.new_faces for reading in readings] == [0, 1, 0]
    assert len(tracks.tracks) == 1
    assert Alert.objects.count() == 1


def test_a_person_who_stays_in_view_updates_the_alert(deployment: Deployment, engine: Engine) -> None:
    tracks, camera, began = TrackSet(), _camera(deployment), time.time()
    for second in range(7):
        read_frame(
            str(camera.id), Frame(second, began + second, float(second), "reply!1", portrait_jpeg()), tracks, engine
        )
    alert = Alert.objects.get()
    assert alert.shots.count() == 1
    assert alert.last_seen_at - alert.received_at == dt.timedelta(seconds=5)


def test_an_alert_that_could_not_be_stored_is_raised_by_the_next_frame(
    deployment: Deployment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks, camera = TrackSet(), _camera(deployment)

    def away(*args: object) -> None:
        raise DatabaseError("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(raising, "raise_alerts", away)
        with pytest.raises(DatabaseError):
            read_frame(str(camera.id), _frame(0), tracks, engine)
    # The tracks kept between frames do not record an alert that was not stored.
    tracks = TrackSet.from_json(tracks.to_json())
    read_frame(str(camera.id), _frame(1), tracks, engine)
    assert [shot.frame_number for shot in Alert.objects.get().shots.all()] == [1]


def test_an_engine_that_is_not_authorised_processes_nothing(
    deployment: Deployment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    EngineRow.objects.update(preprocessing="an older one")
    sign_again()
    monkeypatch.setattr(pipeline, "decode_frame", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(OtherEngine):
        read_frame(str(_camera(deployment).id), _frame(0), TrackSet(), engine)


def test_frames_of_an_ended_deployment_are_refused(deployment: Deployment, engine: Engine, cast: Cast) -> None:
    end(deployment, cast)
    with pytest.raises(NotLive):
        read_frame(str(_camera(deployment).id), _frame(0), TrackSet(), engine)
