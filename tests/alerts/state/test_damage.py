"""A state file that is not what it should be: said, never replaced in silence."""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from alerts.errors import StateError
from alerts.notify.message import Delivery
from alerts.state import Silence
from alerts.state.store import open_state
from faults.runs import processes
from tests.alerts.state.made import NOW, new, run, seen, stretch

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.state.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A state that holds something in each table."""
    path = tmp_path / "state.db"
    with open_state(_url(path), now=NOW) as store:
        (fires,) = run(seen("firing", 3, stretch(3, 3, is_open=True)))
        first, _ = store.commit_run([fires.record], fires.transitions, [new(), new()], NOW)
        store.outbox.settle(first, Delivery("delivered", reference="17.2"), NOW)
        silence = Silence("", "ada", "import", (("rule", "x"),), NOW, NOW.replace(hour=23))
        store.silences.add(silence, NOW)
    return path


def test_a_state_that_does_not_exist_is_created(tmp_path: Path) -> None:
    open_state(_url(tmp_path / "state.db"), now=NOW).close()
    assert {one.name for one in tmp_path.iterdir()} == {"state.db", "state.db.lock"}


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _cut_within_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _scribble(path: Path) -> None:
    path.write_text("rules:\n  - name: not a database\n")


def _drop_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("drop table transitions")


def _edit_a_row(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update records set state = 'normal'")


def _lose_the_file_beside_its_log(path: Path) -> None:
    path.rename(path.with_name("state.db-wal"))


DAMAGES = [
    _truncate,
    _cut_within_the_header,
    _empty,
    _scribble,
    _drop_a_table,
    _lose_the_file_beside_its_log,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_named_and_kept(file: Path, damage: Callable[[Path], None]) -> None:
    damage(file)
    before = {one.name: one.read_bytes() for one in file.parent.iterdir()}
    for _ in range(2):
        with pytest.raises(StateError, match=r"state\.db: its? .*--init-state"):
            open_state(_url(file), now=NOW)
    after = {one.name: one.read_bytes() for one in file.parent.iterdir()}
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_init_state_puts_it_aside_and_begins_anew(
    file: Path, damage: Callable[[Path], None]
) -> None:
    for number in (1, 2):
        damage(file)
        with open_state(_url(file), now=NOW, init=True) as store:
            assert store.records() == {}
        aside = [one.name for one in file.parent.iterdir() if f".damaged-{number}" in one.name]
        assert aside


def test_init_state_leaves_a_sound_state_alone(file: Path) -> None:
    with open_state(_url(file), now=NOW, init=True) as store:
        assert set(store.records()) == {"f1"}


def test_a_row_that_was_changed_by_hand_is_found(file: Path) -> None:
    _edit_a_row(file)
    with open_state(_url(file), now=NOW) as store, pytest.raises(StateError, match="a row of rec"):
        store.records()


def test_a_flipped_bit_is_found_or_changes_nothing(file: Path) -> None:
    whole = file.read_bytes()
    wanted = _content(file)
    random = Random(3)
    found = 0
    for _ in range(150):
        flipped = bytearray(whole)
        place = random.randrange(len(whole))
        flipped[place] ^= 1 << random.randrange(8)
        file.write_bytes(flipped)
        try:
            assert _content(file) == wanted, f"byte {place}"
        except StateError:
            found += 1
    # The rest hit free space: three of four pages hold little.
    assert found > 5


def test_a_state_of_a_newer_recwatch_is_left_alone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("pragma user_version = 99")
        connection.execute("update meta set value = '99' where name = 'schema_version'")
    for init in (False, True):
        with pytest.raises(StateError, match=r"newer recwatch \(schema 99.*update recwatch"):
            open_state(_url(file), now=NOW, init=init)


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table bookmarks (url text)")
    before = path.read_bytes()
    for init in (False, True):
        with pytest.raises(StateError, match="another program's"):
            open_state(_url(path), now=NOW, init=init)
    assert path.read_bytes() == before


def test_a_state_that_may_not_be_written_is_said_to_be_so(file: Path) -> None:
    file.chmod(0o444)
    file.parent.chmod(0o555)
    (file.parent / "state.db.lock").chmod(0o666)
    try:
        said = _elsewhere(_open_as_nobody, file)
    finally:
        file.parent.chmod(0o755)
    assert "cannot be written" in said
    assert "rights" in said


def test_a_directory_that_may_not_be_entered_is_said_to_be_so(file: Path) -> None:
    file.parent.chmod(0)
    try:
        said = _elsewhere(_open_as_nobody_outside, file)
    finally:
        file.parent.chmod(0o755)
    assert "may not be entered" in said


def test_a_full_disk_writes_nothing_and_says_so(file: Path) -> None:
    said = _elsewhere(_write_until_full, file)
    assert "check the disk" in said or "disk is full" in said
    with open_state(_url(file), now=NOW) as store:
        assert set(store.records()) == {"f1"}
        assert len(store.history.find()) == len(store.outbox.outstanding()) == 1


def test_a_file_that_may_not_grow_is_a_full_disk(file: Path) -> None:
    with open_state(_url(file), now=NOW) as store:
        connection = store._session.connection
        with connection.begin():
            connection.exec_driver_sql("pragma max_page_count = 1")
        with pytest.raises(StateError, match="the disk is full: make room"):
            store.commit_run([], [], [new(text="x" * 9_000)] * 50, NOW)
        assert len(store.outbox.outstanding()) == 1


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _content(path: Path) -> object:
    """All that a run reads."""
    with open_state(_url(path), now=NOW) as store:
        keys = [one.key for one in store.outbox.told("f1", 1)]
        return (
            store.records(),
            store.history.find(),
            store.outbox.outstanding(),
            store.outbox.get(keys),
            store.outbox.root("f1", 1, "slack"),
            store.silences.find(NOW),
        )


def _elsewhere(work: Callable[[Path, Path], None], file: Path) -> str:
    """What a process of its own says, which may give up rights that this one needs."""
    says = file.parent.parent / f"{file.parent.name}.says"
    says.touch(0o666)
    says.chmod(0o666)
    process = processes().Process(target=work, args=(file, says))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return says.read_text(encoding="utf-8")


def _open_as_nobody_outside(file: Path, says: Path) -> None:
    _open_as_nobody(file, says, entered=1)


def _open_as_nobody(file: Path, says: Path, entered: int = 0) -> None:
    """For root nothing is read-only. `entered` directories about the file stay as they are."""
    with says.open("w") as answer:
        if os.getuid() == 0:
            above = list(file.parents)
            for parent in above[entered : above.index(Path(tempfile.gettempdir()))]:
                parent.chmod(parent.stat().st_mode | 0o055)
            os.setgid(65534)
            os.setuid(65534)
        try:
            open_state(_url(file), now=NOW)
        except StateError as error:
            answer.write(str(error))


def _write_until_full(file: Path, says: Path) -> None:
    with says.open("w") as answer, open_state(_url(file), now=NOW) as store:
        limit = file.stat().st_size + 20_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            _much(store)
        except StateError as error:
            answer.write(str(error))


def _much(store: Store) -> None:
    (fires,) = run(seen("firing", 3, stretch(3, 3, is_open=True), fingerprint="f2"))
    many = [new(text="x" * 9_000)] * 200
    store.commit_run([fires.record], fires.transitions, many, NOW)
