"""The actors: a user, or a part of the system."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser


@dataclass(frozen=True)
class System:
    """An actor that is not a person: the clock, a camera or the installer."""

    name: str

    def __str__(self) -> str:
        return self.name


CLOCK = System("the clock")
SAFEGUARD = System("the automatic safeguard")
INSTALLER = System("the installer")

Actor = AbstractBaseUser | System
