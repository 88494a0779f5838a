"""The shop's own logs: responses, events and the catalogue fit together."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alerts.simulate import Options, simulate
from alerts.simulate.catalog import CHANGE_DAYS, CHANGED_ITEMS
from alerts.simulate.requests import NEW_USER_DAYS, Requests, draw_requests
from alerts.simulate.responses import (
    PERSONAL,
    POPULAR,
    K,
    Responses,
    draw_responses,
    personal_items,
)
from alerts.simulate.scenarios import TRACED_DAYS
from alerts.simulate.trace_incidents import PERSONALIZED_SHARE, rates
from alerts.simulate.world import ITEMS, SURFACES, World, make_world, stream

from .conftest import Written, first_line_of


def traces_of(written: Written) -> Iterator[bytes]:
    """Line after line: all together weigh hundreds of megabytes."""
    for path in sorted((written.directory / "decision_traces").glob("*.jsonl")):
        with path.open("rb") as part:
            yield from part


def drawn(users: int = 400, day: int = 40) -> tuple[World, Requests, Responses]:
    """A day of requests without an incident, and their answers."""
    world = make_world(Options(users=users, scenario="calm"))
    rng = stream(1, day)
    requests = draw_requests(world, rng, day, range(users), (0, 0))
    holding = rates((), world.calendar, requests.surface, requests.created_ms)
    return world, requests, draw_responses(world, rng, range(users), requests, holding)


def test_no_item_stands_twice_in_a_list() -> None:
    _, _, responses = drawn()
    assert all(len(set(items)) == K for items in responses.item.tolist())
    assert responses.item.max() < ITEMS


def test_personal_items_are_the_users_own_on_every_day() -> None:
    world = make_world(Options(users=50))
    tastes = personal_items(world, range(50))
    assert (tastes == personal_items(world, range(50))).all()
    assert tastes.shape == (50, PERSONAL)
    for day in (35, 50):
        _, requests, responses = drawn(users=50, day=day)
        for user, items, own in zip(
            requests.user, responses.item, responses.personalized, strict=True
        ):
            assert set(items[own]) <= set(tastes[user])
            assert (items[~own] < POPULAR).all()


def test_who_has_opted_out_gets_nothing_personal() -> None:
    world, requests, responses = drawn(users=2_000)
    out = world.users.opted_out[requests.user]
    assert out.any()
    assert not responses.personalized[out].any()
    lists = responses.personalized[~out].mean(axis=1)
    assert lists.mean() == pytest.approx(PERSONALIZED_SHARE, abs=0.01)
    assert lists.std() < 0.1


def test_lists_are_in_order_of_their_score() -> None:
    _, _, responses = drawn()
    assert (np.diff(responses.score, axis=1) <= 0).all()


def test_new_users_are_cold_more_often() -> None:
    _, requests, responses = drawn(users=6_000)
    new, returning = responses.cold_start[requests.is_new], responses.cold_start[~requests.is_new]
    assert 0.01 < requests.is_new.mean() < 0.1
    assert new.mean() > 5 * returning.mean()
    joined = make_world(Options(users=6_000)).users.joined_day[requests.user[requests.is_new]]
    assert ((joined > 40 - NEW_USER_DAYS) & (joined <= 40)).all()


def test_a_trace_is_what_the_contract_says(demo: Written) -> None:
    row = json.loads(first_line_of(demo.directory, "decision_traces"))
    payload = row["payload"]
    assert row["namespace"] == "shop"
    assert set(payload) == {
        *("k", "segment_id", "device", "user_type", "latency_ms"),
        *("items", "candidate_sources", "extras"),
    }
    assert [item["rank"] for item in payload["items"]] == list(range(1, payload["k"] + 1))
    assert set(payload["items"][0]) == {
        *("item_id", "rank", "score", "brand", "category", "source"),
        *("personalized", "available", "reasons", "propensity"),
    }
    extras = payload["extras"]
    assert extras["personalized_items_count"] == sum(i["personalized"] for i in payload["items"])
    assert extras["reason_items_count"] == sum(bool(item["reasons"]) for item in payload["items"])
    assert set(extras["blend"]) == {"alpha", "beta", "gamma"}
    assert set(payload["candidate_sources"]) == {"collaborative", "content", "popularity"}


def test_only_the_last_days_are_traced(demo: Written) -> None:
    parts = sorted((demo.directory / "decision_traces").glob("*.jsonl"))
    lines = (
        first_line_of(demo.directory, "decision_traces"),
        parts[-1].read_bytes().splitlines()[-1],
    )
    first, last = (json.loads(line)["created_at"] for line in lines)
    end = dt.date.fromisoformat(demo.truth["last_full_day"])
    assert first[:10] == str(end - dt.timedelta(days=TRACED_DAYS - 1))
    assert last[:10] == str(end + dt.timedelta(days=1))
    assert last < demo.truth["data_until"]


def test_volumes(demo: Written) -> None:
    rows = {table.name: table.rows for table in demo.summary.tables}
    assert 100_000 < rows["decision_traces"] < 125_000
    assert 230_000 < rows["shop_events"] < 290_000
    assert rows["catalog_items"] == ITEMS + len(CHANGE_DAYS) * CHANGED_ITEMS


def test_events_belong_to_the_items_of_their_trace(demo: Written) -> None:
    ((events, strangers, others, early, unpaid, repeated),) = demo.rows(
        f"""
        with events as (
            select * from read_json('{demo.directory}/shop_events/*.jsonl', columns = {{
                event_id: 'varchar', event_name: 'varchar', surface: 'varchar',
                user_id: 'varchar', item_id: 'varchar', trace_id: 'varchar', quantity: 'double',
                revenue: 'double', currency: 'varchar', created_at: 'timestamptz'}})
        ),
        traces as (
            select trace_id, surface, user_id, cast(created_at as timestamptz) as created_at,
                   json_extract_string(payload, '$.items[*].item_id') as items
            from read_json('{demo.directory}/decision_traces/*.jsonl', columns = {{
                trace_id: 'varchar', surface: 'varchar', user_id: 'varchar',
                created_at: 'varchar', payload: 'json'}})
        )
        select count(*), count_if(traces.trace_id is null or traces.user_id <> events.user_id),
               count_if(not list_contains(items, item_id) or traces.surface <> events.surface),
               count_if(events.created_at <= traces.created_at),
               count_if((event_name = 'purchase')
                        <> (quantity > 0 and revenue > 0 and currency = 'EUR')
                        and event_name <> 'add_to_cart'),
               count(*) - count(distinct event_id)
        from events left join traces using (trace_id)
        """
    )
    assert events > 230_000
    assert (strangers, others, early, unpaid, repeated) == (0, 0, 0, 0, 0)


def test_two_of_ten_items_come_into_view_and_few_are_bought(demo: Written) -> None:
    named = dict(
        demo.rows(
            "select event_name, count(*) from read_json("
            f"'{demo.directory}/shop_events/*.jsonl', columns = {{event_name: 'varchar'}}) "
            "group by all"
        )
    )
    traces = demo.truth["rows"]["decision_traces"]["lines"]
    assert named["impression"] / traces == pytest.approx(2.0, abs=0.1)
    assert 0.07 < named["click"] / named["impression"] < 0.11
    assert named["click"] > 3 * named["add_to_cart"] > 6 * named["purchase"] > 0


def test_the_catalogue_changes_a_few_times_in_parts_of_its_own(demo: Written) -> None:
    (table,) = [one for one in demo.summary.tables if one.name == "catalog_items"]
    parts = [[json.loads(line) for line in path.read_bytes().splitlines()] for path in table.paths]
    known = {row["item_id"]: row for row in parts[0]}
    assert [len(part) for part in parts] == [ITEMS, *[CHANGED_ITEMS] * len(CHANGE_DAYS)]
    assert len(known) == ITEMS
    assert any(row["brand"] is None for row in parts[0])
    recategorized = 0
    for part in parts[1:]:
        for row in part:
            before = known[row["item_id"]]
            assert row["updated_at"] > before["updated_at"]
            assert row["is_available"] != before["is_available"]
            recategorized += row["category"] != before["category"]
            known[row["item_id"]] = row
    assert recategorized == 2 * len(CHANGE_DAYS)
    assert demo.truth["rows"]["catalog_items"]["accepted"] == ITEMS


def test_planting_changes_no_answer_elsewhere(demo: Written, calm: Written) -> None:
    spans = [
        (one.get("starts_at", f"{one['first_day']}T"), one.get("ends_at", f"{one['last_day']}U"))
        for one in demo.truth["incidents"]
        if one["table"] == "decision_traces"
    ]
    changed = 0
    for here, there in zip(traces_of(demo), traces_of(calm), strict=True):
        if here != there:
            changed += 1
            planted, quiet = (json.loads(line)["created_at"] for line in (here, there))
            assert planted == quiet
            assert any(start <= planted < end for start, end in spans)
    assert changed > 4_000


@pytest.mark.parametrize("days", [1, 5, 23, 24, 30])
def test_a_short_range_is_traced_whole(tmp_path: Path, days: int) -> None:
    summary = simulate(tmp_path, Options(users=20, days=days))
    first = json.loads(first_line_of(tmp_path, "decision_traces"))["created_at"][:10]
    traced = min(days, TRACED_DAYS)
    # With twenty users a day without a request is rare, but possible.
    late = dt.date.fromisoformat(first) - summary.first_day
    assert 0 <= late.days - (days - traced) <= 1


def test_a_shop_without_visitors_has_a_catalogue(tmp_path: Path) -> None:
    summary = simulate(tmp_path, Options(users=1, days=1, seed=3))
    rows = {table.name: table.rows for table in summary.tables}
    assert rows["catalog_items"] == ITEMS


def test_requests_are_numbered_on_and_in_order_of_time() -> None:
    world, requests, _ = drawn()
    later = draw_requests(world, stream(1, 41), 41, range(400), (1_000, 5_000))
    assert (np.diff(requests.created_ms) >= 0).all()
    assert later.number.tolist() == list(range(5_000, 5_000 + len(later.number)))
    assert later.visit.min() >= 1_000
    names = {SURFACES[index].name for index in set(requests.surface.tolist())}
    assert names == {"home", "pdp", "cart"}


def test_what_comes_after_the_end_is_left_out() -> None:
    world = make_world(Options(users=400))
    day = world.calendar.days
    requests = draw_requests(world, stream(1, day), day, range(400), (0, 0))
    assert requests.created_ms.max() < world.calendar.end_ms
