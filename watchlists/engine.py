"""The engine of this installation: which models the settings name, and where their weights are staged."""

from __future__ import annotations

from django.conf import settings

from recognition.engine import Choice, Engine, EngineIdentity, engine_at, identity_of


def choice() -> Choice:
    """What the settings ask for.

    Raises:
        recognition.weights.WeightsError: there is no such model, or the digest of its weights must be named.
    """
    return Choice.of(settings.LFR_MODEL, settings.LFR_MODEL_SHA256)


def engine() -> Engine:
    """This process's engine, loaded at the first call.

    Raises:
        recognition.weights.WeightsError: its weights are missing or not the measured ones.
    """
    return engine_at(settings.DEEPFACE_HOME, choice())


def identity() -> EngineIdentity:
    """What that engine's scores depend on, without loading it.

    Raises:
        recognition.weights.WeightsError: its weights are missing or not the measured ones.
    """
    return identity_of(settings.DEEPFACE_HOME, choice())
