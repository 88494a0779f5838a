"""`recwatch simulate`: the raw tables of a simulated shop, with planted incidents."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from alerts.errors import ConfigurationError
from alerts.progress import progress

if TYPE_CHECKING:
    from alerts.simulate import Options, Summary


@click.command(name="simulate")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--users", type=int, default=3_000, show_default=True, help="Users of the shop.")
@click.option(
    "--days",
    type=int,
    default=56,
    show_default=True,
    help="Full days; the morning of the next day is added.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--scenario",
    default="demo",
    show_default=True,
    help="demo plants incidents, calm plants none, long plants forty over 180 days.",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First day (UTC). Default: the Monday from which the days end by 2025-06-30.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "parquet"]),
    default="jsonl",
    show_default=True,
    help="Parquet cannot hold the rows that no type fits.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(  # noqa: PLR0913 - one parameter per option
    *,
    directory: Path,
    users: int,
    days: int,
    seed: int,
    scenario: str,
    start: dt.datetime | None,
    file_format: Literal["jsonl", "parquet"],
    as_json: bool,
) -> None:
    """Write the raw tables of a simulated shop to DIRECTORY, one folder per table.

    Recommendation responses and what users did with them (decision_traces, shop_events) cover the
    last 24 days (100 of `long`); all else covers the whole range.

    DIRECTORY/truth.json says which incidents were planted where, and of each experiment the true
    effects, what is wrong with it, and what a sound analysis concludes. DIRECTORY must be new,
    empty, or hold an earlier simulation, which is replaced.
    """
    # Imported late: numpy and pyarrow are not needed for --help.
    from alerts.simulate import Options  # noqa: PLC0415

    options = Options(
        users=users,
        days=days,
        seed=seed,
        scenario=scenario,
        start=None if start is None else start.date(),
        file_format=file_format,
    )
    _refuse_future(options)
    summary = _simulate(directory, options)
    click.echo(json.dumps(_as_document(summary), indent=2) if as_json else _as_text(summary))


def _refuse_future(options: Options) -> None:
    """Staging refuses what lies in the future, so such a shop would come out empty."""
    end = options.calendar.date(options.days)
    if end >= dt.datetime.now(dt.UTC).date():
        raise ConfigurationError(
            f"--start {options.calendar.first_day}: {options.days} days from then end on {end}, "
            "which is not past. Name an earlier day or fewer --days."
        )


def _simulate(directory: Path, options: Options) -> Summary:
    """Simulate with progress on stderr."""
    from alerts.simulate import count_steps, simulate  # noqa: PLC0415

    with progress("Simulating", count_steps(options)) as advance:
        return simulate(directory, options, advance)


def _as_document(summary: Summary) -> dict[str, Any]:
    """The result with stable keys."""
    return {
        "directory": str(summary.directory),
        "truth": str(summary.truth),
        "first_day": summary.first_day.isoformat(),
        "last_full_day": summary.last_full_day.isoformat(),
        "tables": {
            table.name: {"rows": table.rows, "files": [str(path) for path in table.paths]}
            for table in summary.tables
        },
        "incidents": [incident.id for incident in summary.incidents],
    }


def _as_text(summary: Summary) -> str:
    lines = [f"{summary.directory}: {summary.first_day} to {summary.last_full_day}"]
    for table in summary.tables:
        files = f"{len(table.paths)} file{'s' if len(table.paths) != 1 else ''}"
        lines.append(f"  {table.name:<26}{table.rows:>12,} rows in {files}")
    planted = ", ".join(incident.id for incident in summary.incidents) or "none"
    lines += [f"Planted: {planted}.", f"The truth is in {summary.truth}."]
    return "\n".join(lines)
