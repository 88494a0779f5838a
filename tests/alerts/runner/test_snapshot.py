"""An evaluation sees one state of the marts, whatever happens to them meanwhile: real Postgres."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from alerts.errors import WarehouseError
from alerts.runner import evaluate
from alerts.warehouse import open_warehouse
from alerts.warehouse.base import Relation
from alerts.warehouse.postgres_engine import Postgres
from tests.alerts.handmade import ddl
from tests.alerts.runner.helpers import rule, ruleset, states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from alerts.rules import Rule
    from alerts.warehouse import Target

DAILY = "analytics.engagement_daily"
HOURLY = "analytics.engagement_hourly"
# Long enough for a rebuild that nothing holds up.
SECONDS = 2.0


class Meddled(Postgres):
    """A connection on which something happens right after the first query of rows."""

    meddle: Callable[[], None] | None = None

    def aggregate(self, *arguments: Any, **named: Any) -> list[tuple[Any, ...]]:
        rows = super().aggregate(*arguments, **named)
        if self.meddle is not None:
            happens, self.meddle = self.meddle, None
            happens()
        return rows


@pytest.fixture
def server(postgres_settings: dict[str, Any]) -> Iterator[psycopg2.extensions.connection]:
    with closing(psycopg2.connect(**postgres_settings)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in ddl():
                cursor.execute(statement)
            cursor.execute(
                "insert into reference.surfaces values ('home', true, 0.04, 1, 'o', 'c')"
            )
        fill(connection, DAILY, 10)
        fill(connection, HOURLY, 10)
        yield connection


def fill(connection: psycopg2.extensions.connection, mart: str, clicks: int) -> None:
    unit = "hour" if mart == HOURLY else "day"
    with connection.cursor() as cursor:
        cursor.execute(
            f"insert into {mart} ({unit}, surface, experiment_key, variation, impressions, clicks) "
            f"select '2025-03-03'::timestamptz + n * interval '1 {unit}', 'home', 'e', 'v', 1000, "
            f"{clicks} from generate_series(0, 3) n"
        )


@pytest.fixture
def opened(postgres_settings: dict[str, Any], postgres_target: Target) -> Iterator[Meddled]:
    connection = psycopg2.connect(**postgres_settings)
    connection.set_session(readonly=True)
    with closing(Meddled(connection, postgres_target.name)) as warehouse:
        yield warehouse


def rules(tmp_path: Path) -> tuple[Rule, ...]:
    return ruleset(
        tmp_path, rule(name="daily", by=[]), rule(name="hourly", mart=HOURLY, by=[])
    ).rules


def judged(warehouse: Postgres, tmp_path: Path) -> dict[str, tuple[str, float | None]]:
    found = evaluate(rules(tmp_path), warehouse).results
    return {one.rule: (one.state, one.value) for one in found}


def test_a_rebuild_in_the_middle_is_after(
    server: psycopg2.extensions.connection, opened: Meddled, tmp_path: Path
) -> None:
    def rebuild() -> None:
        with server.cursor() as cursor:
            for mart in (HOURLY, DAILY):
                cursor.execute(f"create table {mart}__new (like {mart})")
                cursor.execute(f"drop table {mart}")
                cursor.execute(f"alter table {mart}__new rename to {mart.partition('.')[2]}")
                fill(server, mart, 90)

    builder = threading.Thread(target=rebuild)

    def meddle() -> None:
        builder.start()
        builder.join(SECONDS)

    opened.meddle = meddle
    before = judged(opened, tmp_path)
    assert before == {"daily": ("firing", 0.01), "hourly": ("firing", 0.01)}
    builder.join(60)
    assert not builder.is_alive()
    after = judged(opened, tmp_path)
    assert after == {"daily": ("ok", 0.09), "hourly": ("ok", 0.09)}


def test_rows_written_in_the_middle_are_not_seen(
    server: psycopg2.extensions.connection, opened: Meddled, tmp_path: Path
) -> None:
    def meddle() -> None:
        with server.cursor() as cursor:
            for mart in (HOURLY, DAILY):
                cursor.execute(f"update {mart} set clicks = 90")

    opened.meddle = meddle
    assert judged(opened, tmp_path) == {"daily": ("firing", 0.01), "hourly": ("firing", 0.01)}
    assert judged(opened, tmp_path) == {"daily": ("ok", 0.09), "hourly": ("ok", 0.09)}


def test_a_query_that_fails_leaves_the_others_the_same_state(
    server: psycopg2.extensions.connection, opened: Meddled, tmp_path: Path
) -> None:
    with server.cursor() as cursor:
        cursor.execute(f"alter table {HOURLY} rename column clicks to clicked")
        cursor.execute("drop table analytics.ctr_weekly")
    loaded = ruleset(
        tmp_path,
        rule(name="hourly", mart=HOURLY, by=[]),
        rule(
            name="weekly",
            kind="week_over_week",
            mart="analytics.ctr_weekly",
            metric="wow_change",
            when="< 0",
        ),
        rule(name="daily", by=["surface"]),
    )
    found = evaluate(loaded.rules, opened)
    assert [(one.rule, one.state) for one in found.results] == [
        ("hourly", "error"),
        ("weekly", "error"),
        ("daily", "firing"),
    ]


def test_a_statement_that_fails_within_the_snapshot_does_not_end_it(
    server: psycopg2.extensions.connection, opened: Meddled
) -> None:
    relation = Relation.parse(DAILY)
    with opened.snapshot([relation, Relation("analytics", "never_built")]):
        assert len(opened.select(relation, ["day"])) == 4
        fill(server, DAILY, 1)
        with pytest.raises(WarehouseError, match="has no column nothing"):
            opened.select(relation, ["nothing"])
        assert len(opened.select(relation, ["day"])) == 4
    assert len(opened.select(relation, ["day"])) == 8


def test_a_server_that_goes_away_ends_the_run(
    server: psycopg2.extensions.connection, opened: Meddled, tmp_path: Path
) -> None:
    def meddle() -> None:
        with server.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )

    opened.meddle = meddle
    with pytest.raises(WarehouseError, match="postgres: "):
        judged(opened, tmp_path)


def test_after_a_snapshot_the_connection_is_as_before(
    server: psycopg2.extensions.connection, postgres_target: Target, tmp_path: Path
) -> None:
    with closing(open_warehouse(postgres_target, read_only=True)) as warehouse:
        assert set(states(evaluate(rules(tmp_path), warehouse)).values()) == {"firing"}
        with server.cursor() as cursor:
            cursor.execute(f"update {DAILY} set clicks = 90")
        relation = Relation.parse(DAILY)
        assert warehouse.aggregate(relation, [], [("min", "clicks")]) == [(90,)]
