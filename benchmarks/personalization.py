"""`make bench`: what the marts of personalization cost, against plain SQL, and one large overlap.

Every figure is a ratio between two things measured in the same run on the same machine.
"""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

from benchmarks import shop
from benchmarks.measure import WORK, by_hand, connect, dbt, differences, prepare

if TYPE_CHECKING:
    from pathlib import Path

FIRST_DAY = "2024-01-01"
DAYS = 4
USERS = 8_000
MARTS = (
    *("personalization_daily", "personalization_intraday", "topk_overlap_daily"),
    "candidate_sources_daily",
)
# A response of ten items; some items are far more popular than others. One in five hundred is
# sent twice.
TRACES = """
insert into raw.decision_traces
with responses as (
    select
        i,
        'u' || hash(i + 7) % {users} as user_id,
        timestamptz '{first_day} 00:00:00+00' + to_microseconds(i * {days} * 86400000000 // {rows})
            as created_at
    from range({rows}) as t (i)
),
items as (
    select
        i,
        rank,
        cast(floor(5000 * pow(hash(i * 32 + rank) % 1000003 / 1000003, 3)) as int) as item
    from range({rows}) as t (i), range(1, 11) as r (rank)
),
written as (
    select
        i,
        string_agg(
            '{{"item_id":"i' || item || '","rank":' || rank || ',"score":0.' || (100 - rank)
            || if(item % 50 = 0, '', ',"brand":"b' || item % 60 || '"')
            || ',"category":"c' || item % 300 || '","source":"collaborative","personalized":'
            || if(hash(i * 16 + rank) % 3 > 0, 'true', 'false') || ',"available":'
            || if(hash(i * 64 + rank) % 50 > 0, 'true', 'false')
            || ',"reasons":' || if(hash(i * 128 + rank) % 6 > 0, '["seen"]', '[]')
            || ',"propensity":0.02}}',
            ','
            order by rank
        ) as items
    from items
    group by i
)
select
    't' || i,
    'shop',
    ['home', 'pdp', 'cart'][cast(1 + hash(i) % 3 as int)],
    user_id,
    created_at,
    cast(
        '{{"k":10,"device":"' || ['ios', 'android', 'web'][cast(1 + hash(user_id) % 3 as int)]
        || '","user_type":"' || if(hash(user_id) % 5 < 2, 'new', 'returning')
        || '","latency_ms":' || hash(i) % 300 || '.5,"items":[' || items
        || '],"candidate_sources":{{"collaborative":{{"count":' || greatest(hash(i) % 200, 3) - 3
        || '}},"popularity":{{"count":50}}}},"extras":{{"personalized_items_count":7,'
        || '"cold_start_impression":' || if(hash(i) % 25 = 0, 'true', 'false') || '}}}}' as json
    ),
    created_at + interval '1 minute'
from responses
inner join written using (i);

insert into raw.decision_traces
select * replace (loaded_at + interval '1 hour' as loaded_at)
from raw.decision_traces
where hash(trace_id) % 500 = 0;

insert into raw.catalog_items
select
    'i' || i, 'catalogue brand ' || i % 60, 'c' || i % 300, 9.99, true,
    timestamptz '{first_day} 00:00:00+00', timestamptz '{first_day} 00:00:00+00'
from range(5000) as t (i);

insert into raw.shop_events
select
    'e' || trace_id, if(hash(trace_id) % 20 = 0, 'click', 'impression'), namespace, surface,
    user_id, null, 'i1', trace_id, null, null, null, null, created_at, loaded_at
from raw.decision_traces
where hash(trace_id) % 4 = 0 and hash(trace_id) % 500 > 0;
"""


def make_raw_tables(path: Path, rows: int, users: int, days: int = DAYS) -> None:
    """Responses of `users` users over `days` days, with a catalogue and shop events."""
    with connect(path) as connection:
        shop.create_tables(connection)
        connection.execute(TRACES.format(first_day=FIRST_DAY, rows=rows, users=users, days=days))
    dbt(path, "seed")


def full_build(rows: int) -> None:
    """All four marts against the same results by plain SQL."""
    path = WORK / "traces.duckdb"
    make_raw_tables(path, rows, USERS)
    selected = ("--select", *(f"+{mart}" for mart in MARTS))
    ours = dbt(path, "run", *selected)
    plain = by_hand(path, "personalization")
    wrong = {mart: count for mart, count in differences(path).items() if count}
    print(f"four marts of personalization, {rows:,} responses of 10 items over {DAYS} days")
    print(
        f"  dbt run {ours.seconds:.1f} s, plain SQL {plain:.1f} s,"
        f" ratio {ours.seconds / plain:.2f} (at most 2)"
    )
    print(f"  peak memory {ours.peak_mb:,.0f} MB (under 4,000)")
    print(f"  rows that differ: {wrong or 'none'}")
    path.unlink()


def large_overlap(users: int) -> None:
    """One day of a surface: every user's list, in all cohorts, against reading the lists."""
    path = WORK / "overlap.duckdb"
    make_raw_tables(path, users, users * 1000, days=1)
    with connect(path) as connection:
        connection.execute("update raw.decision_traces set surface = 'home'")
    dbt(path, "run", "--select", "+int_response_items")
    overlap = dbt(path, "run", "--select", "topk_overlap_daily")
    ledger = dbt(path, "run", "--full-refresh", "--select", "int_traces_ledger")
    with connect(path) as connection:
        [(listed, pairs)] = connection.execute(
            "select max(users), sum(pairs) from analytics.topk_overlap_daily"
        ).fetchall()
    print(f"overlap of one surface, {listed:,} users and their cohorts, {pairs:,} pairs")
    print(
        f"  {overlap.seconds:.1f} s (under 10 on two cores),"
        f" {overlap.seconds / ledger.seconds:.2f} of the time that parsing the responses takes"
    )
    print(f"  peak memory {overlap.peak_mb:,.0f} MB")
    path.unlink()


def main() -> None:
    """Measure and print; `--small` for a look that takes a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--only", choices=["full", "overlap"])
    arguments = parser.parse_args()
    prepare()
    if arguments.only != "overlap":
        full_build(100_000 if arguments.small else 1_000_000)
    if arguments.only != "full":
        large_overlap(10_000 if arguments.small else 100_000)
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
