"""System checks of an installation, run by `manage.py check --database default`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.core.checks import register as register_check
from django.db import connections
from django.db.models import Count

from lfr_site.models import User
from lfr_site.roles import conflict_in

QUIET = {"log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0", "log_error_verbosity": "terse"}


def register() -> None:
    register_check(Tags.database)(database_keeps_parameters_out_of_its_log)
    register_check(Tags.security)(proxies_are_named)
    register_check(Tags.database)(nobody_has_roles_to_be_kept_apart)


def nobody_has_roles_to_be_kept_apart(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report accounts with roles that one person cannot have, or with permissions outside the roles."""
    found: list[CheckMessage] = []
    if "default" not in (databases or []) or "lfr_site_user" not in connections["default"].introspection.table_names():
        return found
    for user in User.objects.filter(is_active=True).prefetch_related("groups").annotate(own=Count("user_permissions")):
        conflict = conflict_in([group.name for group in user.groups.all()])
        if conflict:
            hint = "Run `manage.py remove_role USER ROLE` for one of them."
            found.append(Error(f"{user}: {conflict}", hint=hint, id="lfr.E002"))
        if user.is_superuser or user.own:
            hint = "Give them a role with `manage.py give_role USER ROLE`, and remove the other permissions."
            found.append(Error(f"{user} has permissions outside the roles.", hint=hint, id="lfr.E003"))
    return found


def database_keeps_parameters_out_of_its_log(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report settings of PostgreSQL that would log query parameters, such as passers-by's face templates."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            for setting, wanted in QUIET.items():
                cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [setting])
                row = cursor.fetchone()
                if row is None or row[0] != wanted:
                    name = connections[alias].settings_dict["NAME"]
                    hint = f"As a superuser: ALTER DATABASE {name} SET {setting} = {wanted};"
                    message = f"PostgreSQL may write faces or names to its log ({setting} is not {wanted})."
                    found.append(Error(message, hint=hint, id="lfr.E001"))
    return found


def proxies_are_named(**kwargs: Any) -> list[CheckMessage]:
    """Warn if an installation, which probably has a proxy for TLS, does not name it.

    Failed sign-ins of all users would then be counted together, under the proxy's address.
    """
    if settings.IS_DEMO or settings.LFR_TRUSTED_PROXIES:
        return []
    message = "LFR_TRUSTED_PROXIES is empty: all users behind a proxy count as one address when they sign in."
    return [Warning(message, hint="List the addresses of the proxies in front of the web server.", id="lfr.W001")]
