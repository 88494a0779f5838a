"""How old loads and rows are, and what was refused, on real DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner.document import result_document
from tests.alerts.handmade import Cell, healthy
from tests.alerts.runner.helpers import day, one, run, shipped, states

if TYPE_CHECKING:
    from alerts.runner import Evaluation
    from tests.alerts.handmade import Marts

LOADED = datetime(2025, 3, 3, 2, tzinfo=UTC)
LOADS: dict[str, Any] = {
    "name": "loads",
    "kind": "freshness",
    "mart": "analytics.data_quality_daily",
    "by": ["source_table"],
    "when": "> 26h",
}
ROWS: dict[str, Any] = {
    "name": "rows",
    "kind": "freshness",
    "mart": "analytics.engagement_daily",
    "by": ["surface"],
    "when": ">= 1d",
}
REFUSED: dict[str, Any] = {"name": "refused", "kind": "quarantine", "when": "> 0.01"}


def after(hours: float) -> datetime:
    return LOADED + timedelta(hours=hours)


def loaded(marts: Marts, *hours: float, table: str = "sessions") -> None:
    marts.quality(*((int(h // 24), table, "accepted", 100, after(h)) for h in hours))


def spans(evaluation: Evaluation) -> list[tuple[Any, Any, Any, bool]]:
    return [(e.first, e.last, e.ended, e.open) for e in evaluation.episodes]


def test_the_age_of_the_newest_load_by_the_clock(marts: Marts) -> None:
    loaded(marts, 0, 24)
    fine = one(run(marts, LOADS, now=after(50)))
    assert (fine.state, fine.value, fine.threshold) == ("ok", 26 * 3600, 26 * 3600)
    assert fine.reason == "newest load 2025-03-04T02:00:00Z: not > 26 h ago"
    late = one(run(marts, LOADS, now=after(50.5)))
    assert (late.state, late.since, late.bucket) == ("firing", after(50), after(50.5))
    assert late.reason == "no load since 2025-03-04T02:00:00Z: 26 h 30 min > 26 h"
    assert late.until == after(50.5)
    again = one(run(marts, LOADS, as_of=late.until))
    assert result_document(again) == result_document(late)


def test_an_episode_of_old_loads_stays_the_same_and_ends_with_the_next(marts: Marts) -> None:
    loaded(marts, 0)
    assert spans(run(marts, LOADS, now=after(27))) == [(after(26), after(27), None, True)]
    assert spans(run(marts, LOADS, now=after(40))) == [(after(26), after(40), None, True)]
    loaded(marts, 48)
    ended = run(marts, LOADS, now=after(50))
    assert spans(ended) == [(after(26), after(26), after(48), False)]
    assert one(ended).state == "ok"


def test_only_accepted_rows_of_the_named_tables_are_loads(marts: Marts) -> None:
    loaded(marts, 0)
    loaded(marts, 0, table="experiments")
    marts.quality((1, "sessions", "missing_id", 5, after(30)))
    assert states(run(marts, LOADS, now=after(40))) == {
        "sessions": "firing",
        "experiments": "firing",
    }
    some = {**LOADS, "sources": ["sessions", "shop_events"]}
    assert states(run(marts, some, now=after(40))) == {"sessions": "firing"}
    none = run(marts, {**LOADS, "sources": ["shop_events"]}, now=after(40))
    assert none.unjudged == ("loads",)


def test_a_load_after_the_evaluation_is_not_there_yet(marts: Marts) -> None:
    loaded(marts, 0, 30)
    assert one(run(marts, LOADS, as_of=after(20))).state == "ok"
    assert one(run(marts, LOADS, as_of=after(28))).state == "firing"
    assert run(marts, LOADS, as_of=after(-1)).results == ()


def test_without_a_clock_the_age_of_loads_is_not_judged(marts: Marts) -> None:
    loaded(marts, 0)
    evaluation = run(marts, LOADS)
    assert evaluation.unjudged == ("loads",)
    assert "takes the time of evaluation" in evaluation.warnings[0]


def test_a_day_without_rows_is_a_breach_on_that_day(marts: Marts) -> None:
    marts.daily(*(cell for cell in healthy(12) if cell.day not in {4, 7, 8}))
    marts.daily(Cell(4, "pdp"))
    found = [
        (dict(e.labels)["surface"], e.first, e.last, e.ended, e.worst)
        for e in run(marts, ROWS).episodes
    ]
    length = 86_400
    assert found == [
        ("for_you", day(4), day(4), day(5), length),
        ("for_you", day(7), day(8), day(9), 2 * length),
        ("home", day(4), day(4), day(5), length),
        ("home", day(7), day(8), day(9), 2 * length),
        ("pdp", day(7), day(8), day(9), 2 * length),
    ]
    silent = run(marts, ROWS, as_of=day(14)).results
    assert {(r.state, r.since, r.value) for r in silent} == {("firing", day(12), 2 * length)}
    assert silent[0].reason == "no row since 2025-03-14: 2 d >= 24 h"


def test_a_surface_that_never_had_a_row_is_no_data(marts: Marts) -> None:
    marts.daily(Cell(0, "home"), Cell(1, "home"), Cell(2, "home"))
    assert states(run(marts, ROWS)) == {"for_you": "no_data", "home": "ok", "pdp": "no_data"}


def test_the_share_refused_of_what_was_loaded_on_a_day(marts: Marts) -> None:
    marts.quality(
        (0, "sessions", "accepted", 985, LOADED),
        (0, "sessions", "duplicate", 5, LOADED),
        (0, "sessions", "missing_id", 8, LOADED),
        (0, "sessions", "invalid_time", 2, LOADED),
        # Counted as accepted too: neither refused nor one more row.
        (0, "sessions", "reason_count_wrong", 500, LOADED),
        (2, "sessions", "accepted", 95, LOADED),
        (2, "sessions", "missing_id", 5, LOADED),
        (3, "shop_events", "accepted", 10, LOADED),
    )
    judged = run(marts, REFUSED, as_of=day(1))
    assert (one(judged).state, one(judged).value) == ("ok", 0.01)
    assert one(judged).reason == "refused_share 1 % not > 1 % (refused 10 / rows 1,000)"
    # A day without a load says nothing of loads: the newest one counts.
    assert one(run(marts, REFUSED, as_of=day(2))).bucket == day(0)
    later = one(run(marts, REFUSED))
    assert (later.state, later.bucket, later.value) == ("firing", day(2), 0.05)
    guarded = {**REFUSED, "min_denominator": {"column": "rows", "value": 101}}
    assert one(run(marts, guarded)).state == "too_few"


@pytest.mark.parametrize("name", ["missing-day", "quarantine-rate"])
def test_the_shipped_rules_find_them(marts: Marts, name: str) -> None:
    marts.daily(*(cell for cell in healthy(12) if cell.day != 9))
    for n in range(12):
        refused = 30 if n == 5 else 2
        marts.quality(
            (n, "sessions", "accepted", 1000, LOADED),
            (n, "sessions", "missing_id", refused, LOADED),
        )
    expected = {"missing-day": {day(9)}, "quarantine-rate": {day(5)}}
    found = {e.first for e in shipped(marts).episodes if e.rule == name}
    assert found == expected[name]
    assert name in {rule.name for rule in load_rules([DEFAULT_RULES]).rules}
