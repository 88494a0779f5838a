"""The shipped profile against a real cluster: a master and two workers, on loopback."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import spark
from tests.project.harness import ROOT, environment
from tests.project.spark_driver import marts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.project.harness import Project

SEED = ["seed", "--select", "surfaces"]
BUILD = ["run", "--select", "+engagement_daily"]
LOAD = ["load", "personalization_metrics"]
LEDGER = "intermediate.db/int_impressions_ledger"
# Every Java here lives for a minute or two: nine tenths of its time go to starting and compiling.
SHORT_LIVED = {
    "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    " -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    " -Djdk.lang.Process.launchMechanism=VFORK"
}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a master that two workers have joined."""
    lacking = spark.unavailable()
    if lacking:
        pytest.skip(lacking)
    place = tmp_path_factory.mktemp("cluster")
    port, page = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        named = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
        stack.enter_context(daemon("master.Master", place / "master", *named))
        for number in range(2):
            where = place / f"worker-{number}"
            size = ["--cores", "1", "--memory", "600m", "--work-dir", str(where)]
            named = ["--host", "127.0.0.1", "--webui-port", "0"]
            stack.enter_context(daemon("worker.Worker", where, *named, *size, url))
        until_joined(page, workers=2)
        yield url


@contextmanager
def daemon(name: str, place: Path, *arguments: str) -> Iterator[None]:
    """One of Spark's own processes, ended with all that it has started."""
    import pyspark

    place.mkdir()
    home = Path(pyspark.__file__).parent
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [home / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments],
            env={
                **os.environ,
                **SHORT_LIVED,
                "SPARK_LOCAL_IP": "127.0.0.1",
                "SPARK_DAEMON_MEMORY": "256m",
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until_joined(page: int, workers: int) -> None:
    """Wait until the master says that the workers are there."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
                state = json.load(answer)
        except OSError:
            state = {}
        if state.get("aliveworkers") == workers:
            return
        time.sleep(0.25)
    pytest.fail("the workers did not join the master")


class Place:
    """A directory with the shipped profile, raw files, and a warehouse that the cluster shares."""

    def __init__(self, directory: Path, master: str) -> None:
        directory.mkdir()
        self.directory = directory
        self.warehouse = directory / "warehouse"
        shutil.copy(ROOT / "profiles.yml.example", directory / "profiles.yml")
        self.environment = {
            **os.environ,
            **SHORT_LIVED,
            "DBT_PROFILES_DIR": str(directory),
            "DBT_PROJECT_DIR": str(ROOT),
            "DBT_TARGET_PATH": str(directory / "target"),
            "DBT_LOG_PATH": str(directory / "logs"),
            "RECWATCH_TARGET": "spark",
            "RECWATCH_SPARK_MASTER": master,
            "RECWATCH_SPARK_MEMORY": "1g",
            "RECWATCH_SPARK_WAREHOUSE": str(self.warehouse),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONF_DIR": str(directory),
        }
        # What the profile does not name, Spark's own file does.
        (directory / "spark-defaults.conf").write_text(
            "spark.executor.memory 512m\nspark.sql.shuffle.partitions 2\n"
            # A class of its own for each stage takes longer to compile than its rows to compute.
            "spark.sql.codegen.wholeStage false\n"
            "spark.driver.host 127.0.0.1\n"
            f"spark.driver.extraClassPath {spark.archives()}\n"
            f"spark.executor.extraClassPath {spark.archives()}\n"
            # Else Hadoop writes a file of check sums for each, and starts a `chmod` for both.
            "spark.hadoop.fs.file.impl org.apache.hadoop.fs.RawLocalFileSystem\n"
        )

    def start(self, *commands: list[str]) -> subprocess.Popen[str]:
        with (self.directory / "errors").open("a") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.project.spark_driver", json.dumps(commands)],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def finish(self, *commands: list[str]) -> tuple[dict[str, list[str]], str]:
        """The marts after these commands, and what they printed."""
        process = self.start(*commands)
        printed, _ = process.communicate(timeout=400)
        assert process.returncode == 0, (self.directory / "errors").read_text()[-3000:]
        *lines, last = printed.strip().splitlines()
        marts: dict[str, list[str]] = json.loads(last.removeprefix("marts "))
        return marts, "\n".join(lines)


def impressions(path: Path, seed: int, ids: range) -> str:
    """A file of impressions over four days; ids may have been written before."""
    draw = random.Random(seed)
    with path.open("w") as file:
        for number in ids:
            row: dict[str, Any] = {
                "id": f"i{number}",
                "user_id": f"u{draw.randrange(9)}",
                "surface": draw.choice(["home", "pdp"]),
                "click_through": draw.random() < 0.3,
                "dwell_time_ms": draw.choice([None, 1500, 2500.5]),
                "metadata": {"country": draw.choice(["DE", "São Tomé"])},
                "created_at": f"2025-03-{draw.randrange(1, 5):02d}T{draw.randrange(24):02d}:30:00Z",
            }
            file.write(json.dumps(row) + "\n")
    return str(path)


def test_the_cluster_builds_what_one_machine_builds_and_a_killed_run_is_repaired(
    master: str, tmp_path: Path, new_project: Callable[..., Project]
) -> None:
    files = (
        impressions(tmp_path / "first.jsonl", 1, range(300)),
        impressions(tmp_path / "second.jsonl", 2, range(200, 420)),
    )
    load = [["recwatch", *LOAD, file] for file in files]
    build = ["dbt", *BUILD]

    cluster = Place(tmp_path / "spark", master)
    process = cluster.start(load[0], ["dbt", *SEED], build, load[1], build)
    kill_when_it_replaces_partitions(process, cluster.warehouse / LEDGER)
    found, printed = cluster.finish(
        build, ["recwatch", "check", "--json", "--dry-run", "--rule", "ctr-floor"]
    )
    assert '"rule": "ctr-floor"' in printed
    assert found == on_one_machine(new_project("duckdb", raw_tables=False), files)


def on_one_machine(project: Project, files: tuple[str, ...]) -> dict[str, list[str]]:
    """The marts of the same files on DuckDB, computed at once."""
    for file in files:
        project.recwatch(*LOAD, file)
    project.dbt(*SEED)
    project.dbt(*BUILD)
    with environment({"DBT_PROJECT_DIR": str(ROOT), "DBT_PROFILES_DIR": str(project.directory)}):
        return marts()


def kill_when_it_replaces_partitions(process: subprocess.Popen[str], table: Path) -> None:
    """SIGKILL to driver and JVM, in the second build, while it writes the ledger."""
    assert process.stdout is not None
    builds = 0
    for line in process.stdout:
        builds += line.startswith("begins dbt run")
        if builds == 2:
            break
    for _ in range(12_000):
        if any(table.glob(".spark-staging*")) or process.poll() is not None:
            break
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
