"""The marts of decision traces against plain Python, and what makes them recompute a day."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.project import overlap_reference as reference
from tests.project.harness import assert_same_marts
from tests.project.history import ITEMS, TRACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project.harness import Project
    from tests.project.overlap_reference import Response

DAY = dt.datetime(2025, 3, 5, tzinfo=dt.UTC)
MARTS = (
    *("personalization_daily", "personalization_intraday", "topk_overlap_daily"),
    "candidate_sources_daily",
)
SELECTED = tuple(f"+{mart}" for mart in MARTS)
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def response(draw: random.Random, number: int, namespace: str, users: int, items: int) -> Response:
    """One response to one of so many users, of some of so many items."""
    return {
        "trace_id": f"t{number}",
        "namespace": namespace,
        "user_id": f"u{draw.randrange(users)}",
        "created_at": DAY + dt.timedelta(seconds=draw.randrange(86_400)),
        "day": DAY.date().isoformat(),
        "payload": {
            "k": draw.choice([None, 3, 5, 10]),
            "user_type": draw.choice(["new", "returning"]),
            "device": draw.choice(["ios", "web", "tv"]),
            "items": [
                {
                    "item_id": draw.choice([f"i{draw.randrange(items)}"] * 20 + [None]),
                    "rank": draw.choice([place, place, None, draw.randrange(1, 12)]),
                    "brand": draw.choice([f"b{draw.randrange(4)}", None]),
                    "category": f"c{draw.randrange(7)}",
                }
                for place in range(1, draw.choice([0, 4, 10, 12]) + 1)
            ],
            "candidate_sources": {
                source: {"count": draw.choice([0, 0, 5])}
                for source in draw.sample(["near", "far"], draw.randrange(3))
            },
        },
    }


def insert(project: Project, responses: list[Response], loaded_at: dt.datetime) -> None:
    rows = [
        (
            *(one["trace_id"], one["namespace"], "home", one["user_id"], one["created_at"]),
            *(json.dumps(one["payload"]), loaded_at),
        )
        for one in responses
    ]
    project.insert("decision_traces", TRACES, rows)


def by(responses: list[Response], *names: str) -> dict[tuple[str, ...], list[Response]]:
    groups = defaultdict(list)
    for one in responses:
        groups[tuple(one[name] for name in names)].append(one)
    return groups


def test_marts_equal_a_plain_reference(new_project: Callable[..., Project]) -> None:
    draw = random.Random(7)
    settings = {"overlap_exact_max_users": 12, "overlap_pairs_per_user": 4}
    project = new_project("duckdb", **settings)
    responses = [
        response(draw, number, f"n{case}", users=draw.choice([2, 8, 40]), items=15)
        for case in range(30)
        for number in range(100 * case, 100 * case + draw.choice([1, 5, 60]))
    ]
    insert(project, responses, DAY + dt.timedelta(days=2))
    catalogue = {f"i{number}": f"catalogue b{number % 3}" for number in range(10)}
    project.insert(
        "catalog_items",
        ITEMS,
        [(item, brand, None, 1, True, DAY, DAY) for item, brand in catalogue.items()],
    )
    project.dbt("seed")
    project.dbt("run", "--select", *SELECTED)

    names = ("namespace", "cohort_type", "cohort", "users", "pairs", "is_exact", "mean", "stderr")
    rows = project.rows(
        f"select {', '.join((*names, *PERCENTILES))} from analytics.topk_overlap_daily"
    )
    found = {row[:3]: dict(zip((*names, *PERCENTILES), row, strict=True)) for row in rows}
    expected = {}
    for (namespace,), group in by(responses, "namespace").items():
        everyone = reference.last_lists(group)
        for cohort_type in ("all", "user_type", "device"):
            cohorts = defaultdict(dict)
            for user, (shown, last) in everyone.items():
                cohort = "all" if cohort_type == "all" else last["payload"][cohort_type]
                cohorts[cohort][user] = shown
            for cohort, lists in cohorts.items():
                expected[namespace, cohort_type, cohort] = overlap(lists)
    assert found.keys() == expected.keys()
    assert {row["is_exact"] for row in found.values()} == {True, False}
    for key, row in found.items():
        for name, value in expected[key].items():
            assert row[name] == pytest.approx(value, abs=1e-12), (key, name)

    daily = project.rows(
        "select namespace, brand_entropy, category_entropy from analytics.personalization_daily"
    )
    for namespace, *bits in daily:
        served = [
            item
            for one in by(responses, "namespace")[(namespace,)]
            for item in one["payload"]["items"]
        ]
        brands = [i["brand"] or catalogue.get(i["item_id"], "(unknown)") for i in served]
        labels = (brands, [i["category"] for i in served])
        wanted = [reference.entropy_bits(one) for one in labels if one] or [None, None]
        assert all(
            one is wanted_one or one == pytest.approx(wanted_one, rel=1e-12, abs=1e-15)
            for one, wanted_one in zip(bits, wanted, strict=True)
        ), namespace

    sources = project.rows(
        "select namespace, source, requests, longest_zero_streak, trailing_zero_streak"
        " from analytics.candidate_sources_daily"
    )
    counted = 0
    for namespace, source, requests, *runs in sources:
        counts = [
            one["payload"]["candidate_sources"][source]["count"]
            for one in sorted(
                by(responses, "namespace")[(namespace,)],
                key=lambda one: (one["created_at"], one["trace_id"].encode()),
            )
            if source in one["payload"]["candidate_sources"]
        ]
        assert (requests, tuple(runs)) == (len(counts), reference.streaks(counts))
        counted += requests
    assert counted == sum(len(one["payload"]["candidate_sources"]) for one in responses)


def overlap(lists: dict[str, frozenset[str]]) -> dict[str, Any]:
    """What the mart should say of these lists, with 4 pairs for each user of more than 12."""
    users = len(lists)
    is_exact = users <= 12
    values = (
        reference.all_pairs(lists)
        if is_exact
        else reference.drawn_pairs(lists, DAY.date().isoformat(), 4)
    )
    counted = {"users": users, "pairs": len(values), "is_exact": is_exact}
    if not values:
        return counted | dict.fromkeys(("mean", "stderr", *PERCENTILES))
    return (
        counted
        | {"mean": math.fsum(values) / len(values)}
        | {"stderr": 0 if is_exact else reference.standard_error(values)}
        | {name: reference.percentile(values, share) for name, share in PERCENTILES.items()}
    )


def test_the_standard_error_of_drawn_pairs_is_honest(new_project: Callable[..., Project]) -> None:
    """Over many days with differing tastes: how far the mean of drawn pairs is off."""
    draw = random.Random(3)
    project = new_project("duckdb", overlap_exact_max_users=50, overlap_pairs_per_user=10)
    responses = []
    for case in range(150):
        users = draw.choice([60, 120])
        for number in range(users):
            taste = draw.randrange(4)  # users of one taste have more in common
            items = {draw.randrange(8) + 6 * taste for _ in range(6)} | {100 + draw.randrange(9)}
            one = response(draw, 1000 * case + number, f"n{case}", 1, 1)
            one["user_id"] = f"u{number}"
            one["payload"] = {"items": [{"item_id": f"i{item}"} for item in items]}
            responses.append(one)
    insert(project, responses, DAY + dt.timedelta(days=2))
    project.dbt("seed")
    project.dbt("run", "--select", "+topk_overlap_daily")
    errors = []
    for namespace, mean, stderr, is_exact in project.rows(
        "select namespace, mean, stderr, is_exact from analytics.topk_overlap_daily"
        " where cohort_type = 'all'"
    ):
        assert not is_exact
        lists = reference.last_lists(by(responses, "namespace")[(namespace,)])
        values = reference.all_pairs({user: shown for user, (shown, _) in lists.items()})
        errors.append((mean - math.fsum(values) / len(values)) / stderr)
    within = sum(abs(error) <= 3 for error in errors) / len(errors)
    spread = math.sqrt(sum(error**2 for error in errors) / len(errors))
    assert within >= 0.99
    # Neither too small nor so large that it says nothing.
    assert 0.6 < spread < 1.15


def test_memory_does_not_grow_with_the_pairs(new_project: Callable[..., Project]) -> None:
    project = new_project("duckdb")
    users = 1_500
    project.execute(
        f"""
        insert into raw.decision_traces by name
        select
            't' || number as trace_id,
            'n' as namespace,
            'home' as surface,
            'u' || number as user_id,
            timestamptz '{DAY}' as created_at,
            json_object(
                'items',
                list_transform(
                    range(12),
                    lambda place: {{'item_id': 'i' || hash(number * 12 + place) % 40}}
                )
            ) as payload,
            timestamptz '{DAY}' + interval 2 days as loaded_at
        from range({users}) as t (number)
        """
    )
    project.dbt("seed")
    project.dbt("run", "--select", "+topk_overlap_daily")
    pairs = users * (users - 1) // 2
    assert project.rows(
        "select pairs from analytics.topk_overlap_daily where cohort_type = 'all'"
    ) == [(pairs,)]

    [compiled] = (project.directory / "target" / "compiled").rglob("topk_overlap_daily.sql")
    profile = project.directory / "profile.json"
    with project.cursor() as cursor:
        cursor.execute("set threads = 2")
        cursor.execute("set enable_profiling = 'json'")
        cursor.execute(f"set profiling_output = '{profile}'")
        rows = cursor.execute(compiled.read_text()).fetchall()
    assert any(pairs in row for row in rows)
    # One aggregate of all pairs takes some 200 bytes for each.
    assert json.loads(profile.read_text())["system"]["peak_buffer_memory"] < 100 * pairs


def test_the_order_of_arrival_does_not_matter(new_project: Callable[..., Project]) -> None:
    draw = random.Random(11)
    responses = [response(draw, number, "n", users=30, items=20) for number in range(120)]
    arrival = DAY + dt.timedelta(days=2)
    marts = []
    for nights in (1, 3):
        project = new_project("duckdb")
        project.dbt("seed")
        for night in range(nights):
            batch = responses[night::nights] + draw.sample(responses[night::nights], 10)
            draw.shuffle(batch)
            insert(project, batch, arrival + dt.timedelta(days=night))
            if night:
                project.next_run(*SELECTED)
            else:
                project.dbt("run", "--select", *SELECTED)
        marts.append({mart: project.mart(f"analytics.{mart}", "loaded_through") for mart in MARTS})
    assert_same_marts(*marts)


def test_the_catalogue_touches_the_days_on_which_it_was_looked_up(
    new_project: Callable[..., Project],
) -> None:
    project = new_project("duckdb")
    items = [("1", "brand"), ("2", None), ("3", None)]  # the first needs no catalogue
    for place, (item, brand) in enumerate(items):
        when = DAY + dt.timedelta(days=place)
        one = response(random.Random(1), place, "n", 1, 1)
        one["created_at"] = when
        one["payload"] = {"items": [{"item_id": item, "brand": brand, "category": "c"}]}
        insert(project, [one], when + dt.timedelta(hours=1))

    def catalogue(night: int, *rows: tuple[str, str, float]) -> set[int]:
        """Days that the next run recomputes after these items were loaded."""
        project.execute(
            "update analytics.personalization_daily"
            " set loaded_through = timestamptz '1999-01-01 00:00:00+00'"
        )
        loaded = DAY + dt.timedelta(days=10 + night)
        values = [(item, brand, "c", price, True, loaded, loaded) for item, brand, price in rows]
        project.insert("catalog_items", ITEMS, values)
        project.next_run(*SELECTED)
        recomputed = project.rows(
            "select day from analytics.personalization_daily"
            " where loaded_through > timestamptz '2000-01-01 00:00:00+00'"
        )
        return {day.day - DAY.day for (day,) in recomputed}

    project.dbt("seed")
    project.dbt("run", "--select", *SELECTED)
    assert catalogue(0, ("1", "x", 1), ("2", "x", 1)) == {1}
    assert catalogue(1, ("1", "y", 1), ("2", "x", 2)) == set()  # another price, the same brand
    assert catalogue(2, ("2", "z", 2), ("3", "z", 1)) == {1, 2}
    daily = "analytics.personalization_daily"
    incremental = {daily: project.mart(daily, "loaded_through")}
    project.dbt("run", "--full-refresh", "--select", *SELECTED)
    assert_same_marts(incremental, {daily: project.mart(daily, "loaded_through")})
