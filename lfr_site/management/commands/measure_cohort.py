import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition import cohort
from recognition.cohort import CohortResult, WrongCohort
from recognition.open_set import NoFaces, Photographs, compared
from recognition.reading import read_all
from recognition.statistics import percent, wilson
from recognition.weights import WeightsError
from reports.statistics import fisher, holm
from watchlists.engine import choice, engine, identity


class Command(BaseCommand):
    help = (
        "Measure how well this installation's engine does for each group of a cohort of volunteers, from photographs "
        "in folders <person>/<photograph>.jpg and a table of what the volunteers said (person, ethnicity, sex, age). "
        "The result is a file that a compliance officer records as evidence. Neither photographs nor names are in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--faces", type=Path, required=True, help="Folder of people with their photographs.")
        parser.add_argument("--people", type=Path, required=True, help="CSV: person, ethnicity, sex, age.")
        parser.add_argument("--lowest", type=float, required=True, help="Lowest threshold that the evidence covers.")
        parser.add_argument("--highest", type=float, required=True, help="Highest threshold that it covers.")
        parser.add_argument("--dataset", default="", help="Name of the cohort.")
        parser.add_argument("--export", type=Path, required=True, metavar="FILE", help="Where to write the result.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["lowest"] <= options["highest"] < 1:
            raise CommandError("--lowest and --highest must be between 0 and 1, the lowest first.")
        try:
            text = options["people"].read_text(encoding="utf-8")
            # Before anything is measured, so that no measurement is lost.
            options["export"].touch()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The table must be readable as UTF-8, and the result writable: {error}") from error
        try:
            members = cohort.members_in(text)
            photographs = Photographs.of(options["faces"])
            result = self._measured(photographs, members, options)
        except (NoFaces, WeightsError, WrongCohort) as error:
            raise CommandError(str(error)) from error
        options["export"].write_text(result.to_json(), encoding="utf-8")
        self._print(result)
        self.stdout.write(f"Written to {options['export']}. Attach it on the page “Thresholds” as the report.")

    def _measured(
        self, photographs: Photographs, members: dict[str, dict[str, str]], options: dict[str, Any]
    ) -> CohortResult:
        alone = {path: path.parent.name for path in photographs.non_mated}
        silent = cohort.without_members({**photographs.gallery, **dict.fromkeys(alone.values())}, members)
        if silent:
            raise WrongCohort(f"The table does not name: {', '.join(silent[:10])}{' …' if silent[10:] else ''}.")
        paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
        self.stdout.write(f"{len(photographs.gallery):,} people to enrol, {len(paths):,} photographs to read.")
        readings = read_all(settings.DEEPFACE_HOME, choice(), paths)
        size = len(photographs.gallery)
        enrolled = [(name, each) for name, each in zip(photographs.gallery, readings[:size], strict=True) if each]
        probes = [*(name for name, _ in photographs.mated), *alone.values()]
        seen = [(name, each) for name, each in zip(probes, readings[size:], strict=True)]
        if not enrolled:
            raise NoFaces("No face was found in any photograph to enrol.")
        faces = [each for _, each in seen if each is not None]
        found = compared(engine(), faces, [each for _, each in enrolled]) if faces else np.empty((0, len(enrolled)))
        # A picture without a face finds nobody and mistakes nobody.
        scores = np.full((len(seen), len(enrolled)), -1, np.float32)
        scores[[place for place, (_, each) in enumerate(seen) if each is not None]] = found
        groups = cohort.count_groups(
            scores,
            [name for name, _ in enrolled],
            [name for name, _ in seen],
            members,
            wanted=list(photographs.gallery),
            lowest=options["lowest"],
            highest=options["highest"],
        )
        return CohortResult(
            engine=identity(),
            dataset=options["dataset"] or options["faces"].name,
            dataset_sha256=photographs.digest(),
            measured_on=dt.datetime.now(dt.UTC).date().isoformat(),
            gallery=len(enrolled),
            failed=sum(each is None for each in readings),
            lowest_threshold=options["lowest"],
            highest_threshold=options["highest"],
            groups=groups,
        )

    def _print(self, result: CohortResult) -> None:
        self.stdout.write(f"\n{result.gallery:,} people enrolled; no face on {result.failed:,} photographs.")
        for characteristic, groups in cohort.by_characteristic(result.groups).items():
            self.stdout.write(f"\n{characteristic.capitalize():<30} found (95%)                 mistaken (95%)")
            missed = self._tested([(each.passes - each.recognised, each.passes) for each in groups])
            false = self._tested([(each.false_matches, each.searches) for each in groups])
            for each, p_missed, p_false in zip(groups, missed, false, strict=True):
                found, mistaken = _rate(each.recognised, each.passes), _rate(each.false_matches, each.searches)
                self.stdout.write(f"  {each.group:<28} {found}{p_missed:<8} {mistaken}{p_false}")
        self.stdout.write("\np: each group and all others (Fisher, corrected by Holm). A high one shows no equality.")
        self.stdout.write(
            "Several searches of one person count as if they were of several people: the intervals are too narrow."
        )

    def _tested(self, counts: list[tuple[int, int]]) -> list[str]:
        """Return the p-value of each group against all others, as text; "" where there is nothing to compare."""
        all_count, all_of = sum(count for count, _ in counts), sum(of for _, of in counts)
        pairs = {
            place: (count, of, all_count - count, all_of - of)
            for place, (count, of) in enumerate(counts)
            if of and all_of - of
        }
        values = dict(zip(pairs, holm([fisher(*pair) for pair in pairs.values()]), strict=True))
        return [f" p {values[place]:.2g}" if place in values else "" for place in range(len(counts))]


def _rate(count: int, of: int) -> str:
    if not of:
        return f"{'–':<26}"
    low, high = wilson(count, of)
    return f"{f'{count} of {of}: {percent(count / of)} ({percent(low)} to {percent(high)})':<30}"
