"""The truth counts exactly what the files hold, found again by means of its own."""

import datetime as dt
import json
from collections import Counter
from typing import Any

import orjson
import pytest

from alerts.raw.batch import RejectedRow
from alerts.raw.jsonl import LineReader
from alerts.raw.tables import find_table
from alerts.simulate.run import TABLES
from alerts.simulate.world import SURFACES

from .conftest import Written, first_line_of, lines_of

BLOCK = 5_000  # lines at a time, as the loader does: typed rows of all lines are slow to hold
NAMES = [table.name for table in TABLES]
KNOWN_SURFACES = {surface.name for surface in SURFACES}


def refused_reason(row: dict[str, Any]) -> str | None:
    """The contract's reasons in their order, as far as they are planted."""
    if not row["id"].strip():
        return "missing_id"
    if not row["user_id"].strip():
        return "missing_user"
    if row["surface"] not in KNOWN_SURFACES:
        return "unknown_surface"
    if row["created_at"].startswith("2099"):
        return "future_time"
    if row["dwell_time_ms"] is not None and not 0 <= row["dwell_time_ms"] <= 86_400_000:
        return "invalid_dwell"
    return None


@pytest.fixture(scope="module")
def rejected(demo: Written) -> dict[str, list[RejectedRow]]:
    """What the loader's reader rejects, by table."""
    found = {}
    for table in NAMES:
        lines = lines_of(demo.directory, table)
        reader = LineReader(find_table(table))
        found[table] = [
            row
            for start in range(0, len(lines), BLOCK)
            for row in reader.batch(lines[start : start + BLOCK], start + 1, wary=False).rejected
        ]
    return found


@pytest.mark.parametrize("table", NAMES)
def test_the_loader_rejects_what_the_truth_says_and_no_more(
    demo: Written, rejected: dict[str, list[RejectedRow]], table: str
) -> None:
    reasons = Counter(row.reason for row in rejected[table])
    counted = demo.truth["rows"][table]
    assert counted["lines"] == len(lines_of(demo.directory, table))
    assert counted["rejected"] == reasons.total()
    if table == "personalization_metrics":
        assert reasons == demo.incident("broken-rows")["size"]["rejected"]
        assert set(reasons) == {"invalid_json", "invalid_time", "invalid_number"}


@pytest.mark.parametrize("table", NAMES)
def test_columns_are_those_of_the_raw_table(demo: Written, table: str) -> None:
    sound = json.loads(first_line_of(demo.directory, table))
    assert tuple(sound) == find_table(table).names


def test_refused_and_duplicate_rows_are_counted_exactly(
    demo: Written, rejected: dict[str, list[RejectedRow]]
) -> None:
    table = "personalization_metrics"
    lines = lines_of(demo.directory, table)
    out = {row.line for row in rejected[table]}
    reasons = Counter[str | None]()
    versions = set[str]()
    for number, line in enumerate(lines, 1):
        if number in out:
            continue
        row = orjson.loads(line)
        reason = refused_reason(row)
        reasons[reason] += 1
        if reason is None:
            versions.add(row["id"])
    accepted = reasons.pop(None)
    assert reasons == demo.incident("broken-rows")["size"]["refused"]
    counted = demo.truth["rows"][table]
    assert counted["refused"] == reasons.total()
    assert counted["accepted"] == len(versions)
    assert counted["duplicate"] == accepted - len(versions) > 0
    parts = [counted[key] for key in ("accepted", "duplicate", "refused", "rejected")]
    assert counted["lines"] == sum(parts)


def test_broken_rows_all_lie_on_their_day(demo: Written) -> None:
    day = demo.incident("broken-rows")["first_day"]
    typed = [
        json.loads(line)
        for line in lines_of(demo.directory, "personalization_metrics")
        if b"-broken" in line and b'"fast"' not in line and line.endswith(b'Z"}')
    ]
    assert typed
    days = Counter(row["created_at"][:10] for row in typed)
    assert set(days) == {day, "2099-01-01"}


def test_late_rows_lie_in_their_own_part_and_are_counted_by_kind(demo: Written) -> None:
    incident = demo.incident("late-rows")
    folder = demo.directory / "personalization_metrics"
    late_parts = incident["parts"]
    earlier: dict[str, bytes] = {}
    for part in sorted(folder.glob("*.jsonl")):
        if part.name < late_parts[0]:
            for line in part.read_bytes().splitlines():
                earlier[line[7:20].decode()] = line
    counts = Counter[str]()
    for name in late_parts:
        for line in (folder / name).read_bytes().splitlines():
            row = json.loads(line)
            assert incident["first_day"] <= row["created_at"][:10] <= incident["last_day"]
            before = earlier.get(row["id"])
            if before is None:
                counts["late"] += 1
            elif before == line:
                counts["duplicate"] += 1
            else:
                changed = {key for key, value in json.loads(before).items() if value != row[key]}
                assert "click_through" in changed <= {"click_through", "dwell_time_ms"}
                assert row["click_through"]
                counts["updated"] += 1
    assert counts == incident["size"]
    assert counts["late"] > 2_000
    assert min(counts["duplicate"], counts["updated"]) > 100


def test_late_rows_arrive_after_their_arrival_day(demo: Written) -> None:
    incident = demo.incident("late-rows")
    folder = demo.directory / "personalization_metrics"
    first_late, last_late = incident["parts"][0], incident["parts"][-1]
    parts = sorted(path.name for path in folder.glob("*.jsonl"))
    before = (folder / parts[parts.index(first_late) - 1]).read_bytes().splitlines()[-1]
    after = (folder / parts[parts.index(last_late) + 1]).read_bytes().splitlines()[0]
    # Visits of the arrival day may run over midnight.
    assert json.loads(before)["created_at"][:10] >= incident["arrival_day"]
    assert json.loads(after)["created_at"][:10] > incident["arrival_day"]


def test_the_frame_of_the_truth(demo: Written) -> None:
    truth = demo.truth
    assert truth["version"] == 1
    assert (truth["seed"], truth["users"], truth["days"]) == (7, 3_000, 56)
    first = dt.date.fromisoformat(truth["first_day"])
    assert first.weekday() == 0
    assert truth["last_full_day"] == (first + dt.timedelta(days=55)).isoformat()
    ((newest,),) = demo.rows("select max(created_at) from impressions")
    until = dt.datetime.fromisoformat(truth["data_until"])
    assert until - dt.timedelta(minutes=5) < newest < until
    keys = {"id", "kind", "table", "surface", "metric", "first_day", "last_day", "size", "sentence"}
    for incident in truth["incidents"]:
        assert keys <= set(incident)
