"""What `test_spark_cluster.py` runs as a process of its own: commands in turn, in one session.

    python -m tests.project.spark_driver '[["dbt", "seed"], ["recwatch", "load", …], …]'

prints `begins …` before each, `marts …` with the rows of the marts at the end.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from contextlib import closing

from alerts.warehouse import Relation, open_warehouse, read_project, resolve_target

MARTS = ("analytics.engagement_daily",)


def run(program: str, *arguments: str) -> None:
    """One command as its users type it; one that fails ends this process."""
    if program == "dbt":
        from dbt.cli.main import dbtRunner

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not dbtRunner().invoke([*arguments, "--quiet"]).success:
                sys.exit(f"dbt {' '.join(arguments)} failed")
    else:
        from alerts.cli import main

        try:
            main(list(arguments))
        except SystemExit as ended:
            if ended.code:
                raise


def marts() -> dict[str, list[str]]:
    """Every row of the marts as JSON, but for the time of its load."""
    project = read_project(os.environ["DBT_PROJECT_DIR"])
    found = {}
    # To write, as dbt has a DuckDB file open in this process.
    with closing(open_warehouse(resolve_target(project), read_only=False)) as warehouse:
        for mart in MARTS:
            relation = Relation.parse(mart)
            columns = sorted(set(warehouse.columns(relation)) - {"loaded_through"})
            rows = warehouse.select(relation, columns)
            found[mart] = sorted(json.dumps(row, default=str) for row in rows)
    return found


if __name__ == "__main__":
    for command in json.loads(sys.argv[1]):
        print("begins", *command, flush=True)
        run(*command)
    print("marts", json.dumps(marts()), flush=True)
