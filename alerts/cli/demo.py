"""`recwatch demo`: a simulated shop from raw rows to alerts, in one command."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from alerts.cli.options import json_option


@click.command("demo")
@click.option("--users", type=int, default=3_000, show_default=True, help="Users of the shop.")
@click.option("--days", type=int, default=56, show_default=True, help="Full days to simulate.")
@click.option("--seed", type=int, default=7, show_default=True, help="Same seed, same shop.")
@click.option("--keep-files", is_flag=True, help="Leave the simulated files where they are.")
@json_option
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the simulated files and their truth.json go.  [default: demo/ in the project]",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The report.  [default: recwatch-demo.html in the project]",
)
@click.option(
    "--profiles-dir", envvar="DBT_PROFILES_DIR", help="Where profiles.yml is, as for dbt."
)
@click.option(
    "--project-dir", envvar="DBT_PROJECT_DIR", help="Where dbt_project.yml is, as for dbt."
)
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    context: click.Context,
    *,
    users: int,
    days: int,
    seed: int,
    keep_files: bool,
    as_json: bool,
    directory: Path | None,
    report: Path | None,
    profiles_dir: str | None,
    project_dir: str | None,
) -> None:
    """Simulate a shop, load it, build the marts, check them, and write a report.

    Always on the DuckDB target. The database is made anew; one that no demo made is never
    touched. Some rows arrive a night late, so that the second build is an incremental one.

    What fires is held against the incidents that were planted: exit code 1 if one that a rule
    covers is missed, if anything fires without a cause, or if a row is unaccounted for. Nothing
    is sent to anybody.
    """
    # Imported late: `--help` needs none of these.
    from alerts.demo import document, show  # noqa: PLC0415
    from alerts.demo.place import find_place  # noqa: PLC0415
    from alerts.demo.run import run  # noqa: PLC0415
    from alerts.demo.steps import Steps  # noqa: PLC0415
    from alerts.simulate import Options  # noqa: PLC0415

    options = Options(users=users, days=days, seed=seed)
    place = find_place(project_dir, profiles_dir, directory, report)
    tell = partial(click.echo, err=as_json)
    if place.copied:
        tell(f"{place.profiles_dir / 'profiles.yml'}: copied from profiles.yml.example")
    tell(f"A simulated shop in {place.database}:")
    outcome = run(place, options, Steps(tell), keep_files=keep_files)
    if as_json:
        click.echo(json.dumps(document.document(place, outcome), indent=2, allow_nan=False))
    else:
        show.print_comparison(outcome.comparison, click.echo)
        show.print_alerts(outcome, click.echo)
        show.print_ending(place, outcome, click.echo)
    if not outcome.comparison.ok:
        context.exit(1)
