"""The demo's database: its own is replaced, everybody else's is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from alerts.demo import database
from alerts.demo.place import Place, find_place
from alerts.errors import ConfigurationError, WarehouseError
from alerts.raw.loader import load_file
from alerts.warehouse import open_warehouse
from tests.project.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ROW = '{"user_id": "u1", "personalization_enabled": true, "updated_at": "2025-01-01T00:00:00Z"}\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("RECWATCH_DUCKDB_PATH", str(tmp_path / "recwatch.duckdb"))
    return find_place(str(ROOT), str(tmp_path), tmp_path / "demo", tmp_path / "report.html")


def load(place: Place) -> None:
    file = place.database.parent / "settings.jsonl"
    file.write_text(ROW)
    warehouse = open_warehouse(place.target, read_only=False)
    warehouse.create_raw_tables("raw")
    load_file(warehouse, "raw", "personalization_settings", file)
    warehouse.close()


def tables(place: Place) -> int:
    with duckdb.connect(str(place.database)) as connection:
        found = connection.execute("select count(*) from duckdb_tables()").fetchone()
    return int(found[0]) if found else 0


def test_profiles_are_copied_once(tmp_path: Path, place: Place) -> None:
    again = find_place(str(ROOT), str(tmp_path), None, None)

    assert place.copied
    assert not again.copied
    assert (tmp_path / "profiles.yml").read_text() == (ROOT / "profiles.yml.example").read_text()
    assert again.report == ROOT / "recwatch-demo.html"
    assert again.directory == ROOT / "demo"


def test_a_file_of_its_own_is_made_anew(place: Place) -> None:
    database.make_room(place)
    load(place)
    database.sign(place)
    database.make_room(place)

    assert tables(place) == 1  # the marker


def test_a_demo_that_was_interrupted_is_replaced(place: Place) -> None:
    database.make_room(place)
    load(place)
    database.make_room(place)

    assert tables(place) == 1


def test_rows_loaded_after_the_demo_are_kept(place: Place) -> None:
    database.make_room(place)
    database.sign(place)
    load(place)
    database.sign(place)
    load(place)

    with pytest.raises(ConfigurationError, match="holds rows loaded after the demo"):
        database.make_room(place)
    assert tables(place) > 1


def test_a_database_of_others_is_kept(place: Place) -> None:
    load(place)

    with pytest.raises(ConfigurationError, match=r"was not made by the demo.*RECWATCH_DUCKDB"):
        database.make_room(place)
    assert tables(place) > 1


def test_a_file_that_is_no_database_is_kept(place: Place) -> None:
    place.database.write_text("notes" * 2_000)

    with pytest.raises(WarehouseError, match="is not a DuckDB file"):
        database.make_room(place)
    assert place.database.read_text().startswith("notes")


@pytest.mark.parametrize("path", [":memory:", "md:shop"])
def test_only_a_file_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("RECWATCH_DUCKDB_PATH", path)

    with pytest.raises(ConfigurationError, match="whose `path` is a file"):
        find_place(str(ROOT), str(tmp_path), None, None)


def test_a_directory_that_takes_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"profiles\.yml cannot be copied from"):
        find_place(str(ROOT), str(tmp_path / "none"), None, None)


def test_the_report_needs_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no directory"):
        find_place(str(ROOT), str(tmp_path), None, tmp_path / "none" / "report.html")
