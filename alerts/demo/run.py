"""The demo from an empty database to a report, step by step."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.backtest.truth import read_truth
from alerts.demo import database, dbt
from alerts.demo.compare import compare
from alerts.demo.observe import loaded_through, observe
from alerts.demo.publish import publish
from alerts.progress import progress
from alerts.raw.loader import load_file
from alerts.rules import DEFAULT_RULES, load_rules
from alerts.runner import Settings, evaluate
from alerts.runner.evaluate import open_reader
from alerts.runner.watch import Known, watch
from alerts.simulate import count_steps, simulate
from alerts.simulate.incidents import IMPRESSIONS
from alerts.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from alerts.backtest.truth import Truth
    from alerts.demo.compare import Comparison, Finding
    from alerts.demo.place import Place
    from alerts.demo.steps import Steps
    from alerts.raw.loader import LoadResult
    from alerts.rules import RuleSet
    from alerts.runner import Evaluation
    from alerts.runner.compose import Outgoing
    from alerts.simulate import Options, Summary
    from alerts.warehouse import Warehouse


@dataclass(frozen=True)
class Outcome:
    """What the demo found.

    Attributes:
        comparison: Alerts against the truth.
        evaluation: What fires now, and every episode of the history.
        messages: What `recwatch check` would send.
        rebuilt: Days that the second build brought up to date; None without late rows.
        seconds: How long each step took.
    """

    comparison: Comparison
    evaluation: Evaluation
    messages: Sequence[Outgoing]
    rebuilt: int | None
    seconds: dict[str, float]


def run(place: Place, options: Options, steps: Steps, *, keep_files: bool = False) -> Outcome:
    """Simulate, load, build, load what came late, build again, evaluate, report."""
    database.make_room(place)
    summary = _simulate(place, options, steps)
    truth = read_truth(summary.truth)
    history, late = split(summary, truth)
    with steps.step("load") as say:
        say(_loaded(_load(place, history)))
    with steps.step("dbt build") as say:
        say(f"{dbt.build(place, 'dbt build')} models and tests pass")
    rebuilt = _last_night(place, late, steps) if late else None
    database.sign(place)
    rules = load_rules([DEFAULT_RULES])
    with steps.step("check") as say:
        evaluation, comparison, messages = _judge(place, rules, truth, options)
        say(f"{len(evaluation.episodes)} alerts in {options.days} days")
        say(f"{len(evaluation.firing)} firing at their end")
    with steps.step("report") as say:
        publish(place, rules, evaluation, comparison)
        say(str(place.report))
    if not keep_files:
        _remove(summary)
    return Outcome(comparison, evaluation, messages, rebuilt, steps.seconds)


def split(summary: Summary, truth: Truth) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """The files of the history, and those that came late."""
    history: list[tuple[str, Path]] = []
    late: list[tuple[str, Path]] = []
    for table in summary.tables:
        for path in table.paths:
            came_late = table.name == IMPRESSIONS and path.name in truth.late_parts
            (late if came_late else history).append((table.name, path))
    return history, late


def _simulate(place: Place, options: Options, steps: Steps) -> Summary:
    with steps.step("simulate") as say, progress("simulate", count_steps(options)) as advance:
        summary = simulate(place.directory, options, advance)
        rows = sum(table.rows for table in summary.tables)
        say(f"{options.users:,} users, {summary.first_day} to {summary.last_full_day}")
        say(f"{rows:,} rows, {len(summary.incidents)} incidents planted")
    return summary


def _load(place: Place, parts: Sequence[tuple[str, Path]]) -> list[LoadResult]:
    schema = place.project.raw_schema
    with closing(open_warehouse(place.target, read_only=False)) as warehouse:
        warehouse.create_raw_tables(schema)
        with progress("load", sum(path.stat().st_size for _, path in parts)) as advance:
            return [load_file(warehouse, schema, table, path, advance) for table, path in parts]


def _loaded(results: Sequence[LoadResult]) -> str:
    rejected = sum(result.rejected_total for result in results)
    return f"{sum(result.rows for result in results):,} rows, {rejected:,} rejected"


def _last_night(place: Place, late: Sequence[tuple[str, Path]], steps: Steps) -> int:
    """The late rows, and the build that takes only their days again."""
    before = _loaded_through(place)
    newest = max(before.values(), default=None)
    with steps.step("load late rows") as say:
        say(_loaded(_load(place, late)))
    with steps.step("dbt build again") as say:
        dbt.build(place, "dbt build again", again=True)
        after = _loaded_through(place)
        rebuilt = sum(1 for moment in after.values() if newest is None or moment > newest)
        say(f"incremental: late rows in {rebuilt} of {len(after)} days")
    return rebuilt


def _loaded_through(place: Place) -> dict[date, Any]:
    with closing(open_warehouse(place.target)) as warehouse:
        return loaded_through(warehouse, place.project.schema_prefix)


def _judge(
    place: Place, rules: RuleSet, truth: Truth, options: Options
) -> tuple[Evaluation, Comparison, Sequence[Outgoing]]:
    project = place.project
    # The whole history, however long, and a week more for the bucket that holds its first day.
    settings = Settings(
        project.schema_prefix, project.reporting_timezone, timedelta(days=options.days + 14)
    )
    with closing(open_warehouse(place.target)) as warehouse:
        now = datetime.now(UTC)
        evaluation = evaluate(rules.rules, warehouse, None, settings, now)
        reader = open_reader(warehouse, settings=settings)
        found = watch(evaluation, rules, Known(place.target.name, now), reader)
        observed = observe(warehouse, project)
        comparison = compare(truth, rules.rules, evaluation.episodes, observed)
        explained = [_explained(one, warehouse, settings) for one in comparison.findings]
    return evaluation, replace(comparison, findings=tuple(explained)), found.outgoing


def _explained(finding: Finding, warehouse: Warehouse, settings: Settings) -> Finding:
    """A miss with what its rules said when the incident was over: too little to judge, say."""
    if finding.ok or not finding.rules:
        return finding
    incident = finding.incident
    then = evaluate(finding.rules, warehouse, incident.over, settings)
    said = [
        f"{result.rule}: {result.reason}"
        for result in then.results
        if dict(result.labels).get("surface", incident.surface) == incident.surface
    ]
    return replace(finding, instead="; ".join(said))


def _remove(summary: Summary) -> None:
    """The files are in the database now; the truth stays."""
    for folder in {path.parent for table in summary.tables for path in table.paths}:
        shutil.rmtree(folder, ignore_errors=True)
