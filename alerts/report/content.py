"""What a report says beside the figures of the marts: plain values that others have judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

# What a panel shows: incidents and alarms are marked where they concern it.
Metric = Literal["ctr", "avg_dwell_ms"]
# The same for the panels of decision traces, whose surfaces are named with their shop.
ServedMetric = Literal["personalized_impression_rate", "catalog_overlap_pct"]


@dataclass(frozen=True)
class Shade:
    """Days to shade; without a surface or metric on every panel."""

    label: str
    first: date
    last: date
    surface: str | None = None
    metric: Metric | None = None


@dataclass(frozen=True)
class Alarm:
    """One episode of a rule: `first` to `last` are days, both included.

    A `weekly` one stands below its panel, since it belongs to no single day. One whose `metric` no
    panel shows has None.
    """

    rule: str
    severity: str
    surface: str | None
    metric: Metric | ServedMetric | None
    first: date
    last: date
    weekly: bool
    firing: bool
    cause: str


@dataclass(frozen=True)
class TruthRow:
    """One planted incident and what found it."""

    incident: str
    kind: str
    surface: str
    days: str
    sentence: str
    expected: str
    found: str
    status: Literal["found", "shown", "missed"]


@dataclass(frozen=True)
class Count:
    """Rows of a raw table with one end, as counted and as planted."""

    table: str
    reason: str
    counted: int
    planted: int


@dataclass(frozen=True)
class Content:
    """Everything in the report that is not a figure of a mart.

    Attributes:
        title: The first line.
        summary: A sentence or two below it.
        verdicts: Short facts, each with whether it is as it should be.
        shades: Days to shade on the panels.
        alarms: Every episode, in order of time.
        truth: Planted against found.
        false_alarms: Alarms without a cause, a line each.
        counts: Raw rows by what became of them.
        histogram: The surface and days whose dwell to compare with the week before.
        limits: The bounds to draw on the panels of decision traces.
    """

    title: str
    summary: str
    verdicts: tuple[tuple[str, bool], ...]
    shades: tuple[Shade, ...]
    alarms: tuple[Alarm, ...]
    truth: tuple[TruthRow, ...]
    false_alarms: tuple[str, ...]
    counts: tuple[Count, ...]
    histogram: Shade | None = None
    limits: Mapping[ServedMetric, float] = field(default_factory=dict)
