"""Raw tables of any size, made by DuckDB itself: what they hold is plain, how many is the point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS, column_type, quote

if TYPE_CHECKING:
    import duckdb

IMPRESSIONS_A_DAY = 111_111
FIRST_DAY = "2024-01-01"

IMPRESSIONS = """
insert into raw.personalization_metrics
select
    md5('{salt}' || i) as id,
    'u' || hash(i // 3) % 200000 as user_id,
    ['for_you', 'home', 'pdp', 'cart', 'recently_viewed', 'visit_history']
        [cast(1 + hash(i) % 6 as int)],
    if(hash(i) % 3 = 0, 'blend_weights_v2', null),
    if(hash(i) % 3 = 0, ['baseline', 'challenger_a'][cast(1 + hash(i // 3) % 2 as int)], null),
    hash(i + 1) % 20 = 0,
    if(hash(i + 2) % 3 = 0, cast(hash(i + 3) % 90000 as numeric(18, 3)), null),
    'r' || hash(i + 4) % 3000000,
    'slug-' || hash(i + 5) % 5000,
    cast(
        '{{"session_id": "' || md5('s' || i // 8) || '", "country": "'
        || ['DE', 'FR', 'US'][1 + i // 8 % 3]
        || '", "city": "c' || i // 8 % 40 || '", "device": "ios", "category": "k' || hash(i) % 10
        || '", "personalization_score": 0.' || lpad(cast(hash(i) % 1000 as text), 3, '0') || '}}'
        as json
    ),
    timestamptz '{first_day} 00:00:00+00' + to_microseconds(i * 86400000000 // {a_day}),
    {loaded_at}
from range({first}, {end}) as t (i)
"""

SESSIONS = """
insert into raw.sessions
select
    md5('s' || i),
    'u' || hash(i) % 200000,
    timestamptz '{first_day} 00:00:00+00' + to_microseconds(i * 8 * 86400000000 // {a_day}),
    null, 'ios', 'DE', false, true,
    {loaded_at}
from range({first} // 8, {end} // 8) as t (i)
"""

SAVES = """
insert into raw.user_interactions
select
    '{salt}-' || id, user_id, 'save', recommendation_id, destination_slug, null,
    created_at + interval '1 minute',
    loaded_at
from raw.personalization_metrics
where click_through and hash(id) % 5 = 0 and created_at >= timestamptz '{since} 00:00:00+00'
"""


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """The raw tables, empty, as `recwatch load` makes them."""
    connection.execute("create schema raw")
    for table in (*RAW_TABLES, REJECTED_ROWS):
        columns = ", ".join(f"{quote(c.name)} {column_type(c, 'duckdb')}" for c in table.columns)
        connection.execute(
            f"create table raw.{table.name} ({columns}, loaded_at timestamptz not null)"
        )


def add_days(
    connection: duckdb.DuckDBPyConnection, first: int, days: int, late_share: float = 0.01
) -> None:
    """Impressions, sessions and saves of `days` days from day `first` (0-based) on.

    Each day is loaded at its end. A share of the rows comes again on the last day, as clicks do
    that arrive as updates of an impression of the three days before.
    """
    a_day = IMPRESSIONS_A_DAY
    loaded = (
        f"timestamptz '{FIRST_DAY} 00:00:00+00' + to_days(cast(1 + i * {{per}} // {a_day} as int))"
    )
    values = {
        "salt": "m",
        "first_day": FIRST_DAY,
        "a_day": a_day,
        "first": first * a_day,
        "end": (first + days) * a_day,
        "since": connection.execute(
            f"select cast(date '{FIRST_DAY}' + {first} as text)"
        ).fetchall()[0][0],
    }
    connection.execute(IMPRESSIONS.format(**values, loaded_at=loaded.format(per=1)))
    connection.execute(SESSIONS.format(**values, loaded_at=loaded.format(per=8)))
    connection.execute(SAVES.format(**values))
    end = f"timestamptz '{FIRST_DAY} 00:00:00+00' + to_days({first + days})"
    connection.execute(
        "insert into raw.personalization_metrics"
        f" select * replace (true as click_through, {end} as loaded_at)"
        " from raw.personalization_metrics"
        f" where hash(id || '{first}') % 10000 < {int(late_share * 10000)}"
        f" and created_at >= {end} - interval '4 days' and created_at < {end} - interval '1 day'"
    )
