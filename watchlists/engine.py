"""The recognition engine of this installation: the models that the settings name, and their staged weights."""

from __future__ import annotations

from django.conf import settings

from recognition.engine import Choice, Engine, EngineIdentity, engine_at, identity_of


def choice() -> Choice:
    """Return the models that the settings name.

    Raises:
        recognition.weights.WeightsError: there is no such model, or the settings must give the digest of its weights.
    """
    return Choice.of(settings.LFR_MODEL, settings.LFR_MODEL_SHA256)


def engine() -> Engine:
    """Return this process's engine, which is loaded at the first call.

    Raises:
        recognition.weights.WeightsError: its weights are missing or are not the measured ones.
    """
    return engine_at(settings.DEEPFACE_HOME, choice())


def identity() -> EngineIdentity:
    """Return what that engine's scores depend on, without loading it.

    Raises:
        recognition.weights.WeightsError: its weights are missing or are not the measured ones.
    """
    return identity_of(settings.DEEPFACE_HOME, choice())
