"""`recwatch experiment`: set one up, and see whether it is ready."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.cli.options import Where, guardrails_option, json_option, warehouse_options
from alerts.cli.readout import as_of_option, print_json, read
from alerts.errors import ConfigurationError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.warehouse import Project, Warehouse

_TABLE = "experiments"
_METRICS = "experiment_metrics"


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A day or a time; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: write 2025-03-10 or 2025-03-10T06:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group("experiment")
def command() -> None:
    """Set an experiment up, and see whether it is ready."""


@command.command("new")
@click.argument("key")
@click.option("--arms", default="control:0.5,treatment:0.5", show_default=True, help="Weights.")
@click.option("--control", help="The arm that others are compared with.  [default: the first]")
@click.option("--name", help="For people.  [default: the key]")
@click.option("--owner", help="Who answers for it.")
@click.option(
    "--source",
    type=click.Choice(["personalization_metrics", "shop_events"]),
    default="personalization_metrics",
    show_default=True,
    help="Whose impressions and events judge it.",
)
@click.option("--surfaces", help="Where it shows, with commas.  [default: everywhere]")
@click.option("--primary", default="ctr", show_default=True, help="Primary metrics, with commas.")
@click.option("--horizon-users", type=click.IntRange(min=1), help="Planned users, all arms.")
@click.option(
    "--latency-threshold-ms",
    type=click.FloatRange(min=0, min_open=True),
    help="Responses slower than this are what p95_latency_ms is judged by.",
)
@click.option("--starts-at", metavar="TIME", callback=_moment, help="Start.  [default: a draft]")
@click.option("--ends-at", metavar="TIME", callback=_moment, help="End.  [default: open]")
@click.option("--write", is_flag=True, help="Write the row; without it the row is only printed.")
@guardrails_option
@json_option
@warehouse_options
def new(  # noqa: PLR0913 - one for each option
    *,
    where: Where,
    key: str,
    arms: str,
    control: str | None,
    name: str | None,
    owner: str | None,
    source: str,
    surfaces: str | None,
    primary: str,
    horizon_users: int | None,
    latency_threshold_ms: float | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    write: bool,
    guardrails: Path | None,
    as_json: bool,
) -> None:
    """Write a row for the experiment KEY into the raw table `experiments`.

    With the defaults of the guardrail file: minimal duration and guardrails. The row goes through
    the strict reader, as a loaded file does. Without --write it is only printed.
    """
    from alerts.experiments.draft import Draft, check_key, read_arms, row_of  # noqa: PLC0415
    from alerts.experiments.guardrail_file import load_guardrails  # noqa: PLC0415

    check_key(key)
    weights = read_arms(arms)
    draft = Draft(
        key=key,
        name=name or key,
        owner=owner,
        arms=weights,
        control=control or next(iter(weights)),
        source=source,
        surfaces=_listed(surfaces),
        primary=_listed(primary) or ("ctr",),
        horizon_users=horizon_users,
        latency_threshold_ms=latency_threshold_ms,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    row = row_of(draft, load_guardrails(guardrails).settings(key), datetime.now(UTC))
    project = where.project()
    warnings = _written(where, project, row) if write else _checked(where, project, row)
    for warning in warnings:
        click.echo(f"recwatch: warning: {warning}", err=True)
    if as_json:
        print_json({"written": write, "row": row, "warnings": warnings})
        return
    click.echo(json.dumps(row, indent=2, ensure_ascii=True))
    table = f"{project.raw_schema}.{_TABLE}"
    said = (
        f"Written to {table}. Next: `dbt build`" if write else f"Not written to {table}: a dry run"
    )
    more = f", then `recwatch experiment ready {key}`." if write else "; --write writes it."
    click.echo(said + more)


def _listed(text: str | None) -> tuple[str, ...]:
    parts = (part.strip() for part in (text or "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _checked(where: Where, project: Project, row: Mapping[str, Any]) -> list[str]:
    """What a dry run has to say; that it could not look is no reason to print nothing."""
    try:
        with closing(where.open(project)) as warehouse:
            return _check(warehouse, project, row)
    except WarehouseError as error:
        return [f"nobody looked whether {row['experiment_key']} exists: {error}"]


def _written(where: Where, project: Project, row: Mapping[str, Any]) -> list[str]:
    from alerts.raw.loader import load_file  # noqa: PLC0415

    with closing(where.open(project, read_only=False)) as warehouse:
        warehouse.create_raw_tables(project.raw_schema)
        warnings = _check(warehouse, project, row)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / f"{row['experiment_key']}.jsonl"
            path.write_text(json.dumps(row) + "\n", encoding="utf-8")
            result = load_file(warehouse, project.raw_schema, _TABLE, path)
    if result.rows != 1:
        reasons = ", ".join(result.rejected)
        rejected = f"{project.raw_schema}.rejected_rows"
        raise ConfigurationError(f"the row was refused as {reasons}: it is in {rejected}")
    return warnings


def _check(warehouse: Warehouse, project: Project, row: Mapping[str, Any]) -> list[str]:
    """An error where the experiment exists; warnings for what the marts will not measure."""
    from alerts.warehouse import Relation  # noqa: PLC0415

    key = row["experiment_key"]
    table = Relation(project.raw_schema, _TABLE)
    if warehouse.columns(table) and warehouse.select(
        table, ["experiment_key"], {"experiment_key": ("=", key)}
    ):
        msg = f"experiment {key!r} exists in {table}: load a newer version of its row to change it"
        raise ConfigurationError(msg)
    metrics = Relation(f"{project.schema_prefix}reference", _METRICS)
    if not warehouse.columns(metrics):
        return [f"nobody looked whether the metrics exist: {metrics} does not; run `dbt seed`"]
    known = {str(one[0]) for one in warehouse.select(metrics, ["metric"])}
    primary = row["config"]["primary_metric"]
    named = [primary] if isinstance(primary, str) else primary
    unknown = [metric for metric in named if metric not in known]
    if unknown:
        listed = ", ".join(sorted(known))
        msg = f"--primary: no metric {', '.join(unknown)} in {metrics}: one of {listed}"
        raise ConfigurationError(msg)
    return []


@command.command("ready")
@click.argument("key")
@as_of_option
@guardrails_option
@json_option
@warehouse_options
def ready(
    *, where: Where, key: str, as_of: date | None, guardrails: Path | None, as_json: bool
) -> None:
    """Whether the experiment KEY is ready to start, and after its ramp to go on.

    From the marts alone: run `dbt build` first. What cannot be known yet is `unknown`.
    """
    from alerts.experiments.readiness import checks  # noqa: PLC0415

    readout = read(where, key, as_of, guardrails, alpha=0.05)
    found = checks(readout)
    if as_json:
        from alerts.readout.document import plain  # noqa: PLC0415

        print_json(
            {
                "experiment": key,
                "day": plain(readout.day),
                "is_ready": all(one.state == "ok" for one in found),
                "checks": plain(found),
            }
        )
    else:
        from alerts.readout.ready import show_ready  # noqa: PLC0415

        show_ready(readout, found)
