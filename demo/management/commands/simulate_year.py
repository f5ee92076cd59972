import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from demo import seeding
from demo.year import Year, at
from demo.year_plan import plan
from deployments.models import Deployment


class Command(BaseCommand):
    help = "Invent a year of deployments, each taken through every step with the clock set to its moment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--deployments", type=int, default=200)
        parser.add_argument("--seed", type=int, default=2023)
        parser.add_argument("--days-ago", type=int, default=3, help="How long before today the last one is.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO:
            raise CommandError("Invented deployments can be added only to a demonstration (LFR_ENV=demo).")
        if not options["deployments"]:
            return
        if Deployment.objects.exists():
            self.stdout.write("There are deployments already. The past cannot be invented after them.")
            return
        last = timezone.localdate() - dt.timedelta(days=options["days_ago"])
        planned = plan(options["deployments"], last, options["seed"], timezone.get_current_timezone())
        first = planned[0].starts_at
        with at(first - dt.timedelta(days=30)):
            users = seeding.make_users()
        year = Year(users, seeding.portrait(), options["seed"])
        for done, each in enumerate(year.carry_out(planned), start=1):
            self.stdout.write(f"{done:>4} of {len(planned)}: {each.name}", ending="\r")
            self.stdout.flush()
        self.stdout.write(f"Invented {len(planned)} deployments, from {first:%d %B %Y} to {last:%d %B %Y}.")
