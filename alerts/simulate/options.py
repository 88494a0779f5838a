"""What a simulation is asked for, and the calendar that follows from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from alerts.errors import ConfigurationError

FileFormat = Literal["jsonl", "parquet"]

DAY_MS = 86_400_000

# The default range ends here rather than today, so that the same arguments give the same bytes.
# A Monday: eight weeks before it is a Monday too.
DEFAULT_END = dt.date(2025, 6, 30)

# Data goes on into the following morning, so that the last full day is complete by data time.
MORNING_MS = 6 * 3_600_000


def default_start(days: int) -> dt.date:
    """The Monday from which `days` days end on or before the fixed default end."""
    start = DEFAULT_END - dt.timedelta(days=days)
    return start - dt.timedelta(days=start.weekday())


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of a simulation; equal options give byte-identical files.

    Attributes:
        users: How many users the shop has.
        days: Full days simulated; the morning after the last one is added.
        seed: Seed of everything random.
        scenario: Name of the planted incidents, see `alerts.simulate.scenarios.SCENARIOS`.
        start: First day (UTC); None for the Monday that ends the range on a fixed date.
        file_format: `jsonl` or `parquet`.
        rows_per_part: A part file is closed once it holds this many rows.
    """

    users: int = 3_000
    days: int = 56
    seed: int = 7
    scenario: str = "demo"
    start: dt.date | None = None
    file_format: FileFormat = "jsonl"
    rows_per_part: int = 250_000

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.users < 1:
            raise ConfigurationError(f"--users {self.users}: at least 1 user is needed.")
        if not 1 <= self.days <= 3_650:
            raise ConfigurationError(f"--days {self.days}: must be between 1 and 3650.")
        if self.seed < 0:
            raise ConfigurationError(f"--seed {self.seed}: must not be negative.")
        if self.start is not None and not 1971 <= self.start.year <= 2080:
            raise ConfigurationError(f"--start {self.start}: must lie between 1971 and 2080.")

    @property
    def calendar(self) -> Calendar:
        """The days these options cover."""
        return Calendar(self.start or default_start(self.days), self.days)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The simulated days: `days` full ones from `first_day`, then a few hours of the next."""

    first_day: dt.date
    days: int

    @property
    def start_ms(self) -> int:
        """First instant, in milliseconds since 1970 UTC."""
        return (self.first_day - dt.date(1970, 1, 1)).days * DAY_MS

    @property
    def end_ms(self) -> int:
        """The instant up to which there is data, in milliseconds since 1970 UTC."""
        return self.midnight_ms(self.days) + MORNING_MS

    def midnight_ms(self, day: int) -> int:
        """Start of day number `day` (from 0), in milliseconds since 1970 UTC."""
        return self.start_ms + day * DAY_MS

    def date(self, day: int) -> dt.date:
        """The date of day number `day`."""
        return self.first_day + dt.timedelta(days=day)

    @property
    def last_full_day(self) -> dt.date:
        """The last day that is complete by data time."""
        return self.date(self.days - 1)

    def weekday(self, day: int) -> int:
        """Monday is 0."""
        return self.date(day).weekday()
