"""A small report: two surfaces, a fortnight, an incident, two alarms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from alerts.report.content import Alarm, Content, Count, Shade, TruthRow
from alerts.report.figures import (
    Engagement,
    Figures,
    FunnelRow,
    Histogram,
    HistogramBar,
    Surface,
)
from alerts.report.served import Place, Served

FIRST = date(2025, 6, 2)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(14))
HOSTILE = "<script>alert(1)</script> & \"friends\" 'too'"


def figures() -> Figures:
    surfaces = (Surface("home", 0.04, 5000.0, "shop"), Surface("pdp", None, None, ""))
    engagement = {
        (surface.name, day): Engagement(1000, 30 if day == DAYS[-1] else 90, 800, 8_000_000.0)
        for surface in surfaces
        for day in DAYS
        if day != DAYS[3]
    }
    return Figures(
        surfaces=surfaces,
        days=DAYS,
        engagement=engagement,
        coverage={"home": 0.25},
        funnel=(FunnelRow("home", 1000, 90, 9), FunnelRow("pdp", 1000, 0, 0)),
        funnel_days=(DAYS[0], DAYS[6]),
        histogram=Histogram(
            "home",
            ("0-1s", "1-2s"),
            tuple(
                HistogramBar(days, bucket, 0.5)
                for days in ("before", "now")
                for bucket in ("0-1s", "1-2s")
            ),
        ),
        places=(place("shop/home"), place(HOSTILE)),
    )


def place(name: str) -> Place:
    """Two days and a day of five minutes, without the third day and the second bucket."""
    midnight = datetime(2025, 6, 3, tzinfo=UTC)
    moments = tuple(
        (midnight + n * timedelta(minutes=5), None if n == 1 else 0.6) for n in range(288)
    )
    daily = {FIRST: Served(0.6, 0.1), DAYS[1]: Served(0.5, None), DAYS[3]: Served(0.6, 0.2)}
    return Place(name, DAYS[:4], daily, DAYS[1], moments)


def content() -> Content:
    return Content(
        title="A report",
        summary=HOSTILE,
        verdicts=(("all found", True), ("1 firing", False)),
        shades=(Shade("drop", DAYS[12], DAYS[-1] + timedelta(days=1), "home", "ctr"),),
        alarms=(
            Alarm("ctr-floor", "page", "home", "ctr", DAYS[13], DAYS[13], False, True, "drop"),
            Alarm("ctr-week", "warn", "home", "ctr", DAYS[7], DAYS[13], True, False, ""),
        ),
        truth=(TruthRow("drop", "ctr_drop", "home", "d", HOSTILE, "ctr-floor", "x", "found"),),
        false_alarms=("ctr-week {surface=home}",),
        counts=(Count("sessions", "accepted", 12_345, 12_345), Count("sessions", "bad", 1, 2)),
        histogram=Shade("drop", DAYS[12], DAYS[13], "home", "ctr"),
    )
