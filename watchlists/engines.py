"""Operations on recognition engines: registration, calibrations and templates."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

import recognition.engine
from audit.actions import Action
from audit.journal import record
from core.actors import INSTALLER, Actor
from recognition.engine import EngineIdentity
from watchlists.defaults import DEFAULT_THRESHOLD, Measurement
from watchlists.engine import identity as running_identity
from watchlists.models import Calibration, Engine, Photograph, Template


@transaction.atomic
def register_engine(identity: EngineIdentity, *, actor: Actor = INSTALLER) -> Engine:
    """Return the row of this engine. It is created if the engine is new."""
    engine, is_new = Engine.objects.get_or_create(
        model=identity.model,
        digest=identity.digest,
        preprocessing=identity.preprocessing,
        second_digest=identity.second_digest,
        defaults={
            "dimension": identity.dimension,
            "second_model": identity.second_model,
            "second_dimension": identity.second_dimension,
        },
    )
    if is_new:
        data = {"digest": identity.digest, "second_digest": identity.second_digest}
        record(Action.ENGINE_REGISTERED, actor=actor, target=engine, data=data)
    return engine


def current_engine() -> Engine:
    """Return the row of the engine whose weights are staged here."""
    identity = running_identity()
    return Engine.objects.get(
        model=identity.model,
        digest=identity.digest,
        preprocessing=identity.preprocessing,
        second_digest=identity.second_digest,
    )


@transaction.atomic
def add_calibration(engine: Engine, measurement: Measurement, *, actor: Actor = INSTALLER) -> Calibration:
    """Store a measurement of an engine."""
    calibration = Calibration.objects.create(
        engine=engine,
        dataset=measurement.dataset,
        dataset_digest=measurement.dataset_sha256,
        measured_on=measurement.measured_on,
        scores=measurement.scores.to_json(),
    )
    data = {"dataset": measurement.dataset, "dataset_sha256": measurement.dataset_sha256, "engine": engine.digest}
    record(Action.CALIBRATION_ADDED, actor=actor, target=calibration, data=data)
    return calibration


def likeness_threshold(engine: Engine) -> float:
    """Return the score from which two photographs may be of one person, to warn those who compile lists.

    The newest threshold in force, or the shipped default before there is one. No camera is compared with it.
    """
    point = engine.operating_points.first()
    return DEFAULT_THRESHOLD if point is None else point.threshold


@transaction.atomic
def keep_templates(read: Sequence[tuple[Photograph, recognition.engine.Template]], *, actor: Actor = INSTALLER) -> None:
    """Store the present engine's templates of photographs that another engine had read."""
    if not read:
        return
    engine = current_engine()
    for photograph, template in read:
        keep_template(photograph, engine, template)
    data: dict[str, str | int | bool | None] = {"photographs": len(read), "engine": engine.digest}
    record(Action.PHOTOGRAPHS_READ_AGAIN, actor=actor, target=engine, data=data)


def keep_template(photograph: Photograph, engine: Engine, template: recognition.engine.Template) -> None:
    """Store an engine's template of a photograph. The calling operation writes the audit log."""
    Template.objects.create(photograph=photograph, engine=engine, embedding=template.embedding, second=template.second)
