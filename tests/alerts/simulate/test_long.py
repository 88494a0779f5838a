"""The scenario for the backtest: forty incidents that stay out of each other's way."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

from alerts.simulate import Options, simulate
from alerts.simulate.incidents import BrokenRows, Incident, LateRows, MissingDay
from alerts.simulate.long import LONG, TRACED_DAYS
from alerts.simulate.scenarios import CALM_DAYS, DEMO, plan
from alerts.simulate.trace_incidents import TraceIncident

DAYS = 180
# Of a baseline: days before an incident on which the same figure must be calm.
BASELINE_DAYS = 28


def planted() -> tuple[Incident, ...]:
    return plan("long", DAYS)


def test_all_forty_fit_and_are_of_all_kinds() -> None:
    assert len(planted()) == len(LONG) == 40
    assert len({one.id for one in LONG}) == 40
    assert {type(one) for one in LONG} == {type(one) for one in DEMO}


def test_each_baseline_recovers_before_the_next_incident() -> None:
    places = defaultdict(list)
    for one in planted():
        if not isinstance(one, TraceIncident | MissingDay | BrokenRows | LateRows):
            places[one.details()["surface"], one.metric].append(one)
    for (surface, metric), those in places.items():
        for before, after in pairwise(sorted(those, key=lambda one: one.first_day)):
            calm = after.first_day - before.last_day - 1
            assert calm >= BASELINE_DAYS, (surface, metric, before.id, after.id)


def test_what_happens_to_responses_is_traced_and_has_its_surface_to_itself() -> None:
    places, touched = defaultdict(list), Counter[tuple[str, int]]()
    for one in planted():
        if isinstance(one, TraceIncident):
            assert one.first_day >= DAYS - TRACED_DAYS + CALM_DAYS
            places[one.surface, one.metric].append(one)
            touched.update((one.surface, day) for day in range(one.first_day, one.last_day + 1))
    assert set(touched.values()) == {1}
    for those in places.values():
        for before, after in pairwise(sorted(those, key=lambda one: one.first_day)):
            assert after.first_day - before.last_day > CALM_DAYS, (before.id, after.id)


def test_several_incidents_of_a_kind_are_counted_apart(tmp_path: Path) -> None:
    summary = simulate(tmp_path, Options(users=60, days=DAYS, scenario="long"))
    truth = json.loads(summary.truth.read_text())
    counts = truth["rows"]["personalization_metrics"]
    sizes = {one["id"]: one for one in truth["incidents"]}
    broken = [one["size"] for name, one in sizes.items() if name.startswith("broken")]
    late = [one for name, one in sizes.items() if name.startswith("late")]

    for handling in ("rejected", "refused"):
        each = [sum(one[handling].values()) for one in broken]
        assert min(each) > 0
        assert sum(each) == counts[handling]
    assert len(broken) == 3
    moved = Counter[str]()
    for one in late:
        moved.update(one["size"])
        assert one["size"]["late"] > 0
    assert counts["duplicate"] == moved["duplicate"] + moved["updated"]
    parts = [set(one["parts"]) for one in late]
    assert len(parts) == 2
    assert parts[0].isdisjoint(parts[1])
    for one in late:
        days = {
            json.loads(line)["created_at"][:10]
            for part in one["parts"]
            for line in (tmp_path / "personalization_metrics" / part).read_text().splitlines()
        }
        assert one["first_day"] <= min(days) <= max(days) <= one["last_day"]
