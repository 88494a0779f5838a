"""Runs of dbt that end by SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import yaml

from tests.project.harness import ROOT

if TYPE_CHECKING:
    from tests.project.harness import Project


def kill_a_run(project: Project, after: float) -> None:
    """Start `dbt run` as a process, and end it so long after its first ledger began by SIGKILL."""
    project.release()
    project.hand_over_parsed()
    process = subprocess.Popen(
        [sys.executable, "-m", "dbt.cli.main", "run", "--vars", yaml.safe_dump(project.dbt_vars)],
        cwd=ROOT,
        env={**os.environ, **project.places},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    begun = any("START sql incremental model" in line for line in process.stdout)
    assert begun, "the run did not come to a ledger"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if project.engine == "postgres":
        until_nobody_is_connected(project)


def until_nobody_is_connected(project: Project) -> None:
    """Wait until the server has noticed that its client is gone."""
    for _ in range(100):
        others = project.rows(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        if others == [(0,)]:
            return
        time.sleep(0.1)
