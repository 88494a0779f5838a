"""The marts of what was logged under an experiment, in plain Python."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.project.experiment_reference import Experiment, counted_clicks
from tests.project.experiment_shop import item_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.project.experiment_shop import Row, Shop

NAMES = {"impression": "impressions", "click": "clicks", "add_to_cart": "adds"}
NONE = "(none)"


def logged_events(shop: Shop) -> Iterator[tuple[Row, str, str, Row]]:
    """Each event that counts, its experiment and arm, and the response it came from."""
    traces = {row["id"]: row for row in shop.traces}
    running = {row["experiment_key"] for row in shop.experiments if row["started_at"] is not None}
    experiments = {key: Experiment(shop, key) for key in running - {"draft"}}
    clicks = {row["id"] for row in counted_clicks(shop.events)}
    for row in shop.events:
        if row["name"] == "click" and row["id"] not in clicks:
            continue
        trace = traces.get(row["trace_id"], {})
        key, arm = trace.get("experiment_key"), trace.get("variation") or NONE
        if key is None:
            fitting = [
                (at, assigned)
                for assigned, experiment in experiments.items()
                for _, user, variation, at in experiment.in_run()
                if user == row["user_id"]
                and variation == row["variant"]
                and at <= row["created_at"]
                and experiment.runs_at(row["created_at"])
                and experiment.on_surface(row["surface"])
            ]
            newest = max((at for at, _ in fitting), default=None)
            key = min((name for at, name in fitting if at == newest), default=NONE)
            arm = row["variant"] if fitting else NONE
        yield row, key, arm, trace


def blend_weights(shop: Shop) -> dict[tuple[Any, ...], Counter[str]]:
    """Counts by cell of `blend_weights_daily`."""
    cells: dict[tuple[Any, ...], Counter[str]] = {}
    for row, key, arm, trace in logged_events(shop):
        where = (row["created_at"].date(), key, arm, row["namespace"], row["surface"])
        counts = cells.setdefault(cell(where, trace), Counter())
        if row["name"] == "purchase":
            counts["purchases"] += 1
            counts["revenue"] += Fraction(row["revenue"] or 0)
        else:
            counts[NAMES[row["name"]]] += 1
    for row in shop.traces:
        key = row["experiment_key"] or NONE
        where = (
            *(row["created_at"].date(), key, row["variation"] or NONE),
            *(row["namespace"], row["surface"]),
        )
        counts = cells.setdefault(cell(where, row), Counter())
        counts["requests"] += 1
        counts["served_items"] += row["items"]
        counts["personalized_items"] += min(row["personalized"], row["items"])
        counts["unavailable_items"] += min(row["items"], 1)
    return cells


def coverage(shop: Shop) -> dict[tuple[Any, ...], tuple[int, float]]:
    """Full blocks of a thousand served items, and how many different ones each has on average."""
    items: dict[tuple[Any, ...], list[str]] = {}
    for row in sorted(shop.traces, key=lambda row: (row["created_at"], row["id"])):
        where = (row["created_at"].date(), row["experiment_key"] or NONE, row["variation"] or NONE)
        place = cell((*where, row["namespace"], row["surface"]), row)
        items.setdefault(place, []).extend(item_id(row, n) for n in range(row["items"]))
    found = {}
    for place, served in items.items():
        blocks = [set(served[n : n + 1000]) for n in range(0, len(served) - 999, 1000)]
        if blocks:
            found[place] = (len(blocks), sum(map(len, blocks)) / len(blocks))
    return found


def cell(where: tuple[Any, ...], trace: Row) -> tuple[Any, ...]:
    *place, surface = where
    known = [trace.get(name) or "(unknown)" for name in ("user_type", "device")]
    return (*place, surface or "(unknown)", *known)


def hourly(shop: Shop) -> dict[tuple[Any, ...], Counter[str]]:
    """Counts by cell of `experiment_hourly`."""
    cells: dict[tuple[Any, ...], Counter[str]] = {}
    for row, key, arm, _ in logged_events(shop):
        if key == NONE:
            continue
        hour = row["created_at"].replace(minute=0, second=0, microsecond=0)
        counts = cells.setdefault((hour, key, arm, row["surface"] or "(unknown)"), Counter())
        if row["name"] == "purchase":
            counts["revenue"] += Fraction(row["revenue"] or 0)
        else:
            counts[NAMES[row["name"]]] += 1
    return cells
