from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from lfr_site.accounts import remove_role
from lfr_site.models import User
from lfr_site.roles import ROLES


class Command(BaseCommand):
    help = "Remove a role from a user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("role", choices=list(ROLES))

    def handle(self, *args: Any, username: str, role: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user “{username}”.")
        try:
            remove_role(user, role)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        roles = ", ".join(user.groups.order_by("name").values_list("name", flat=True)) or "none"
        self.stdout.write(f"{user} has these roles: {roles}.")
