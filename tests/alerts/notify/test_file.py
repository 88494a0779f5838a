"""A file as a receiver: what is on disk, and what is not lost when a run is killed."""

import json
import os
from pathlib import Path

import pytest

from alerts.notify import Delivery
from alerts.notify.file import FileReceiver
from tests.alerts.notify.samples import FULL, HOSTILE, SINGLE, many, parcel


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_message_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    file = FileReceiver(path)
    assert file.send(parcel(SINGLE, key="a")) == Delivery("delivered", reference="a")
    file.send(parcel(HOSTILE, "reply", "a", "b"))
    file.send(parcel(many(500), key="c"))
    first, second, third = lines(path)
    assert (first["key"], first["action"], first["thread"]) == ("a", "post", "")
    assert (second["action"], second["thread"]) == ("reply", "a")
    assert len(third["alerts"]) == 500  # type: ignore[arg-type]
    assert path.read_bytes().isascii()
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_of_an_alert_is_there(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    FileReceiver(path).send(parcel(SINGLE.__class__("h", "page", (FULL,))))
    (line,) = lines(path)
    (alert,) = line["alerts"]  # type: ignore[misc]
    assert alert["incident"] == f"{FULL.fingerprint}.3"
    assert alert["facts"]["value"] == "3.12 %"
    assert alert["why"] == list(FULL.why)
    assert (alert["kind"], alert["episode"], alert["trend"]) == ("firing", 3, FULL.trend)


def test_what_was_written_is_found_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    file = FileReceiver(path)
    assert file.find(parcel(SINGLE, key="a")) is None
    for key in ("a", 'odd " key', "b"):
        sent = file.send(parcel(SINGLE, "reply", "thread-1", key))
        assert FileReceiver(path).find(parcel(SINGLE, key=key)) == sent
    # The key of another line stands in this one, but is not its key.
    assert file.find(parcel(SINGLE, key="thread-1")) is None


def test_half_a_line_of_a_killed_run_is_not_taken_for_a_message(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    file = FileReceiver(path)
    file.send(parcel(SINGLE, key="a"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert file.find(parcel(SINGLE, key="a")) is None
    assert not file.send(parcel(SINGLE, key="a")).failed
    assert file.find(parcel(SINGLE, key="a")) is not None
    assert path.read_bytes().splitlines(keepends=True) == [whole[:-40] + b"\n", whole]


@pytest.mark.parametrize(
    ("place", "words"),
    [("missing/alerts.jsonl", "No such file"), ("", "Is a directory")],
    ids=["no directory", "a directory"],
)
def test_a_path_that_cannot_be_written(tmp_path: Path, place: str, words: str) -> None:
    delivery = FileReceiver(tmp_path / place).send(parcel(SINGLE))
    assert (delivery.outcome, delivery.blocks) == ("refused", True)
    assert words in delivery.detail
    assert str(tmp_path) not in delivery.detail


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_a_full_disk() -> None:
    delivery = FileReceiver(Path("/dev/full")).send(parcel(SINGLE))
    assert (delivery.outcome, delivery.blocks) == ("retryable", True)
    assert "No space left" in delivery.detail
