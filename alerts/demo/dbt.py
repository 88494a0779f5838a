"""`dbt build` as a process of its own, its log read line by line for progress and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alerts.errors import WarehouseError
from alerts.progress import SECONDS_BETWEEN_LINES

if TYPE_CHECKING:
    from alerts.demo.place import Place

_ERROR_LINES = 20

# Told after each node: how many are done, of how many, and the name of the last one.
Watch = Callable[[int, int, str], None]


@dataclass
class BuildLog:
    """What the log has said so far."""

    watch: Watch
    total: int = 0
    done: int = 0
    errors: list[str] = field(default_factory=list)

    def read(self, line: str) -> None:
        """Take in one line: an event as JSON, or whatever else a process may print."""
        try:
            event = json.loads(line)
            info, data = event["info"], event["data"]
        except (ValueError, KeyError, TypeError):
            self._keep(line)
            return
        if info.get("level") == "error":
            self._keep(str(info.get("msg", "")))
        self._count(str(info.get("name", "")), data)

    def _count(self, name: str, data: dict[str, Any]) -> None:
        if not name.startswith("Log") or not isinstance(data.get("node_info"), dict):
            return
        if name == "LogStartLine":
            self.total = int(data.get("total", self.total))
            self.watch(self.done, self.total, str(data["node_info"].get("node_name", "")))
        elif name.endswith("Result"):
            self.done += 1
            self.watch(self.done, self.total, str(data["node_info"].get("node_name", "")))

    def _keep(self, text: str) -> None:
        self.errors += [one.rstrip() for one in text.splitlines() if one.strip()]
        del self.errors[:-_ERROR_LINES]


def build(place: Place, description: str, again: bool = False) -> int:
    """Run `dbt build` and return how many nodes were built and tested.

    `again` leaves unit tests out, which would find what they found: they have rows of their own.

    Raises:
        WarehouseError: dbt failed; the message shows dbt's own error lines and names its log.
    """
    root = place.project.directory.resolve()
    # -W: dbt.cli imports the module that -m then runs, which Python remarks on.
    command = [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", "dbt.cli.main", "build"]
    command += ["--exclude-resource-type", "unit_test"] if again else []
    command += ["--log-format", "json", "--log-level", "info", "--target", place.target.name]
    command += ["--project-dir", str(root), "--profiles-dir", str(place.profiles_dir)]
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    with _progress(description) as watch:
        log = BuildLog(watch)
        with subprocess.Popen(  # noqa: S603 - our own interpreter, arguments as a list
            command,
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                log.read(line)
    if process.returncode:
        where = Path(os.environ.get("DBT_LOG_PATH") or root / "logs") / "dbt.log"
        said = "\n".join(f"  {line}" for line in log.errors) or "  (it said nothing)"
        raise WarehouseError(f"dbt build failed:\n{said}\nThe whole log is in {where}")
    return log.done


@contextmanager
def _progress(description: str) -> Iterator[Watch]:
    """Node x of y and its name: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _liner(description)
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[node]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(description, total=None, node="starting dbt")

        def watch(done: int, total: int, node: str) -> None:
            bars.update(task, completed=done, total=total or None, node=node)

        yield watch


def _liner(description: str) -> Watch:
    last = time.monotonic()

    def watch(done: int, total: int, node: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            text = f"{description}: {done} of {total}, {node}"
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    return watch
