"""The warehouse: are the marts there, up to date, and do they hold every row that was loaded?"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from alerts.detectors.sentences import shown
from alerts.doctor.finding import Finding, Health
from alerts.errors import WarehouseError
from alerts.raw.tables import RAW_TABLES, REJECTED_ROWS
from alerts.rules import Freshness
from alerts.rules.manifest import columns_read
from alerts.rules.marts import MARTS
from alerts.runner.evaluate import evaluate
from alerts.warehouse.base import Relation, RowCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from alerts.rules import Rule, RuleSet
    from alerts.runner.evaluate import Settings
    from alerts.warehouse import Warehouse

QUALITY = "analytics.data_quality_daily"
BUILD = "run `dbt build` on this target"
# Reasons that are counted beside `accepted`, of the same rows.
REMARKS = frozenset({"personalized_count_wrong", "reason_count_wrong"})
# Days that differ are named up to here.
NAMED = 3


@dataclass(frozen=True)
class Site:
    """Where the marts are: the raw tables' schema, the prefix of the others, the zone of days."""

    raw_schema: str
    prefix: str
    zone: ZoneInfo


def examine_marts(rules: RuleSet, warehouse: Warehouse, site: Site) -> Iterator[Finding]:
    """Whether every relation and column that the rules read is there, and how new it is."""
    present: dict[str, Mapping[str, str]] = {}
    lacking: dict[str, set[str]] = defaultdict(set)
    for rule in rules.rules:
        for name, column in columns_read(rule):
            if name not in present:
                present[name] = warehouse.columns(Relation.parse(name, site.prefix))
            if column not in present[name]:
                lacking[name].add(column)
    for name, columns in lacking.items():
        if present[name]:
            found = f"{name} has no column {', '.join(sorted(columns))}"
        else:
            found = f"{name} does not exist"
        yield Finding("marts", "fail", found, BUILD, WarehouseError.exit_code)
    whole = [name for name in present if name not in lacking and name in MARTS]
    newest = {name: _newest(warehouse, name, site) for name in whole}
    empty = sorted(name for name, moment in newest.items() if moment is None)
    if empty:
        todo = "load what they are made of and build, or take the rules on them out"
        yield Finding("marts", "warn", f"without a row: {', '.join(empty)}", todo)
    # Its days are those of the loads.
    newest.pop(QUALITY, None)
    filled = [shown(moment) for moment in newest.values() if moment is not None]
    if filled:
        count = f"{len(filled)} mart{'' if len(filled) == 1 else 's'} with rows"
        yield Finding("marts", "ok", f"{count}, the newest of {max(filled)}")


def examine_freshness(
    rules: RuleSet, warehouse: Warehouse, settings: Settings, now: datetime
) -> Iterator[Finding]:
    """What the freshness rules say now; how long ago each table was loaded, where they fire."""
    fresh: Sequence[Rule] = [rule for rule in rules.rules if isinstance(rule, Freshness)]
    if not fresh:
        todo = "add a rule of kind freshness: without one, silence looks like health"
        yield Finding("freshness", "warn", "no rule watches whether data arrive", todo)
        return
    results = evaluate(fresh, warehouse, None, settings, now).results
    for one in results:
        if one.state not in {"ok", "pending"}:
            labels = ", ".join(value for _, value in one.labels)
            health: Health = "warn" if one.state == "firing" else "unknown"
            todo = "see what loads it, and when dbt ran last"
            yield Finding("freshness", health, f"{labels or one.rule}: {one.reason}", todo)
    fine = sum(one.state in {"ok", "pending"} for one in results)
    if fine or not results:
        yield Finding("freshness", "ok" if fine else "unknown", f"{fine} series are fresh")


def examine_loads(warehouse: Warehouse, site: Site) -> Iterator[Finding]:
    """Whether the marts counted every raw row, by table and load day.

    A row that became visible after the build that should have read it, because its transaction
    took longer than `watermark_overlap_minutes`, is seen here and nowhere else.
    """
    quality = Relation.parse(QUALITY, site.prefix)
    counted: Counter[tuple[str, date]] = Counter()
    through: dict[str, datetime] = {}
    measures = [("sum", "rows"), ("max", "loaded_through")]
    for table, reason, day, rows, newest in warehouse.aggregate(
        quality, ["source_table", "reason", "day"], measures
    ):
        if reason not in REMARKS:
            counted[str(table), day] += int(rows)
            through[str(table)] = max(newest, through.get(str(table), newest))
    if not through:
        yield Finding("loads", "unknown", f"{QUALITY} is empty", f"load something, then {BUILD}")
        return
    raw = _raw_rows(warehouse, site, through)
    different = sorted(
        (day, table, raw[table, day], counted[table, day])
        for table, day in raw.keys() | counted.keys()
        if raw[table, day] != counted[table, day]
    )
    if not different:
        rows = f"{sum(raw.values()):,} rows of {len(through)} tables"
        yield Finding("loads", "ok", f"the marts counted all {rows} loaded until the last build")
        return
    said = [
        f"{table} of {day}: {there:,} rows, {seen:,} counted"
        for day, table, there, seen in different[:NAMED]
    ]
    more = f" and {len(different) - NAMED} more" if len(different) > NAMED else ""
    todo = (
        "run `dbt build --full-refresh`, and raise watermark_overlap_minutes above the longest "
        "transaction that writes raw rows; rows deleted by hand need the same"
    )
    yield Finding("loads", "fail", "; ".join(said) + more, todo, WarehouseError.exit_code)


def _newest(warehouse: Warehouse, name: str, site: Site) -> date | None:
    relation = Relation.parse(name, site.prefix)
    rows = warehouse.aggregate(relation, [], [("max", MARTS[name].time)])
    return cast("date | None", cast("Any", rows[0][0]))


def _raw_rows(
    warehouse: Warehouse, site: Site, through: Mapping[str, datetime]
) -> Counter[tuple[str, date]]:
    """Raw and rejected rows by table and load day, of what the last build can have read."""
    found: Counter[tuple[str, date]] = Counter()
    rejected = Relation(site.raw_schema, REJECTED_ROWS.name)
    for table in RAW_TABLES:
        last = through.get(table.name)
        relation = Relation(site.raw_schema, table.name)
        if last is None or not warehouse.columns(relation):
            continue
        for day, rows in warehouse.counts(
            RowCounts(relation, "loaded_at", site.zone, through=last)
        ):
            found[table.name, day] += int(rows)
    if warehouse.columns(rejected):
        newest = max(through.values())
        wanted = RowCounts(rejected, "loaded_at", site.zone, ("source_table",), newest)
        for day, table, rows in warehouse.counts(wanted):
            if str(table) in through:
                found[str(table), day] += int(rows)
    return found
