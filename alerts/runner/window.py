"""Which buckets of a mart may be judged: complete ones, up to the mart's own newest data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

from alerts.rules.marts import WEEK

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from alerts.rules.marts import Mart
    from alerts.warehouse import Relation, Warehouse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """The starts of the first and last bucket to judge, a bucket apart."""

    first: date
    last: date
    step: timedelta

    def buckets(self) -> list[date]:
        """Every bucket start, oldest first, whether the mart has rows for it or not."""
        return [
            self.first + n * self.step for n in range((self.last - self.first) // self.step + 1)
        ]


def instant(as_of: date, zone: ZoneInfo) -> datetime:
    """A date as its first moment in the reporting time zone, a time without a zone as UTC."""
    if not isinstance(as_of, datetime):
        return datetime.combine(as_of, time(), zone)
    return as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)


def complete_until(
    warehouse: Warehouse, relation: Relation, mart: Mart, as_of: datetime | None, zone: ZoneInfo
) -> date | None:
    """The end of the newest complete bucket; None where the mart has none.

    By default the data say so: a later bucket exists, or the mart marks the bucket as complete.
    `as_of` takes the place of both.
    """
    if as_of is not None:
        end = as_of.astimezone(zone).date() if mart.in_days else as_of
        return aligned(end, mart.bucket) - mart.settles
    marked = [] if mart.complete is None else [(mart.complete, "=", True)]
    newest = cast("Any", warehouse.aggregate(relation, [], [("max", mart.time)], marked)[0][0])
    if newest is None:
        return None
    end = newest if mart.complete is None else newest + mart.bucket
    return cast("date", end - mart.settles)


def window(mart: Mart, until: date, lookback: timedelta) -> Window:
    """The buckets that end at `until` or before, as far back as `lookback` reaches."""
    last = until - mart.bucket
    return Window(last - (lookback // mart.bucket) * mart.bucket, last, mart.bucket)


def aligned(moment: date, length: timedelta) -> date:
    """The bucket boundary at or before a moment; weeks begin on Mondays."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC) - (moment - _EPOCH) % length
    return moment - timedelta(days=moment.weekday()) if length == WEEK else moment
