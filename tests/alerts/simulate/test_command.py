"""`recwatch simulate` as a user calls it."""

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.cli import cli
from alerts.errors import ConfigurationError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["simulate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_names_every_file(tmp_path: Path) -> None:
    told = json.loads(run(str(tmp_path / "shop"), "--users", "30", "--days", "10", "--json"))
    assert set(told) == {
        "directory",
        "truth",
        "first_day",
        "last_full_day",
        "tables",
        "incidents",
    }
    truth = json.loads(Path(told["truth"]).read_text())
    assert told["incidents"] == [incident["id"] for incident in truth["incidents"]]
    for name, table in told["tables"].items():
        lines = sum(len(Path(path).read_bytes().splitlines()) for path in table["files"])
        assert lines == table["rows"] == truth["rows"][name]["lines"]


def test_text_says_what_was_planted_and_where(tmp_path: Path) -> None:
    out = run(str(tmp_path / "shop"), "--users", "30", "--days", "30")
    assert "missing-day" in out
    assert str(tmp_path / "shop" / "truth.json") in out
    assert "none" in run(
        str(tmp_path / "calm"), "--users", "5", "--days", "2", "--scenario", "calm"
    )


def test_the_start_can_be_chosen(tmp_path: Path) -> None:
    run(str(tmp_path), "--users", "20", "--days", "2", "--start", "2024-02-28")
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert (truth["first_day"], truth["last_full_day"]) == ("2024-02-28", "2024-02-29")
    assert truth["data_until"] == "2024-03-01T06:00:00Z"


def test_a_range_in_the_future_is_refused(tmp_path: Path) -> None:
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    arguments = ["simulate", str(tmp_path), "--days", "3", "--start", tomorrow.isoformat()]
    with pytest.raises(ConfigurationError, match="not past"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--users", "0"], ["--scenario", "chaos"]])
def test_wrong_options_are_one_line(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CliRunner().invoke(
            cli, ["simulate", str(tmp_path / "x"), *arguments], catch_exceptions=False
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x").exists()
