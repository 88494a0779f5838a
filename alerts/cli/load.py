"""`recwatch load`: files into a raw table."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import click

from alerts.cli.options import Where, warehouse_options

if TYPE_CHECKING:
    from alerts.raw.loader import LoadResult


@click.command("load")
@click.argument("table")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON document.")
@warehouse_options
def command(where: Where, table: str, files: tuple[str, ...], as_json: bool) -> None:
    """Load FILES into the raw table TABLE: JSON lines, CSV (both also .gz) or Parquet.

    Each file is loaded whole or not at all. Rows that cannot be typed go to `rejected_rows` in
    the raw schema, with file, line and reason. `loaded_at` is the time of the load. Raw tables
    that are missing are created.
    """
    from alerts.progress import progress  # noqa: PLC0415
    from alerts.raw.loader import load_file  # noqa: PLC0415 - `--help` needs no pyarrow
    from alerts.raw.source import Source  # noqa: PLC0415
    from alerts.raw.tables import find_table  # noqa: PLC0415

    find_table(table)
    total = 0
    for file in files:  # before anything is loaded: a mistyped name should not cost a half load
        with Source(file) as source:
            total += source.size
    project = where.project()
    results: list[LoadResult] = []
    with closing(where.open(project, read_only=False)) as warehouse:
        warehouse.create_raw_tables(project.raw_schema)
        try:
            with progress(f"load {table}", total) as advance:
                for file in files:
                    result = load_file(warehouse, project.raw_schema, table, file, advance)
                    results.append(result)
                    if not as_json:
                        click.echo(str(result))
        finally:  # the files before one that fails are loaded all the same
            _report(results, project.raw_schema, as_json=as_json)


def _report(results: list[LoadResult], raw_schema: str, *, as_json: bool) -> None:
    """What remains to be said once the files are in."""
    rejected = sum(result.rejected_total for result in results)
    if as_json and results:
        document = {
            "files": [result.as_json() for result in results],
            "rows": sum(result.rows for result in results),
            "rejected": rejected,
            "rejected_rows_table": f"{raw_schema}.rejected_rows",
        }
        click.echo(json.dumps(document, indent=2))
    elif rejected:
        click.echo(f"rejected rows are in {raw_schema}.rejected_rows: file, line, reason, content")
