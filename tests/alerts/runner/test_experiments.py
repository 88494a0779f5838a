"""The marts of an experiment, read on each engine: the same evidence, and only what is needed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg2
import pytest
from psycopg2.extras import execute_values

from alerts.errors import ConfigurationError, WarehouseError
from alerts.experiments.evidence import Cell
from alerts.runner.experiments import Marts
from alerts.warehouse import open_warehouse
from tests.alerts.experiments.made import DAY_ONE, Made, ddl

if TYPE_CHECKING:
    from datetime import date

    from alerts.experiments.evidence import Evidence
    from alerts.warehouse import Target, Warehouse
    from alerts.warehouse.base import Relation

UTC_ZONE = ZoneInfo("UTC")
DECIDING = Cell("ctr", "weight_period", "2")


class Counting:
    """A warehouse, and the relations that it was asked for."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.warehouse, name)

    def select(self, relation: Relation, *arguments: Any, **more: Any) -> Any:
        self.asked.append(relation.name)
        return self.warehouse.select(relation, *arguments, **more)


def fill(target: Target, *made: Made) -> None:
    if target.type == "duckdb":
        for one in made:
            one.write(target.settings["path"], list(range(one.days)))
        return
    settings = {name: value for name, value in target.settings.items() if name != "type"}
    with closing(psycopg2.connect(**settings)) as connection, connection.cursor() as cursor:
        for statement in ddl():
            cursor.execute(statement)
        for one in made:
            for mart, rows in one.rows(list(range(one.days))).items():
                names = list(rows[0])
                into = f"insert into experiments.{mart} ({', '.join(names)}) values %s"
                execute_values(cursor, into, [[row[name] for name in names] for row in rows])
        connection.commit()


def read(target: Target, key: str, as_of: date | None, zone: ZoneInfo = UTC_ZONE) -> Evidence:
    with closing(open_warehouse(target)) as warehouse:
        return Marts(warehouse, key).evidence(as_of, 14, zone)


def test_every_engine_gives_the_evidence(target: Target) -> None:
    made, other = Made(days=17), Made(days=17, key="other")
    fill(target, made, other)
    for number in (3, 13, 16):
        assert read(target, "exp", made.day(number)) == made.evidence(number, is_whole=number < 16)
    last = read(target, "exp", None)
    assert (last.day, last.is_whole) == (made.day(16), False)
    assert last.horizon_day == made.day(13)


def test_every_engine_gives_the_moments_of_every_day(target: Target) -> None:
    ramp = ((0, {"control": 0.9, "treatment": 0.1}), (4, {"control": 0.5, "treatment": 0.5}))
    made, other = Made(days=9, periods=ramp), Made(days=9, key="other")
    fill(target, made, other)
    with closing(open_warehouse(target)) as warehouse:
        counting = Counting(warehouse)
        evidence = Marts(counting, "exp").evidence(made.day(7), 14, UTC_ZONE, looks=True)
    assert counting.asked.count("experiment_moments_daily") == 2
    assert evidence.looks == {
        made.day(number): {cell: made.evidence(number).moments[cell] for cell in [DECIDING]}
        for number in range(4, 8)
    }
    assert replace(evidence, looks=None) == read(target, "exp", made.day(7))


@pytest.mark.parametrize(
    ("ended", "status", "zone", "whole"),
    [
        (None, "running", "UTC", False),
        (datetime(2025, 3, 8, tzinfo=UTC), "completed", "UTC", True),
        (datetime(2025, 3, 8, tzinfo=UTC), "running", "UTC", False),
        (datetime(2025, 3, 9, tzinfo=UTC), "completed", "UTC", False),
        (datetime(2025, 3, 8, 5, tzinfo=UTC), "completed", "America/New_York", True),
    ],
)
def test_a_day_is_over_when_a_later_one_or_the_end_says_so(
    duckdb_target: Target, ended: Any, status: str, zone: str, whole: bool
) -> None:
    fill(duckdb_target, Made(days=5, plan={"ended_at": ended, "status": status}))
    last = DAY_ONE + timedelta(days=4)
    assert read(duckdb_target, "exp", last, ZoneInfo(zone)).is_whole is whole
    assert read(duckdb_target, "exp", last - timedelta(days=1)).is_whole is True


def test_a_day_the_marts_do_not_have(duckdb_target: Target) -> None:
    fill(duckdb_target, Made(days=5))
    for number in (-1, 5):
        with pytest.raises(ConfigurationError, match="from 2025-03-03 to 2025-03-07"):
            read(duckdb_target, "exp", DAY_ONE + timedelta(days=number))


def test_another_schema_prefix(duckdb_target: Target) -> None:
    fill(duckdb_target, Made(days=2))
    with closing(open_warehouse(duckdb_target)) as warehouse:
        assert Marts(warehouse, "exp").plan().experiment_key == "exp"
        with pytest.raises(WarehouseError, match=r"dev_experiments\.experiment_plans does not"):
            Marts(warehouse, "exp", "dev_").plan()
