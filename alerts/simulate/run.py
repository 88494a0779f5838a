"""The simulation itself: day after day, slice of users after slice, straight into part files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alerts.errors import ConfigurationError
from alerts.simulate import arrival, truth
from alerts.simulate.assignments import Assignments, Seen
from alerts.simulate.incidents import BrokenRows, Incident, LateRows, effects, of_kind
from alerts.simulate.options import DAY_MS, Options
from alerts.simulate.responses import K
from alerts.simulate.scenarios import plan
from alerts.simulate.tables import (
    catalog_items,
    decision_traces,
    experiment_assignments,
    experiments,
    personalization_metrics,
    personalization_settings,
    sessions,
    user_interactions,
)
from alerts.simulate.tracing import TABLES as TRACING_TABLES
from alerts.simulate.tracing import Tracing
from alerts.simulate.visits import Impressions, Shop, draw_impressions, draw_visits, keep_collected
from alerts.simulate.world import (
    STREAM_BROKEN,
    STREAM_LATE,
    STREAM_VISITS,
    make_world,
    stream,
)
from alerts.simulate.writers import ROWS_PER_SLICE, Table, TableWriter

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

# Users simulated at a time: about 45,000 impressions a day, tens of megabytes.
USERS_PER_SLICE = 10_000

# Says that a directory may be cleared for the next simulation.
MARKER = ".recwatch-simulation"
TRUTH = "truth.json"
_LATE_DIRECTORY = ".late"

TABLES: tuple[Table, ...] = (
    personalization_metrics.TABLE,
    user_interactions.TABLE,
    sessions.TABLE,
    experiments.TABLE,
    experiment_assignments.TABLE,
    personalization_settings.TABLE,
    *TRACING_TABLES,
)

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """One raw table as written: its part files in the order of arrival, and its rows or lines."""

    name: str
    paths: tuple[Path, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a simulation wrote.

    Attributes:
        directory: Where.
        truth: Path of `truth.json`.
        first_day: First simulated day.
        last_full_day: Last complete day.
        tables: The raw tables.
        incidents: The planted incidents.
    """

    directory: Path
    truth: Path
    first_day: dt.date
    last_full_day: dt.date
    tables: tuple[WrittenTable, ...]
    incidents: tuple[Incident, ...]


def simulate(directory: Path, options: Options, advance: Advance | None = None) -> Summary:
    """Write the raw tables of a simulated shop and the truth about it.

    Args:
        directory: A new or empty directory, or one that holds an earlier simulation, which is
            replaced.
        options: What to simulate; equal options give byte-identical files.
        advance: Called with 1 after each of the `count_steps(options)` steps.

    Raises:
        ConfigurationError: The directory holds something else, or the options make no sense.
    """
    incidents = plan(options.scenario, options.days)
    try:
        _prepare(directory)
        run = _Run(directory, options, incidents)
        for day, users, is_last in _steps(options):
            run.slice_of_day(day, users)
            if is_last:
                run.end_of_day(day)
            if advance is not None:
                advance(1)
        return run.finish()
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be written: {error.strerror or error}. Name another directory."
        ) from error


def count_steps(options: Options) -> int:
    """How many steps a simulation takes, for showing its progress."""
    return (options.days + 1) * -(-options.users // USERS_PER_SLICE)


def _steps(options: Options) -> Iterator[tuple[int, range, bool]]:
    """Every day and slice of users, and whether it is the last slice of the day."""
    for day in range(options.days + 1):
        for first in range(0, options.users, USERS_PER_SLICE):
            stop = min(first + USERS_PER_SLICE, options.users)
            yield day, range(first, stop), stop == options.users


def _prepare(directory: Path) -> None:
    """An empty, marked directory; an earlier simulation in it is removed, nothing else ever is."""
    marker = directory / MARKER
    ours = {MARKER, TRUTH, _LATE_DIRECTORY, *(table.name for table in TABLES)}
    present = {path.name for path in directory.iterdir()} if directory.exists() else set()
    foreign = sorted(present - ours)
    if foreign or (present and not marker.exists()):
        what = foreign[0] if foreign else sorted(present)[0]
        raise ConfigurationError(
            f"{directory} holds {what}, which no simulation wrote: name a new or empty directory."
        )
    for name in present - {MARKER}:
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    marker.touch()


class _Run:
    """The state of one simulation: where the numbering stands, what is open, what was counted."""

    def __init__(self, directory: Path, options: Options, incidents: tuple[Incident, ...]) -> None:
        self._directory = directory
        self._options = options
        self._incidents = incidents
        world = make_world(options)
        self._shop = Shop(
            world=world,
            assignments=Assignments(options.users, options.days),
            effects=effects(incidents, options.days),
            seen=world.users.joined_day < 0,
        )
        self._interactions = user_interactions.Schedule(world.calendar)
        self._writers = {table.name: self._writer(directory, table) for table in TABLES}
        self._tracing = Tracing(world, self._shop.assignments, incidents, self._writers)
        self._late = {
            incident.id: self._writer(
                directory / _LATE_DIRECTORY / incident.id, personalization_metrics.TABLE
            )
            for incident in of_kind(incidents, LateRows)
        }
        self._tally = truth.Tally()
        self._visits = 0
        self._impressions = 0
        self._write_settings()
        self._writers[experiments.TABLE.name].write(experiments.columns(world.calendar))

    def _writer(self, directory: Path, table: Table) -> TableWriter:
        options = self._options
        rows = options.rows_per_part
        if table is decision_traces.TABLE:
            rows = max(1, rows // K)  # each weighs as much as its items
        return TableWriter(directory, table, options.file_format, rows)

    def _write_settings(self) -> None:
        writer = self._writers[personalization_settings.TABLE.name]
        for first in range(0, self._options.users, ROWS_PER_SLICE):
            numbers = range(first, min(first + ROWS_PER_SLICE, self._options.users))
            writer.write(personalization_settings.columns(self._shop.world, numbers))

    def slice_of_day(self, day: int, users: range) -> None:
        """All that these users do on visits that begin on this day."""
        shop_seen = self._tracing.slice_of_day(day, users)
        shop, seed = self._shop, self._options.seed
        rng = stream(seed, STREAM_VISITS, day, users.start)
        visits = draw_visits(shop, rng, day, users)
        visits, drawn = draw_impressions(shop, rng, day, visits)
        visits, drawn = keep_collected(shop, visits, drawn, (self._visits, self._impressions))
        self._visits += len(visits.number)
        self._impressions += len(drawn.number)
        self._write_assignments(day, Seen(visits.user, visits.start_ms), shop_seen)
        if not len(visits.number):
            return
        self._interactions.add(shop, user_interactions.draw(rng, drawn))
        for first in range(0, len(visits.number), ROWS_PER_SLICE):
            rows = visits.take(np.arange(first, min(first + ROWS_PER_SLICE, len(visits.number))))
            self._writers[sessions.TABLE.name].write(sessions.columns(shop.world, rows))
        self._write_impressions(day, users, drawn)

    def _write_assignments(self, day: int, app: Seen, shop: Seen) -> None:
        assigned = experiment_assignments.columns(self._shop.assignments.log(day, app, shop))
        if assigned["user_id"]:
            self._writers[experiment_assignments.TABLE.name].write(assigned)

    def _write_impressions(self, day: int, users: range, drawn: Impressions) -> None:
        """On time into the table's part, late into a part of its own, broken ones beside them."""
        writer = self._writers[personalization_metrics.TABLE.name]
        on_time = drawn
        for incident in of_kind(self._incidents, LateRows):
            # Visits may run over midnight into the first of these days.
            if incident.first_day - 1 <= day <= incident.last_day:
                rng = stream(self._options.seed, STREAM_LATE, day, users.start)
                calendar = self._shop.world.calendar
                on_time, late, counts = arrival.arrive(rng, incident, calendar, on_time)
                self._tally.arrivals[incident.id] += counts
                self._write_slices(self._late[incident.id], late)
        self._write_slices(writer, on_time)
        for broken in of_kind(self._incidents, BrokenRows):
            if broken.first_day <= day <= broken.last_day:
                self._write_broken(writer, day, users, (broken, drawn))

    def _write_slices(self, writer: TableWriter, drawn: Impressions) -> None:
        for first in range(0, len(drawn.number), ROWS_PER_SLICE):
            rows = drawn.take(np.arange(first, min(first + ROWS_PER_SLICE, len(drawn.number))))
            writer.write(personalization_metrics.columns(self._shop.world, rows))

    def _write_broken(
        self, writer: TableWriter, day: int, users: range, what: tuple[BrokenRows, Impressions]
    ) -> None:
        incident, drawn = what
        midnight = self._shop.world.calendar.midnight_ms(day)
        sound = personalization_metrics.columns(
            self._shop.world, drawn.take(drawn.created_ms < midnight + DAY_MS)
        )
        rng = stream(self._options.seed, STREAM_BROKEN, day, users.start)
        typed_only = self._options.file_format == "parquet"
        broken = arrival.spoil_rows(rng, incident, sound, typed_only=typed_only)
        if broken.rows["id"]:
            writer.write(broken.rows)
        if broken.lines:
            writer.write_lines(broken.lines)
        self._tally.rejected[incident.id] += broken.counts["rejected"]
        self._tally.refused[incident.id] += broken.counts["refused"]

    def end_of_day(self, day: int) -> None:
        """What arrives when all slices of the day are in."""
        self._tracing.end_of_day(day)
        writer = self._writers[user_interactions.TABLE.name]
        for rows in self._interactions.due(self._shop.world, day):
            writer.write(rows)
        for incident in of_kind(self._incidents, LateRows):
            if incident.arrival_day == day:
                impressions = self._writers[personalization_metrics.TABLE.name]
                before = len(impressions.paths)
                impressions.adopt(self._late[incident.id])
                parts = [path.name for path in impressions.paths[before:]]
                self._tally.late_parts[incident.id] = parts

    def finish(self) -> Summary:
        """Close all files and write the truth."""
        for writer in self._writers.values():
            writer.close_part()
        shutil.rmtree(self._directory / _LATE_DIRECTORY, ignore_errors=True)
        self._tally.duplicates[catalog_items.TABLE.name] = self._tracing.changed_items
        self._tally.logged = self._shop.assignments.logged()
        self._tally.lines = {name: writer.rows for name, writer in self._writers.items()}
        document = truth.build(self._options, self._incidents, self._tally)
        path = self._directory / TRUTH
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        calendar = self._shop.world.calendar
        return Summary(
            directory=self._directory,
            truth=path,
            first_day=calendar.first_day,
            last_full_day=calendar.last_full_day,
            tables=tuple(
                WrittenTable(name, tuple(writer.paths), writer.rows)
                for name, writer in self._writers.items()
            ),
            incidents=self._incidents,
        )
