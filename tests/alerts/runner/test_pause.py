"""Pausing an experiment, on a real Postgres as a role that can do nothing else."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.errors
import pytest

from alerts.notify.attempts import Patience
from alerts.runner.evaluate import fingerprint
from alerts.runner.pause import PASSWORD, USER, Due, Means, connector, due, pause
from alerts.state.model import Episode, Record
from alerts.state.store import open_state
from alerts.warehouse import Target, open_warehouse
from tests.alerts.notify.server import Reply, Site, serving
from tests.alerts.runner.helpers import ruleset
from tests.alerts.runner.test_messages import result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.rules import Rule
    from alerts.runner import Result
    from alerts.state.store import Store
    from alerts.warehouse.postgres_engine import ExperimentVersion, Postgres

NOW = datetime(2025, 3, 10, 3, 30, tzinfo=UTC)
GRANTS = Path(__file__).parents[3] / "docs" / "pause.sql"
QUICK = Patience(attempts=1, timeout=5)
OLD, NEW = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
NARROW = {USER: "recwatch_pause", PASSWORD: "unused"}
VISIBLE = "status, updated_at, loaded_at, name, config, started_at"


@pytest.fixture
def database(postgres_target: Target) -> Target:
    """The raw tables with two versions of `e`, and the role as docs/pause.sql makes it."""
    with closing(open_warehouse(postgres_target, read_only=False)) as warehouse:
        warehouse.create_raw_tables("raw")
    with closing(connected(postgres_target)) as connection, connection.cursor() as cursor:
        cursor.execute(GRANTS.read_text())
        cursor.execute("alter role recwatch_pause password 'unused'")
        for updated, status in ((OLD, "running"), (NEW, "running")):
            cursor.execute(
                "insert into raw.experiments (experiment_key, name, status, started_at, config,"
                " updated_at, loaded_at) values ('e', 'Name', %s, %s, '{\"a\": 1}', %s, %s)",
                [status, OLD, updated, updated],
            )
    return postgres_target


def connected(target: Target) -> Any:
    settings = {key: value for key, value in target.settings.items() if key != "type"}
    connection = psycopg2.connect(**settings)
    connection.autocommit = True
    return connection


def run(target: Target, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(connected(target)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def versions(target: Target) -> list[tuple[Any, ...]]:
    return run(target, f"select {VISIBLE} from raw.experiments order by updated_at")


def statuses(target: Target) -> list[str]:
    return [row[0] for row in versions(target)]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Store]:
    with open_state(f"sqlite:///{tmp_path}/state.db", now=NOW) as store:
        yield store


def means(target: Target, state: Store, environ: dict[str, str] | None = None) -> Means:
    given = NARROW | (environ or {})
    connect = connector(target, given)
    return Means(state.actions, connect, "raw", given, NOW, ZoneInfo("UTC"), QUICK)


def mismatch(**fields: Any) -> Result:
    labels = (("experiment_key", "e"),)
    given: dict[str, Any] = {
        "rule": "split",
        "labels": labels,
        "fingerprint": fingerprint("split", labels),
        "until": date(2025, 3, 10),
        "denominator": 5000.0,
        "reason": "sample ratio mismatch",
    }
    return result(**{**given, **fields})


def split_rule(tmp_path: Path, **fields: Any) -> Rule:
    given = {"name": "split", "kind": "srm", "action": "pause", "dry_run": False, **fields}
    (one,) = ruleset(tmp_path, given).rules
    return one


def alert(tmp_path: Path, found: Result | None = None, episode: int = 1, **fields: Any) -> Due:
    rule = split_rule(tmp_path, **fields)
    assert rule.kind == "srm"
    return Due(found or mismatch(), rule, episode)


def note(one: Due, using: Means, results: Sequence[Result] = ()) -> str:
    (text,) = pause([one], [one.result, *results], using).values()
    return text


def outcomes(state: Store) -> list[str]:
    return [action.outcome.partition(":")[0] for action in state.actions.find("e")]


def test_only_the_status_of_the_newest_version_changes(
    database: Target, state: Store, tmp_path: Path
) -> None:
    before = versions(database)
    assert note(alert(tmp_path), means(database, state)) == (
        "experiment e is paused: its status was set"
    )
    old, new = versions(database)
    assert old == before[0]
    assert new[0] == "paused"
    assert new[2] > before[1][2], "the marts notice it by loaded_at"
    assert (new[1], *new[3:]) == (before[1][1], *before[1][3:])
    assert outcomes(state) == ["intended", "paused"]


@pytest.mark.parametrize(
    "statement",
    [
        "select config from raw.experiments",
        "select * from raw.sessions",
        "update raw.experiments set name = 'x'",
        "update raw.experiments set updated_at = now()",
        "delete from raw.experiments",
        "insert into raw.experiments (experiment_key) values ('x')",
        "create table raw.mine (a int)",
    ],
)
def test_the_role_can_do_nothing_else(database: Target, statement: str) -> None:
    settings = {**database.settings, "user": "recwatch_pause", "password": "unused"}
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(replace(database, settings=settings), statement)


def test_with_row_level_security_it_can_pause_and_never_resume(
    database: Target, state: Store, tmp_path: Path
) -> None:
    run(database, "alter table raw.experiments enable row level security")
    assert "is paused" in note(alert(tmp_path), means(database, state))
    assert statuses(database) == ["running", "paused"]
    narrow = replace(database, settings={**database.settings, "user": "recwatch_pause"})
    run(narrow, "update raw.experiments set status = 'running' where status = 'paused'")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(narrow, "update raw.experiments set status = 'completed' where status = 'running'")
    assert statuses(database) == ["running", "paused"]


def test_who_resumes_by_hand_is_not_overruled_in_the_same_episode(
    database: Target, state: Store, tmp_path: Path
) -> None:
    one = alert(tmp_path)
    note(one, means(database, state))
    run(database, "update raw.experiments set status = 'running', loaded_at = now()")
    assert note(one, means(database, state)) == (
        "experiment e was paused for this at 2025-03-10T03:30:00Z, which is done once"
    )
    assert statuses(database) == ["running", "running"]
    again = alert(tmp_path, episode=2)
    assert "is paused" in note(again, means(database, state))


@pytest.mark.parametrize("status", ["draft", "paused", "completed"])
def test_only_what_runs_is_paused(
    database: Target, state: Store, tmp_path: Path, status: str
) -> None:
    run(database, "update raw.experiments set status = %s where updated_at = %s", status, NEW)
    before = versions(database)
    one = alert(tmp_path)
    assert note(one, means(database, state)) == (
        f"experiment e is not paused: its status is {status}"
    )
    assert versions(database) == before
    run(database, "update raw.experiments set status = 'running'")
    assert note(one, means(database, state)).startswith("experiment e is not paused")
    assert statuses(database) == ["running", "running"], "resumed by hand, and left so"


class Killed(BaseException):
    """The run ends here."""


class Interrupted:
    """A warehouse with something that happens right before or after the experiment is paused."""

    def __init__(self, inner: Postgres, before: Any = None, after: Any = None) -> None:
        self.inner, self.before, self.after = inner, before, after

    def experiment_version(self, raw_schema: str, key: str) -> ExperimentVersion | None:
        return self.inner.experiment_version(raw_schema, key)

    def pause_experiment(self, raw_schema: str, version: ExperimentVersion) -> bool:
        if self.before:
            self.before()
        done = self.inner.pause_experiment(raw_schema, version)
        if self.after:
            self.after()
        return done


def interrupted(using: Means, **hooks: Any) -> Means:
    @contextmanager
    def connect() -> Iterator[Interrupted]:
        assert using.connect is not None
        with using.connect() as inner:
            yield Interrupted(inner, **hooks)  # type: ignore[arg-type]

    return replace(using, connect=connect)


def die() -> None:
    raise Killed


def test_killed_before_it_paused_the_next_run_does_it(
    database: Target, state: Store, tmp_path: Path
) -> None:
    one, using = alert(tmp_path), means(database, state)
    with pytest.raises(Killed):
        note(one, interrupted(using, before=die))
    assert (outcomes(state), statuses(database)) == (["intended"], ["running", "running"])
    assert "is paused" in note(one, using)
    assert statuses(database) == ["running", "paused"]


def test_killed_after_it_paused_the_next_run_says_so(
    database: Target, state: Store, tmp_path: Path
) -> None:
    one, using = alert(tmp_path), means(database, state)
    with pytest.raises(Killed):
        note(one, interrupted(using, after=die))
    assert outcomes(state) == ["intended"]
    paused = versions(database)
    assert note(one, using) == "experiment e is paused: its status was set"
    assert versions(database) == paused
    assert outcomes(state) == ["intended", "paused"]


@pytest.mark.parametrize("hook", ["before", "after"])
def test_killed_and_then_touched_by_hand_it_is_left_alone(
    database: Target, state: Store, tmp_path: Path, hook: str
) -> None:
    one, using = alert(tmp_path), means(database, state)
    with pytest.raises(Killed):
        note(one, interrupted(using, **{hook: die}))
    run(database, "update raw.experiments set status = 'running', loaded_at = now()")
    said = note(one, using)
    assert said.startswith("experiment e is not paused: it was changed since an earlier run began")
    assert statuses(database) == ["running", "running"]


@pytest.mark.parametrize(
    "change",
    [
        "update raw.experiments set loaded_at = now() + interval '1 second'",
        "insert into raw.experiments (experiment_key, status, updated_at) values ('e', 'x', now())",
    ],
)
def test_a_change_at_the_same_moment_is_not_overruled(
    database: Target, state: Store, tmp_path: Path, change: str
) -> None:
    using = interrupted(means(database, state), before=lambda: run(database, change))
    said = note(alert(tmp_path), using)
    assert said == "experiment e is not paused: it was changed at the same moment"
    assert "paused" not in statuses(database)


def test_a_rehearsal_says_what_it_would_do_and_is_written_down_once(
    database: Target, state: Store, tmp_path: Path
) -> None:
    one = alert(tmp_path, dry_run=True)
    for _ in range(2):
        assert note(one, means(database, state)) == (
            "would pause experiment e (dry_run: false would do it)"
        )
    assert outcomes(state) == ["dry run"]
    assert statuses(database) == ["running", "running"]
    assert "is paused" in note(alert(tmp_path), means(database, state))


def test_rehearsing_is_the_default(tmp_path: Path) -> None:
    (one,) = ruleset(tmp_path, {"name": "split", "kind": "srm", "action": "pause"}).rules
    assert one.kind == "srm"
    assert one.dry_run


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"until": date(2025, 3, 8)}, "the newest data judged end at 2025-03-08, that is not now"),
        ({"until": date(2025, 3, 12)}, "the newest data judged end at 2025-03-12, that is not now"),
        ({"until": None}, "it has no complete day"),
        ({"denominator": 199.0}, "199 users are fewer than 200"),
        ({"denominator": None}, "0 users are fewer than 200"),
    ],
)
def test_nothing_is_paused_on_old_or_few_data(
    database: Target, state: Store, tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    one = alert(tmp_path, mismatch(**changed))
    assert note(one, means(database, state)) == f"experiment e is not paused: {why}"
    assert statuses(database) == ["running", "running"]
    assert outcomes(state) == []


@pytest.mark.parametrize(("source", "held"), [("experiment_assignments", True), ("x", False)])
def test_nothing_is_paused_while_a_source_is_late(
    database: Target, state: Store, tmp_path: Path, source: str, held: bool
) -> None:
    late = result(rule="fresh", labels=(("source_table", source),))
    said = note(alert(tmp_path), means(database, state), [late])
    assert ("fires for experiment_assignments, its data cannot be trusted" in said) == held
    assert statuses(database) == ["running", "running" if held else "paused"]


def test_a_role_without_the_right_is_told_of_and_tried_again(
    database: Target, state: Store, tmp_path: Path
) -> None:
    run(database, "revoke update (status, loaded_at) on raw.experiments from recwatch_pause")
    one = alert(tmp_path)
    said = note(one, means(database, state))
    assert said.startswith("experiment e could not be paused, which is tried again at the next run")
    assert "permission denied" in said
    assert "\n" not in said
    run(database, GRANTS.read_text())
    assert "is paused" in note(one, means(database, state))


def test_an_unknown_experiment_is_left_alone(
    database: Target, state: Store, tmp_path: Path
) -> None:
    run(database, "delete from raw.experiments")
    assert note(alert(tmp_path), means(database, state)) == (
        "experiment e is not paused: it is not in raw.experiments"
    )


def test_other_engines_say_what_to_do(state: Store, tmp_path: Path, duckdb_target: Target) -> None:
    said = note(alert(tmp_path), means(duckdb_target, state))
    assert said.startswith("experiment e is not paused: only on Postgres")
    assert "webhook_env" in said


def test_a_flag_service_is_told_once(state: Store, tmp_path: Path, duckdb_target: Target) -> None:
    site = Site([Reply(500), Reply(200)])
    with serving(site):
        using = means(duckdb_target, state, {"FLAGS": f"{site.url}/canary"})
        one = alert(tmp_path, webhook_env="FLAGS")
        failed = note(one, using)
        assert failed.endswith("; the flag service could not be told: HTTP 500")
        assert note(one, using).endswith("; the flag service was told")
        note(one, using)
    first, second = site.seen
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body
    assert site.bodies[0] == {
        "action": "pause",
        "experiment_key": "e",
        "rule": "split",
        "labels": {"experiment_key": "e"},
        "reason": "sample ratio mismatch",
        "incident": one.incident,
        "as_of": "2025-03-10",
    }
    written = " ".join(action.outcome for action in state.actions.find())
    assert "canary" not in failed + written


def test_a_rehearsal_tells_no_flag_service(database: Target, state: Store, tmp_path: Path) -> None:
    site = Site([Reply(200)])
    with serving(site):
        using = means(database, state, {"FLAGS": site.url})
        note(alert(tmp_path, dry_run=True, webhook_env="FLAGS"), using)
        assert site.seen == []
        said = note(alert(tmp_path, webhook_env="FLAGS"), using)
    assert said == "experiment e is paused: its status was set; the flag service was told"
    assert len(site.seen) == 1


def test_a_flag_service_without_an_address_is_named_not_shown(
    database: Target, state: Store, tmp_path: Path
) -> None:
    using = means(database, state, {"FLAGS": "canary"})
    said = note(alert(tmp_path, webhook_env="FLAGS"), using)
    assert said.endswith("the flag service is not told: FLAGS holds no http(s) address")
    assert "canary" not in said


def test_only_what_fires_and_is_told_is_due(tmp_path: Path) -> None:
    rule, other = split_rule(tmp_path), split_rule(tmp_path, action=None)
    found = mismatch()
    record = Record(found.fingerprint, "split", found.labels, "warn")
    told = replace(record, episode=Episode(3, date(2025, 3, 9), date(2025, 3, 9), told=True))
    silent = replace(record, episode=Episode(3, date(2025, 3, 9), date(2025, 3, 9), told=False))

    def asked(result: Result, rule: Rule, record: Record) -> list[int]:
        records = {record.fingerprint: record}
        return [one.episode for one in due([result], {"split": rule}, records)]

    assert asked(found, rule, told) == [3]
    assert asked(found, rule, silent) == []
    assert asked(found, rule, record) == []
    assert asked(found, other, told) == []
    assert asked(mismatch(state="recovering"), rule, told) == []
    assert due([found], {"split": rule}, {}) == []
