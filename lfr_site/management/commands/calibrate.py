import datetime as dt
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.calibration import Calibration, CannotSupport
from recognition.open_set import NoFaces, Photographs, outcome
from recognition.reading import read_all
from recognition.weights import WeightsError
from watchlists import engines
from watchlists.defaults import Measurement
from watchlists.engine import choice, engine, identity

FPIRS = (0.01, 0.003, 0.001)
LONGEST_NAME = 120


class Command(BaseCommand):
    help = (
        "Measure this installation's engine on photographs in folders <person>/<photograph>.jpg, save the scores as a "
        "calibration, and print the threshold for each rate. The photographs are not saved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--faces", type=Path, required=True, help="Folder of people with their photographs.")
        parser.add_argument("--dataset", default="", help="Name of the set of photographs.")
        parser.add_argument("--list-size", type=int, help="People on the list (default: as many as enrolled).")
        parser.add_argument("--footfall", type=int, default=10_000, help="Faces that will pass (default: 10,000).")
        parser.add_argument("--export", type=Path, metavar="FILE", help="Also write the measurement as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list_size"] is not None and options["list_size"] < 1:
            raise CommandError("--list-size must be 1 or more.")
        if len(options["dataset"]) > LONGEST_NAME:
            raise CommandError(f"--dataset must have {LONGEST_NAME} characters or fewer.")
        try:
            photographs = Photographs.of(options["faces"])
            measured = self._measured(photographs)
        except (NoFaces, WeightsError) as error:
            raise CommandError(str(error)) from error
        size = options["list_size"] or measured.gallery
        self._print(measured, size, options["footfall"])
        measurement = Measurement(
            engine=identity(),
            dataset=options["dataset"] or options["faces"].name,
            dataset_sha256=photographs.digest(),
            measured_on=dt.datetime.now(dt.UTC).date(),
            scores=measured,
        )
        row = engines.add_calibration(engines.register_engine(measurement.engine), measurement)
        if options["export"]:
            options["export"].write_text(json.dumps(measurement.to_json()) + "\n")
        self.stdout.write(f"Saved as calibration {row.pk} of {row.engine}: {row}.")
        self.stdout.write("This puts no threshold in force. Propose one on the thresholds page.")

    def _measured(self, photographs: Photographs) -> Calibration:
        paths = [*photographs.gallery.values(), *(path for _, path in photographs.mated), *photographs.non_mated]
        self.stdout.write(
            f"{len(photographs.gallery):,} people to enrol, {len(photographs.mated):,} other photographs of them, "
            f"{len(photographs.non_mated):,} strangers."
        )

        def progress(done: int) -> None:
            if done % 500 == 0 or done == len(paths):
                self.stdout.write(f"  {done:,} of {len(paths):,} photographs read")

        readings = read_all(settings.DEEPFACE_HOME, choice(), paths, progress)
        found = outcome(engine(), photographs, readings)
        if found.failed_to_enrol or found.failed_probes:
            faceless = found.failed_to_enrol + found.failed_probes
            self.stdout.write(f"No face was found on {faceless:,} photographs.")
        return Calibration.of(found)

    def _print(self, measured: Calibration, size: int, footfall: int) -> None:
        self.stdout.write(f"\nOn a watchlist of {size:,} people, searched once for each of {footfall:,} passers-by:")
        if measured.is_extrapolated(size):
            self.stdout.write(f"(extrapolated: {measured.gallery:,} people were enrolled for the measurement)")
        self.stdout.write("  false matches       threshold (95%)          found (95%)             false alerts (95%)")
        for fpir in FPIRS:
            try:
                chosen = measured.threshold(fpir, size)
            except CannotSupport as error:
                self.stdout.write(f"  {fpir:>8.1%}            {error}")
                continue
            alerts = measured.false_alerts(chosen.value, size, footfall)
            self.stdout.write(
                f"  {fpir:>8.1%}            {chosen.value:.3f} ({chosen.low:.3f} to {chosen.high:.3f})   "
                f"{chosen.tpir.value:.1%} ({chosen.tpir.low:.1%} to {chosen.tpir.high:.1%})   "
                f"{alerts.value:,.0f} ({alerts.low:,.0f} to {alerts.high:,.0f})"
            )
        self.stdout.write("")
